/* The edge server's table, cell by cell, its gate, and what it removes. */
#include "edge_fixture.h"

static struct msg event_message(enum edge_event event)
{
    static const uint8_t types[EDGE_EVENTS] = {
        [EDGE_EV_ATTACH] = OFFLOAD_ATTACH,     [EDGE_EV_REQUEST] = OFFLOAD_REQUEST,
        [EDGE_EV_REPLAY] = OFFLOAD_REPLAY,     [EDGE_EV_PROBE] = OFFLOAD_PROBE,
        [EDGE_EV_MIGRATE] = OFFLOAD_MIGRATE,   [EDGE_EV_CANCEL] = OFFLOAD_CANCEL,
        [EDGE_EV_FETCH] = OFFLOAD_FETCH,       [EDGE_EV_INSTALL] = OFFLOAD_INSTALL,
        [EDGE_EV_ACTIVATE] = OFFLOAD_ACTIVATE, [EDGE_EV_REMOVE] = OFFLOAD_REMOVE,
        [EDGE_EV_STOP] = OFFLOAD_STOP,         [EDGE_EV_ANSWER] = OFFLOAD_PROBED,
        [EDGE_EV_BROKEN] = OFFLOAD_FAILED,     [EDGE_EV_CLAIM] = OFFLOAD_CLAIM,
    };
    bool from_edge = event == EDGE_EV_INSTALL || event == EDGE_EV_REMOVE;
    uint32_t migration = event == EDGE_EV_ATTACH || event == EDGE_EV_REQUEST ? 0 : 3;
    struct msg m = offload(types[event], from_edge ? es1 : ap2, migration, 5);
    m.offload.sequence += event == EDGE_EV_CLAIM; /* of a newer association */
    return m;
}

struct cell {
    enum edge_state state;
    enum edge_event event;
    enum edge_state after;
    const char *did; /* "!" = not foreseen; "" = nothing */
};

