#include "command_output.h"
#include "commands.h"
#include "compare.h"
#include "paper_table.h"
#include "folder.h"
#include "json_file.h"
#include "result.h"
#include "summary.h"
#include "synthetic_run.h"
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char a_text[] =
    "{'world':'sim','scenario':{'name':'x','sha256':'1'},'requests':{'sent':200,'lost':0},'response_ms':{'"
    "mean':20.5,'n':200},"
    "'migrations':[{'total_s':8,'freeze_ms':null,'stages':[{'name':'dump','seconds':0.2},{'name':'send "
    "memory','seconds':4}]}],"
    "'invariants':{'ok':true,'broken':[]},'expectations':[{'metric':'requests.lost','holds':true}]}";
static const char b_text[] =
    "{'world':'real','scenario':{'name':'x','sha256':'2'},'requests':{'sent':200,'lost':3},'response_ms':{'"
    "mean':41},"
    "'migrations':[{'total_s':6,'freeze_ms':250,'stages':[{'name':'freeze','seconds':0.1},{'name':'dump','"
    "seconds':0.2},"
    "{'name':'send memory','seconds':3}]}],'invariants':{'ok':false,'broken':['m1: x']},'expectations':[]}";

static const char differing[] = "metric                                              A      B  difference\n"
                                "world                                             sim   real\n"
                                "requests.lost                                       0      3\n"
                                "response_ms.mean                         20.5 (n 200)     41   +100.00 %\n"
                                "response_ms.n                                     200      –\n"
                                "migrations.0.total_s                                8      6    -25.00 %\n"
                                "migrations.0.freeze_ms                              –    250\n"
                                "migrations.0.stages.send memory.seconds             4      3    -25.00 %\n"
                                "invariants.ok                                    true  false\n"
                                "migrations.0.stages.freeze.seconds                  –    0.1\n";

static char *compared(const char *x, const char *y, bool all, int *different)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_object *a = json_tokener_parse(x), *b = json_tokener_parse(y);
    assert_non_null(a);
    assert_non_null(b);
    *different = compare_print(a, b, "A", "B", all, out);
    json_object_put(a);
    json_object_put(b);
    fclose(out);
    return text;
}

static void test_what_differs_is_shown(void **state)
{
    (void)state;
    int different;
    autofree char *text = compared(a_text, b_text, false, &different);
    assert_string_equal(text, differing);
    assert_int_equal(different, 9);
}

static void test_all_is_shown_if_asked(void **state)
{
    (void)state;
    int different;
    autofree char *text = compared(a_text, a_text, true, &different);
    assert_int_equal(different, 0);
    assert_non_null(strstr(text, "\nrequests.sent "));
    assert_non_null(strstr(text, "+0.00 %\n"));
    assert_null(strstr(text, "sha256"));
}

#define MIGRATION(repetition, outcome, total, stage)                                                         \
    "{'repetition':" repetition ",'mud':'m1','outcome':'" outcome "','total_s':" total                       \
    ",'ready_s':null,'stages':[{'name':" stage ",'seconds':" total "}]}"

/* Two migrations in each of three repetitions; one of the second ones went another way, one is missing, one of the first did not count parts. */
static const char repeated_text[] =
    "{'repetitions':3,'migrations':[" MIGRATION("1", "finished", "4", "'dump','parts':2") "," MIGRATION(
        "1", "failed", "1",
        "'dump'") "," MIGRATION("2", "superseded", "6",
                              "'dump'") "," MIGRATION("2", "failed", "9",
                                                    "'load'") "," MIGRATION("3", "finished", "8", "'dump','parts':2") "]}";
static const char single_text[] =
    "{'repetitions':1,'migrations':[{'mud':'m1','outcome':'finished','total_s':3,'ready_s':2,'stages':[]}]}";

