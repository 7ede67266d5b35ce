/* What the scenario reader cannot read: texts that are no JSON, settings of nothing, files; what it refuses of keys and values is
 * scenario_values_test.c. */
#include "scenario_refusal.h"

static const struct refusal not_json[] = {
    {"200", "NaN", "links.0.rtt_ms: line 1, column"},
    {"200", "Infinity", "Infinity is not a number in JSON"},
    {"200", "-Infinity", "-Infinity is not a number in JSON"},
    {"200", "0200", "a number must not begin with 0"},
    {"200", "2.", "a digit is missing after the point"},
    {"200", "2e", "a digit is missing in the exponent"},
    {"200", "- 2", "a digit is missing"},
    {"200", "'2'", "strings stand in double quotes"},
    {"200", "/*2*/", "JSON has no comments"},
    {"200", "", "a value is expected"},
    {"\"pc2\":{}", "\"pc1\":{}", "hosts.pc1: line 1, column"},
    {"\"pc2\":{}", "\"pc1\":{}", "is there twice (keep one of the two)"},
    {"\"duration_s\"", "\"duration_s\":5,\"duration_s\"", "duration_s: line 1, column"},
    {"\"pc2\":{}", "\"pc\\u0031\":{}", "a backslash in a key"},
    {"\"t\"", "\"t", "a comma or } is expected"},
    {"\"t\"", "\"t\\q\"", "an unknown escape"},
    {"\"t\"", "\"t\\u00\"", "\\u needs four"},
    {"\"t\"", "\"t\\u0000\"", "a zero byte in a string"},
    {"\"t\"", "\"t\n\"", "the string is not closed on its line"},
    {"\"t\"", "\"\xff\"", "x.json: "},
};

static void test_bad_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(not_json); i++)
        assert_refused(&not_json[i]);
}

static void test_bad_texts(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "line 1, column 1: the text ends here"},
        {"  \n ", "line 2, column 2: the text ends here"},
        {"{\"name\":\n  \"ä",
         "name: line 2, column 5: the text ends here, in the middle of the scenario (the file is cut"},
        {"{\"hosts\": {\"a\": {}", "hosts: line 1, column 19: the text ends here"},
        {"{} x", "line 1, column 4: there is text after the end"},
        {"{}{}", "line 1, column 3: there is text after the end"},
        {"[]", "the scenario is a list, expected an object"},
        {"7", "the scenario is a number, expected an object"},
        {"null", "is null"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[", "line 1, column 21: brackets are nested too deeply"},
        {"{\"links\":[{},]}", "links.1: line 1, column 14: a value is expected (is there a comma too many?)"},
        {"{\"a\":1,}", "a key in double quotes is expected"},
        {"{a:1}", "a key in double quotes is expected"},
        {"{\"a\" 1}", "a: line 1, column 6: a colon is expected"},
        {"{}", "name: is missing"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_error(rows[i].text, strlen(rows[i].text), NULL, rows[i].expected);
    for (size_t len = 0; len < sizeof good - 1; len++) /* every truncation */
        assert_error(good, len, NULL, "the text ends here");
    assert_error("{\"name\":\"\0\"}", 12, NULL, "a control character");
}

static void test_bad_settings(void **state)
{
    static const struct {
        struct scenario_setting setting;
        const char *expected;
    } rows[] = {
        {{"durations", "1"}, "--set durations=1: durations: there is no such key (did you mean duration_s?)"},
        {{"links.0.rtt", "1"}, "links.0.rtt: there is no such key (did you mean rtt_ms?)"},
        {{"links.2.rtt_ms", "1"}, "links.2: there is no such entry (the list has 2, counted from 0)"},
        {{"links.3", "{}"}, "links.3: there is no such entry"},
        {{"links.-1.rtt_ms", "1"}, "links.-1: there is no such entry"},
        {{"links.x.rtt_ms", "1"}, "links.x: there is no such entry"},
        {{"links.0.between.2", "pc1"}, "links.0.between.2: there is no such entry"},
        {{"links.0.between.0.x", "pc1"}, "links.0.between.0: there is no such key"},
        {{"links.0.rate_mbit.forward", "1"}, "links.0.rate_mbit: has no keys below it"},
        {{"muds.m2.window", "1"}, "muds.m2: there is no such key (did you mean m1?)"},
        {{"costs.sav.fixed_ms", "1"}, "costs.sav: there is no such key (did you mean save?)"},
        {{"seed.x", "1"}, "seed: has no keys below it"},
        {{"", "1"}, "there is no such key"},
        {{"links.", "1"}, "there is no such entry"},
        {{".seed", "1"}, "there is no such key"},
        {{"seed", "{\"a\""}, "--set seed={\"a\": a: line 1, column 5: the text ends here"},
        {{"seed", "null"}, "null is not a value"},
        {{"seed", "many"}, "seed: is text, expected a number"},
        {{"seed", "NaN"}, "seed: is text, expected a number"},
        {{"duration_s", "-5"}, "duration_s: is -5, must be"},
        {{"muds.m1.visits.1.at_s", "9"}, "muds.m1.visits.1: has both at_s and at_request"},
        {{"faults", "[{\"operation\":\"dump\",\"mud\":\"m1-1\"}]"}, "faults.0.mud: there is no mud m1-1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_error(good, sizeof good - 1, &rows[i].setting, rows[i].expected);
}

static void test_unreadable_files(void **state)
{
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"no/such.json", "no/such.json: cannot be read: No such file"},
        {"/", "/: is not a file"},
        {"/dev/zero", "/dev/zero: is not a file"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_null(scenario_read(rows[i].path, NULL, 0, &e));
        assert_non_null(strstr(e.text, rows[i].expected));
    }
}

static void test_too_large_file(void **state)
{
    (void)state;
    char path[] = "/tmp/roamlab-large-XXXXXX";
    int fd = mkstemp(path);
    struct err e = ERR_INIT;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)SCENARIO_BYTES_MAX + 1), 0); /* sparse */
    assert_null(scenario_read(path, NULL, 0, &e));
    assert_non_null(strstr(e.text, "is larger than 256 MB"));
    close(fd);
    unlink(path);
}

static void test_too_many_requests(void **state)
{
    (void)state;
    const struct scenario_setting settings[] = {{"muds.m1.requests_per_s", "1000"}, {"duration_s", "3e6"}};
    struct err e = ERR_INIT;
    assert_null(scenario_parse("x.json", good, sizeof good - 1, settings, 2, &e));
    assert_non_null(strstr(e.text, "muds.m1.requests_per_s: makes 3e+09 requests in the run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_json),       cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_bad_settings),   cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_too_large_file), cmocka_unit_test(test_too_many_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