static const struct cell cells[] = {
    {EDGE_EMPTY, EDGE_EV_ATTACH, EDGE_STARTING, "do start"},
    {EDGE_EMPTY, EDGE_EV_REQUEST, EDGE_EMPTY, "AP2<OWNED status -2"},
    {EDGE_EMPTY, EDGE_EV_REPLAY, EDGE_EMPTY, ""},
    {EDGE_EMPTY, EDGE_EV_PROBE, EDGE_EMPTY, ""},
    {EDGE_EMPTY, EDGE_EV_ANSWER, EDGE_EMPTY, ""},
    {EDGE_EMPTY, EDGE_EV_MIGRATE, EDGE_EMPTY, "AP2<ACK MIGRATE, AP2<FAILED status -2"},
    {EDGE_EMPTY, EDGE_EV_CANCEL, EDGE_EMPTY, "AP2<ACK CANCEL"},
    {EDGE_EMPTY, EDGE_EV_FETCH, EDGE_EMPTY, ""},
    {EDGE_EMPTY, EDGE_EV_INSTALL, EDGE_INSTALLING, "ES1<ACK INSTALL, do create"},
    {EDGE_EMPTY, EDGE_EV_ACTIVATE, EDGE_EMPTY, ""},
    {EDGE_EMPTY, EDGE_EV_REMOVE, EDGE_EMPTY, "do discard"},
    {EDGE_EMPTY, EDGE_EV_STOP, EDGE_EMPTY, "AP2<ACK STOP"},
    {EDGE_EMPTY, EDGE_EV_STARTED, EDGE_EMPTY, "!"},
    {EDGE_EMPTY, EDGE_EV_INSTALLED, EDGE_EMPTY, "!"},
    {EDGE_EMPTY, EDGE_EV_BROKEN, EDGE_EMPTY, "!"},
    {EDGE_EMPTY, EDGE_EV_REMOVED, EDGE_EMPTY, "!"},
    {EDGE_EMPTY, EDGE_EV_DIED, EDGE_EMPTY, "!"},
    {EDGE_EMPTY, EDGE_EV_CLAIM, EDGE_EMPTY, "AP2<OWNED status -2"},
    {EDGE_STARTING, EDGE_EV_ATTACH, EDGE_STARTING, ""},
    {EDGE_STARTING, EDGE_EV_REQUEST, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_REPLAY, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_PROBE, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_ANSWER, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_MIGRATE, EDGE_STARTING, "AP2<ACK MIGRATE"},
    {EDGE_STARTING, EDGE_EV_CANCEL, EDGE_STARTING, "AP2<ACK CANCEL"},
    {EDGE_STARTING, EDGE_EV_FETCH, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_INSTALL, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_ACTIVATE, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_REMOVE, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_STOP, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_STARTED, EDGE_LIVE, "container live, AP2<ES2-READY"},
    {EDGE_STARTING, EDGE_EV_INSTALLED, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_BROKEN, EDGE_EMPTY, ""},
    {EDGE_STARTING, EDGE_EV_REMOVED, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_DIED, EDGE_STARTING, "!"},
    {EDGE_STARTING, EDGE_EV_CLAIM, EDGE_STARTING, ""},
    {EDGE_LIVE, EDGE_EV_ATTACH, EDGE_LIVE, "AP2<ES2-READY"},
    {EDGE_LIVE, EDGE_EV_REQUEST, EDGE_LIVE, "CT0<SVCQ 5"},
    {EDGE_LIVE, EDGE_EV_REPLAY, EDGE_LIVE, ""},
    {EDGE_LIVE, EDGE_EV_PROBE, EDGE_LIVE, "CT0<PROBE 5"},
    {EDGE_LIVE, EDGE_EV_ANSWER, EDGE_LIVE, "AP2<PROBED 5"},
    {EDGE_LIVE, EDGE_EV_MIGRATE, EDGE_LIVE, "AP2<ACK MIGRATE, migr begins, do freeze"},
    {EDGE_LIVE, EDGE_EV_CANCEL, EDGE_LIVE, "AP2<ACK CANCEL"},
    {EDGE_LIVE, EDGE_EV_FETCH, EDGE_LIVE, "AP2<ACK FETCH"},
    {EDGE_LIVE, EDGE_EV_INSTALL, EDGE_REMOVING, "do discard"},
    {EDGE_LIVE, EDGE_EV_ACTIVATE, EDGE_LIVE, ""},
    {EDGE_LIVE, EDGE_EV_REMOVE, EDGE_LIVE, "do discard"},
    {EDGE_LIVE, EDGE_EV_STOP, EDGE_REMOVING, "do stop"},
    {EDGE_LIVE, EDGE_EV_STARTED, EDGE_LIVE, "!"},
    {EDGE_LIVE, EDGE_EV_INSTALLED, EDGE_LIVE, "!"},
    {EDGE_LIVE, EDGE_EV_BROKEN, EDGE_LIVE, "!"},
    {EDGE_LIVE, EDGE_EV_REMOVED, EDGE_LIVE, "!"},
    {EDGE_LIVE, EDGE_EV_DIED, EDGE_EMPTY, "container lost"},
    {EDGE_LIVE, EDGE_EV_CLAIM, EDGE_LIVE, "AP2<OWNED"},
    {EDGE_INSTALLING, EDGE_EV_ATTACH, EDGE_INSTALLING, ""},
    {EDGE_INSTALLING, EDGE_EV_REQUEST, EDGE_INSTALLING, ""},
    {EDGE_INSTALLING, EDGE_EV_REPLAY, EDGE_INSTALLING, ""},
    {EDGE_INSTALLING, EDGE_EV_PROBE, EDGE_INSTALLING, ""},
    {EDGE_INSTALLING, EDGE_EV_ANSWER, EDGE_INSTALLING, "!"},
    {EDGE_INSTALLING, EDGE_EV_MIGRATE, EDGE_INSTALLING, "AP2<ACK MIGRATE"},
    {EDGE_INSTALLING, EDGE_EV_CANCEL, EDGE_INSTALLING, "AP2<ACK CANCEL"},
    {EDGE_INSTALLING, EDGE_EV_FETCH, EDGE_INSTALLING, ""},
    {EDGE_INSTALLING, EDGE_EV_INSTALL, EDGE_INSTALLING, "ES1<ACK INSTALL"},
    {EDGE_INSTALLING, EDGE_EV_ACTIVATE, EDGE_INSTALLING, ""},
    {EDGE_INSTALLING, EDGE_EV_REMOVE, EDGE_INSTALLING, "cancel"},
    {EDGE_INSTALLING, EDGE_EV_STOP, EDGE_INSTALLING, "AP2<ACK STOP"},
    {EDGE_INSTALLING, EDGE_EV_STARTED, EDGE_INSTALLING, "!"},
    {EDGE_INSTALLING, EDGE_EV_INSTALLED, EDGE_STANDBY, "container standby, AP2<ES2-READY"},
    {EDGE_INSTALLING, EDGE_EV_BROKEN, EDGE_REMOVING, "AP2<FAILED, do discard"},
    {EDGE_INSTALLING, EDGE_EV_REMOVED, EDGE_INSTALLING, "!"},
    {EDGE_INSTALLING, EDGE_EV_DIED, EDGE_INSTALLING, "cancel"},
    {EDGE_INSTALLING, EDGE_EV_CLAIM, EDGE_INSTALLING, "AP2<FAILED status -116, cancel"},
    {EDGE_STANDBY, EDGE_EV_ATTACH, EDGE_STANDBY, ""},
    {EDGE_STANDBY, EDGE_EV_REQUEST, EDGE_STANDBY, ""},
    {EDGE_STANDBY, EDGE_EV_REPLAY, EDGE_STANDBY, "CT3<REPLAY 5"},
    {EDGE_STANDBY, EDGE_EV_PROBE, EDGE_STANDBY, "CT3<PROBE 5"},
    {EDGE_STANDBY, EDGE_EV_ANSWER, EDGE_STANDBY, "AP2<PROBED 5"},
    {EDGE_STANDBY, EDGE_EV_MIGRATE, EDGE_STANDBY, "AP2<ACK MIGRATE"},
    {EDGE_STANDBY, EDGE_EV_CANCEL, EDGE_STANDBY, "AP2<ACK CANCEL"},
    {EDGE_STANDBY, EDGE_EV_FETCH, EDGE_STANDBY, ""},
    {EDGE_STANDBY, EDGE_EV_INSTALL, EDGE_STANDBY, "ES1<ACK INSTALL"},
    {EDGE_STANDBY, EDGE_EV_ACTIVATE, EDGE_LIVE, "container live, AP2<ACK ACTIVATE"},
    {EDGE_STANDBY, EDGE_EV_REMOVE, EDGE_REMOVING, "do discard"},
    {EDGE_STANDBY, EDGE_EV_STOP, EDGE_STANDBY, "AP2<ACK STOP"},
    {EDGE_STANDBY, EDGE_EV_STARTED, EDGE_STANDBY, "!"},
    {EDGE_STANDBY, EDGE_EV_INSTALLED, EDGE_STANDBY, "!"},
    {EDGE_STANDBY, EDGE_EV_BROKEN, EDGE_REMOVING, "AP2<FAILED, do discard"},
    {EDGE_STANDBY, EDGE_EV_REMOVED, EDGE_STANDBY, "!"},
    {EDGE_STANDBY, EDGE_EV_DIED, EDGE_REMOVING, "AP2<FAILED status -3, do discard"},
    {EDGE_STANDBY, EDGE_EV_CLAIM, EDGE_REMOVING, "AP2<FAILED status -116, do discard"},
    {EDGE_REMOVING, EDGE_EV_ATTACH, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_REQUEST, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_REPLAY, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_PROBE, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_ANSWER, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_MIGRATE, EDGE_REMOVING, "AP2<ACK MIGRATE, AP2<FAILED status -2"},
    {EDGE_REMOVING, EDGE_EV_CANCEL, EDGE_REMOVING, "AP2<ACK CANCEL"},
    {EDGE_REMOVING, EDGE_EV_FETCH, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_INSTALL, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_ACTIVATE, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_REMOVE, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_STOP, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_STARTED, EDGE_REMOVING, "!"},
    {EDGE_REMOVING, EDGE_EV_INSTALLED, EDGE_REMOVING, "!"},
    {EDGE_REMOVING, EDGE_EV_BROKEN, EDGE_REMOVING, "!"},
    {EDGE_REMOVING, EDGE_EV_REMOVED, EDGE_EMPTY, "container gone, AP2<ACK STOP"},
    {EDGE_REMOVING, EDGE_EV_DIED, EDGE_REMOVING, ""},
    {EDGE_REMOVING, EDGE_EV_CLAIM, EDGE_REMOVING, ""},
};

