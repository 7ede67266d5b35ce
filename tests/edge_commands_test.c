/* The command log at the target: a fresh container executes it a window at a time, and what it answers decides. */
#include "edge_fixture.h"

enum { COMMANDS = 5, WINDOW = 2 };

/* The target has started its container and read a log of COMMANDS requests; request n has the digest n + 100. */
static void begin_reconstruction(struct bench *b)
{
    struct replay_log log = {0};
    for (uint32_t n = 0; n < COMMANDS; n++) {
        struct replay_entry *entry = replay_add(&log, &(struct offload){.number = n, .payload_len = 10});
        entry->answered = true;
        entry->source_digest = n + 100;
    }
    bench_init(b, EDGE_EMPTY, "log-replay");
    b->fake.rules.window = WINDOW;
    hear(b, offload(OFFLOAD_INSTALL, es1, 3, COMMANDS));
    finish(b, 0); /* start */
    buf_clear(&b->fake.did);
    struct order order = b->fake.order;
    assert_int_equal(order.operation, OP_REPLAY_LOG);
    b->fake.ordered = false;
    edge_operation_done(&b->edge, &order, &(struct order_result){.log = &log});
    replay_free(&log);
}

static void execute(struct bench *b, uint32_t number, uint64_t digest)
{
    struct offload o = {.type = OFFLOAD_REPLAYED, .number = number, .digest = digest};
    edge_container_says(&b->edge, 3, &o);
}

static void a_log_is_executed_a_window_at_a_time(void **state)
{
    (void)state;
    struct bench b;
    begin_reconstruction(&b);
    expect(&b, "CT3<REPLAY 0, CT3<REPLAY 1", EDGE_INSTALLING);
    execute(&b, 0, 100);
    expect(&b, "CT3<REPLAY 2", EDGE_INSTALLING);
    execute(&b, 0, 100); /* an answer to a repetition */
    expect(&b, "", EDGE_INSTALLING);
    for (uint32_t n = 1; n < COMMANDS; n++)
        execute(&b, n, n + 100);
    expect(&b, "CT3<REPLAY 3, CT3<REPLAY 4, container standby, AP2<ES2-READY", EDGE_STANDBY);
    assert_true(edge_commands_reach(client(&b), COMMANDS));
    assert_false(edge_commands_reach(client(&b), COMMANDS + 1));
    bench_free(&b);
}

static void another_digest_fails_the_migration(void **state)
{
    (void)state;
    struct bench b;
    begin_reconstruction(&b);
    buf_clear(&b.fake.did);
    execute(&b, 0, 99);
    expect(&b, "AP2<FAILED status -74, do discard", EDGE_REMOVING);
    bench_free(&b);
}

static void a_silent_container_is_asked_again_and_given_up(void **state)
{
    (void)state;
    struct bench b;
    begin_reconstruction(&b);
    buf_clear(&b.fake.did);
    fake_wait(&b.fake, simtime_ms(1001));
    expect(&b, "CT3<REPLAY 0, CT3<REPLAY 1", EDGE_INSTALLING);
    for (int second = 0; second < 20; second++)
        fake_wait(&b.fake, simtime_ms(1001));
    assert_non_null(strstr(fake_did(&b.fake), "AP2<FAILED status -110, do discard"));
    bench_free(&b);
}

static void an_answer_that_nobody_asked_for_is_unforeseen(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_INSTALLING, "p-migr");
    uint64_t before = b.edge.actor.unexpected;
    execute(&b, 0, 100);
    assert_int_equal(b.edge.actor.unexpected, before + 1);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_executed_a_window_at_a_time),
        cmocka_unit_test(another_digest_fails_the_migration),
        cmocka_unit_test(a_silent_container_is_asked_again_and_given_up),
        cmocka_unit_test(an_answer_that_nobody_asked_for_is_unforeseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
