/* The whole migration protocol in virtual time: thousands of runs in which devices come back, go on and change places at every moment of a
 * migration. The invariants must hold in each. An argument plays only the tests whose names match it. */
#include "protocol_play.h"

/* --- where the device is, at every moment of a migration ------------------------------------------------------------------------- */

struct roaming {
    const char *label;
    const char *visits; /* one %g: a moment of the migration that begins at 1.5 s */
    int ends_at;
};

static const struct roaming roamings[] = {
    {"comes back", "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap1\",\"at_s\":%g}]",
     1},
    {"goes on", "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap3\",\"at_s\":%g}]",
     3},
    {"goes there and back and there",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap1\",\"at_s\":%g},{\"ap\":"
     "\"ap2\",\"at_s\":3.2}]",
     2},
    {"falls silent and is back",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"outage\":true,\"at_s\":%g},{\"ap\":"
     "\"ap2\",\"at_s\":4.5}]",
     2},
    {"falls silent and is back where it was",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"outage\":true,\"at_s\":%g},{\"ap\":"
     "\"ap1\",\"at_s\":3.3,\"probe_ms\":40}]",
     1},
    {"falls silent and comes back elsewhere",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"outage\":true,\"at_s\":%g},{\"ap\":"
     "\"ap3\",\"at_s\":3.21,\"probe_ms\":300,\"authentication_ms\":5}]",
     3},
    {"walks in a circle",
     "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.5},{\"ap\":\"ap3\",\"at_s\":%g},{\"ap\":"
     "\"ap1\",\"at_s\":3.2}]",
     1},
};

static void roam_at_every_moment(const struct roaming *row, const char *strategy, bool elsewhere, double step_s)
{
    for (double at_s = 1.501; at_s < 3.2; at_s += step_s) {
        char visits[300];
        struct play p = basic;
        snprintf(visits, sizeof visits, row->visits, at_s);
        p.visits[0] = visits;
        p.strategy = strategy;
        p.elsewhere = elsewhere;
        struct expected x = {.live_at = home_of(&p, row->ends_at), .served_for_s = 7.5, .finished = -1};
        play_well(&p, &x, "%s at %.3f s%s", row->label, at_s, elsewhere ? ", containers elsewhere" : "");
    }
}

static void devices_roam_at_every_moment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roamings); i++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
            roam_at_every_moment(&roamings[i], strategies[k], false, step_of(k, 0.010));
    all_good();
}

/* The new access point's edge server is not where the container goes. */
static void devices_roam_while_containers_go_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roamings); i++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
            roam_at_every_moment(&roamings[i], strategies[k], true, step_of(k, 0.013));
    all_good();
}

/* What it leaves behind comes to its end without it. */
static void devices_leave_for_good_at_every_moment(void **state)
{
    (void)state;
    struct expected x = {.served_for_s = 1, .finished = -1, .leaves = true};
    int64_t abandoned = 0;
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (double at_s = 1.4; at_s < 3.2; at_s += step_of(k, 0.013)) {
            char visits[200];
            struct play p = basic;
            snprintf(
                visits, sizeof visits,
                "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":1.3},{\"outage\":true,\"at_s\":%g}]",
                at_s);
            p.visits[0] = visits;
            p.strategy = strategies[k];
            abandoned += play_well(&p, &x, "leaves at %.3f s", at_s).abandoned;
        }
    assert_true(abandoned > 0);
    all_good();
}

/* --- many devices ---------------------------------------------------------------------------------------------------------------- */

static void two_devices_swap_edges(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(strategies); k++)
        for (int lag_ms = 0; lag_ms < 2000; lag_ms += (int)step_of(k, 50)) {
            char second[200];
            struct play p = basic;
            snprintf(second, sizeof second, "[{\"ap\":\"ap2\",\"at_s\":0},{\"ap\":\"ap1\",\"at_s\":%g}]",
                     1.5 + lag_ms / 1000.0);
            p.muds = 2;
            p.visits[1] = second;
            p.strategy = strategies[k];
            struct expected x = {.live_at = 2, .served_for_s = 7.5, .finished = 2};
            play_well(&p, &x, "two devices swap, one %d ms later", lag_ms);
        }
    all_good();
}

static void fifty_devices_roam_at_random(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed <= last_seed(8); seed++)
        for (size_t k = 0; k < ARRAY_LEN(strategies); k++) {
            if (!plays(k, seed))
                continue;
            struct play p = basic;
            p.aps = 4;
            p.muds = 50;
            p.requests_per_s = 4;
            p.duration_s = 12;
            p.rate_mbit = 800;
            p.seed = seed;
            p.elsewhere = seed % 2 == 0;
            p.strategy = strategies[k];
            struct expected x = {.followed = true, .served_for_s = 10, .finished = -1};
            play_random_walks(p, &x, "50 devices on 4 access points");
        }
    all_good();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_roam_at_every_moment),
        cmocka_unit_test(devices_roam_while_containers_go_elsewhere),
        cmocka_unit_test(devices_leave_for_good_at_every_moment),
        cmocka_unit_test(two_devices_swap_edges),
        cmocka_unit_test(fifty_devices_roam_at_random),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%d runs\n", runs);
    return status;
}
