/* Lazy pages at both edges: the source stands still until the last page is fetched, whatever is asked of it meanwhile; the target serves
 * without them, and is lost without their source. */
#include "edge_fixture.h"

static const enum operation dumped[] = {OP_FREEZE, OP_DUMP_STATE};
static const enum operation sent[] = {OP_TAKE_LAYER, OP_SEND_STATE, OP_SEND_LAYER};

static void finish_all(struct bench *b, const enum operation *operations, size_t count)
{
    for (size_t i = 0; i < count; i++)
        finish_one(b, operations[i], 0);
}

/* The source: all but the pages is still to be sent. */
static void bring_to_send(struct bench *b)
{
    bench_init(b, EDGE_LIVE, "post-copy");
    hear(b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    answer_probe(b, 1, 0);
    finish_all(b, dumped, ARRAY_LEN(dumped));
    expect(
        b,
        "AP2<ACK MIGRATE, migr begins, CT0<PROBE 0, do freeze, do dump state, container halted, AP2<CUT 0, do take layer, "
        "do serve pages",
        EDGE_LIVE);
}

/* INSTALL is out, pages are served. */
static void bring_to_serve(struct bench *b)
{
    bring_to_send(b);
    finish_all(b, sent, ARRAY_LEN(sent));
    expect(b, "do send state, do send layer, ES3<INSTALL", EDGE_LIVE);
    assert_int_equal(client(b)->out.state, MIGRATION_INSTALLING);
}

/* The target: its container is live, pages are fetched. */
static void bring_to_fetch(struct bench *b)
{
    bench_init(b, EDGE_EMPTY, "post-copy");
    hear(b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    finish_one(b, OP_CREATE, 0);
    finish_one(b, OP_RESTORE_STATE, 0);
    expect(b,
           "ES1<ACK INSTALL, do create, do restore state, do fetch pages, container standby, AP2<ES2-READY",
           EDGE_STANDBY);
    hear(b, offload(OFFLOAD_ACTIVATE, ap2, 3, 0));
    expect(b, "container live, AP2<ACK ACTIVATE", EDGE_LIVE);
}

/* Nobody can ask for pages before all else is there, over however slow a link. */
static void who_sends_does_not_wait_for_pages(void **state)
{
    (void)state;
    struct bench b;
    bring_to_send(&b);
    finish_one(&b, OP_TAKE_LAYER, 0);
    fake_wait(&b.fake, simtime_scale(b.fake.rules.timeouts.operation, 10));
    assert_int_equal(client(&b)->out.state, MIGRATION_WORKING);
    bench_free(&b);
}

static void the_source_goes_when_its_pages_are_there(void **state)
{
    (void)state;
    struct bench b;
    bring_to_serve(&b);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "", EDGE_LIVE);
    finish_one(&b, OP_SERVE_PAGES, 0);
    expect(&b, "do stop, migration finished", EDGE_REMOVING);
    finish_one(&b, OP_STOP, 0);
    expect(&b, "container gone, AP2<ACK STOP", EDGE_EMPTY);
    bench_free(&b);
}

static void pages_that_come_early_wait_for_the_verdict(void **state)
{
    (void)state;
    struct bench b;
    bring_to_serve(&b);
    finish_one(&b, OP_SERVE_PAGES, 0);
    expect(&b, "", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "do stop, migration finished", EDGE_REMOVING);
    bench_free(&b);
}

static void a_source_that_is_called_off_serves_again(void **state)
{
    (void)state;
    struct bench b;
    bring_to_serve(&b);
    struct msg cancel = offload(OFFLOAD_CANCEL, ap2, 1, 0);
    cancel.offload.peer = es3;
    hear(&b, cancel);
    expect(&b, "AP2<ACK CANCEL, cancel", EDGE_LIVE);
    finish_one(&b, OP_SERVE_PAGES, -ECANCELED);
    finish_one(&b, OP_THAW, 0);
    finish_one(&b, OP_DISCARD, 0);
    expect(&b, "do thaw, container live, do discard, ES3<REMOVE, migration superseded", EDGE_LIVE);
    bench_free(&b);
}

/* Side by side the target may have all that it needs although the source does not know it. */
static void what_may_have_arrived_is_not_undone(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "post-copy");
    b.fake.rules.strategy = b.fake.rules.strategy->overlapped;
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    answer_probe(&b, 1, 0);
    finish_one(&b, OP_FREEZE, 0);
    expect(&b, "AP2<ACK MIGRATE, migr begins, CT0<PROBE 0, ES3<INSTALL, do freeze, do take layer, do dump state", EDGE_LIVE);
    finish_one(&b, OP_TAKE_LAYER, 0);
    finish_one(&b, OP_DUMP_STATE, 0);
    expect(&b, "do send layer, container halted, AP2<CUT 0, do serve pages, do send state", EDGE_LIVE);
    finish_one(&b, OP_SEND_STATE, 0);
    finish_one(&b, OP_SEND_LAYER, -ECONNRESET);
    expect(&b, "cancel, AP2<FAILED status -110", EDGE_LIVE);
    finish_one(&b, OP_SERVE_PAGES, -ECANCELED);
    expect(&b, "AP2<FAILED status -110", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "do stop, migration finished", EDGE_REMOVING);
    bench_free(&b);
}

/* The access point may have committed: it is asked, and nothing is undone meanwhile. */
static void pages_that_break_off_are_the_access_points_to_judge(void **state)
{
    (void)state;
    struct bench b;
    bring_to_serve(&b);
    finish_one(&b, OP_SERVE_PAGES, -EIO);
    expect(&b, "AP2<FAILED status -110", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "do stop, migration finished", EDGE_REMOVING);
    bench_free(&b);
}

