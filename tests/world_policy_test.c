/* Policies and placements in whole runs: where a device's container goes. */
#include "simulated_run.h"
#include "world.h"

/* Three edge servers in a row, 40 ms from one to the next. The device goes from the first to the second (10 s) and to the third (20 s). */
static const char text[] =
    "{\"name\":\"t\",\"duration_s\":40,\"hosts\":{\"a\":{},\"b\":{},\"c\":{},\"air\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"a\"},\"es2\":{\"host\":\"b\"},\"es3\":{\"host\":\"c\"}},"
    "\"aps\":{\"ap1\":{\"edge\":\"es1\",\"x_m\":0,\"y_m\":0},\"ap2\":{\"edge\":\"es2\",\"x_m\":90,\"y_m\":0},"
    "\"ap3\":{\"edge\":\"es3\",\"x_m\":90,\"y_m\":120}},"
    "\"links\":[{\"between\":[\"a\",\"b\"],\"rtt_ms\":40},{\"between\":[\"b\",\"c\"],\"rtt_ms\":40},"
    "{\"between\":[\"air\",\"a\"]},{\"between\":[\"air\",\"b\"]},{\"between\":[\"air\",\"c\"]}],"
    "\"service\":{\"memory_mb\":1,\"layer_mb\":1},"
    "\"muds\":{\"m1\":{\"host\":\"air\",\"requests_per_s\":5,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},"
    "{\"ap\":\"ap2\",\"at_s\":10},{\"ap\":\"ap3\",\"at_s\":20}]}}}";

enum { SETTINGS_MAX = 5, MIGRATIONS_MAX = 2 };

static const struct row {
    struct scenario_setting settings[SETTINGS_MAX];
    struct {
        const char *from, *to;
        int after_s; /* it begins less than 5 s later */
    } migrations[MIGRATIONS_MAX];
} rows[] = {
    {{{"migration.policy", "follow"}}, {{"ES-1", "ES-2", 10}, {"ES-2", "ES-3", 20}}},
    {{{"migration.policy", "never"}}, {{0}}},
    {{{"migration.policy", "distance"}, {"migration.distance", "{\"max\":1}"}}, {{"ES-1", "ES-3", 20}}},
    {{{"migration.policy", "distance"}, {"migration.distance", "{\"max\":2}"}}, {{0}}},
    {{{"migration.policy", "distance"}, {"migration.distance", "{\"unit\":\"ms\",\"max\":39}"}},
     {{"ES-1", "ES-2", 10}, {"ES-2", "ES-3", 20}}},
    {{{"migration.policy", "distance"}, {"migration.distance", "{\"unit\":\"m\",\"max\":100}"}},
     {{"ES-1", "ES-3", 20}}},
    {{{"migration.policy", "latency"}, {"migration.latency_max_ms", "50"}}, {{"ES-1", "ES-3", 20}}},
    {{{"migration.policy", "latency"}, {"migration.latency_max_ms", "100"}}, {{0}}},
    /* what the links promised does not last */
    {{{"migration.policy", "latency"},
      {"migration.latency_max_ms", "100"},
      {"links.1.schedule", "[{\"at_s\":30,\"rtt_ms\":200}]"}},
     {{"ES-1", "ES-3", 30}}},
    {{{"migration.policy", "mdp"}}, {{"ES-1", "ES-2", 10}, {"ES-2", "ES-3", 20}}},
    {{{"migration.policy", "mdp"}, {"migration.mdp.migration_weight", "1000"}}, {{0}}},
    /* it starts where the data is, and stays there */
    {{{"migration.placement", "weighted"}, {"edges.es2.data_share", "1"}}, {{0}}},
    {{{"migration.placement", "weighted"}, {"edges.es2.cpus", "0"}}, {{"ES-1", "ES-3", 20}}},
    {{{"migration.placement", "weighted"}, {"edges.es2.cpus", "0"}, {"edges.es3.storage_mb", "0"}}, {{0}}},
};

static struct scenario *parse(const struct row *row)
{
    int count = 0;
    while (count < SETTINGS_MAX && row->settings[count].path)
        count++;
    return scenario_with(text, row->settings, count);
}

static void check(size_t i, const struct run_record *record)
{
    const struct row *row = &rows[i];
    size_t count = 0;
    while (count < MIGRATIONS_MAX && row->migrations[count].from)
        count++;
    if (record->migration_count != count)
        fail_msg("row %zu: %zu migrations, not %zu", i, record->migration_count, count);
    for (size_t k = 0; k < count; k++) {
        const struct run_migration *m = &record->migrations[k];
        double begin_s = simtime_seconds(m->begin) - row->migrations[k].after_s;
        if (strcmp(m->from, row->migrations[k].from) != 0 || strcmp(m->to, row->migrations[k].to) != 0 ||
            begin_s < 0 || begin_s > 5 || strcmp(m->outcome, "finished") != 0)
            fail_msg("row %zu: %s from %s to %s at %g s", i, m->outcome, m->from, m->to,
                     simtime_seconds(m->begin));
    }
}

static void test_where_the_container_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record record = RUN_RECORD_INIT;
        struct scenario *s = parse(&rows[i]);
        simulate_record(s, &record);
        check(i, &record);
        run_record_free(&record);
        scenario_free(s);
    }
}

/* The first two are linked with each other, the third with nobody but its device. */
static void test_who_hears_of_the_load(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, hearers[2];
    } edges[] = {{2, {0, 1}}, {2, {0, 1}}, {1, {2}}};
    static const struct row islands = {
        .settings = {{"links", "[{\"between\":[\"a\",\"b\"]},{\"between\":[\"air\",\"c\"]}]"},
                     {"muds.m1.visits", "[{\"ap\":\"ap3\",\"at_s\":0}]"},
                     {"migration.placement", "weighted"}}};
    struct scenario *s = parse(&islands);
    struct world w;
    world_init(&w, s, 1, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        const struct placement_edge *edge = &w.rules.policy.placement.edges[i];
        assert_int_equal(edge->hearer_count, edges[i].count);
        assert_memory_equal(edge->hearers, edges[i].hearers, edge->hearer_count * sizeof *edge->hearers);
    }
    world_free(&w);
    scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_where_the_container_goes),
                                       cmocka_unit_test(test_who_hears_of_the_load)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
