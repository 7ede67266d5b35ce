/* Whole runs with Docker and CRIU: scenarios with their expectations, and what a run says when it cannot be. What can be seen of them on the
 * links: real_capture_test.c. Interrupted and broken runs: real_crash_test.c. */
#include "real_fixture.h"

#include <sys/inotify.h>

/* Runs it to its end; the machine is as it was. */
static void run_to_end(struct fixture_run *run, const char *name, const char *const *arguments, int expected)
{
    autofree char *before = fixture_machine();
    fixture_start(run, name, arguments);
    assert_exit(run, expected);
    assert_machine_as(before);
}

#define ARGUMENTS(...) ((const char *const[]){"--world", "real", __VA_ARGS__, NULL})

/* --- the quick scenario: what its result says --------------------------------------------------------------- */

static void assert_quick_result(const struct fixture_run *run)
{
    json_object *result = fixture_result(run);
    bool late = fixture_is_late(result);
    static const struct {
        const char *pointer;
        double min, max;
    } numbers[] = {
        {"/requests/lost", 0, 0},
        {"/requests/duplicated", 0, 0},
        {"/migrations/0/total_s", 1, 8},
        {"/migrations/0/ready_s", 0.5, 8},
        {"/migrations/0/freeze_ms", 10, 1000},
        {"/migrations/0/bytes/memory", 8e6, 12e6},
        {"/migrations/0/bytes/layer", 3.9e6, 5e6},
        {"/migrations/0/bytes/image", 0, 0},
        {"/migrations/0/bytes/wire", 12e6, 17e6},
        {"/response_ms/p50", 10, 60}, /* 10 ms round trip and 5 ms of work */
        {"/environment/zstd3_ratio_base", 2.5, 3},
        {"/environment/zstd3_ratio_layer", 3.5, 4.5},
        {"/environment/zstd3_ratio_memory", 4, 6},
        {"/environment/messages_not_understood", 0, 0},
        {"/invariants/ok", 1, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        double value = fixture_number(result, numbers[i].pointer);
        if ((value < numbers[i].min || value > numbers[i].max) && !(late && fixture_is_time(numbers[i].pointer)))
            fail_msg("%s is %g", numbers[i].pointer, value);
    }
    static const char *const texts[][2] = {
        {"/world", "real"},
        {"/scenario/name", "kim22-quick"},
        {"/migrations/0/outcome", "finished"},
        {"/migrations/0/from", "ES-1"},
        {"/migrations/0/to", "ES-2"},
        {"/migrations/0/strategy", "p-migr"},
        {"/migrations/0/carrier", "scp"},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_string_equal(fixture_text(result, texts[i][0]), texts[i][1]);
    static const char *const present[] = {"/environment/kernel", "/environment/docker",
                                          "/environment/criu",   "/environment/link_driver",
                                          "/drift_ms/p99",       "/migrations/0/stages/0/name"};
    for (size_t i = 0; i < ARRAY_LEN(present); i++)
        assert_true(strlen(fixture_text(result, present[i])) > 0);
    assert_true(fixture_number(result, "/requests/sent") == fixture_number(result, "/requests/answered"));
    json_object_put(result);
}

/* Sees from now on what comes and goes where the first edge server's dumps are, in memory; with so much room, NULL = as it was made. */
static int watch_dumps(const struct fixture_run *run, const char *room)
{
    autofree char *name = NULL, *dumps = NULL;
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), added = -1;
    for (double end = fixture_seconds() + FIXTURE_PATIENCE_S; added < 0 && fixture_seconds() < end; usleep(5000)) {
        free(name), free(dumps);
        name = fixture_run_name(run);
        dumps = mem_printf(JOURNAL_ROOT "/%s/dumps", name ? name : "?");
        autofree char *first = mem_printf("%s/0", dumps);
        added = inotify_add_watch(watch, first, IN_CREATE | IN_DELETE);
    }
    assert_true(added >= 0);
    if (room)
        free(shell("mount -o remount,size=%s %s", room, dumps));
    return watch;
}

/* The migration's dump has come and gone so many times; closes the watch. */
static void assert_dumps(int watch, int times)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t len = read(watch, events, sizeof events);
    int comes = 0, goes = 0;
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const void *)(events + at);
        bool about = event->len && !strcmp(event->name, "m0-1.memory");
        comes += about && event->mask & IN_CREATE;
        goes += about && event->mask & IN_DELETE;
        at += (ssize_t)(sizeof *event + event->len);
    }
    close(watch);
    assert_int_equal(comes, times);
    assert_int_equal(goes, times);
}

