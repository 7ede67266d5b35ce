/* What a migration is expected to take: hand-worked where it can be, and near what a run takes. */
#include "base_layers.h"
#include "carrier_model.h"
#include "migration_estimate.h"
#include "scenario_key.h"
#include "simulated_run.h"
#include "world_layout.h"

#include <math.h>

static struct scenario *read_scenario(const char *path, const struct scenario_setting *settings, int count)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_read(path, settings, count, &e);
    if (!s)
        fail_msg("%s (%s)", e.text, e.hint);
    return s;
}

static double estimated_s(const struct scenario *s, int from, int to)
{
    struct layout layout;
    world_layout_init(&layout, s, 1);
    struct simtime time = migration_estimate(&layout, s->migration.strategy, from, to);
    world_layout_free(&layout);
    return simtime_seconds(time);
}

static void run(struct scenario *s, struct run_record *record)
{
    simulate_record(s, record);
    assert_int_equal(record->migration_count, 1);
    assert_string_equal(record->migrations[0].outcome, "finished");
}

static double run_s(struct scenario *s)
{
    struct run_record record = RUN_RECORD_INIT;
    run(s, &record);
    double seconds = simtime_seconds(simtime_sub(record.migrations[0].end, record.migrations[0].begin));
    run_record_free(&record);
    return seconds;
}

/* Through a host that is as far from both as they are from each other. */
#define NFS                                                                                                  \
    {"migration.carrier", "nfs"},                                                                            \
        {"links.3", "{\"between\": [\"pc1\", \"pc3\"], \"rtt_ms\": 200, \"rate_mbit\": 80}"},                  \
    {                                                                                                        \
        "links.4", "{\"between\": [\"pc2\", \"pc3\"], \"rtt_ms\": 200, \"rate_mbit\": 80}"                     \
    }

/* Requests beside the transfer, and CUBIC's losses, are what the estimate leaves out. */
static void test_a_run_takes_about_as_long(void **state)
{
    static const struct {
        const char *scenario;
        struct scenario_setting settings[4];
        int count;
    } rows[] = {
        {"scenarios/kim22-p-migr.json", {{0}}, 0},
        {"scenarios/kim22-c-migr.json", {{0}}, 0},
        {"scenarios/cold.json", {{0}}, 0},
        {"scenarios/kim22-quick.json", {{0}}, 0},
        {"scenarios/kim22-p-migr.json", {{"links.0.rtt_ms", "20"}}, 1},
        {"scenarios/kim22-p-migr.json", {{"links.0.rtt_ms", "20"}, {"links.0.rate_mbit", "1000"}}, 2},
        {"scenarios/kim22-p-migr.json", {{"links.0.rate_mbit", "10"}}, 1},
        {"scenarios/kim22-p-migr.json", {{"service.memory_mb", "200"}}, 1},
        {"scenarios/kim22-p-migr.json", {{"migration.carrier", "stream"}}, 1},
        {"scenarios/kim22-p-migr.json", {{"migration.carrier", "stream"}, {"links.0.rate_mbit", "8"}}, 2},
        {"scenarios/kim22-p-migr.json", {{"migration.carrier", "stream"}, {"migration.pipeline", "true"}}, 2},
        {"scenarios/kim22-c-migr.json", {{"migration.carrier", "stream"}, {"migration.pipeline", "true"}}, 2},
        {"scenarios/kim22-c-migr.json", {{"migration.carrier", "rsync"}}, 1},
        {"scenarios/layered.json", {{"migration.carrier", "scp"}, {"links.0.rtt_ms", "200"}, {"edges.es2", "{\"host\": \"pc2\"}"}}, 3},
        {"scenarios/kim22-p-migr.json", {NFS}, 3},
        {"scenarios/kim22-p-migr.json", {NFS, {"migration.pipeline", "true"}}, 4},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario *s = read_scenario(rows[i].scenario, rows[i].settings, rows[i].count);
        double estimated = estimated_s(s, 0, 1), took = run_s(s);
        print_message("%s, row %zu: estimated %.3f s, took %.3f s\n", rows[i].scenario, i, estimated, took);
        if (estimated < 0.85 * took || estimated > 1.15 * took)
            fail_msg("%s, row %zu: estimated %g s, took %g s", rows[i].scenario, i, estimated, took);
        scenario_free(s);
    }
}