static void every_cell(void **state)
{
    (void)state;
    bool seen[EDGE_STATES][EDGE_EVENTS] = {0};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        const struct cell *cell = &cells[i];
        struct bench b;
        bench_init(&b, cell->state, "p-migr");
        struct msg m = event_message(cell->event);
        edge_handle(client(&b), cell->event, &m);
        if (client(&b)->state != cell->after || strcmp(fake_did(&b.fake), cell->did) != 0)
            fail_msg("state %d, event %d: state %d, not %d, and \"%s\", not \"%s\"", cell->state, cell->event,
                     client(&b)->state, cell->after, fake_did(&b.fake), cell->did);
        bool unforeseen = strcmp(cell->did, "!") == 0;
        assert_int_equal(b.edge.actor.unexpected, unforeseen);
        seen[cell->state][cell->event] = true;
        bench_free(&b);
    }
    for (int s = 0; s < EDGE_STATES; s++)
        for (int e = 0; e < EDGE_EVENTS; e++)
            assert_true(seen[s][e]);
}

/* --- the gate --------------------------------------------------------------------------------------------------------------- */

static void the_gate_holds_requests_until_it_opens(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 1));
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    expect(&b, "CT0<SVCQ 1, AP2<ACK MIGRATE, migr begins", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 2));
    expect(&b, "", EDGE_LIVE); /* held */
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 0));
    expect(&b, "CT0<SVCQ 0", EDGE_LIVE); /* what the container waits for comes in */
    answer(&b, OFFLOAD_REPLY, 0);
    answer(&b, OFFLOAD_REPLY, 1);
    expect(&b, "AP2<SVCR 0, AP2<SVCR 1, do freeze", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 3));
    for (int i = 0; i < 3; i++)
        finish(&b, 0);
    expect(&b, "do dump, do take layer, do thaw", EDGE_LIVE);
    finish(&b, 0);
    expect(&b, "CT0<SVCQ 2, CT0<SVCQ 3, AP2<CUT 2, do send memory", EDGE_LIVE);
    answer(&b, OFFLOAD_REPLY, 2);
    hear(&b, offload(OFFLOAD_FETCH, ap2, 1, 2));
    expect(&b, "AP2<SVCR 2, AP2<LOGGED 2, AP2<ACK FETCH", EDGE_LIVE);
    bench_free(&b);
}

