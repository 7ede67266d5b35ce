/* Hosts' clocks in virtual time: each its own, and nothing depends on what another's shows. */
#include "host_clock.h"
#include "protocol_fixture.h"

#define THREE_VISITS "[{\"ap\":\"ap1\",\"at_s\":0.5},{\"ap\":\"ap2\",\"at_s\":4},{\"ap\":\"ap1\",\"at_s\":8}]"
enum { VISITS = 3 };

static const struct play usual = {.aps = 2,
                                  .muds = 1,
                                  .visits = {THREE_VISITS},
                                  .strategy = "p-migr",
                                  .rtt_ms = 20,
                                  .rate_mbit = 100,
                                  .requests_per_s = 10,
                                  .work_ms = 2,
                                  .memory_mb = 1,
                                  .duration_s = 12};

/* An alarm that rings at the instant finds that its time has come, and no earlier one would have. */
static void the_way_back_is_the_first_instant(void **state)
{
    static const struct {
        int64_t started_s, drift_ppb;
    } rows[] = {{0, 0},           {-8640000, 0},      {-1, 50000},          {-8640000, 49999},
                {-86400, -50000}, {-8639999, -12345}, {-31536000, 1000000}, {-8640000, -1000000}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct host_clock c = {.started = simtime_s(rows[i].started_s), .drift_ppb = rows[i].drift_ppb};
        struct rng rng;
        rng_init(&rng, 1, "instants", i);
        for (int k = 0; k < 10000; k++) {
            struct simtime at = simtime_ns(
                               (int64_t)rng_below(&rng, (uint64_t)simtime_s(k % 2 ? 31536000 : 1).ns)),
                           shown = host_clock_read(&c, at), when = host_clock_when(&c, shown);
            if (when.ns > at.ns || host_clock_read(&c, when).ns < shown.ns ||
                host_clock_read(&c, simtime_ns(when.ns - 1)).ns >= shown.ns || at.ns - when.ns > 1)
                fail_msg("row %zu: at %lld ns it shows %lld, which it does first at %lld", i,
                         (long long)at.ns, (long long)shown.ns, (long long)when.ns);
        }
    }
}

/* --- drift ------------------------------------------------------------------------------------------------------------------- */

struct handoffs {
    struct trial trial;
    struct simtime begin[VISITS];
    int count;
};

static void hear_handoff(struct trial *trial, const struct event *ev)
{
    struct handoffs *h = container_of(trial, struct handoffs, trial);
    if (ev->kind == EVENT_HANDOFF && h->count < VISITS)
        h->begin[h->count++] = ev->begin;
}

/* A device leaves when its own clock says so, and the run's time is told. */
static void visits_follow_the_devices_clock(void **state)
{
    static const double drifts_ppm[] = {0, 1000, -1000, 37.5};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(drifts_ppm); i++) {
        struct handoffs h = {.trial.hear = hear_handoff};
        struct scenario *s = play_scenario(&usual);
        for (int host = 0; host < s->host_count; host++)
            s->hosts[host].drift_ppm = host == s->muds[0].host ? drifts_ppm[i] : -77;
        trial_run(&h.trial, s, 5);
        assert_int_equal(h.trial.complaint_count, 0);
        assert_int_equal(h.count, VISITS);
        for (int k = 0; k < VISITS; k++) {
            double expected_s = simtime_seconds(s->muds[0].visits[k].at) / (1 + drifts_ppm[i] * 1e-6);
            if (fabs(simtime_seconds(h.begin[k]) - expected_s) > 1e-8)
                fail_msg("row %zu: visit %d begins at %.9f s, not at %.9f s", i, k,
                         simtime_seconds(h.begin[k]), expected_s);
        }
        trial_free(&h.trial);
        scenario_free(s);
    }
}

struct spans {
    struct trial trial;
    int count;
};

static void hear_span(struct trial *trial, const struct event *ev)
{
    struct spans *spans = container_of(trial, struct spans, trial);
    if (ev->kind != EVENT_STAGE)
        return;
    spans->count++;
    if (ev->begin.ns < 0 || simtime_before(ev->at, ev->begin))
        fail_msg("at %.9f s ends what began at %.9f s", simtime_seconds(ev->at), simtime_seconds(ev->begin));
}

/* Whoever reports them: an edge server, an access point, the carrier's third host. */
static void stages_are_told_in_the_runs_time(void **state)
{
    static const char *const carriers[] = {"scp", "stream", "nfs", "registry"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
        struct spans spans = {.trial.hear = hear_span};
        struct play p = usual;
        autofree char *migration = mem_printf("\"carrier\":\"%s\",\"nfs_host\":\"pc3\"", carriers[i]);
        p.aps = 3;
        p.migration = migration;
        struct scenario *s = play_scenario(&p);
        trial_run(&spans.trial, s, 5);
        assert_true(spans.count > 6);
        trial_free(&spans.trial);
        scenario_free(s);
    }
}

/* --- the calendar ------------------------------------------------------------------------------------------------------------ */

#define JUMP(host, jump_s, at_s)                                                                             \
    "{\"effect\":\"clock\",\"host\":\"" host "\",\"jump_s\":" #jump_s ",\"from_s\":" #at_s "}"

static const struct {
    const char *carrier, *faults;
    int finished, failed;
} jumps[] = {
    {"registry", JUMP("pc1", 288, 3), 2, 0},
    {"registry", JUMP("pc2", -288, 4.2) "," JUMP("phone1", 288, 4.3), 2, 0},
    /* the certificates are an hour old, and last for thirty days */
    {"registry", JUMP("pc2", -3599, 3), 2, 0},
    {"registry", JUMP("pc2", -3601, 3), 0, 1},
    {"registry", JUMP("pc1", -3601, 6), 1, 1},
    {"registry", JUMP("pc1", -7200, 3) "," JUMP("pc1", 7200, 6), 0, 1},
    {"registry", JUMP("pc1", 2592001, 3), 0, 1},
    {"scp", JUMP("pc1", -31536000, 3), 2, 0},
};

/* The second visit's migration, and the third's unless the container is there still. */
static void a_calendar_decides_on_certificates_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        struct play p = usual;
        autofree char *migration = mem_printf("\"carrier\":\"%s\",\"retries\":0", jumps[i].carrier);
        p.migration = migration;
        p.faults = jumps[i].faults;
        struct played r = play(&p);
        if (r.finished != jumps[i].finished || r.failed != jumps[i].failed || r.answered != r.sent)
            fail_msg("row %zu: %d finished, %d failed, %lld of %lld answered", i, r.finished, r.failed,
                     (long long)r.answered, (long long)r.sent);
        trial_free(&r.trial);
    }
}

/* Its clock begins anew, and those who begin anew there go on with the run's time. */
static void a_power_loss_starts_the_clock_again(void **state)
{
    struct play p = usual;
    (void)state;
    p.faults = "{\"effect\":\"power-loss\",\"host\":\"pc2\",\"from_s\":1,\"to_s\":2}";
    struct played r = play(&p);
    assert_int_equal(r.trial.complaint_count, 0);
    assert_int_equal(r.finished, 2);
    assert_int_equal(r.answered, r.sent);
    trial_free(&r.trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_back_is_the_first_instant),
        cmocka_unit_test(visits_follow_the_devices_clock),
        cmocka_unit_test(stages_are_told_in_the_runs_time),
        cmocka_unit_test(a_calendar_decides_on_certificates_alone),
        cmocka_unit_test(a_power_loss_starts_the_clock_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
