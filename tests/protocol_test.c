/* The whole migration protocol in virtual time: thousands of runs in which devices come back, go on, change places and lose messages
 * at every moment of a migration. The invariants must hold in each. PROTOCOL_SEEDS=N plays N times as many random ones,
 * PROTOCOL_SEED=N those with that seed, an argument only the tests whose names match it. */
#include "protocol_fixture.h"
#include "simulated_run.h"

static const char *const strategies[] = {
    "p-migr",   "c-migr",    "cold", "p-migr overlapped", "c-migr overlapped",
    "pre-copy", "stateless", "pre-copy overlapped", "image-copy",
    "log-replay", "log-replay overlapped", "log-replay snapshots", "log-replay overlapped snapshots",
    "post-copy", "hybrid-copy", "post-copy overlapped", "hybrid-copy overlapped",
};
/* So many of them are played at every moment and with every seed, the others, whose walks differ little, at each fifth. */
enum { PLAYED_FINELY = 5, COARSENESS = 5 };

enum { SHOWN_MAX = 10 };

static int runs, wrong;

/* A migration of about a second and a half between edges 40 ms apart. */
static const struct play basic = {
    .aps = 3,
    .muds = 1,
    .visits = {"[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5}]"},
    .strategy = "p-migr",
    .rtt_ms = 40,
    .rate_mbit = 80,
    .requests_per_s = 20,
    .work_ms = 5,
    .memory_mb = 1,
    .duration_s = 8,
    .seed = 1,
};

static uint64_t from_environment(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : usual;
}

static uint64_t first_seed(void)
{
    return from_environment("PROTOCOL_SEED", 1);
}

static uint64_t last_seed(uint64_t usual)
{
    return from_environment("PROTOCOL_SEED", usual * from_environment("PROTOCOL_SEEDS", 1));
}

/* Says what is wrong and how to see it again; a test ends with all_good(), so that one run shows everything. */
static void print_complaints(const struct play *p, const struct played *r, const char *label)
{
    if (wrong++ >= SHOWN_MAX)
        return;
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s, %s, seed %llu:", label, p->strategy, (unsigned long long)p->seed);
    for (int i = 0; i < r->trial.complaint_count; i++)
        buf_printf(&text, "\n    %s", r->trial.complaints[i]);
    print_error("%s\n", buf_text(&text));
    buf_free(&text);
}

static void all_good(void)
{
    int count = wrong;
    wrong = 0;
    assert_int_equal(count, 0);
}

static int last_access_point(const char *visits)
{
    const char *last = visits;
    for (const char *next; (next = strstr(last, "\"ap\":\"ap"));)
        last = next + strlen("\"ap\":\"ap");
    return atoi(last);
}

/* The edge server where the container of a device at that access point belongs. */
static int home_of(const struct play *p, int access_point)
{
    return p->elsewhere && access_point == 2 ? 3 : access_point;
}

/* What else a run must show, beside the invariants. */
struct expected {
    int live_at;          /* the edge where the only device's container ends, 0 = anywhere */
    bool followed;        /* every container ends where its device is */
    double served_for_s;  /* every request that is due in that time is sent and answered */
    int failed, finished; /* migrations, -1 = any number */
    bool leaves;          /* devices may go out of reach for good */
};