static struct msg removal_acknowledged(int32_t status)
{
    struct msg ack = offload(OFFLOAD_ACK, es3, 1, 0);
    ack.offload.acked = OFFLOAD_REMOVE;
    ack.offload.status = status;
    return ack;
}

/* Who claims the device, or has forgotten it, does not know whether the target serves it. */
static void a_claim_asks_the_target_first(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, flags;
        int32_t status;
        const char *asked, *did;
    } rows[] = {
        {OFFLOAD_CLAIM, 0, 0, "ES3<REMOVE", "cancel"},
        {OFFLOAD_CLAIM, 0, -EEXIST, "ES3<REMOVE", ""},
        {OFFLOAD_CANCEL, OFFLOAD_FORGOTTEN, 0, "AP3<ACK CANCEL, ES3<REMOVE", "cancel"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bring_to_serve(&b);
        struct msg question = offload(rows[i].type, ap3, 1, 0);
        question.offload.peer = (struct party){0};
        question.offload.sequence = 3;
        question.offload.flags = rows[i].flags;
        hear(&b, question);
        expect(&b, rows[i].asked, EDGE_LIVE);
        hear(&b, removal_acknowledged(rows[i].status));
        expect(&b, rows[i].did, EDGE_LIVE);
        assert_int_equal(client(&b)->out.left, rows[i].status != 0);
        assert_int_equal(client(&b)->out.state == MIGRATION_UNDOING, rows[i].status == 0);
        bench_free(&b);
    }
}

static void the_target_migrates_on_when_it_is_whole(void **state)
{
    (void)state;
    struct bench b;
    bring_to_fetch(&b);
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 4, 0));
    expect(&b, "AP2<ACK MIGRATE", EDGE_LIVE);
    assert_true(edge_busy(&b.edge));
    finish_one(&b, OP_FETCH_PAGES, 0);
    expect(&b, "AP2<ACK MIGRATE, migr begins, CT3<PROBE 5", EDGE_LIVE);
    bench_free(&b);
}

static void a_target_whose_pages_do_not_come_is_lost(void **state)
{
    (void)state;
    struct bench b;
    bring_to_fetch(&b);
    finish_one(&b, OP_FETCH_PAGES, -EIO);
    expect(&b, "container lost, do discard", EDGE_REMOVING);
    finish_one(&b, OP_DISCARD, 0);
    expect(&b, "", EDGE_EMPTY);
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0)); /* the source asks whether it may go on */
    finish_one(&b, OP_DISCARD, 0);
    expect(&b, "do discard, ES1<ACK REMOVE status -17", EDGE_EMPTY);
    bench_free(&b);
}

static void before_the_commit_only_the_migration_fails(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_STANDBY, "post-copy");
    finish_one(&b, OP_FETCH_PAGES, -EIO);
    expect(&b, "AP2<FAILED status -5, do discard", EDGE_REMOVING);
    bench_free(&b);
}

/* It is not said to be ready without them. */
static void nor_do_they_come_while_a_volume_is_waited_for(void **state)
{
    (void)state;
    static const enum operation there[] = {OP_RECEIVE_STATE, OP_RECEIVE_LAYER, OP_CREATE, OP_RESTORE_STATE};
    struct strategy with_volume;
    struct bench b;
    bench_init(&b, EDGE_EMPTY, "post-copy");
    assert_true(strategy_add_volume(b.fake.rules.strategy, VOLUME_ON_ARRIVAL, &with_volume));
    b.fake.rules.strategy = &with_volume;
    hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    finish_all(&b, there, ARRAY_LEN(there));
    expect(&b,
           "ES1<ACK INSTALL, do receive volume, do receive state, do receive layer, do create, do restore state, do fetch pages",
           EDGE_INSTALLING);
    finish_one(&b, OP_FETCH_PAGES, -EIO);
    expect(&b, "cancel", EDGE_INSTALLING);
    finish_one(&b, OP_RECEIVE_VOLUME, -ECANCELED);
    expect(&b, "AP2<FAILED status -5, do discard", EDGE_REMOVING);
    bench_free(&b);
}

static void a_container_that_ends_ends_its_fetching(void **state)
{
    (void)state;
    struct bench b;
    bring_to_fetch(&b);
    edge_container_died(&b.edge, 0, 3);
    expect(&b, "cancel, container lost", EDGE_EMPTY);
    finish_one(&b, OP_FETCH_PAGES, -ECANCELED);
    expect(&b, "", EDGE_EMPTY);
    assert_false(edge_busy(&b.edge));
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sends_does_not_wait_for_pages),
        cmocka_unit_test(the_source_goes_when_its_pages_are_there),
        cmocka_unit_test(pages_that_come_early_wait_for_the_verdict),
        cmocka_unit_test(a_source_that_is_called_off_serves_again),
        cmocka_unit_test(what_may_have_arrived_is_not_undone),
        cmocka_unit_test(pages_that_break_off_are_the_access_points_to_judge),
        cmocka_unit_test(a_claim_asks_the_target_first),
        cmocka_unit_test(the_target_migrates_on_when_it_is_whole),
        cmocka_unit_test(a_target_whose_pages_do_not_come_is_lost),
        cmocka_unit_test(before_the_commit_only_the_migration_fails),
        cmocka_unit_test(nor_do_they_come_while_a_volume_is_waited_for),
        cmocka_unit_test(a_container_that_ends_ends_its_fetching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