/* By hand: a file takes five round trips before its bytes and one behind them, two are under way. */
static void test_a_base_takes_round_trips_for_each_layer(void **state)
{
    static const struct {
        const char *carrier;
        double rate_mbit;
        int first;
        int64_t ms;
    } rows[] = {
        {"scp", 0, 0, 4 * 1000 + 3 * 200}, /* four, one behind the other */
        {"scp", 0, 5, 2 * 1000 + 200},
        {"scp", 0, BASE_LAYERS, 0},
        {"scp", 1, 0, 1000}, /* bytes take so long that all but the first wait behind them */
        {"stream", 0, 0, 3 * 200},
        {"stream", 1, 0, 0},
    };
    const struct layout l = {.base_bytes = 100000000, .base_ratio = 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct simtime time = carrier_model_base_time(carrier_model_of(rows[i].carrier), &l, rows[i].first, simtime_ms(200),
                                                      (uint64_t)(rows[i].rate_mbit * 1e6));
        assert_int_equal(time.ns, simtime_ms(rows[i].ms).ns);
    }
}

/* 49 MB that do not compress, RTT 200 ms, 80 Mbit/s, the connection kept: seconds that the programs themselves took (medians of three or more,
 * ±40 %). NFS wrote to a server at the end of that path. */
static void test_carriers_take_what_was_measured(void **state)
{
    static const struct {
        const char *carrier;
        double measured_s;
    } rows[] = {{"scp", 9.6}, {"rsync", 10.1}, {"nfs", 10.6}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scenario_setting settings[] = {{"migration.carrier", rows[i].carrier},
                                                    {"service.memory_mb", "49"},
                                                    {"service.memory_ratio", "1"},
                                                    {"duration_s", "120"},
                                                    {"links.3", "{\"between\": [\"pc1\", \"pc3\"], \"rtt_ms\": 200, \"rate_mbit\": 80}"},
                                                    {"links.4", "{\"between\": [\"pc2\", \"pc3\"]}"}};
        struct scenario *s = read_scenario("scenarios/kim22-p-migr.json", settings, ARRAY_LEN(settings));
        struct run_record record = RUN_RECORD_INIT;
        run(s, &record);
        const struct run_migration *m = &record.migrations[0];
        double took = 0;
        for (int k = 0; k < m->stage_count; k++)
            if (m->stages[k].operation == OP_SEND_MEMORY)
                took = simtime_seconds(simtime_sub(m->stages[k].end, m->stages[k].begin));
        print_message("%s: %.2f s, measured %.2f s\n", rows[i].carrier, took, rows[i].measured_s);
        if (took < 0.7 * rows[i].measured_s || took > 1.3 * rows[i].measured_s)
            fail_msg("%s: %g s, measured %g s", rows[i].carrier, took, rows[i].measured_s);
        run_record_free(&record);
        scenario_free(s);
    }
}

/* What requests wait during the migration, in the mean, beyond the way to the old container and what they take without a migration. */
static double waited_s(struct scenario *s, double way_s)
{
    struct run_record record = RUN_RECORD_INIT;
    double sum = 0, quickest = 1e9;
    int count = 0;
    run(s, &record);
    for (size_t i = 0; i < record.muds[0].request_count; i++) {
        const struct run_request *r = &record.muds[0].requests[i];
        double took = simtime_seconds(simtime_sub(r->answered, r->sent));
        quickest = fmin(quickest, took);
        if (!simtime_before(r->sent, record.migrations[0].begin) &&
            simtime_before(r->sent, record.migrations[0].end))
            sum += took, count++;
    }
    run_record_free(&record);
    return sum / count - way_s - quickest;
}

