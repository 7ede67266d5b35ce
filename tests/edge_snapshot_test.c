/* Snapshots of a container that is reconstructed from its log: when they are taken, what they leave of the log, what fails. */
#include "edge_fixture.h"

enum { EVERY = 4, MIGRATION = 3 };

static void begin(struct bench *b)
{
    bench_init(b, EDGE_LIVE, "log-replay");
    b->fake.rules.snapshot_every = EVERY;
    b->fake.rules.command_log_max = 1000;
}

/* Delivered and answered. */
static void execute(struct bench *b, uint32_t from, uint32_t until)
{
    for (uint32_t n = from; n < until; n++) {
        hear(b, offload(OFFLOAD_REQUEST, ap2, 0, n));
        answer(b, OFFLOAD_REPLY, n);
    }
    buf_clear(&b->fake.did);
}

static bool snapshot_runs(struct bench *b)
{
    return b->fake.ordered && b->fake.order.operation == OP_SNAPSHOT;
}

static void the_log_is_never_longer_than_from_snapshot_to_snapshot(void **state)
{
    enum { MEANWHILE = 2 };
    struct bench b;
    (void)state;
    begin(&b);
    for (uint32_t n = 0, begun = 0; n < 100; n++) {
        execute(&b, n, n + 1);
        assert_true(client(&b)->commands.len <= EVERY + MEANWHILE);
        assert_true(edge_commands_reach(client(&b), n + 1));
        begun = snapshot_runs(&b) && !begun ? n + 1 : begun;
        if (begun && n + 1 == begun + MEANWHILE) {
            finish(&b, 0);
            assert_int_equal(client(&b)->snapshot.next, begun);
            assert_int_equal(client(&b)->commands.len, MEANWHILE);
            begun = 0;
        }
    }
    bench_free(&b);
}

static void a_migration_waits_for_the_snapshot_and_begins_from_it(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    execute(&b, 0, EVERY);
    assert_true(snapshot_runs(&b));
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, MIGRATION, 0));
    expect(&b, "AP2<ACK MIGRATE", EDGE_LIVE);
    finish(&b, 0);
    expect(&b, "AP2<ACK MIGRATE, migr begins, AP2<CUT 4, do take log", EDGE_LIVE);
    for (int stage = 0; stage < 5; stage++)
        finish(&b, 0);
    expect(&b, "do take snapshot, do send memory, do send layer, do send log, ES3<INSTALL", EDGE_LIVE);
    bench_free(&b);
}

static void nothing_is_taken_while_a_migration_runs(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, MIGRATION, 0));
    execute(&b, 0, 2 * EVERY);
    assert_int_equal(b.fake.order.operation, OP_TAKE_LOG);
    assert_int_equal(client(&b)->commands.len, 2 * EVERY);
    bench_free(&b);
}

static void one_that_fails_is_tried_again_as_much_later(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    execute(&b, 0, EVERY);
    finish(&b, -EIO);
    execute(&b, EVERY, 2 * EVERY - 1);
    assert_false(snapshot_runs(&b));
    assert_true(edge_commands_reach(client(&b), 2 * EVERY - 1));
    execute(&b, 2 * EVERY - 1, 2 * EVERY);
    assert_true(snapshot_runs(&b));
    bench_free(&b);
}

static void one_that_does_not_end_is_called_off(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    execute(&b, 0, EVERY);
    fake_wait(&b.fake, simtime_s(121));
    expect(&b, "cancel", EDGE_LIVE);
    bench_free(&b);
}

/* It may be the snapshot's fault. */
static void after_a_failed_migration_the_next_one_has_another(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    execute(&b, 0, EVERY);
    finish(&b, 0);
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, MIGRATION, 0));
    finish(&b, -EIO); /* take log */
    finish(&b, 0);    /* discard */
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, MIGRATION + 1, 0));
    expect(&b, "AP2<ACK MIGRATE, do snapshot", EDGE_LIVE);
    bench_free(&b);
}

static void it_goes_with_its_container(void **state)
{
    struct bench b;
    (void)state;
    begin(&b);
    execute(&b, 0, EVERY);
    hear(&b, offload(OFFLOAD_STOP, ap2, MIGRATION, 0));
    expect(&b, "cancel, do stop", EDGE_REMOVING);
    struct order called_off = {.operation = OP_SNAPSHOT, .edge = es2};
    edge_operation_done(&b.edge, &called_off,
                        &(struct order_result){.status = -ECANCELED, .reason = "called off"});
    expect(&b, "", EDGE_REMOVING);
    assert_int_equal(client(&b)->snapshot.next, 0);
    bench_free(&b);
}

/* The log was in the memory of what has ended, which may have frozen the container. */
static void after_a_restart_the_container_goes_on_and_a_migration_begins_with_a_snapshot(void **state)
{
    const struct owner_record record = {.state = EDGE_LIVE, .sequence = 2, .owner = {PARTY_AP, 1}};
    struct bench b;
    (void)state;
    fake_init(&b.fake, "log-replay");
    b.fake.rules.snapshot_every = EVERY;
    edge_init(&b.edge, &b.fake.port, &b.fake.rules, 1);
    fake_listen(&b.fake);
    edge_recover(&b.edge, &record, true);
    expect(&b, "do thaw", EDGE_LIVE);
    finish(&b, 0);
    expect(&b, "CT0<PROBE 0", EDGE_LIVE);
    answer_probe(&b, 0, 7);
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, MIGRATION, 0));
    expect(&b, "AP2<ACK MIGRATE, do snapshot", EDGE_LIVE);
    finish(&b, 0);
    expect(&b, "AP2<ACK MIGRATE, migr begins, AP2<CUT 7, do take log", EDGE_LIVE);
    bench_free(&b);
}

static void the_target_keeps_what_has_arrived(void **state)
{
    struct bench b;
    struct replay_log log = {0};
    struct msg install = offload(OFFLOAD_INSTALL, es1, MIGRATION, 6);
    (void)state;
    replay_add(&log, &(struct offload){.number = 5});
    bench_init(&b, EDGE_EMPTY, "log-replay");
    b.fake.rules.snapshot_every = EVERY;
    install.offload.flags = OFFLOAD_SNAPSHOT;
    hear(&b, install);
    finish(&b, 0);
    finish(&b, 0);
    expect(&b, "ES1<ACK INSTALL, do create, do restore, do replay log", EDGE_INSTALLING);
    struct order order = b.fake.order;
    edge_operation_done(&b.edge, &order, &(struct order_result){.log = &log});
    replay_free(&log);
    answer(&b, OFFLOAD_REPLAYED, 5);
    expect(&b, "CT3<REPLAY 5, container standby, AP2<ES2-READY", EDGE_STANDBY);
    assert_int_equal(client(&b)->snapshot.next, 5);
    assert_true(edge_commands_reach(client(&b), 6));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_is_never_longer_than_from_snapshot_to_snapshot),
        cmocka_unit_test(a_migration_waits_for_the_snapshot_and_begins_from_it),
        cmocka_unit_test(nothing_is_taken_while_a_migration_runs),
        cmocka_unit_test(one_that_fails_is_tried_again_as_much_later),
        cmocka_unit_test(one_that_does_not_end_is_called_off),
        cmocka_unit_test(after_a_failed_migration_the_next_one_has_another),
        cmocka_unit_test(it_goes_with_its_container),
        cmocka_unit_test(after_a_restart_the_container_goes_on_and_a_migration_begins_with_a_snapshot),
        cmocka_unit_test(the_target_keeps_what_has_arrived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