static void a_gate_that_does_not_drain_opens_again_and_at_last_fails(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 1));
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 2));
    buf_clear(&b.fake.did);
    fake_wait(&b.fake, simtime_ms(1001));
    expect(&b, "CT0<SVCQ 1, CT0<SVCQ 2", EDGE_LIVE);
    fake_wait(&b.fake, simtime_s(60));
    assert_non_null(strstr(fake_did(&b.fake), "AP2<FAILED status -16, migration failed"));
    assert_int_equal(client(&b)->out.state, MIGRATION_NONE);
    bench_free(&b);
}

static void what_nobody_answers_any_more_does_not_keep_the_gate_open(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    for (uint32_t n = 0; n < 6; n++) {
        hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, n));
        answer(&b, OFFLOAD_REPLY, n);
    }
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 1)); /* window 4: the container says nothing to it */
    expect(&b, "", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 2)); /* it will: but behind three others */
    for (uint32_t n = 6; n < 9; n++) {
        hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, n));
        answer(&b, OFFLOAD_REPLY, n);
    }
    assert_int_equal(edge_undrained(client(&b)), 0);
    bench_free(&b);
}

static void an_older_association_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    struct msg m = offload(OFFLOAD_REQUEST, ap2, 0, 0);
    m.offload.sequence = 3;
    hear(&b, m);
    expect(&b, "CT0<SVCQ 0", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 1));
    expect(&b, "", EDGE_LIVE);
    bench_free(&b);
}

static void a_late_attach_starts_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_REMOVING, "p-migr");
    finish(&b, 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_ATTACH, ap2, 0, 0));
    expect(&b, "AP2<OWNED status -2", EDGE_EMPTY);
    bench_free(&b);
}

/* --- what goes, and how it weighs ------------------------------------------------------------------------------------------ */

static void a_container_that_cannot_be_removed_is_removed_again(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_REMOVING, "p-migr");
    finish(&b, -EIO);
    expect(&b, "", EDGE_REMOVING);
    fake_wait(&b.fake, simtime_ms(1001));
    expect(&b, "do stop", EDGE_REMOVING);
    finish(&b, 0);
    expect(&b, "container gone, AP2<ACK STOP", EDGE_EMPTY);
    bench_free(&b);
}

