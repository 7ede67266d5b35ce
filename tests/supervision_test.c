/* The cloud's supervision (KimS22): delegation and recall, in virtual time and once for real. Runs from the project's root. */
#include "event_reader.h"
#include "json_file.h"
#include "real_fixture.h"
#include "result.h"

enum { SETTINGS_MAX = 6 };
#define SCENARIO "scenarios/fog-registries.json"
#define BACK(at) "{\"at_s\": " #at ", \"action\": \"delegate\", \"edge\": \"es2\", \"to\": \"es1\"}"
#define THERE(at) "{\"at_s\": " #at ", \"action\": \"delegate\", \"edge\": \"es1\", \"to\": \"es2\"}"
#define RESTART(at) "faults=[{\"effect\": \"restarted\", \"host\": \"fog2\", \"from_s\": " #at ", \"to_s\": " #at ".1}]"
#define RECALL(at) "{\"at_s\": " #at ", \"action\": \"recall\"}"

/* Events of that kind whose text begins so. */
static int count_kind(const char *folder, enum event_kind kind, const char *text)
{
    struct event_reader *reader;
    struct event event;
    struct err e = ERR_INIT;
    int count = 0;
    if (event_reader_open(folder, EVENT_MASK(kind), &reader, &e) < 0)
        fail_msg("%s", e.text);
    while (event_reader_next(reader, &event, &e) == 1)
        count += !strncmp(event.text, text, strlen(text));
    event_reader_close(reader);
    return count;
}

static int count_events(const char *folder, const char *text)
{
    return count_kind(folder, EVENT_SUPERVISION, text);
}

static int count_notes(const char *folder, const char *text)
{
    return count_kind(folder, EVENT_NOTE, text);
}

/* What is expected of the scenario as it is shipped is not judged. */
static json_object *play(struct fixture_run *run, const char *name, const char *world,
                         const char *const settings[SETTINGS_MAX])
{
    const char *arguments[16] = {"--world", world};
    json_object *result = NULL;
    int count = 2;
    for (int i = 0; i < SETTINGS_MAX && settings[i]; i++) {
        arguments[count++] = "--set";
        arguments[count++] = settings[i];
    }
    arguments[count] = SCENARIO;
    fixture_start(run, name, arguments);
    int status = fixture_wait(run);
    if ((status != 0 && status != 1) || json_file_read(run->folder, "result.json", &result, NULL) < 0)
        fixture_unexpected(run, status, 0);
    return result;
}

static const struct row {
    const char *settings[SETTINGS_MAX];
    int delegated, recalled, finished;
    bool loses; /* requests */
} rows[] = {
    /* m1's container goes back to where it came from, m1 stays; m2 has not moved yet */
    {{"supervision=[" BACK(10) "]"}, 1, 0, 3, false},
    /* both containers are at es2 when the last one has come */
    {{"supervision=[" BACK(20) "]"}, 2, 0, 4, false},
    /* away and back: the device has its container again */
    {{"supervision=[" BACK(10) ", " THERE(17) "]"}, 2, 0, 4, false},
    /* in the middle of m1's migration, which ends first: nothing to delegate */
    {{"supervision=[" THERE(4) "]"}, 1, 0, 2, false},
    /* to where it is already, by way of a request that comes too late */
    {{"supervision=[" THERE(18) "]"}, 0, 0, 2, false},
    {{"supervision=[" BACK(10) "]", "migration.strategy=c-migr"}, 1, 0, 3, false},
    {{"supervision=[" BACK(10) "]", "migration.strategy=cold"}, 1, 0, 3, false},
    {{"supervision=[" BACK(10) "]", "migration.strategy=none"}, 0, 0, 0, false},
    {{"supervision=[" RECALL(10) "]"}, 0, 2, 1, true},
    /* m1's migration is under way, and ends */
    {{"supervision=[" RECALL(4.5) "]"}, 0, 2, 1, true},
    /* the edge server restarts before; behind it, and m2's container, which has come since, stays */
    {{"supervision=[" BACK(10) "]", RESTART(8)}, 1, 0, 3, false},
    {{"supervision=[" BACK(10) "]", RESTART(18)}, 1, 0, 4, false},
    {{"supervision=[" RECALL(10) "]", RESTART(8)}, 0, 2, 1, true},
    /* all was over before */
    {{"supervision=[" RECALL(0) "]"}, 0, 0, 0, false},
};

