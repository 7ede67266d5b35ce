/* The whole migration protocol in virtual time, where messages are lost, devices fall silent, operations fail and limits are passed: the
 * invariants must hold all the same. An argument plays only the tests whose names match it. */
#include "protocol_play.h"
#include "simulated_run.h"

/* --- lost messages ------------------------------------------------------------------------------------------------------------------ */

struct losing {
    const char *label;
    double loss, air_loss;
};

static const struct losing losings[] = {
    {"1 % lost between hosts", 0.01, 0},  {"5 % lost between hosts", 0.05, 0},
    {"20 % lost between hosts", 0.20, 0}, {"5 % lost on the air", 0, 0.05},
    {"20 % lost on the air", 0, 0.20},    {"5 % lost everywhere", 0.05, 0.05},
    {"20 % lost everywhere", 0.20, 0.20},
};

static struct play lossy(const struct losing *row, uint64_t seed, const char *strategy)
{
    struct play p = basic;
    p.loss = row->loss;
    p.air_loss = row->air_loss;
    p.seed = seed;
    p.strategy = strategy;
    p.duration_s = 15;
    p.memory_mb = 0.2;
    p.timeouts = "\"control_retry_ms\":300,\"rto_initial_ms\":300,\"rto_min_ms\":200,\"rto_max_ms\":1500,"
                 "\"drain_ms\":600000";
    return p;
}

static void messages_are_lost_anywhere(void **state)
{
    (void)state;
    struct expected x = {.followed = true, .served_for_s = 8, .failed = -1, .finished = -1};
    for (size_t i = 0; i < ARRAY_LEN(losings); i++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
            for (uint64_t seed = first_seed(); seed <= last_seed(30); seed++) {
                if (!plays(k, seed))
                    continue;
                struct play p = lossy(&losings[i], seed, strategies[k]);
                p.migration = "\"retries\":50";
                p.elsewhere = seed % 2;
                if (seed % 3 == 0)
                    p.visits[0] = basic.visits[0];
                if (seed % 3 == 0)
                    play_well(&p, &x, "%s, one handoff", losings[i].label);
                else
                    play_random_walks(p, &x, losings[i].label);
            }
    all_good();
}

/* Many handoffs, the usual time-outs. The seeds are fixed: enough losses in a row, after the last handoff, outlast any run. */
static void a_back_off_does_not_outlast_the_run(void **state)
{
    (void)state;
    const struct losing row = {"10 % lost on the air", 0, 0.10};
    struct expected x = {.followed = true, .served_for_s = 45, .failed = -1, .finished = -1};
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (uint64_t seed = 1; seed <= 30; seed++) {
            if (!plays(k, seed))
                continue;
            struct play p = lossy(&row, seed, strategies[k]);
            p.timeouts = NULL;
            p.requests_per_s = 1;
            p.duration_s = 60;
            play_random_walks(p, &x, row.label);
        }
    all_good();
}

static void devices_fall_silent_anywhere(void **state)
{
    (void)state;
    struct expected x = {.followed = true, .served_for_s = 4, .failed = -1, .finished = -1};
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (uint64_t seed = first_seed(); seed <= last_seed(60); seed++) {
            if (!plays(k, seed))
                continue;
            struct play p = lossy(&losings[seed % ARRAY_LEN(losings)], seed, strategies[k]);
            p.migration = "\"retries\":50";
            p.outages = true;
            play_random_walks(p, &x, "walks with outages");
        }
    all_good();
}

/* --- faults -------------------------------------------------------------------------------------------------------------------------- */

static void fail_operation(const char *strategy, const char *operation, int edge, int retries,
                           bool comes_back)
{
    char fault[200], migration[60];
    struct play p = basic;
    snprintf(fault, sizeof fault, "{\"operation\":\"%s\",\"edge\":\"es%d\",\"times\":1}", operation, edge);
    snprintf(migration, sizeof migration, "\"retries\":%d", retries);
    p.faults = fault;
    p.migration = migration;
    p.strategy = strategy;
    p.duration_s = 14;
    if (comes_back)
        p.visits[0] =
            "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap1\",\"at_s\":7}]";
    struct expected x = {.served_for_s = 12, .failed = -1, .finished = -1};
    if (retries > 0)
        x.live_at = comes_back ? 1 : 2;
    play_well(&p, &x, "%s fails once at es%d, %d retries%s", operation, edge, retries,
              comes_back ? ", and back" : "");
}

/* Those that are no stage of it never begin; without its pages a container is lost, see below. */
static bool may_fail(size_t strategy, enum operation operation)
{
    autofree char *name = mem_copy_string(strategies[strategy]);
    const struct strategy *walked;
    name[strcspn(name, " ")] = '\0';
    walked = strategy_of(name);
    if (strstr(strategies[strategy], " overlapped"))
        walked = walked->overlapped;
    if (strstr(strategies[strategy], " snapshots")) {
        if (operation == OP_SNAPSHOT)
            return true;
        walked = walked->from_snapshot;
    }
    return operation == OP_START || operation == OP_DISCARD || operation == OP_REVIVE ||
           (operation != OP_REPLAY && operation != OP_SWITCH && operation != OP_FETCH_PAGES &&
            strategy_has(walked, operation));
}

static void every_operation_fails_once(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (int o = 0; o < OPERATIONS; o++)
            for (int variant = 0; variant < 8; variant++)
                if (may_fail(k, (enum operation)o))
                    fail_operation(strategies[k], operation_name((enum operation)o), 1 + variant % 2,
                                   variant / 2 % 2, variant / 4);
    all_good();
}

/* After the commit nobody has the pages that do not come: the device is declared unavailable, and nothing is answered wrongly or twice. */
static void pages_that_do_not_come_are_a_declared_loss(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "{\"operation\":\"fetch pages\",\"effect\":\"flipped\"}",
        "{\"operation\":\"fetch pages\",\"effect\":\"hangs\"}",
        "{\"effect\":\"power-loss\",\"host\":\"pc1\",\"from_s\":3,\"to_s\":3.2}",
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct play p = basic;
        p.strategy = "post-copy";
        p.memory_mb = 10; /* a second of it */
        p.faults = faults[i];
        p.timeouts = "\"progress_ms\":500,\"drain_ms\":20000";
        struct played r = play(&p);
        assert_int_equal(r.trial.complaint_count, 0);
        assert_true(r.trial.declared);
        assert_int_equal(r.finished, 1);
    }
}