static void test_what_moved_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        double percent;
        const char *said;
    } rows[] = {
        {"{'response_ms':{'mean':20}}", "{'response_ms':{'mean':21}}", 5, ""},
        {"{'response_ms':{'mean':20}}", "{'response_ms':{'mean':21.01}}", 5,
         "moved: response_ms.mean: 21.01, was 20 (+5.05 %, at most 5 %)\n"},
        {"{'response_ms':{'mean':20}}", "{'response_ms':{'mean':18}}", 5, "moved: response_ms.mean: 18, was 20 (-10.00 %, at most 5 %)\n"},
        {"{'requests':{'lost':0}}", "{'requests':{'lost':1}}", 50, "moved: requests.lost: 1, was 0\n"},
        {"{'requests':{'lost':0}}", "{'requests':{}}", 50, "moved: requests.lost: nothing, was 0\n"},
        {"{'invariants':{'ok':true}}", "{'invariants':{'ok':false}}", 50, "moved: invariants.ok: false, was true (-100.00 %, at most 50 %)\n"},
        {"{'migrations':[{'outcome':'finished'}]}", "{'migrations':[{'outcome':'failed'}]}", 50,
         "moved: migrations.0.outcome: failed, was finished\n"},
        {"{'seed':1,'environment':{'cpus':2},'drift_ms':{'max':1}}", "{'seed':2,'environment':{'cpus':4},'drift_ms':{'max':9}}", 0, ""},
        {"{'response_ms':{'ci95':1}}", "{'response_ms':{'ci95':9}}", 0, ""},
        {"{'response_ms':{'n':5}}", "{'response_ms':{'n':9}}", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        json_object *a = json_tokener_parse(rows[i].a), *b = json_tokener_parse(rows[i].b);
        int moved = compare_moved(a, b, rows[i].percent, out);
        fclose(out);
        json_object_put(a);
        json_object_put(b);
        assert_string_equal(text, rows[i].said);
        assert_int_equal(moved, rows[i].said[0] != '\0');
        free(text);
    }
}

static void test_migrations_of_repetitions_are_means(void **state)
{
    (void)state;
    static const char expected[] = "metric                                  A         B  difference\n"
                                   "repetitions                             3         1    -66.67 %\n"
                                   "migrations.0.outcome              various  finished\n"
                                   "migrations.0.total_s                    6         3    -50.00 %\n"
                                   "migrations.0.ready_s                    –         2\n"
                                   "migrations.0.stages.dump.parts          2         –\n"
                                   "migrations.0.stages.dump.seconds        6         –\n"
                                   "migrations.0.means_of                   3         –\n"
                                   "migrations.1.mud                       m1         –\n"
                                   "migrations.1.outcome               failed         –\n"
                                   "migrations.1.total_s                    1         –\n"
                                   "migrations.1.stages.dump.seconds        1         –\n"
                                   "migrations.1.means_of                   1         –\n";
    int different;
    autofree char *text = compared(repeated_text, single_text, false, &different);
    assert_string_equal(text, expected);
}

static void test_tables_count_characters(void **state)
{
    (void)state;
    static const char *const cells[] = {"µµ", "1", "end", "abcd", "1234", ""};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct table t;
    table_init(&t, "lrl");
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        table_add(&t, "%s", cells[i]);
    table_print(&t, 1, out);
    fclose(out);
    assert_string_equal(text, " µµ       1  end\n abcd  1234\n");
    free(text);
}

/* A result of the small synthetic run, one expectation held and one not. */
static json_object *small_result(const char *folder)
{
    static struct synthetic_run run;
    static struct scenario_expect expects[] = {{.metric = "requests.lost", .has_min = true, .has_max = true},
                                               {.metric = "migration_s.mean", .has_max = true, .max = 1.5}};
    struct err e = ERR_INIT;
    json_object *result = NULL;
    struct scenario s = synthetic_scenario("p-migr");
    s.expects = expects;
    s.expect_count = ARRAY_LEN(expects);
    struct result_input input = {.world = "sim", .scenario = &s, .seed = 7};
    synthetic_fill(&run, &synthetic_small);
    synthetic_write(&run, folder);
    assert_int_equal(result_of_run(folder, &input, &result, &e), 0);
    return result;
}

static const char summary[] =
    "synthetic in the sim world, seed 7\n"
    "\n"
    "  requests    6 sent, 6 answered, 0 lost, 0 duplicated\n"
    "  response    mean 86.7 ms (n 6), p95 220.0, p99 220.0, max 220.0\n"
    "  migration   mean 2.00 s (n 1), 2.00 to 2.00\n"
    "\n"
    "  m1  es1 → es2  finished  2.00 s  frozen 260 ms  gap 200 ms  dump 190 ms, take layer 50 ms, send "
    "memory 600 ms, "
    "send layer 400 ms, create 100 ms, restore 300 ms, replay 100 ms, switch 240 ms, stop 100 ms\n"
    "\n"
    "  invariants  ✔ all hold\n"
    "  expected\n"
    "    ✔  requests.lost     0  must be 0\n"
    "    ✘  migration_s.mean  2  at most 1.5\n"
    "\n"
    "  result      FOLDER/result.json\n";

