/* The source of a migration, stage by stage: what is ordered, and what a late or lost message does. */
#include "edge_fixture.h"

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
        bench_migrate(&b, walks[i].strategy);
        expect(&b, walks[i].did[0], EDGE_LIVE);
        for (int k = 1; walks[i].did[k]; k++) {
            finish(&b, 0);
            expect(&b, walks[i].did[k], EDGE_LIVE);
        }
        assert_int_equal(client(&b)->out.state, MIGRATION_INSTALLING);
        hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
        expect(&b, "do stop, migration finished", EDGE_REMOVING);
        finish(&b, 0);
        expect(&b, "container gone, AP2<ACK STOP", EDGE_EMPTY);
        bench_free(&b);
    }
}

/* A removal that hangs is called off and asked for again. */
static void a_stop_that_hangs_is_tried_again(void **state)
{
    (void)state;
    struct bench b;
    bench_migrate(&b, "p-migr");
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

/* A source has sent all, and its access point knows the cut. */
static void send_all(struct bench *b)
{
    bench_migrate(b, "p-migr");
    for (int i = 0; i < 6; i++)
        finish(b, 0);
    struct msg ack = offload(OFFLOAD_ACK, ap2, 1, 0);
    ack.offload.acked = OFFLOAD_CUT;
    hear(b, ack);
}

/* The access point may have committed, with only the acknowledgements lost: the source must not take the container away. */
static void a_silent_target_is_for_the_access_point_to_give_up(void **state)
{
    (void)state;
    struct bench b;
    send_all(&b);
    fake_wait(&b.fake, simtime_ms(21500));
    assert_non_null(strstr(fake_did(&b.fake), "AP2<FAILED status -110"));
    assert_null(strstr(fake_did(&b.fake), "do discard"));
    assert_int_equal(client(&b)->out.state, MIGRATION_INSTALLING);
    bench_free(&b);
}

/* It has forgotten the migration, if it has restarted, and the device may never come back to claim its container. */
static void a_source_asks_early_whether_its_access_point_knows_of_it(void **state)
{
    (void)state;
    struct bench b;
    send_all(&b);
    struct msg ack = offload(OFFLOAD_ACK, es3, 1, 0);
    ack.offload.acked = OFFLOAD_INSTALL;
    hear(&b, ack);
    buf_clear(&b.fake.did);
    fake_wait(&b.fake, b.fake.rules.timeouts.control_give_up);
    expect(&b, "AP2<CUT 0", EDGE_LIVE);
    struct msg cancel = offload(OFFLOAD_CANCEL, ap2, 1, 0);
    cancel.offload.flags = OFFLOAD_FORGOTTEN;
    hear(&b, cancel);
    expect(&b, "AP2<ACK CANCEL, ES3<REMOVE", EDGE_LIVE);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_walks_its_stages),
        cmocka_unit_test(a_stop_that_hangs_is_tried_again),
        cmocka_unit_test(a_newer_migration_supersedes_an_older_never_the_other_way),
        cmocka_unit_test(a_migration_called_off_before_it_came_never_begins),
        cmocka_unit_test(a_silent_target_is_for_the_access_point_to_give_up),
        cmocka_unit_test(a_source_asks_early_whether_its_access_point_knows_of_it),
        cmocka_unit_test(a_lost_probe_does_not_close_the_gate_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
