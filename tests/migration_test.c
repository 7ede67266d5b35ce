/* Both sides of a migration, stage by stage: what is ordered, what is undone from every stage, and what a late or lost message does. */
#include "edge_fixture.h"

static void begin(struct bench *b, const char *strategy)
{
    bench_init(b, EDGE_LIVE, strategy);
    hear(b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    if (client(b)->out.state == MIGRATION_PROBING)
        answer_probe(b, 1, 0);
}

/* --- the source ------------------------------------------------------------------------------------------------------------- */

struct walk {
    const char *strategy;
    const char *did[12]; /* by MIGRATE, then by each operation that ends well */
};

static const struct walk walks[] = {
    {"p-migr",
     {"AP2<ACK MIGRATE, migr begins, do freeze", "do dump", "do take layer", "do thaw",
      "AP2<CUT 0, do send memory", "do send layer", "ES3<INSTALL"}},
    {"c-migr",
     {"AP2<ACK MIGRATE, migr begins, do freeze", "do dump", "do commit", "do thaw",
      "AP2<CUT 0, do send memory", "do save", "do send image", "ES3<INSTALL"}},
    {"cold",
     {"AP2<ACK MIGRATE, migr begins, CT0<PROBE 0, do freeze", "do dump", "do take layer", "do halt",
      "container halted, AP2<CUT 0, do send memory", "do send layer", "ES3<INSTALL"}},
    {"pre-copy",
     {"AP2<ACK MIGRATE, migr begins, do seed", "do send seed", "do freeze", "do dump", "do take layer", "do thaw",
      "AP2<CUT 0, do diff", "do send changes", "ES3<INSTALL"}},
    {"image-copy",
     {"AP2<ACK MIGRATE, migr begins, AP2<CUT 0, do commit", "do save", "do send image", "ES3<INSTALL"}},
    {"log-replay", {"AP2<ACK MIGRATE, migr begins, AP2<CUT 0, do take log", "do send log", "ES3<INSTALL"}},
    {"stateless", {"AP2<ACK MIGRATE, migr begins, AP2<CUT 0, ES3<INSTALL"}},
};

static void the_source_walks_its_stages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        struct bench b;
        begin(&b, walks[i].strategy);
        expect(&b, walks[i].did[0], EDGE_LIVE);
        for (int k = 1; walks[i].did[k]; k++) {
            finish(&b, 0);
            expect(&b, walks[i].did[k], EDGE_LIVE);
        }
        assert_int_equal(client(&b)->out.state, MIGRATION_INSTALLING);
        hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
        expect(&b, "do stop", EDGE_REMOVING);
        finish(&b, 0);
        expect(&b, "container gone, AP2<ACK STOP", EDGE_EMPTY);
        bench_free(&b);
    }
}

/* --- the undo: from every stage, by failure and by CANCEL --------------------------------------------------------------------- */

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
    begin(&b, row->strategy);
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
    begin(&b, "p-migr");
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
    begin(b, "cold");
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
    begin(b, deaths[row].strategy);
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

static void a_target_that_dies_fails_the_migration(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_STANDBY, "p-migr");
    edge_container_died(&b.edge, 0, 2); /* an older one's end is no news */
    assert_string_equal(fake_did(&b.fake), "");
    edge_container_died(&b.edge, 0, 3);
    assert_string_equal(fake_did(&b.fake), "AP2<FAILED status -3, do discard");
    bench_free(&b);
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

/* A removal that hangs is called off and asked for again. */
static void a_stop_that_hangs_is_tried_again(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "p-migr");
    for (int i = 0; i < 6; i++)
        finish(&b, 0);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    buf_clear(&b.fake.did);
    fake_wait(&b.fake, simtime_s(121));
    assert_non_null(strstr(fake_did(&b.fake), "cancel"));
    finish(&b, -ECANCELED);
    fake_wait(&b.fake, simtime_ms(1001));
    finish(&b, 0);
    assert_non_null(strstr(fake_did(&b.fake), "do stop, container gone, AP2<ACK STOP"));
    bench_free(&b);
}

/* --- order of messages ---------------------------------------------------------------------------------------------------------- */

