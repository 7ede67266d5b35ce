/* An edge server after a restart, its own or an access point's, who then claims containers: what it remembers, and which orders are too old. */
#include "edge_fixture.h"

struct recover_row {
    const char *label;
    struct owner_record record;
    bool exists;
    const char *did;
    enum edge_state after;
};

static const struct recover_row recover_rows[] = {
    {"nothing is here", {.state = EDGE_EMPTY, .ended = 3}, false, "", EDGE_EMPTY},
    {"a container was being started", {.state = EDGE_STARTING}, true, "do stop", EDGE_REMOVING},
    {"it goes on", {.state = EDGE_LIVE, .container = 3}, true, "CT3<PROBE 0", EDGE_LIVE},
    {"it is gone", {.state = EDGE_LIVE, .container = 3}, false, "container lost", EDGE_EMPTY},
    {"it was being dumped",
     {.state = EDGE_LIVE, .out = 4, .frozen = true},
     true,
     "CT0<PROBE 0, do thaw",
     EDGE_LIVE},
    {"it was halted, nobody told", {.state = EDGE_LIVE, .out = 4, .halted = true}, false, "do revive", EDGE_LIVE},
    {"the target was told: the access point may have committed",
     {.state = EDGE_LIVE, .out = 4, .out_ap = {PARTY_AP, 1}, .sent = true, .told = true},
     true,
     "CT0<PROBE 0, AP2<FAILED status -110",
     EDGE_LIVE},
    {"another was being installed",
     {.state = EDGE_INSTALLING, .container = 3, .in_ap = {PARTY_AP, 1}},
     false,
     "AP2<FAILED status -104, do discard",
     EDGE_REMOVING},
    {"another was restored",
     {.state = EDGE_STANDBY, .container = 3, .in_ap = {PARTY_AP, 1}},
     true,
     "AP2<FAILED status -104, do discard",
     EDGE_REMOVING},
    {"it was being stopped",
     {.state = EDGE_REMOVING, .container = 3, .operation = OP_STOP, .removal = 4},
     true,
     "do stop",
     EDGE_REMOVING},
};

static void an_edge_recovers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(recover_rows); i++) {
        const struct recover_row *row = &recover_rows[i];
        struct owner_record record = row->record;
        struct bench b;
        fake_init(&b.fake, "cold");
        edge_init(&b.edge, &b.fake.port, &b.fake.rules, 1);
        fake_listen(&b.fake);
        record.mud = 0;
        edge_recover(&b.edge, &record, row->exists);
        if (strcmp(fake_did(&b.fake), row->did) != 0 || client(&b)->state != row->after)
            fail_msg("%s: \"%s\", state %d", row->label, fake_did(&b.fake), client(&b)->state);
        bench_free(&b);
    }
}

/* The edge server is killed while HALT is under way: the container is there still, or its checkpoint alone. */
static void a_container_that_was_being_halted_is_not_lost(void **state)
{
    (void)state;
    for (int exists = 0; exists < 2; exists++) {
        struct bench b, again;
        struct owner_record record;
        bench_migrate(&b, "cold");
        b.fake.port.keeps_owners = true;
        while (b.fake.order.operation != OP_HALT)
            finish(&b, 0);
        assert_true(owner_read(b.fake.owner.data, b.fake.owner.len, &record));
        bench_init(&again, EDGE_EMPTY, "cold");
        edge_recover(&again.edge, &record, exists);
        expect(&again, exists ? "CT0<PROBE 0, do thaw" : "do revive", EDGE_LIVE);
        finish(&again, 0);
        buf_clear(&again.fake.did);
        answer_probe(&again, 1, 0);
        finish(&again, 0);
        expect(&again, "container live, do discard, AP2<FAILED status -104, migration failed", EDGE_LIVE);
        bench_free(&again);
        bench_free(&b);
    }
}

/* Killed right behind the first record: the access point hears that nothing will come. */
static void keep_the_first_that_installs(struct port *port, struct party edge, const struct owner_record *record)
{
    struct fake_port *f = fake_of(port);
    if (f->owner.len == 0 && record->state == EDGE_INSTALLING)
        fake_keep_owner(port, edge, record);
}

