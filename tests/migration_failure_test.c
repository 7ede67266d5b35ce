/* Migrations that fail or are called off, at the source: what is undone from every stage, and when a container is lost. */
#include "edge_fixture.h"

struct undo_row {
    const char *strategy;
    int stages;        /* that have ended well */
    const char *fails; /* what follows if the next one fails, operation by operation */
    const char *cancelled;
};

static const struct undo_row undo_rows[] = {
    {"p-migr", 0, "do thaw; do discard; AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do thaw; do discard; migration superseded"},
    {"p-migr", 1, "do thaw; do discard; AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do thaw; do discard; migration superseded"},
    {"p-migr", 3, "do thaw; do discard; AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do thaw; do discard; migration superseded"},
    {"p-migr", 4, "do discard; ES3<REMOVE, AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do discard; ES3<REMOVE, migration superseded"},
    {"p-migr", 5, "do discard; ES3<REMOVE, AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do discard; ES3<REMOVE, migration superseded"},
    {"c-migr", 5, "do discard; ES3<REMOVE, AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do discard; ES3<REMOVE, migration superseded"},
    {"pre-copy", 0, "do discard; AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do discard; migration superseded"},
    {"pre-copy", 1, "do discard; ES3<REMOVE, AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do discard; ES3<REMOVE, migration superseded"},
    {"cold", 3, "do thaw; do discard; AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do thaw; do discard; migration superseded"},
    {"cold", 4, "do revive; CT0<PROBE 0, container live, do discard; ES3<REMOVE, AP2<FAILED status -5, migration failed",
     "AP2<ACK CANCEL, cancel; do revive; CT0<PROBE 0, container live, do discard; ES3<REMOVE, migration superseded"},
};

/* Finishes what is ordered until nothing is, and writes down what happened, operation by operation. */
static void play_out(struct bench *b, int32_t first_status, struct buf *did)
{
    buf_printf(did, "%s", fake_did(&b->fake));
    for (int32_t status = first_status; b->fake.ordered; status = 0) {
        buf_clear(&b->fake.did);
        finish(b, status);
        if (client(b)->out.unproven && !client(b)->out.halted)
            answer_probe(b, 1, 0);
        buf_printf(did, "%s%s", did->len ? "; " : "", fake_did(&b->fake));
    }
}

static void play_undo(const struct undo_row *row, bool cancel)
{
    struct bench b;
    struct buf did = BUF_INIT;
    bench_migrate(&b, row->strategy);
    for (int i = 0; i < row->stages; i++)
        finish(&b, 0);
    buf_clear(&b.fake.did);
    if (cancel)
        hear(&b, offload(OFFLOAD_CANCEL, ap2, 1, 0));
    play_out(&b, cancel ? -ECANCELED : -EIO, &did);
    assert_string_equal(buf_text(&did), cancel ? row->cancelled : row->fails);
    assert_int_equal(client(&b)->out.state, MIGRATION_NONE);
    assert_false(client(&b)->gate_closed);
    assert_int_equal(client(&b)->state, EDGE_LIVE);
    buf_free(&did);
    bench_free(&b);
}

static void every_stage_is_undone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(undo_rows); i++)
        for (int cancel = 0; cancel < 2; cancel++)
            play_undo(&undo_rows[i], cancel);
}

static void an_undo_that_fails_is_tried_again(void **state)
{
    (void)state;
    struct bench b;
    bench_migrate(&b, "p-migr");
    finish(&b, -EIO);
    buf_clear(&b.fake.did);
    finish(&b, -EIO);
    expect(&b, "", EDGE_LIVE); /* frozen still */
    fake_wait(&b.fake, simtime_ms(1001));
    expect(&b, "do thaw", EDGE_LIVE);
    finish(&b, 0);
    finish(&b, 0);
    expect(&b, "do discard, AP2<FAILED status -5, migration failed", EDGE_LIVE);
    bench_free(&b);
}

/* Halted, and the migration fails. */
static void begin_revival(struct bench *b)
{
    bench_migrate(b, "cold");
    for (int i = 0; i < 4; i++)
        finish(b, 0);
    finish(b, -EIO);
}

static void a_source_that_cannot_be_revived_is_declared(void **state)
{
    (void)state;
    struct bench b;
    begin_revival(&b);
    for (int i = 0; i < 20; i++) {
        finish(&b, -EIO);
        fake_wait(&b.fake, simtime_ms(1001));
    }
    assert_non_null(strstr(fake_did(&b.fake), "do stop")); /* nothing of it stays behind */
    finish(&b, 0);
    assert_non_null(strstr(fake_did(&b.fake), "container lost"));
    assert_int_equal(client(&b)->state, EDGE_EMPTY);
    bench_free(&b);
}