__attribute__((format(printf, 3, 4))) static struct played
play_well(const struct play *p, const struct expected *x, const char *format, ...)
{
    char label[200];
    va_list args;
    va_start(args, format);
    vsnprintf(label, sizeof label, format, args);
    va_end(args);
    struct played r = play(p);
    runs++;
    int64_t due = (int64_t)(p->muds * x->served_for_s * p->requests_per_s);
    if (r.sent < due || r.answered + r.abandoned != r.sent || (r.abandoned > 0) > x->leaves)
        trial_complain(&r.trial, "%lld of %lld requests sent, %lld answered, %lld abandoned", (long long)r.sent,
                        (long long)due, (long long)r.answered, (long long)r.abandoned);
    for (int i = 0; x->followed && i < p->muds; i++)
        if (r.live_edges[i] != 1u << home_of(p, last_access_point(play_visits(p, i))))
            trial_complain(&r.trial, "the container of device %d is not with its device (edges %x)", i,
                            r.live_edges[i]);
    if (x->live_at && r.live_edges[0] != 1u << x->live_at)
        trial_complain(&r.trial, "the container is not at edge %d (edges %x)", x->live_at, r.live_edges[0]);
    if ((x->failed >= 0 && r.failed != x->failed) || (x->finished >= 0 && r.finished != x->finished))
        trial_complain(&r.trial, "%d migrations finished, %d failed", r.finished, r.failed);
    if (r.trial.complaint_count)
        print_complaints(p, &r, label);
    trial_free(&r.trial);
    return r;
}

/* --- where the device is, at every moment of a migration ------------------------------------------------------------------------- */

struct roaming {
    const char *label;
    const char *visits; /* one %g: a moment of the migration that begins at 1.5 s */
    int ends_at;
};

static const struct roaming roamings[] = {
    {"comes back", "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap1\",\"at_s\":%g}]",
     1},
    {"goes on", "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap3\",\"at_s\":%g}]",
     3},
    {"goes there and back and there",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap1\",\"at_s\":%g},{\"ap\":"
     "\"ap2\",\"at_s\":3.2}]",
     2},
    {"falls silent and is back",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"outage\":true,\"at_s\":%g},{\"ap\":"
     "\"ap2\",\"at_s\":4.5}]",
     2},
    {"falls silent and is back where it was",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"outage\":true,\"at_s\":%g},{\"ap\":"
     "\"ap1\",\"at_s\":3.3,\"probe_ms\":40}]",
     1},
    {"falls silent and comes back elsewhere",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"outage\":true,\"at_s\":%g},{\"ap\":"
     "\"ap3\",\"at_s\":3.21,\"probe_ms\":300,\"authentication_ms\":5}]",
     3},
    {"walks in a circle",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap3\",\"at_s\":%g},{\"ap\":"
     "\"ap1\",\"at_s\":3.2}]",
     1},
};

static double step_of(size_t strategy, double step)
{
    return strategy < PLAYED_FINELY ? step : COARSENESS * step;
}

static bool plays(size_t strategy, uint64_t seed)
{
    return strategy < PLAYED_FINELY || seed % COARSENESS == 0 || getenv("PROTOCOL_SEED");
}

static void roam_at_every_moment(const struct roaming *row, const char *strategy, bool elsewhere, double step_s)
{
    for (double at_s = 1.501; at_s < 3.2; at_s += step_s) {
        char visits[300];
        struct play p = basic;
        snprintf(visits, sizeof visits, row->visits, at_s);
        p.visits[0] = visits;
        p.strategy = strategy;
        p.elsewhere = elsewhere;
        struct expected x = {.live_at = home_of(&p, row->ends_at), .served_for_s = 7.5, .finished = -1};
        play_well(&p, &x, "%s at %.3f s%s", row->label, at_s, elsewhere ? ", containers elsewhere" : "");
    }
}

static void devices_roam_at_every_moment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roamings); i++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
            roam_at_every_moment(&roamings[i], strategies[k], false, step_of(k, 0.010));
    all_good();
}

/* The new access point's edge server is not where the container goes. */
static void devices_roam_while_containers_go_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roamings); i++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
            roam_at_every_moment(&roamings[i], strategies[k], true, step_of(k, 0.013));
    all_good();
}