static void a_target_killed_as_it_begins_tells_its_access_point(void **state)
{
    struct port_operations operations = fake_operations;
    struct bench b, again;
    struct owner_record record;
    (void)state;
    operations.keep_owner = keep_the_first_that_installs;
    bench_init(&b, EDGE_EMPTY, "p-migr");
    b.fake.port.operations = &operations;
    b.fake.port.keeps_owners = true;
    hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    assert_true(owner_read(b.fake.owner.data, b.fake.owner.len, &record));
    bench_init(&again, EDGE_EMPTY, "p-migr");
    edge_recover(&again.edge, &record, false);
    expect(&again, "AP2<FAILED status -104, do discard", EDGE_REMOVING);
    bench_free(&again);
    bench_free(&b);
}

/* The source alone forgot; the device is served here. */
static void a_container_in_use_is_not_removed_but_its_source(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_STANDBY, "p-migr");
    hear(&b, offload(OFFLOAD_ACTIVATE, ap2, 3, 0));
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 5));
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0));
    expect(&b, "ES1<ACK REMOVE status -17, ES1<STOP", EDGE_LIVE);
    bench_free(&b);
}

static void after_a_claim_older_verdicts_are_void(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    struct msg claim = offload(OFFLOAD_CLAIM, ap2, 0, 0);
    claim.offload.sequence = 9;
    hear(&b, claim);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_STOP, ap2, 3, 0));
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 3, 0));
    expect(&b, "AP2<ACK STOP, AP2<ACK MIGRATE, AP2<FAILED status -2", EDGE_LIVE);
    bench_free(&b);
}

/* The claimant has had its answer, and begun the migration that the claim finds under way. */
static void a_claim_that_comes_late_calls_nothing_off(void **state)
{
    static const enum edge_state states[] = {EDGE_LIVE, EDGE_INSTALLING, EDGE_STANDBY};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct bench b;
        bench_init(&b, states[i], "p-migr");
        if (states[i] == EDGE_LIVE)
            hear(&b, offload(OFFLOAD_MIGRATE, ap2, 3, 0));
        buf_clear(&b.fake.did);
        hear(&b, offload(OFFLOAD_CLAIM, ap2, 0, 0));
        expect(&b, "", states[i]);
        bench_free(&b);
    }
}

/* A container comes here by migration 3 from ES1, and 4 takes it to ES3. */
struct doubt_row {
    const char *label;
    enum edge_state state;
    bool used;
    const char *did;
    enum edge_state after;
};

static const struct doubt_row doubt_rows[] = {
    {"nothing came", EDGE_EMPTY, false, "do discard", EDGE_EMPTY},
    {"it was never activated", EDGE_STANDBY, false, "do discard", EDGE_REMOVING},
    {"it was activated, but never used", EDGE_LIVE, false, "ES1<STOP", EDGE_LIVE},
    {"it serves", EDGE_LIVE, true, "ES1<STOP", EDGE_LIVE},
    {"it has served", EDGE_EMPTY, true, "ES1<STOP", EDGE_EMPTY},
    {"it has served, and another one comes", EDGE_INSTALLING, true, "ES1<STOP", EDGE_INSTALLING},
    {"it has served, and another one was called off since", EDGE_REMOVING, true, "ES1<STOP", EDGE_REMOVING},
};

/* Migration 4 has taken it away; 5 brings another one, which is called off. */
static void go_on_after(struct bench *b, enum edge_state state)
{
    hear(b, offload(OFFLOAD_STOP, ap2, 4, 0));
    finish(b, 0);
    if (state != EDGE_EMPTY)
        hear(b, offload(OFFLOAD_INSTALL, es1, 5, 9));
    if (state != EDGE_REMOVING)
        return;
    hear(b, offload(OFFLOAD_REMOVE, es1, 5, 0));
    finish(b, -ECANCELED);
}