static void a_newer_migration_supersedes_an_older_never_the_other_way(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 2, 0));
    expect(&b, "AP2<ACK MIGRATE, migr begins, do freeze", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_MIGRATE, ap3, 1, 0)); /* late */
    expect(&b, "AP3<ACK MIGRATE", EDGE_LIVE);
    hear(&b, offload(OFFLOAD_MIGRATE, ap3, 4, 0));
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 3, 0)); /* late */
    expect(&b, "AP3<ACK MIGRATE, cancel, AP2<ACK MIGRATE", EDGE_LIVE);
    finish(&b, -ECANCELED);
    finish(&b, 0);
    finish(&b, 0);
    expect(&b, "do thaw, do discard, migration superseded, AP3<ACK MIGRATE, migr begins, do freeze",
           EDGE_LIVE);
    assert_int_equal(client(&b)->out.id, 4);
    bench_free(&b);
}

static void a_migration_called_off_before_it_came_never_begins(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "p-migr");
    hear(&b, offload(OFFLOAD_CANCEL, ap2, 1, 0));
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    expect(&b, "AP2<ACK CANCEL, AP2<ACK MIGRATE, AP2<FAILED status -2", EDGE_LIVE);
    assert_int_equal(client(&b)->out.state, MIGRATION_NONE);
    bench_free(&b);
}

/* The access point may have committed, with only the acknowledgements lost: the source must not take the container away. */
static void a_silent_target_is_for_the_access_point_to_give_up(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "p-migr");
    for (int i = 0; i < 6; i++)
        finish(&b, 0);
    struct msg ack = offload(OFFLOAD_ACK, ap2, 1, 0);
    ack.offload.acked = OFFLOAD_CUT;
    hear(&b, ack);
    fake_wait(&b.fake, simtime_ms(21500));
    assert_non_null(strstr(fake_did(&b.fake), "ES3<INSTALL, AP2<FAILED status -110"));
    assert_null(strstr(fake_did(&b.fake), "do discard"));
    assert_int_equal(client(&b)->out.state, MIGRATION_INSTALLING);
    bench_free(&b);
}

static void a_lost_probe_does_not_close_the_gate_for_ever(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_LIVE, "cold");
    hear(&b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    hear(&b, offload(OFFLOAD_REQUEST, ap2, 0, 0));
    expect(&b, "AP2<ACK MIGRATE, migr begins, CT0<PROBE 0", EDGE_LIVE);
    fake_wait(&b.fake, simtime_ms(1001));
    expect(&b, "CT0<SVCQ 0", EDGE_LIVE);
    answer(&b, OFFLOAD_REPLY, 0);
    assert_int_equal(client(&b)->log.len, 0); /* it is no request after the cut: there is none yet */
    fake_wait(&b.fake, simtime_s(1));
    expect(&b, "AP2<SVCR 0, CT0<PROBE 1", EDGE_LIVE);
    answer_probe(&b, 1, 0); /* of the first try */
    expect(&b, "", EDGE_LIVE);
    answer_probe(&b, 1, 1);
    expect(&b, "do freeze", EDGE_LIVE);
    bench_free(&b);
}

/* --- the target ----------------------------------------------------------------------------------------------------------------- */

static void the_target_installs_and_serves(void **state)
{
    (void)state;
    static const struct {
        const char *strategy, *first;
        int operations;
    } rows[] = {{"p-migr", "ES1<ACK INSTALL, do create", 2},
                {"c-migr", "ES1<ACK INSTALL, do load", 3},
                {"cold", "ES1<ACK INSTALL, do create", 2}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b, EDGE_EMPTY, rows[i].strategy);
        hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5));
        expect(&b, rows[i].first, EDGE_INSTALLING);
        for (int k = 0; k < rows[i].operations; k++)
            finish(&b, 0);
        assert_non_null(strstr(fake_did(&b.fake), "do restore, container standby, AP2<ES2-READY"));
        buf_clear(&b.fake.did);
        answer(&b, OFFLOAD_REPLAYED, 5);
        hear(&b, offload(OFFLOAD_ACTIVATE, ap2, 3, 0));
        expect(&b, "AP2<REPLAYED 5, container live, AP2<ACK ACTIVATE", EDGE_LIVE);
        assert_int_equal(client(&b)->next, 6);
        bench_free(&b);
    }
}