/* What it leaves behind comes to its end without it. */
static void devices_leave_for_good_at_every_moment(void **state)
{
    (void)state;
    struct expected x = {.served_for_s = 1, .finished = -1, .leaves = true};
    int64_t abandoned = 0;
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (double at_s = 1.4; at_s < 3.2; at_s += step_of(k, 0.013)) {
            char visits[200];
            struct play p = basic;
            snprintf(
                visits, sizeof visits,
                "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.3},{\"outage\":true,\"at_s\":%g}]",
                at_s);
            p.visits[0] = visits;
            p.strategy = strategies[k];
            abandoned += play_well(&p, &x, "leaves at %.3f s", at_s).abandoned;
        }
    assert_true(abandoned > 0);
    all_good();
}

/* --- many devices ---------------------------------------------------------------------------------------------------------------- */

static void two_devices_swap_edges(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (int lag_ms = 0; lag_ms < 2000; lag_ms += (int)step_of(k, 50)) {
            char second[200];
            struct play p = basic;
            snprintf(second, sizeof second, "[{\"ap\":\"ap2\",\"at_s\":0},{\"ap\":\"ap1\",\"at_s\":%g}]",
                     1.5 + lag_ms / 1000.0);
            p.muds = 2;
            p.visits[1] = second;
            p.strategy = strategies[k];
            struct expected x = {.live_at = 2, .served_for_s = 7.5, .finished = 2};
            play_well(&p, &x, "two devices swap, one %d ms later", lag_ms);
        }
    all_good();
}

static double random_stay_s(struct rng *rng)
{
    return 0.05 + 4 * rng_unit(rng) * rng_unit(rng);
}

/* Random walks: a device stays 0.05 to 4 s at each access point, and as long out of reach before one in three if there are outages. */
static char *random_visits(struct rng *rng, int aps, double until_s, bool outages)
{
    struct buf text = BUF_INIT;
    uint64_t at = rng_below(rng, (uint64_t)aps);
    buf_printf(&text, "[");
    for (double at_s = 0.01 + rng_unit(rng); at_s < until_s; at_s += random_stay_s(rng)) {
        double stay_s = outages && text.len > 1 && rng_below(rng, 3) == 0 ? random_stay_s(rng) : 0;
        if (stay_s > 0 && at_s + stay_s < until_s) {
            buf_printf(&text, ",{\"outage\":true,\"at_s\":%.3f}", at_s);
            at_s += stay_s;
        }
        buf_printf(&text, "%s{\"ap\":\"ap%d\",\"at_s\":%.3f}", text.len > 1 ? "," : "", (int)at + 1, at_s);
        at = (at + 1 + rng_below(rng, (uint64_t)aps - 1)) % (uint64_t)aps;
    }
    buf_printf(&text, "]");
    char *copy = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return copy;
}

static void play_random_walks(struct play p, const struct expected *x, const char *label)
{
    struct rng rng;
    rng_init(&rng, p.seed, "walks", 0);
    for (int i = 0; i < p.muds; i++)
        p.visits[i] = random_visits(&rng, p.aps, p.duration_s - 1, p.outages);
    play_well(&p, x, "%s", label);
    for (int i = 0; i < p.muds; i++)
        free((char *)(uintptr_t)p.visits[i]);
}

static void fifty_devices_roam_at_random(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed <= last_seed(8); seed++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++) {
            if (!plays(k, seed))
                continue;
            struct play p = basic;
            p.aps = 4;
            p.muds = 50;
            p.requests_per_s = 4;
            p.duration_s = 12;
            p.rate_mbit = 800;
            p.seed = seed;
            p.elsewhere = seed % 2 == 0;
            p.strategy = strategies[k];
            struct expected x = {.followed = true, .served_for_s = 10, .finished = -1};
            play_random_walks(p, &x, "50 devices on 4 access points");
        }
    all_good();
}

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
        cmocka_unit_test(devices_roam_at_every_moment),
        cmocka_unit_test(devices_roam_while_containers_go_elsewhere),
        cmocka_unit_test(devices_leave_for_good_at_every_moment),
        cmocka_unit_test(two_devices_swap_edges),
        cmocka_unit_test(fifty_devices_roam_at_random),
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
