/* The decision process of a scenario: what its distances, stays and handoffs make of it. */
#include "follow_model.h"
#include "simulated_run.h"
#include "world_layout.h"

/* Three edge servers in a row, 40 ms from one to the next. A migration takes about 1.5 s, nearly all of it scp's round trips. Slow devices
 * stay 30 s, the quick one a second; `there` goes to the far end and back, `near` to the middle only. */
static const char text[] =
    "{\"name\":\"t\",\"duration_s\":120,\"hosts\":{\"a\":{},\"b\":{},\"c\":{},\"air\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"a\"},\"es2\":{\"host\":\"b\"},\"es3\":{\"host\":\"c\"}},"
    "\"aps\":{\"ap1\":{\"edge\":\"es1\"},\"ap2\":{\"edge\":\"es2\"},\"ap3\":{\"edge\":\"es3\"}},"
    "\"links\":[{\"between\":[\"a\",\"b\"],\"rtt_ms\":40},{\"between\":[\"b\",\"c\"],\"rtt_ms\":40},"
    "{\"between\":[\"air\",\"a\"]},{\"between\":[\"air\",\"b\"]},{\"between\":[\"air\",\"c\"]}],"
    "\"service\":{\"memory_mb\":1,\"layer_mb\":1},\"migration\":{\"policy\":\"mdp\"},\"muds\":{"
    "\"there\":{\"host\":\"air\",\"count\":2,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":30},"
    "{\"ap\":\"ap3\",\"at_s\":60},{\"ap\":\"ap2\",\"at_s\":90}]},"
    "\"quick\":{\"host\":\"air\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":116},{\"ap\":\"ap2\",\"at_s\":117},"
    "{\"ap\":\"ap3\",\"at_s\":118},{\"ap\":\"ap2\",\"at_s\":119}]},"
    "\"near\":{\"host\":\"air\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":30},"
    "{\"ap\":\"ap1\",\"at_s\":60},{\"outage\":true,\"at_s\":90},{\"ap\":\"ap2\",\"at_s\":119}]}}}";

enum { DISTANCES = 3, KINDS = 3 };

struct row {
    const char *label;
    struct scenario_setting setting;
    const char *migrates[KINDS]; /* a digit a distance */
};

static const struct row rows[] = {
    {"nothing set", {0}, {"011", "000", "011"}},
    {"a migration is dear", {"migration.mdp.migration_weight", "1000"}, {"000", "000", "000"}},
    /* from 1 the next handoff leads back to the container, from 2 it does not */
    {"soon back", {"migration.mdp", "{\"away\":0,\"migration_weight\":0.6}"}, {"001", "000", "001"}},
    {"quick links", {"links.0.rtt_ms", "0"}, {"011", "000", "011"}},
    {"slow operations", {"costs.restore.fixed_ms", "40000"}, {"000", "000", "000"}},
};

static void test_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario *s = scenario_with(text, &rows[i].setting, rows[i].setting.path != NULL);
        struct layout layout;
        struct follow_model model;
        world_layout_init(&layout, s, 1);
        follow_model_init(&model, s, &layout);
        assert_int_equal(model.plan.distances, DISTANCES);
        for (int kind = 0; kind < KINDS; kind++) {
            char told[DISTANCES + 1] = "";
            for (int d = 0; d < DISTANCES; d++)
                told[d] = model.plan.migrate[kind * DISTANCES + d] ? '1' : '0';
            if (strcmp(told, rows[i].migrates[kind]) != 0)
                fail_msg("%s: kind %d has %s, not %s", rows[i].label, kind, told, rows[i].migrates[kind]);
        }
        for (int mud = 0; mud < s->mud_count; mud++)
            assert_int_equal(model.plan.kind_of_mud[mud], mud < 2 ? 0 : mud - 1);
        follow_model_free(&model);
        world_layout_free(&layout);
        scenario_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