/* The container ends by itself after so many stages of the source. Before INSTALL the source declares the loss; after it the access point has
 * the verdict: the target may serve already. */
static const struct {
    const char *strategy;
    int stages;
    bool told;
} deaths[] = {
    {"p-migr", 0, false}, {"p-migr", 1, false}, {"p-migr", 2, false}, {"p-migr", 3, false},            {"p-migr", 4, false},
    {"p-migr", 5, false}, {"p-migr", 6, true},  {"c-migr", 2, false}, {"c-migr", 7, true},
};

static void die(struct bench *b, size_t row)
{
    bench_migrate(b, deaths[row].strategy);
    for (int i = 0; i < deaths[row].stages; i++)
        finish(b, 0);
    buf_clear(&b->fake.did);
    edge_container_died(&b->edge, 0, 0);
}

static void a_source_that_dies_is_declared(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
        struct bench b;
        die(&b, i);
        assert_int_equal(strstr(fake_did(&b.fake), "AP2<FAILED status -110") != NULL, deaths[i].told);
        if (deaths[i].told) {
            assert_null(strstr(fake_did(&b.fake), "lost"));
            hear(&b, offload(OFFLOAD_CANCEL, ap2, 1, 0));
        }
        while (b.fake.ordered)
            finish(&b, 0);
        assert_non_null(strstr(fake_did(&b.fake), "container lost"));
        assert_null(strstr(fake_did(&b.fake), "do thaw"));
        assert_int_equal(client(&b)->state, EDGE_EMPTY);
        bench_free(&b);
    }
}

static void a_source_that_dies_behind_the_commit_is_no_loss(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
        struct bench b;
        if (!deaths[i].told)
            continue;
        die(&b, i);
        hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
        while (b.fake.ordered)
            finish(&b, 0);
        assert_null(strstr(fake_did(&b.fake), "lost"));
        assert_non_null(strstr(fake_did(&b.fake), "container gone"));
        bench_free(&b);
    }
}

/* What is revived has another state than what was halted: its checkpoint was damaged. It must never serve. */
static void a_source_that_is_not_what_was_halted_is_declared(void **state)
{
    (void)state;
    struct bench b;
    begin_revival(&b);
    finish(&b, 0);
    buf_clear(&b.fake.did);
    answer_probe(&b, 1, 1);
    assert_string_equal(fake_did(&b.fake), "do stop");
    finish(&b, 0);
    assert_non_null(strstr(fake_did(&b.fake), "container lost"));
    assert_null(strstr(fake_did(&b.fake), "container live"));
    assert_int_equal(client(&b)->state, EDGE_EMPTY);
    bench_free(&b);
}

/* It runs again, or still does after a restart of the edge server, but says nothing: it cannot be compared. */
static void a_source_that_never_answers_again_is_declared(void **state)
{
    const struct owner_record halted = {.state = EDGE_LIVE, .out = 1, .out_ap = ap2, .halted = true};
    (void)state;
    for (int restarted = 0; restarted < 2; restarted++) {
        struct bench b;
        if (restarted) {
            bench_init(&b, EDGE_EMPTY, "cold");
            edge_recover(&b.edge, &halted, true);
        } else {
            begin_revival(&b);
            finish(&b, 0);
        }
        fake_wait(&b.fake, simtime_add(b.fake.rules.timeouts.operation, simtime_s(30)));
        assert_string_equal(b.fake.note, "undo: the container does not answer: given up");
        assert_int_equal(b.fake.order.operation, OP_STOP); /* nothing of it stays behind */
        buf_clear(&b.fake.did);
        finish(&b, 0);
        assert_non_null(strstr(fake_did(&b.fake), "migration failed"));
        assert_non_null(strstr(fake_did(&b.fake), "container lost"));
        buf_clear(&b.fake.did);
        fake_wait(&b.fake, simtime_s(10));
        assert_null(strstr(fake_did(&b.fake), "CT0<PROBE"));
        assert_int_equal(client(&b)->state, EDGE_EMPTY);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_is_undone),
        cmocka_unit_test(an_undo_that_fails_is_tried_again),
        cmocka_unit_test(a_source_that_cannot_be_revived_is_declared),
        cmocka_unit_test(a_source_that_dies_is_declared),
        cmocka_unit_test(a_source_that_dies_behind_the_commit_is_no_loss),
        cmocka_unit_test(a_source_that_is_not_what_was_halted_is_declared),
        cmocka_unit_test(a_source_that_never_answers_again_is_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