static void files_are_gone_when_their_removal_is_acknowledged(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_EMPTY, "p-migr");
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0));
    finish(&b, -EIO);
    expect(&b, "do discard", EDGE_EMPTY);
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0));
    finish(&b, 0);
    expect(&b, "do discard, ES1<ACK REMOVE", EDGE_EMPTY);
    hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5)); /* late */
    expect(&b, "ES1<ACK INSTALL", EDGE_EMPTY);
    bench_free(&b);
}

static void an_older_stop_stops_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_STANDBY, "p-migr");
    hear(&b, offload(OFFLOAD_ACTIVATE, ap2, 3, 0));
    hear(&b, offload(OFFLOAD_ACTIVATE, ap2, 3, 0));
    expect(&b, "container live, AP2<ACK ACTIVATE, AP2<ACK ACTIVATE", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 2, 0));
    expect(&b, "AP2<ACK STOP", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_ACTIVATE, ap2, 2, 0));
    expect(&b, "", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 4, 0));
    finish(&b, 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5)); /* late: what it installed has come and gone */
    expect(&b, "ES1<ACK INSTALL", EDGE_EMPTY);
    bench_free(&b);
}

/* Every access point that can reach the edge hears of it, if placements weigh the load. */
static void a_container_that_comes_or_goes_is_a_load(void **state)
{
    (void)state;
    uint32_t hearers[] = {0, 2};
    const struct placement_edge edges[] = {[1] = {.hearers = hearers, .hearer_count = ARRAY_LEN(hearers)}};
    struct bench b;
    bench_init(&b, EDGE_EMPTY, "p-migr");
    b.fake.rules.policy.where = placement_of("weighted");
    b.fake.rules.policy.placement.edges = edges;
    hear(&b, offload(OFFLOAD_ATTACH, ap2, 0, 0));
    expect(&b, "do start, AP1<LOAD 1, AP3<LOAD 1", EDGE_STARTING);
    finish(&b, 0);
    expect(&b, "container live, AP2<ES2-READY", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 3, 0));
    expect(&b, "do stop", EDGE_REMOVING);
    finish(&b, 0);
    expect(&b, "container gone, AP1<LOAD 0, AP3<LOAD 0, AP2<ACK STOP", EDGE_EMPTY);
    bench_free(&b);
}

/* Access points take a load that they were told of before for an old one: it would never be heard again. */
static void loads_are_counted_on_after_a_restart(void **state)
{
    (void)state;
    uint32_t hearers[] = {0};
    const struct placement_edge edges[] = {[1] = {.hearers = hearers, .hearer_count = ARRAY_LEN(hearers)}};
    const struct owner_record records[] = {{.mud = 0, .state = EDGE_EMPTY, .loads_told = 40},
                                           {.mud = 1, .state = EDGE_LIVE, .sequence = 2, .loads_told = 39}};
    for (int first = 0; first < 2; first++) {
        struct bench b;
        fake_init(&b.fake, "p-migr");
        b.fake.rules.policy.where = placement_of("weighted");
        b.fake.rules.policy.placement.edges = edges;
        edge_init(&b.edge, &b.fake.port, &b.fake.rules, 1);
        edge_recover(&b.edge, &records[first], true);
        fake_listen(&b.fake);
        edge_recover(&b.edge, &records[!first], true);
        assert_non_null(strstr(fake_did(&b.fake), "AP1<LOAD 1"));
        assert_true(b.edge.loads_told > 40);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(the_gate_holds_requests_until_it_opens),
        cmocka_unit_test(a_gate_that_does_not_drain_opens_again_and_at_last_fails),
        cmocka_unit_test(what_nobody_answers_any_more_does_not_keep_the_gate_open),
        cmocka_unit_test(an_older_association_is_refused),
        cmocka_unit_test(a_late_attach_starts_nothing),
        cmocka_unit_test(a_container_that_cannot_be_removed_is_removed_again),
        cmocka_unit_test(files_are_gone_when_their_removal_is_acknowledged),
        cmocka_unit_test(an_older_stop_stops_nothing),
        cmocka_unit_test(a_container_that_comes_or_goes_is_a_load),
        cmocka_unit_test(loads_are_counted_on_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