/* Nobody but the target knows whether the migration is committed. */
static void a_target_says_whether_it_has_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(doubt_rows); i++) {
        const struct doubt_row *row = &doubt_rows[i];
        struct bench b;
        bench_init(&b, row->state == EDGE_EMPTY && !row->used ? EDGE_EMPTY : EDGE_STANDBY, "p-migr");
        if (row->used || row->state == EDGE_LIVE)
            hear(&b, offload(OFFLOAD_ACTIVATE, ap2, 3, 0));
        if (row->used)
            hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 5));
        if (row->used && row->state != EDGE_LIVE)
            go_on_after(&b, row->state);
        buf_clear(&b.fake.did);
        struct msg remove = offload(OFFLOAD_REMOVE, es1, 3, 0);
        remove.offload.flags = OFFLOAD_FORGOTTEN;
        hear(&b, remove);
        if (strcmp(fake_did(&b.fake), row->did) != 0 || client(&b)->state != row->after)
            fail_msg("%s: \"%s\", state %d", row->label, fake_did(&b.fake), client(&b)->state);
        bench_free(&b);
    }
}

/* ES2 is the source, and all has been sent. */
static void in_doubt(struct bench *b)
{
    bench_init(b, EDGE_LIVE, "stateless");
    hear(b, offload(OFFLOAD_MIGRATE, ap2, 3, 0));
    buf_clear(&b->fake.did);
    struct msg claim = offload(OFFLOAD_CLAIM, ap3, 0, 0);
    claim.offload.sequence = 9;
    hear(b, claim);
    hear(b, claim);
    expect(b, "ES3<REMOVE", EDGE_LIVE);
    assert_string_equal(b->fake.note, "migration in doubt: another access point has claimed the device");
}

/* A target that is out of reach may have something of every migration that has failed. */
static void whatever_was_left_behind_is_asked_for_after_a_restart(void **state)
{
    enum { MIGRATIONS = 9 };
    struct bench b, again;
    struct owner_record record;
    struct buf expected = BUF_INIT;
    (void)state;
    bench_init(&b, EDGE_LIVE, "stateless");
    b.fake.port.keeps_owners = true;
    for (uint32_t id = 1; id <= MIGRATIONS; id++) {
        hear(&b, offload(OFFLOAD_MIGRATE, ap2, id, 0));
        hear(&b, offload(OFFLOAD_CANCEL, ap2, id, 0));
        while (b.fake.ordered)
            finish(&b, 0);
    }
    struct msg gone = offload(OFFLOAD_ACK, es3, 3, 0);
    gone.offload.acked = OFFLOAD_REMOVE;
    hear(&b, gone);
    assert_true(owner_read(b.fake.owner.data, b.fake.owner.len, &record));
    for (uint32_t id = MIGRATIONS; id >= 1; id--)
        if (id != 3)
            buf_printf(&expected, "ES3<REMOVE, ");
    buf_printf(&expected, "CT0<PROBE 0");
    bench_init(&again, EDGE_EMPTY, "stateless");
    edge_recover(&again.edge, &record, true);
    expect(&again, buf_text(&expected), EDGE_LIVE);
    buf_free(&expected);
    bench_free(&again);
    bench_free(&b);
}

static void a_source_in_doubt_asks_its_target(void **state)
{
    (void)state;
    struct bench b;
    in_doubt(&b);
    hear(&b, offload(OFFLOAD_STOP, es3, 3, 0)); /* of an older association than the claim */
    hear(&b, offload(OFFLOAD_STOP, ap2, 3, 0));
    expect(&b, "do stop, migration finished", EDGE_REMOVING);
    bench_free(&b);
    in_doubt(&b);
    hear(&b, offload(OFFLOAD_STOP, ap2, 3, 0));
    expect(&b, "do stop, migration finished", EDGE_REMOVING);
    bench_free(&b);
    in_doubt(&b);
    struct msg gone = offload(OFFLOAD_ACK, es3, 3, 0);
    gone.offload.acked = OFFLOAD_REMOVE;
    hear(&b, gone);
    finish(&b, 0);
    expect(&b, "do discard, ES3<REMOVE, AP2<FAILED status -116, migration failed", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 3, 0));
    expect(&b, "AP2<ACK STOP", EDGE_LIVE);
    bench_free(&b);
}

/* It was asked about another one long ago. */
static void a_former_target_stops_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 3, 0));
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_STOP, es3, 2, 0));
    expect(&b, "ES3<ACK STOP", EDGE_LIVE);
    bench_free(&b);
}