/* Once with room for dumps in memory, once without. */
static void quick(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (int i = 0; i < 2; i++) {
        struct fixture_run run;
        autofree char *name = mem_printf("quick-%d", i), *before = fixture_machine();
        fixture_start(&run, name, i ? ARGUMENTS(SHORT) : ARGUMENTS(QUICK));
        int watch = watch_dumps(&run, i ? "64k" : NULL);
        assert_exit(&run, 0);
        assert_machine_as(before);
        assert_quick_result(&run);
        assert_dumps(watch, i ? 0 : 1);
        fixture_run_free(&run);
    }
}

static void two_runs_at_once(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run runs[2];
    autofree char *before = fixture_machine();
    fixture_start(&runs[0], "left", ARGUMENTS(SHORT));
    fixture_start(&runs[1], "right", ARGUMENTS(SHORT));
    for (int i = 0; i < 2; i++) {
        assert_exit(&runs[i], 0);
        fixture_run_free(&runs[i]);
    }
    assert_machine_as(before);
}

/* --- the other scenarios ------------------------------------------------------------------------------------ */

#define FAULT "faults.0={\"operation\": \"restore\", \"edge\": \"es2\", \"mud\": \"m1\", \"times\": 1}"
/* A link of the third host, which serves the NFS folder. */
#define TO_PC3(i, host)                                                                                        \
    "--set", "links." i "={\"between\": [\"" host "\", \"pc3\"], \"rtt_ms\": 10, \"rate_mbit\": 80}"

static const struct {
    const char *name;
    const char *arguments[12];
    int exit, finished, failed, superseded;
} scenarios[] = {
    {"swap",
     {"--set", "duration_s=10", "--set", "muds.m1.visits.1.at_s=3", "--set", "muds.m2.visits.1.at_s=3",
      "scenarios/swap.json"},
     0,
     2,
     0,
     0},
    {"three-aps",
     {"--set", "duration_s=18", "--set", "muds.m1.visits.1.at_s=3", "--set", "muds.m1.visits.2.at_s=4.5",
      "--set", "muds.m1.visits.3.at_s=8", "scenarios/three-aps.json"},
     0,
     1,
     0,
     1},
    {"cold",
     {"--set", "muds.m1.visits.1.at_request=10", "--set", "duration_s=9", "scenarios/cold.json"},
     0,
     1,
     0,
     0},
    {"stream", {STREAM, SHORT}, 0, 1, 0, 0},
    {"rsync", {"--set", "migration.carrier=rsync", SHORT}, 0, 1, 0, 0},
    {"nfs", {"--set", "migration.carrier=nfs", TO_PC3("3", "pc1"), TO_PC3("4", "pc2"), SHORT}, 0, 1, 0, 0},
    {"overlapped", {STREAM, "--set", "migration.pipeline=true", SHORT}, 0, 1, 0, 0},
    {"restore-fails",
     {"--set", "muds.m1.visits.1.at_request=10", "--set", "duration_s=8", "scenarios/restore-fails.json"},
     0,
     0,
     1,
     0},
    {"unexpected-failure", {"--set", FAULT, SHORT}, 1, 0, 1, 0},
};

static int outcomes(json_object *result, const char *outcome)
{
    json_object *migrations = fixture_at(result, "/migrations");
    int count = 0;
    for (size_t i = 0; i < json_object_array_length(migrations); i++)
        count += !strcmp(fixture_text(json_object_array_get_idx(migrations, i), "/outcome"), outcome);
    return count;
}

/* By carrier stream, each edge server's connection to the other. */
static void assert_warming(json_object *result)
{
    bool warms = strcmp(fixture_text(result, "/migrations/0/carrier"), "stream") == 0;
    assert_true(fixture_number(result, "/warming/connections") >= (warms ? 2 : 0));
    assert_int_equal(fixture_number(result, "/warming/bytes") > 0, warms);
}

