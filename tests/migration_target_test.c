/* The target of a migration: what it installs, what it reports, what it removes. */
#include "edge_fixture.h"

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
    bench_migrate(&b, "p-migr");
    for (int i = 0; i < 6; i++)
        finish(&b, 0);
    buf_clear(&b.fake.did);
    hear(&b, offload(OFFLOAD_INSTALL, es3, 2, 5));
    expect(&b, "do stop, migration finished", EDGE_REMOVING); /* with the files of the migration that took it away */
    assert_int_equal(b.fake.order.migration, 1);
    finish(&b, 0);
    hear(&b, offload(OFFLOAD_INSTALL, es3, 2, 5));
    expect(&b, "container gone, ES3<ACK INSTALL, do create", EDGE_INSTALLING);
    hear(&b, offload(OFFLOAD_STOP, ap2, 1, 0));
    expect(&b, "AP2<ACK STOP", EDGE_INSTALLING);
    bench_free(&b);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_dies_fails_the_migration),
        cmocka_unit_test(the_target_installs_and_serves),
        cmocka_unit_test(an_install_that_fails_is_reported_and_removed),
        cmocka_unit_test(an_install_that_is_called_off_stops_and_goes),
        cmocka_unit_test(an_install_over_an_older_container_removes_that_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