/* --- limits ---------------------------------------------------------------------------------------------------------------------------- */

static void limits_end_a_migration_as_failed(void **state)
{
    (void)state;
    const struct expected fails = {.served_for_s = 6, .failed = 1, .live_at = 1};
    struct play p = basic;
    p.migration = "\"replay_max\":5";
    play_well(&p, &fails, "the replay log passes replay_max");
    p = basic;
    p.strategy = "log-replay";
    p.migration = "\"command_log_max\":20";
    play_well(&p, &fails, "the command log passes command_log_max");
    p = basic;
    p.duration_s = 40;
    p.work_ms = 60; /* 16.7 of 20 requests a second */
    p.timeouts = "\"drain_ms\":60000";
    play_well(&p, &(struct expected){.live_at = 1, .failed = 1},
              "requests come faster than they are replayed");
    all_good();
}

/* --- determinism ------------------------------------------------------------------------------------------------------------------------- */

static char *log_of(const struct play *p)
{
    struct scenario *s = play_scenario(p);
    char *text = simulate_log(s, p->seed);
    scenario_free(s);
    return text;
}

static void same_seed_gives_the_same_log(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++) {
        struct play p = lossy(&losings[5], 7, strategies[k]);
        autofree char *first = log_of(&p), *second = log_of(&p);
        p.seed = 8;
        autofree char *other = log_of(&p);
        assert_string_equal(first, second);
        assert_string_not_equal(first, other);
        assert_true(strlen(first) > 10000);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_lost_anywhere),
        cmocka_unit_test(a_back_off_does_not_outlast_the_run),
        cmocka_unit_test(devices_fall_silent_anywhere),
        cmocka_unit_test(every_operation_fails_once),
        cmocka_unit_test(pages_that_do_not_come_are_a_declared_loss),
        cmocka_unit_test(limits_end_a_migration_as_failed),
        cmocka_unit_test(same_seed_gives_the_same_log),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%d runs\n", runs);
    return status;
}
