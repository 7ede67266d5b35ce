/* The costs that least-cost weighs, by hand: two edge servers, three access points, links of known round trips. */
#include "migration_estimate.h"
#include "roaming_cost.h"
#include "simulated_run.h"
#include "world_layout.h"

#include <math.h>

/* The phone's link to pc1 is 4 ms long, to pc2 6 ms, to pc3 8 ms; AP-3 on pc3 is wired to es2 on pc2, 10 ms away; pc1 to pc2 is 40 ms. */
static const char text[] =
    "{\"name\":\"t\",\"duration_s\":60,\"hosts\":{\"pc1\":{},\"pc2\":{},\"pc3\":{},\"air\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"pc1\"},\"es2\":{\"host\":\"pc2\"}},"
    "\"aps\":{\"ap1\":{\"edge\":\"es1\"},\"ap2\":{\"edge\":\"es2\"},\"ap3\":{\"host\":\"pc3\",\"edge\":\"es2\"}},"
    "\"links\":[{\"between\":[\"air\",\"pc1\"],\"rtt_ms\":4},{\"between\":[\"air\",\"pc2\"],\"rtt_ms\":6},"
    "{\"between\":[\"air\",\"pc3\"],\"rtt_ms\":8},{\"between\":[\"pc1\",\"pc2\"],\"rtt_ms\":40},"
    "{\"between\":[\"pc2\",\"pc3\"],\"rtt_ms\":10}],"
    "\"radio\":{\"roaming\":{\"choose\":\"least-cost\",\"delay_weight\":50}},"
    "\"muds\":{\"m\":{\"host\":\"air\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0}]}}}";

static const struct {
    struct scenario_setting setting;
    bool migrates, stays;
    double delay_ms[2][3]; /* from the anchors es1 and es2 to ap1, ap2, ap3: to where the container then is */
} rows[] = {
    {{"seed", "1"}, true, false, {{4, 6, 18}, {4, 6, 18}}},
    {{"migration.policy", "never"}, false, true, {{4, 46, 58}, {44, 6, 18}}},
    {{"migration.strategy", "none"}, false, true, {{4, 46, 58}, {44, 6, 18}}},
};

static void costs_are_migration_and_weighted_delay(void **state)
{
    (void)state;
    static const int edge_of_ap[] = {0, 1, 1};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct layout layout = {0};
        struct scenario *s = scenario_with(text, &rows[i].setting, 1);
        assert_int_equal(roaming_container_stays(s), rows[i].stays);
        world_layout_init(&layout, s, 1);
        autofree float *costs = roaming_costs(s, s->muds[0].host, 1);
        for (int anchor = 0; anchor < 2; anchor++)
            for (int ap = 0; ap < 3; ap++) {
                double migration_ms = 0;
                if (rows[i].migrates)
                    migration_ms = simtime_to_ms(
                        migration_estimate(&layout, s->migration.strategy, anchor, edge_of_ap[ap]));
                assert_int_equal(migration_ms > 0, rows[i].migrates && anchor != edge_of_ap[ap]);
                assert_float_equal(costs[anchor * 3 + ap], migration_ms + 50 * rows[i].delay_ms[anchor][ap],
                                   0.01);
            }
        world_layout_free(&layout);
        scenario_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(costs_are_migration_and_weighted_delay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
