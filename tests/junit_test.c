/* JUnit's XML from results: the same verdict as the exit status, whatever texts are in them. */
#include "command_output.h"
#include "commands.h"
#include "junit.h"
#include "result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <expat.h>

static const char GOOD[] =
    "{'world':'sim','scenario':{'name':'x'},'response_ms':{'mean':30,'n':5},'migrations':[{'outcome':'finished'}],"
    "'invariants':{'ok':true,'broken':[]},'drift_ms':{'p99':0,'valid':true},'expectations':[]}";

static const struct {
    const char *key, *value; /* replaced in GOOD */
    int cases, failures;
    const char *said;
} rows[] = {
    {"world", "'sim'", 3, 0, "<property name=\"world\" value=\"sim\"/>"},
    {"expectations", "[{'metric':'requests.lost','bound':{'max':0},'value':0,'holds':true}]", 4, 0,
     "<testcase classname=\"x\" name=\"requests.lost, at most 0\"/>"},
    {"expectations", "[{'metric':'migration_s.mean','bound':{'min':5,'max':10},'value':12.5,'holds':false}]",
     4, 1, "name=\"migration_s.mean, at least 5, at most 10\">\n      <failure message=\"is 12.5\"/>"},
    {"expectations", "[{'metric':'response_ms.mean','bound':{'max':10},'value':30,'holds':false}]", 4, 1,
     "<failure message=\"is 30 (n 5)\"/>"},
    {"expectations", "[{'metric':'migrations.9.total_s','bound':{'min':5},'value':null,'holds':false}]", 4, 1,
     "<failure message=\"the result has no such number\"/>"},
    {"invariants", "{'ok':false,'broken':['m1: <lost> & found','m2: \\u0001 \\\"it\\\"']}", 3, 1,
     "<failure message=\"m1: &#60;lost&#62; &#38; found; m2:   &#34;it&#34;\"/>"},
    {"drift_ms", "{'p99':80,'valid':false}", 3, 1, "up to 80 ms late"},
    {"migrations", "[{'outcome':'failed'}]", 3, 1, "<failure message=\"1 failed\"/>"},
    {"scenario", "{'name':'<a & b>'}", 3, 0,
     "<testsuite name=\"&#60;a &#38; b&#62;\" tests=\"3\" failures=\"0\""},
};

struct counts {
    int cases, failures;
};

static void count(void *context, const char *name, const char **attributes)
{
    (void)attributes;
    struct counts *c = context;
    c->cases += strcmp(name, "testcase") == 0;
    c->failures += strcmp(name, "failure") == 0;
}

static struct counts parse(const char *xml)
{
    struct counts counts = {0};
    XML_Parser parser = XML_ParserCreate(NULL);
    XML_SetUserData(parser, &counts);
    XML_SetStartElementHandler(parser, count);
    if (XML_Parse(parser, xml, (int)strlen(xml), 1) != XML_STATUS_OK)
        fail_msg("%s in %s", XML_ErrorString(XML_GetErrorCode(parser)), xml);
    XML_ParserFree(parser);
    return counts;
}

static void test_rows(void **state)
{
    autofree char *path = mem_printf("%s/junit.xml", (char *)*state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        json_object *result = json_tokener_parse(GOOD), *value = json_tokener_parse(rows[i].value);
        assert_non_null(value);
        json_object_object_add(result, rows[i].key, value);
        assert_int_equal(junit_write(path, result, &e), 0);
        autofree char *xml = folder_read(*state, "junit.xml");
        struct counts counts = parse(xml);
        if (!strstr(xml, rows[i].said))
            fail_msg("no %s in %s", rows[i].said, xml);
        assert_int_equal(counts.cases, rows[i].cases);
        assert_int_equal(counts.failures, rows[i].failures);
        assert_int_equal(result_exit_status(result), rows[i].failures > 0);
        json_object_put(result);
    }
}

static void test_a_run_writes_it(void **state)
{
    const char *const good[] = {
        "--quiet", "--junit", "@/good.xml", "-o", "@/good", "scenarios/kim22-quick.json", NULL};
    const char *const bad[] = {"--quiet",
                               "--junit",
                               "@/bad.xml",
                               "--set",
                               "expect.5.max=2",
                               "-o",
                               "@/bad",
                               "scenarios/kim22-quick.json",
                               NULL};
    const char *const nowhere[] = {
        "--quiet", "--junit", "@/no/where.xml", "-o", "@/nowhere", "scenarios/kim22-quick.json", NULL};
    assert_int_equal(command_output(run_main, *state, good), 0);
    assert_int_equal(command_output(run_main, *state, bad), 1);
    autofree char *xml = folder_read(*state, "good.xml"), *failed = folder_read(*state, "bad.xml");
    assert_int_equal(parse(xml).failures, 0);
    assert_int_equal(parse(failed).failures, 1);
    assert_int_equal(command_output(run_main, *state, nowhere), 4);
    autofree char *output = folder_read(*state, "output");
    assert_non_null(strstr(output, "/no/where.xml: No such file or directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_rows),
        IN_FOLDER(test_a_run_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