/* The device has come to the access point again, by an association that is newer than the claim; its token is older. */
static void a_token_older_than_a_claim_is_void(void **state)
{
    static const struct {
        uint8_t type;
        uint32_t token;
        const char *did;
    } rows[] = {
        {OFFLOAD_REQUEST, 2, "AP2<OWNED status -116"},
        {OFFLOAD_REQUEST, 9, "CT0<SVCQ 0"},
        {OFFLOAD_MIGRATE, 2, "AP2<ACK MIGRATE, AP2<FAILED status -2, AP2<OWNED status -116"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b, EDGE_LIVE, "p-migr");
        struct msg claim = offload(OFFLOAD_CLAIM, ap3, 0, 0);
        claim.offload.sequence = 9;
        hear(&b, claim);
        buf_clear(&b.fake.did);
        struct msg m = offload(rows[i].type, ap2, 0, 0);
        m.offload.sequence = 10;
        m.offload.until = rows[i].token;
        hear(&b, m);
        expect(&b, rows[i].did, EDGE_LIVE);
        bench_free(&b);
    }
}

/* A claimant and the access point that the device has moved on to know nothing of each other. */
static void of_two_migrations_with_one_number_the_newer_association_decides(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "none");
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 3, 0));
    buf_clear(&b.fake.did);
    struct msg newer = offload(OFFLOAD_MIGRATE, ap3, 3, 0);
    newer.offload.sequence = newer.offload.until = 3;
    hear(&b, newer);
    expect(&b, "AP3<ACK MIGRATE, AP3<FAILED status -2", EDGE_LIVE);
    newer.offload.type = OFFLOAD_CANCEL;
    newer.offload.status = -ENOENT;
    struct msg older = newer;
    older.from = es3;
    older.offload.sequence = 1;
    hear(&b, older);
    expect(&b, "ES3<ACK CANCEL", EDGE_LIVE);
    hear(&b, newer);
    expect(&b, "AP3<ACK CANCEL, ES3<REMOVE", EDGE_LIVE);
    bench_free(&b);
}

/* Its other edges have been told; this one may be the last that hears of it. */
static void after_a_claim_nothing_older_begins(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_EMPTY, "p-migr");
    struct msg claim = offload(OFFLOAD_CLAIM, ap3, 0, 0);
    claim.offload.sequence = 9;
    hear(&b, claim);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    expect(&b, "ES1<ACK INSTALL, AP2<FAILED status -116", EDGE_EMPTY);
    hear(&b, offload(OFFLOAD_ATTACH, ap2, 0, 0));
    expect(&b, "AP2<OWNED status -2", EDGE_EMPTY);
    bench_free(&b);
}

static void a_container_that_dies_while_the_edge_recovers_is_lost(void **state)
{
    (void)state;
    struct bench b;
    const struct owner_record record = {.state = EDGE_LIVE};
    bench_init(&b, EDGE_EMPTY, "p-migr");
    edge_recover(&b.edge, &record, true);
    edge_container_died(&b.edge, 0, 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_CLAIM, ap2, 0, 0));
    expect(&b, "AP2<OWNED status -130", EDGE_EMPTY);
    fake_wait(&b.fake, simtime_ms(5000));
    expect(&b, "", EDGE_EMPTY);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_recovers),
        cmocka_unit_test(a_container_that_was_being_halted_is_not_lost),
        cmocka_unit_test(a_target_killed_as_it_begins_tells_its_access_point),
        cmocka_unit_test(a_container_in_use_is_not_removed_but_its_source),
        cmocka_unit_test(after_a_claim_older_verdicts_are_void),
        cmocka_unit_test(a_claim_that_comes_late_calls_nothing_off),
        cmocka_unit_test(a_target_says_whether_it_has_served),
        cmocka_unit_test(a_former_target_stops_nothing),
        cmocka_unit_test(a_token_older_than_a_claim_is_void),
        cmocka_unit_test(of_two_migrations_with_one_number_the_newer_association_decides),
        cmocka_unit_test(a_source_in_doubt_asks_its_target),
        cmocka_unit_test(whatever_was_left_behind_is_asked_for_after_a_restart),
        cmocka_unit_test(after_a_claim_nothing_older_begins),
        cmocka_unit_test(a_container_that_dies_while_the_edge_recovers_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