/* The mean wait: in the queue, and of those that meet the freeze, half of it. */
static void test_requests_wait_about_as_long(void **state)
{
    static const struct scenario_setting rows[][3] = {
        {{"links.0.rtt_ms", "10"}, {"links.0.rate_mbit", "100"}, {"muds.m1.requests_per_s", "10"}},
        {{"links.0.rtt_ms", "10"}, {"links.0.rate_mbit", "20"}, {"muds.m1.requests_per_s", "10"}},
        {{"links.0.rtt_ms", "200"}, {"links.0.rate_mbit", "80"}, {"muds.m1.requests_per_s", "10"}},
        {{"links.0.rtt_ms", "40"}, {"links.0.rate_mbit", "50"}, {"links.0.queue_packets", "50"}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario *s = read_scenario("scenarios/kim22-p-migr.json", rows[i], 3);
        struct layout layout;
        world_layout_init(&layout, s, 1);
        struct migration_burden burden = migration_burden(&layout, s->migration.strategy, 0, 1);
        double total = simtime_seconds(migration_estimate(&layout, s->migration.strategy, 0, 1)),
               frozen = simtime_seconds(burden.frozen),
               estimated = simtime_seconds(burden.queueing) + frozen * frozen / 2 / total,
               waited = waited_s(s, simtime_seconds(layout_path(&layout, 0, 1).rtt));
        print_message("row %zu: estimated %.1f ms, waited %.1f ms\n", i, estimated * 1e3, waited * 1e3);
        if (estimated < 0.7 * waited - 0.01 || estimated > 1.3 * waited + 0.01)
            fail_msg("row %zu: estimated %g s, waited %g s", i, estimated, waited);
        world_layout_free(&layout);
        scenario_free(s);
    }
}

/* All costs 0, an unshaped link without delay: nothing takes time. With 8 Mbit/s, 1 MB takes a second. */
static void test_rows_worked_by_hand(void **state)
{
    static const char text[] =
        "{\"name\":\"t\",\"duration_s\":9,\"hosts\":{\"a\":{},\"b\":{},\"c\":{}},"
        "\"edges\":{\"es1\":{\"host\":\"a\"},\"es2\":{\"host\":\"b\"},\"es3\":{\"host\":\"c\"}},"
        "\"aps\":{\"ap1\":{\"host\":\"a\",\"edge\":\"es1\"}},"
        "\"links\":[{\"between\":[\"a\",\"b\"]},{\"between\":[\"b\",\"c\"],\"rate_mbit\":{\"forward\":8,\"back\":16}}],"
        "\"service\":{\"memory_mb\":1,\"layer_mb\":0},"
        "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0}]}},\"costs\":{%s}}";
    struct buf costs = BUF_INIT;
    const char *name;
    (void)state;
    for (int i = 0; (name = scenario_edge_operation_at(i)); i++)
        buf_printf(&costs, "%s\"%s\":{\"fixed_ms\":0,\"ms_per_mb\":0}", i ? "," : "", name);
    autofree char *full = mem_printf(text, buf_text(&costs));
    struct scenario *s = scenario_from(full);
    assert_float_equal(estimated_s(s, 0, 0), 0, 0);
    assert_float_equal(estimated_s(s, 0, 1), 0, 0);
    assert_float_equal(estimated_s(s, 0, 2), 1, 1e-9);
    assert_float_equal(estimated_s(s, 2, 0), 0.5, 1e-9);
    scenario_free(s);
    buf_free(&costs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_takes_about_as_long),
        cmocka_unit_test(test_a_base_takes_round_trips_for_each_layer),
        cmocka_unit_test(test_carriers_take_what_was_measured),
        cmocka_unit_test(test_requests_wait_about_as_long),
        cmocka_unit_test(test_rows_worked_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