static void an_install_that_fails_is_reported_and_removed(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_INSTALLING, "p-migr");
    finish(&b, -EIO);
    expect(&b, "AP2<FAILED status -5, do discard", EDGE_REMOVING);
    finish(&b, 0);
    hear(&b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    expect(&b, "container gone, ES1<ACK INSTALL", EDGE_EMPTY);
    bench_free(&b);
}

static void an_install_that_is_called_off_stops_and_goes(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, EDGE_INSTALLING, "p-migr");
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0));
    expect(&b, "cancel", EDGE_INSTALLING);
    finish(&b, -ECANCELED);
    expect(&b, "do discard", EDGE_REMOVING);
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0));
    finish(&b, 0);
    expect(&b, "container gone, ES1<ACK REMOVE", EDGE_EMPTY);
    hear(&b, offload(OFFLOAD_REMOVE, es1, 3, 0)); /* the acknowledgement was lost */
    finish(&b, 0);
    expect(&b, "do discard, ES1<ACK REMOVE", EDGE_EMPTY);
    bench_free(&b);
}

/* The container that comes back finds the one it left behind, whose STOP was lost. */
static void an_install_over_an_older_container_removes_that_first(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "p-migr");
    for (int i = 0; i < 6; i++)
        finish(&b, 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_INSTALL, es3, 2, 5));
    expect(&b, "do stop", EDGE_REMOVING); /* with the files of the migration that took it away */
    assert_int_equal(b.fake.order.migration, 1);
    finish(&b, 0);
    hear(&b, offload(OFFLOAD_INSTALL, es3, 2, 5));
    expect(&b, "container gone, ES3<ACK INSTALL, do create", EDGE_INSTALLING);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "AP2<ACK STOP", EDGE_INSTALLING);
    bench_free(&b);
}

/* --- stages side by side ----------------------------------------------------------------------------------------------------------- */

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
        {OP_FREEZE, "do take layer, do dump"},
        {OP_DUMP, ""},
        {OP_TAKE_LAYER, "do thaw"},
        {OP_THAW, "AP2<CUT 0, do send layer, do send memory"},
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
    expect(&b, "do take layer, do dump", EDGE_LIVE);
    finish_one(&b, OP_DUMP, -EIO);
    expect(&b, "cancel", EDGE_LIVE);
    finish_one(&b, OP_TAKE_LAYER, -ECANCELED);
    expect(&b, "do thaw", EDGE_LIVE);
    finish(&b, 0);
    finish(&b, 0);
    expect(&b, "do discard, ES3<REMOVE, AP2<FAILED status -5, migration failed", EDGE_LIVE);
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
    expect(&b, "cancel, do stop", EDGE_REMOVING);
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
        cmocka_unit_test(the_source_walks_its_stages),
        cmocka_unit_test(every_stage_is_undone),
        cmocka_unit_test(an_undo_that_fails_is_tried_again),
        cmocka_unit_test(a_source_that_cannot_be_revived_is_declared),
        cmocka_unit_test(a_source_that_dies_is_declared),
        cmocka_unit_test(a_source_that_dies_behind_the_commit_is_no_loss),
        cmocka_unit_test(a_target_that_dies_fails_the_migration),
        cmocka_unit_test(a_source_that_is_not_what_was_halted_is_declared),
        cmocka_unit_test(a_stop_that_hangs_is_tried_again),
        cmocka_unit_test(a_newer_migration_supersedes_an_older_never_the_other_way),
        cmocka_unit_test(a_migration_called_off_before_it_came_never_begins),
        cmocka_unit_test(a_silent_target_is_for_the_access_point_to_give_up),
        cmocka_unit_test(a_lost_probe_does_not_close_the_gate_for_ever),
        cmocka_unit_test(the_target_installs_and_serves),
        cmocka_unit_test(an_install_that_fails_is_reported_and_removed),
        cmocka_unit_test(an_install_that_is_called_off_stops_and_goes),
        cmocka_unit_test(an_install_over_an_older_container_removes_that_first),
        cmocka_unit_test(each_stage_begins_when_what_it_needs_has_ended),
        cmocka_unit_test(a_stage_that_fails_ends_those_beside_it_first),
        cmocka_unit_test(a_stop_ends_what_is_still_being_sent),
        cmocka_unit_test(the_target_prepares_while_it_receives),
        cmocka_unit_test(a_target_that_fails_ends_all_before_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