static void test_summary(void **state)
{
    char *text = NULL;
    size_t size;
    json_object *result = small_result(*state);
    FILE *out = open_memstream(&text, &size);
    summary_print(result, "FOLDER", out);
    fclose(out);
    json_object_put(result);
    assert_string_equal(text, summary);
    free(text);
}

static void test_the_interval_of_a_mean_is_said_if_there_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *ci95, *said;
    } rows[] = {
        {"0.5", "mean 20.0 ms ± 0.50 (n 5), p95"},
        {"0", "mean 20.0 ms (n 5, all alike), p95"},
        {"null", "mean 20.0 ms (n 5), p95"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = NULL;
        size_t size;
        autofree char *json = mem_printf("{'response_ms':{'mean':20,'ci95':%s,'n':5}}", rows[i].ci95);
        json_object *result = json_tokener_parse(json);
        FILE *out = open_memstream(&text, &size);
        summary_print(result, "FOLDER", out);
        fclose(out);
        json_object_put(result);
        if (!strstr(text, rows[i].said))
            fail_msg("%s: %s", rows[i].ci95, text);
        free(text);
    }
}

static void test_papers_figures_stand_beside_ours(void **state)
{
    static const char *const texts[] = {
        "{'world': 'real', 'scenario': {'name': 'walk'}, 'repetitions': 1, 'migration_s': {'mean': 9.5, 'n': 1}, 'expectations': ["
        "{'metric': 'requests.lost', 'value': 0}, {'metric': 'migration_s.mean', 'paper': 6.91, 'value': 9.5}]}",
        "{'world': 'sim', 'scenario': {'name': 'walk'}, 'repetitions': 5, 'migration_s': {'mean': 9.691, 'n': 5, 'ci95': 0.25}, "
        "'expectations': [{'metric': 'migration_s.mean', 'paper': 6.91, 'value': 9.691}]}",
        "{'world': 'sim', 'scenario': {'name': 'other'}, 'repetitions': 2, 'expectations': ["
        "{'metric': 'response_ms.p99', 'paper': 20, 'value': 21}, {'metric': 'response_ms.max', 'paper': 30, 'value': null}]}",
    };
    static const char wanted[] = "scenario  metric            paper                 sim       real\n"
                                 "walk      migration_s.mean   6.91  9.691 ± 0.25 (n 5)  9.5 (n 1)\n"
                                 "other     response_ms.p99      20            21 (n 2)          –\n"
                                 "          response_ms.max      30                   –          –\n";
    json_object *results[ARRAY_LEN(texts)];
    char *printed = NULL;
    size_t len;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        autofree char *text = mem_copy_string(texts[i]);
        for (char *c = text; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        results[i] = json_tokener_parse(text);
    }
    FILE *out = open_memstream(&printed, &len);
    assert_int_equal(paper_table_print(results, ARRAY_LEN(texts), out), 3);
    fclose(out);
    assert_string_equal(printed, wanted);
    free(printed);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_object_put(results[i]);
}

/* --- the commands, as main calls them --- */

static const char log_text[] = "2022-01-10-10-00-48-795000 USER AP-1 USER SVCQ 0 (sent)\n"
                               "2022-01-10-10-00-49-329000 AP-1 198.18.0.9 USER SVCQ 0 (recvd)\n"
                               "2022-01-10-10-00-49-337000 AP-1 USER ES-1 SVCR 0 (sent)\n"
                               "2022-01-10-10-00-48-811000 USER 198.18.0.1 ES-1 SVCR 0 (recvd)\n"
                               "2022-01-10-10-00-49-500000 AP-1 ES-1 migr begins\n"
                               "2022-01-10-10-00-51-500000 AP-1 ES-2 migr finished\n";

