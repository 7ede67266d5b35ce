/* A migration whose stages go side by side, at its source and its target. */
#include "edge_fixture.h"

static void overlap(struct bench *b)
{
    b->fake.rules.strategy = strategy_of("p-migr")->overlapped;
}

static void begin_overlapped(struct bench *b)
{
    bench_init(b, EDGE_LIVE, "p-migr");
    overlap(b);
    hear(b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    expect(b, "AP2<ACK MIGRATE, migr begins, ES3<INSTALL, do freeze", EDGE_LIVE);
}

static void each_stage_begins_when_what_it_needs_has_ended(void **state)
{
    (void)state;
    static const struct {
        enum operation ends;
        const char *then;
    } rows[] = {
        {OP_FREEZE, "do take layer, do dump, do send memory"},
        {OP_DUMP, ""},
        {OP_TAKE_LAYER, "do thaw, do send layer"},
        {OP_THAW, "AP2<CUT 0"},
        {OP_SEND_LAYER, ""},
        {OP_SEND_MEMORY, ""},
    };
    struct bench b;
    begin_overlapped(&b);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(client(&b)->out.state, MIGRATION_WORKING);
        finish_one(&b, rows[i].ends, 0);
        expect(&b, rows[i].then, EDGE_LIVE);
    }
    assert_int_equal(client(&b)->out.state, MIGRATION_INSTALLING);
    bench_free(&b);
}

static void a_stage_that_fails_ends_those_beside_it_first(void **state)
{
    (void)state;
    struct bench b;
    begin_overlapped(&b);
    finish_one(&b, OP_FREEZE, 0);
    expect(&b, "do take layer, do dump, do send memory", EDGE_LIVE);
    finish_one(&b, OP_DUMP, -EIO);
    expect(&b, "cancel", EDGE_LIVE);
    finish_one(&b, OP_SEND_MEMORY, -ECANCELED);
    finish_one(&b, OP_TAKE_LAYER, -ECANCELED);
    expect(&b, "do thaw", EDGE_LIVE);
    finish(&b, 0);
    finish(&b, 0);
    expect(&b, "do discard, ES3<REMOVE, AP2<FAILED status -5, migration failed", EDGE_LIVE);
    bench_free(&b);
}

/* The target may be ready before the source has been thawed, and the access point asks both: the frozen one when it goes on. */
static void a_probe_waits_for_the_thaw(void **state)
{
    (void)state;
    struct bench b;
    begin_overlapped(&b);
    static const enum operation ends[] = {OP_FREEZE, OP_TAKE_LAYER, OP_DUMP, OP_SEND_LAYER, OP_SEND_MEMORY};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        finish_one(&b, ends[i], 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_PROBE, ap2, 1, 0));
    expect(&b, "", EDGE_LIVE);
    finish_one(&b, OP_THAW, 0);
    expect(&b, "AP2<CUT 0, CT0<PROBE 0", EDGE_LIVE);
    bench_free(&b);
}

/* The acknowledgement of the last byte may be slower than the whole rest. */
static void a_stop_ends_what_is_still_being_sent(void **state)
{
    (void)state;
    struct bench b;
    begin_overlapped(&b);
    static const enum operation ends[] = {OP_FREEZE, OP_TAKE_LAYER, OP_DUMP, OP_THAW, OP_SEND_LAYER};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        finish_one(&b, ends[i], 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "cancel, do stop, migration finished", EDGE_REMOVING);
    struct order stop = b.fake.order;
    finish_one(&b, OP_SEND_MEMORY, -ECANCELED);
    expect(&b, "", EDGE_REMOVING);
    b.fake.order = stop;
    finish_one(&b, OP_STOP, 0);
    expect(&b, "container gone, AP2<ACK STOP", EDGE_EMPTY);
    bench_free(&b);
}

static void install_overlapped(struct bench *b)
{
    bench_init(b, EDGE_EMPTY, "p-migr");
    overlap(b);
    hear(b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    expect(b, "ES1<ACK INSTALL, do create, do receive layer, do receive memory", EDGE_INSTALLING);
}

static void the_target_prepares_while_it_receives(void **state)
{
    (void)state;
    struct bench b;
    install_overlapped(&b);
    finish_one(&b, OP_RECEIVE_LAYER, 0);
    finish_one(&b, OP_CREATE, 0);
    finish_one(&b, OP_PUT_LAYER, 0);
    expect(&b, "do put layer", EDGE_INSTALLING);
    fake_wait(&b.fake, simtime_s(1000)); /* the memory takes its time: the source watches its progress */
    expect(&b, "", EDGE_INSTALLING);
    finish_one(&b, OP_RECEIVE_MEMORY, 0);
    finish_one(&b, OP_RESTORE, 0);
    expect(&b, "do restore, container standby, AP2<ES2-READY", EDGE_STANDBY);
    bench_free(&b);
}

static void a_target_that_fails_ends_all_before_it_says_so(void **state)
{
    (void)state;
    struct bench b;
    install_overlapped(&b);
    finish_one(&b, OP_CREATE, -EIO);
    expect(&b, "cancel", EDGE_INSTALLING);
    finish_one(&b, OP_RECEIVE_LAYER, -ECANCELED);
    expect(&b, "", EDGE_INSTALLING);
    finish_one(&b, OP_RECEIVE_MEMORY, -ECANCELED);
    expect(&b, "AP2<FAILED status -5, do discard", EDGE_REMOVING);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stage_begins_when_what_it_needs_has_ended),
        cmocka_unit_test(a_stage_that_fails_ends_those_beside_it_first),
        cmocka_unit_test(a_probe_waits_for_the_thaw),
        cmocka_unit_test(a_stop_ends_what_is_still_being_sent),
        cmocka_unit_test(the_target_prepares_while_it_receives),
        cmocka_unit_test(a_target_that_fails_ends_all_before_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