static void each_scenario(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        struct fixture_run run;
        const char *arguments[16] = {"--world", "real"};
        memcpy(arguments + 2, scenarios[i].arguments, sizeof scenarios[i].arguments);
        run_to_end(&run, scenarios[i].name, arguments, scenarios[i].exit);
        json_object *result = fixture_result(&run);
        if (!fixture_is_late(result)) {
            assert_int_equal(outcomes(result, "finished"), scenarios[i].finished);
            assert_int_equal(outcomes(result, "failed"), scenarios[i].failed);
            assert_int_equal(outcomes(result, "superseded"), scenarios[i].superseded);
        }
        assert_true(fixture_number(result, "/requests/lost") == 0);
        assert_true(json_object_get_boolean(fixture_at(result, "/invariants/ok")));
        assert_warming(result);
        json_object_put(result);
        fixture_run_free(&run);
    }
}

/* --- what cannot be ----------------------------------------------------------------------------------------- */

static void assert_nothing_made(const struct fixture_run *run)
{
    assert_int_not_equal(access(run->folder, F_OK), 0);
}

static const struct {
    const char *what, *arguments[4], *says;
} bad[] = {
    {"an unknown key", {"--set", "duration=3", QUICK}, "duration"},
    {"a negative rate", {"--set", "links.0.rate_mbit=-80", QUICK}, "links.0.rate_mbit"},
    {"an AP without an edge", {"--set", "aps.ap2={\"host\": \"pc2\"}", QUICK}, "aps.ap2"},
    {"an unknown edge", {"--set", "aps.ap2.edge=es9", QUICK}, "aps.ap2.edge"},
    {"not a number", {"--set", "duration_s=NaN", QUICK}, "duration_s"},
    {"a file that is not there", {"scenarios/nowhere.json"}, "nowhere.json"},
    {"a truncated file", {"truncated.json"}, "truncated.json"},
    {"a name twice", {"twice.json"}, "aps.ap1"},
};

static void write_bad_files(void)
{
    autofree char *text = folder_read(".", QUICK), *half = mem_copy_string(text);
    half[strlen(half) / 2] = '\0';
    folder_write(fixture_folder, "truncated.json", half);
    char *at = strstr(text, "\"ap2\": {\"host\"");
    memcpy(at, "\"ap1\"", 5);
    folder_write(fixture_folder, "twice.json", text);
}

static void bad_scenarios(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    write_bad_files();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct fixture_run run;
        const char *arguments[8] = {"--world", "real"};
        memcpy(arguments + 2, bad[i].arguments, sizeof bad[i].arguments);
        int last = 2;
        while (arguments[last + 1])
            last++;
        bool own = !strchr(arguments[last], '/');
        autofree char *path = own ? mem_printf("%s/%s", fixture_folder, arguments[last]) : NULL;
        arguments[last] = own ? path : arguments[last];
        fixture_start(&run, "bad", arguments);
        assert_exit(&run, 2);
        if (!strstr(buf_text(&run.said), bad[i].says))
            fail_msg("%s: %s", bad[i].what, buf_text(&run.said));
        assert_nothing_made(&run);
        fixture_run_free(&run);
    }
}

/* A copy that nobody in particular may run, and a folder that nobody may write: the refusal comes first. */
static void not_root(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    free(shell("chmod 755 %s && for f in %s %s-service " QUICK "; do cp $f %s; done", fixture_folder,
               fixture_program, fixture_program, fixture_folder));
    autofree char *before = fixture_machine();
    autofree char *said =
        shell("cd %s && mkdir -m 777 open && cd open && setpriv --reuid 65534 --regid 65534 --clear-groups"
              " ../roamlab run --world real ../kim22-quick.json 2>&1; echo exit $?; ls",
              fixture_folder);
    if (!strstr(said, "needs root") || !strstr(said, "sudo") || !strstr(said, "exit 3\n") ||
        strstr(said, "results"))
        fail_msg("%s", said);
    assert_machine_as(before);
}

int main(int argc, char **argv)
{
    fixture_go_apart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_scenarios),    cmocka_unit_test(not_root),
        cmocka_unit_test(quick),
        cmocka_unit_test(each_scenario),    cmocka_unit_test(two_runs_at_once),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