static void test_commands(void **state)
{
    static const struct {
        int (*command)(int, char **);
        const char *arguments[6];
        int status;
        const char *output; /* something in it */
    } rows[] = {
        {compare_main, {"--help"}, 0, "usage: roamlab compare"},
        {compare_main,
         {NULL},
         2,
         "roamlab: compare: two result folders are needed (see roamlab compare --help)"},
        {compare_main, {"--nonsense"}, 2, "roamlab: compare: there is no option --nonsense (see"},
        {compare_main, {"@/run", "@/run", "-x"}, 2, "there is no option -x (see"},
        {compare_main, {"-o", "@/x", "@/run", "@/run"}, 2, "there is no option -o (see"},
        {compare_main,
         {"@/run", "@/nothing"},
         2,
         "nothing/result.json: No such file or directory (give the folder"},
        {compare_main, {"@/run", "@/bad"}, 2, "bad/result.json: "},
        {compare_main, {"@/run", "@/run"}, 0, "no number differs"},
        {compare_main, {"@/run", "--max-diff", "0%", "@/run"}, 0, "no number differs"},
        {compare_main, {"@/run", "--max-diff", "x", "@/run"}, 2, "--max-diff wants a number of per cent: x"},
        {compare_main, {"@/run", "@/run", "--max-diff"}, 2, "wants a value"},
        {compare_main, {"@/run", "--all", "@/run"}, 0, "migrations.0.total_s"},
        {compare_main, {"--paper"}, 2, "--paper wants result folders"},
        {compare_main, {"--paper", "@/run"}, 0, "none of these scenarios quotes a paper's figure"},
        {compare_main, {"--paper", "@/run", "@/nothing"}, 2, "nothing/result.json: No such file"},
        {plot_main, {"--help"}, 0, "usage: roamlab plot"},
        {plot_main, {NULL}, 2, "roamlab: plot: no result folder given (see"},
        {plot_main, {"@/run", "-o"}, 2, "roamlab: plot: -o wants a value (see"},
        {plot_main, {"@/nothing"}, 2, "nothing/result.json: No such file"},
        {import_main, {"--help"}, 0, "kim22-log"},
        {import_main, {"kim22-log"}, 2, "roamlab: import: a format and a file are needed (see"},
        {import_main, {"dvd", "@/x.log"}, 2, "there is no format: dvd"},
        {import_main, {"-o", "@/in", "kim22-log", "@/none.log"}, 2, "none.log: No such file"},
        {import_main, {"-o", "@/in", "kim22-log", "@/bad.log"}, 2, "bad.log:1: the date is none"},
        {import_main,
         {"-o", "@/in", "kim22-log", "@/good.log"},
         0,
         "clock of AP-1: +530.000 ms against USER, ± 4.000"},
        {import_main, {"kim22-log", "@/good.log", "-o", "@/again"}, 0, "/good.log, imported\n"},
        {import_main, {"-o", "@/in", "kim22-log", "@/good.log"}, 2, "exists already (choose another folder"},
        {import_main,
         {"-o", "@/lost", "kim22-log", "@/lost.log"},
         1,
         "2 requests were sent, 1 were answered"},
    };
    autofree char *run = mem_printf("%s/run", (char *)*state), *bad = mem_printf("%s/bad", (char *)*state);
    autofree char *lost = mem_printf("%s2022-01-10-10-00-52-000000 USER AP-1 USER SVCQ 1 (sent)\n", log_text);
    json_object_put(small_result(run));
    json_object_put(small_result(bad));
    folder_write(bad, "result.json", "{\"half\": ");
    folder_write(*state, "good.log", log_text);
    folder_write(*state, "lost.log", lost);
    folder_write(*state, "bad.log", "good morning\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = command_output(rows[i].command, *state, rows[i].arguments);
        autofree char *output = folder_read(*state, "output");
        if (status != rows[i].status || !strstr(output, rows[i].output))
            fail_msg("row %zu: status %d, output \"%s\"", i, status, output);
    }
    autofree char *in = mem_printf("%s/in", (char *)*state);
    struct err e = ERR_INIT;
    json_object *imported = NULL;
    assert_int_equal(json_file_read(in, "result.json", &imported, &e), 0);
    assert_int_equal(json_number_at(imported, "response_ms.mean"), 16);
    assert_int_equal(json_number_at(imported, "migration_s.mean"), 2);
    assert_string_equal(json_text_at(imported, "migrations.0.to"), "ES-2");
    json_object_put(imported);
}

static void test_a_bad_import_creates_nothing(void **state)
{
    static const char *const arguments[] = {"-o", "@/new", "kim22-log", "@/bad.log", NULL};
    autofree char *folder = mem_printf("%s/new", (char *)*state);
    folder_write(*state, "bad.log", "good morning\n");
    assert_int_equal(command_output(import_main, *state, arguments), 2);
    assert_int_not_equal(access(folder, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_differs_is_shown),
        cmocka_unit_test(test_all_is_shown_if_asked),
        cmocka_unit_test(test_what_moved_is_named),
        cmocka_unit_test(test_migrations_of_repetitions_are_means),
        cmocka_unit_test(test_tables_count_characters),
        cmocka_unit_test(test_papers_figures_stand_beside_ours),
        IN_FOLDER(test_summary),
        cmocka_unit_test(test_the_interval_of_a_mean_is_said_if_there_is_one),
        IN_FOLDER(test_commands),
        IN_FOLDER(test_a_bad_import_creates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