/* 4 MB of memory, 5 ms a request, 4 requests a second. */
static const struct guard_row {
    const char *guard, *fault, *stops;
    int times; /* it stops a container */
} guard_rows[] = {
    {"guard={\"memory_mb\": 4, \"cpus\": 0.03, \"requests_per_s\": 5.5}", "faults=[]", "memory", 0},
    {"guard={\"memory_mb\": 3.9}", "faults=[]", "memory", 2},
    {"guard={\"cpus\": 0.01, \"interval_ms\": 2000}", "faults=[]", "cpu", 2},
    {"guard={\"requests_per_s\": 3, \"interval_ms\": 2000}", "faults=[]", "requests", 2},
    {"guard={\"memory_mb\": 5}", "faults=[{\"operation\": \"measure\", \"effect\": \"overuse\", \"mud\": \"m2\", \"from_s\": 10}]", "memory", 1},
    {"guard={\"memory_mb\": 5}", "faults=[{\"operation\": \"measure\", \"mud\": \"m2\", \"times\": 0}]", "memory", 0},
};

static void test_guard(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(guard_rows); i++) {
        struct fixture_run run;
        autofree char *name = mem_printf("guard-%zu", i);
        const char *const settings[SETTINGS_MAX] = {guard_rows[i].guard, guard_rows[i].fault};
        json_object *result = play(&run, name, "sim", settings);
        int stopped = count_events(run.folder, guard_rows[i].stops);
        if (stopped != guard_rows[i].times || (result_metric(result, "requests.lost") > 0) != (stopped > 0) ||
            result_metric(result, "invariants.ok") != 1)
            fail_msg("row %zu: stopped %d times, %g requests lost, invariants %g", i, stopped, result_metric(result, "requests.lost"),
                     result_metric(result, "invariants.ok"));
        json_object_put(result);
        fixture_run_free(&run);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture_run run;
        autofree char *name = mem_printf("supervision-%zu", i);
        json_object *result = play(&run, name, "sim", rows[i].settings);
        int delegated = count_events(run.folder, "delegated"),
            recalled = count_events(run.folder, "recalled");
        double finished = result_metric(result, "migrations.finished"),
               lost = result_metric(result, "requests.lost");
        if (delegated != rows[i].delegated || recalled != rows[i].recalled || finished != rows[i].finished ||
            (lost > 0) != rows[i].loses || result_metric(result, "invariants.ok") != 1)
            fail_msg(
                "row %zu: %d delegated, %d recalled, %g migrations finished, %g requests lost, invariants %g",
                i, delegated, recalled, finished, lost, result_metric(result, "invariants.ok"));
        json_object_put(result);
        fixture_run_free(&run);
    }
}

/* The registries hold what they should; the image is pulled, m1's container comes and goes back, and is stopped at last. m2 stays where it is,
 * and asks for too much: between two looks m1 can have 12 requests and a window of 16 executed. */
static void test_real(void **state)
{
    static const char *const settings[SETTINGS_MAX] = {
        "supervision=[" BACK(10) ", " RECALL(18) "]", "duration_s=20",
        "muds.m2={\"host\": \"devices\", \"requests_per_s\": 40, \"visits\": [{\"ap\": \"ap1\", \"at_s\": 0.5}]}",
        "guard={\"requests_per_s\": 14, \"interval_ms\": 3000}", "timeouts.drain_ms=3000"};
    struct fixture_run run;
    (void)state;
    NEED_REAL_WORLD();
    json_object *result = play(&run, "supervision-real", "real", settings);
    assert_int_equal(count_events(run.folder, "delegated"), 1);
    assert_int_equal(count_events(run.folder, "recalled"), 1);
    assert_int_equal(count_events(run.folder, "requests"), 1);
    assert_int_equal(count_notes(run.folder, "pulled the image from registry fog1"), 1);
    assert_int_equal(count_notes(run.folder, "registry cloud holds iot_service:1.0, monitoring_service:1.0, web_service:latest"), 1);
    assert_int_equal(count_notes(run.folder, "registry fog1 holds iot_service:1.0"), 1);
    assert_int_equal(count_notes(run.folder, "registry fog2 holds nothing"), 1);
    assert_true(result_metric(result, "migrations.finished") == 2);
    assert_true(result_metric(result, "migrations.0.bytes.image") > 6e6);
    assert_true(result_metric(result, "invariants.ok") == 1);
    json_object_put(result);
    fixture_run_free(&run);
}

int main(int argc, char **argv)
{
    (void)argc;
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_guard), cmocka_unit_test(test_real)};
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
