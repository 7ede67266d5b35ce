/* What good scenarios become: fields, defaults, --set, routes, and the shipped files. Runs from the project's root. */
#include "scenario_fixture.h"

#include <math.h>

static void test_defaults(void **state)
{
    (void)state;
    struct scenario *s = parse_good(NULL, 0);
    assert_string_equal(s->name, "t");
    assert_string_equal(s->description, "");
    assert_int_equal(s->seed, 1);
    assert_int_equal(s->repeat, 1);
    assert_int_equal(s->duration.ns, 100000000000);
    assert_int_equal(s->logrepo_host, 0);
    assert_int_equal(s->aps[1].host, 1);
    assert_int_equal(s->aps[1].edge, 1);
    assert_int_equal(s->links[0].params[0].delay.ns, 100000000);
    assert_int_equal(s->links[0].params[1].delay.ns, 100000000);
    assert_int_equal(s->links[0].params[1].rate_bps, 80000000);
    assert_int_equal(s->links[1].params[0].rate_bps, 0);
    assert_int_equal(s->links[1].params[0].queue_packets, 1000);
    assert_string_equal(s->links[1].congestion, "cubic");
    assert_int_equal(s->links[1].between[0], 2);
    assert_int_equal(s->service.work.ns, 5000000);
    assert_float_equal(s->service.base_mb, 100, 0);
    assert_float_equal(s->service.layer_mb, 20, 0);
    assert_float_equal(s->service.memory_mb, 30, 0);
    assert_int_equal(s->muds[0].window, 16);
    assert_int_equal(s->muds[0].request_bytes, 1000);
    assert_int_equal(s->muds[0].reply_bytes, 1000);
    assert_int_equal(s->muds[0].visit_count, 2);
    assert_int_equal(s->muds[0].visits[0].at.ns, 1000000000);
    assert_true(s->muds[0].visits[1].request > 0);
    assert_int_equal(s->muds[0].visits[1].request, 50);
    assert_string_equal(s->migration.strategy->name, "p-migr");
    assert_string_equal(s->migration.carrier, "scp");
    assert_string_equal(s->migration.policy->name, "follow");
    assert_string_equal(s->migration.placement->name, "own");
    assert_true(isnan(s->migration.mdp.away));
    assert_true(isinf(s->edges[1].cpus) && isinf(s->edges[1].memory_mb) && isinf(s->edges[1].storage_mb));
    assert_float_equal(s->links[1].use, 0.5, 0);
    assert_false(s->migration.pipeline);
    assert_int_equal(s->migration.hold_max.ns, 0);
    assert_int_equal(s->migration.replay_max, 10000);
    assert_int_equal(s->migration.retries, 0);
    assert_int_equal(s->timeouts.rto_max.ns, 60000000000);
    assert_int_equal(s->timeouts.handoff.ns, 60000000);
    assert_int_equal(s->costs[OP_RESTORE].fixed.ns, 257000000);
    assert_int_equal(s->costs[OP_RESTORE].per_mb.ns, 375000);
    assert_int_equal(strlen(s->sha256), 64);
    scenario_free(s);
}

static void test_policies_and_placements(void **state)
{
    static const struct scenario_setting settings[] = {
        {"migration.policy", "distance"},
        {"migration.distance", "{\"unit\":\"ms\",\"max\":30.5}"},
        {"migration.placement", "weighted"},
        {"migration.latency_max_ms", "70"},
        {"migration.mdp", "{\"discount\":0.5,\"away\":0.75}"},
        {"migration.weights", "{\"location\":0.75,\"load\":0.25}"},
        {"edges.es2.cpus", "4"},
        {"edges.es2.data_share", "0.3"},
        {"links.1.in_use", "0.1"},
        {"service.cpus", "0.5"},
    };
    (void)state;
    struct scenario *s = parse_good(settings, ARRAY_LEN(settings));
    const struct scenario_migration *m = &s->migration;
    assert_string_equal(m->policy->name, "distance");
    assert_string_equal(m->placement->name, "weighted");
    assert_int_equal(m->distance.unit, POLICY_MS);
    assert_float_equal(m->distance.max, 30.5, 0);
    assert_int_equal(m->latency_max.ns, 70000000);
    assert_float_equal(m->mdp.discount, 0.5, 0);
    assert_float_equal(m->mdp.migration_weight, 0, 0);
    assert_float_equal(m->mdp.away, 0.75, 0);
    assert_float_equal(m->weights.location, 0.75, 0);
    assert_float_equal(m->weights.data, 0.5, 0);
    assert_float_equal(s->edges[1].cpus, 4, 0);
    assert_float_equal(s->edges[1].data_share, 0.3, 0);
    assert_float_equal(s->links[1].use, 0.1, 0);
    assert_float_equal(s->service.cpus, 0.5, 0);
    scenario_free(s);
}

static void test_same_text_again(void **state)
{
    (void)state;
    const struct scenario_setting setting = {"costs.take layer.ms_per_mb", "2.75"};
    struct scenario *s = parse_good(&setting, 1);
    struct err e = ERR_INIT;
    struct scenario *again = scenario_parse("y.json", s->text, strlen(s->text), NULL, 0, &e);
    assert_non_null(again);
    assert_string_equal(s->text, again->text);
    assert_string_equal(s->sha256, again->sha256);
    assert_int_equal(again->costs[OP_TAKE_LAYER].per_mb.ns, 2750000);
    struct scenario *plain = parse_good(NULL, 0);
    assert_string_not_equal(s->sha256, plain->sha256);
    scenario_free(plain);
    scenario_free(again);
    scenario_free(s);
}

static void test_alike_devices(void **state)
{
    (void)state;
    const struct scenario_setting settings[] = {
        {"muds.m1.count", "100000"}, {"faults", "[{\"operation\":\"dump\",\"mud\":\"m1-100000\"}]"}};
    struct scenario *s = parse_good(settings, 2);
    assert_int_equal(s->mud_count, 100000);
    assert_string_equal(s->muds[0].name, "m1-1");
    assert_string_equal(s->muds[99999].name, "m1-100000");
    assert_int_equal(s->muds[99999].visits[1].request, 50);
    assert_int_equal(s->muds[99999].window, 16);
    assert_int_equal(s->faults[0].mud, 99999);
    assert_int_equal(s->faults[0].edge, -1);
    assert_int_equal(s->faults[0].times, 1);
    scenario_free(s);
}

static void test_settings(void **state)
{
    static const struct scenario_setting settings[] = {
        {"links.0.rtt_ms", "40"},
        {"links.0.rate_mbit", "{\"forward\": 10}"},
        {"links.1.rate_mbit.back", "5.5"},
        {"links.1.loss", "0.25"},
        {"links.2", "{\"between\": [\"laptop\", \"pc2\"], \"congestion\": \"bbr\"}"},
        {"migration.strategy", "c-migr"},
        {"migration.hold_max_ms", "12.5"},
        {"timeouts.drain_ms", "1e3"},
        {"costs.save.fixed_ms", "7"},
        {"logrepo.host", "pc2"},
        {"links.0.between.0", "pc2"},
        {"links.0.between.1", "pc1"},
        {"muds.m1.visits.1.at_request", "3"},
        {"faults.0", "{\"operation\":\"restore\",\"edge\":\"es2\",\"times\":0}"},
        {"expect.0", "{\"metric\":\"migrations.0.stages.3.seconds\",\"max\":1}"},
        {"seed", "1"},
        {"seed", "9007199254740991"},
        {"description", "42 \"is\" bare"},
    };
    (void)state;
    struct scenario *s = parse_good(settings, ARRAY_LEN(settings));
    assert_int_equal(s->links[0].params[0].delay.ns, 20000000);
    assert_int_equal(s->links[0].params[0].rate_bps, 10000000);
    assert_int_equal(s->links[0].params[1].rate_bps, 0);
    assert_int_equal(s->links[0].between[0], 1);
    assert_int_equal(s->links[1].params[1].rate_bps, 5500000);
    assert_float_equal(s->links[1].params[0].loss, 0.25, 0);
    assert_string_equal(s->links[2].congestion, "bbr");
    assert_string_equal(s->migration.strategy->name, "c-migr");
    assert_int_equal(s->migration.hold_max.ns, 12500000);
    assert_int_equal(s->timeouts.drain.ns, 1000000000);
    assert_int_equal(s->costs[OP_SAVE].fixed.ns, 7000000);
    assert_int_equal(s->costs[OP_SAVE].per_mb.ns, 5300000); /* what is left out keeps its default */
    assert_int_equal(s->logrepo_host, 1);
    assert_int_equal(s->muds[0].visits[1].request, 3);
    assert_int_equal(s->faults[0].edge, 1);
    assert_int_equal(s->faults[0].mud, -1);
    assert_int_equal(s->faults[0].times, 0);
    assert_true(s->expects[0].has_max && !s->expects[0].has_min);
    assert_int_equal(s->seed, 9007199254740991);
    assert_string_equal(s->description, "42 \"is\" bare");
    scenario_free(s);
}

static void test_what_links_do(void **state)
{
    static const struct scenario_setting settings[] = {
        {"links.0.jitter_ms", "{\"forward\":3}"},
        {"links.0.jitter_correlation", "0.25"},
        {"links.0.distribution", "{\"forward\":\"pareto\",\"back\":{\"text\":\"-8192 0 8192\"}}"},
        {"links.0.packet_overhead_bytes", "-8"},
        {"links.0.cell_bytes", "48"},
        {"links.0.cell_overhead_bytes.back", "5"},
        {"links.0.queue_packets.back", "7"},
        {"links.0.queue_bytes", "3000"},
        {"links.0.loss",
         "{\"forward\":{\"gilbert_elliott\":{\"p\":0.1}},\"back\":{\"markov\":{\"p13\":0.2,\"p32\":0.1}}}"},
        {"links.0.duplicate", "0.5"},
        {"links.0.corrupt", "{\"probability\":0.01,\"correlation\":0.3}"},
        {"links.0.reorder", "{\"back\":{\"probability\":0.2,\"gap\":5}}"},
        {"links.0.slot", "{\"min_ms\":2,\"packets\":9}"},
        {"links.1.delay_ms", "{\"forward\":4}"},
        {"links.1.loss", "{\"probability\":0.1,\"correlation\":0.5}"},
        {"links.1.schedule.0", "{\"at_s\":5,\"rtt_ms\":8}"},
        {"links.1.schedule.1",
         "{\"at_s\":7,\"delay_ms\":{\"back\":6},\"rate_mbit\":9,\"loss\":{\"forward\":1}}"},
    };
    (void)state;
    struct scenario *s = parse_good(settings, ARRAY_LEN(settings));
    const struct link_params *there = &s->links[0].params[0], *back = &s->links[0].params[1];
    assert_int_equal(there->jitter.ns, 3000000);
    assert_int_equal(back->jitter.ns, 0);
    assert_float_equal(back->jitter_correlation, 0.25, 0);
    assert_int_equal(there->distribution, LINK_PARETO);
    assert_int_equal(back->distribution, LINK_TABLE);
    assert_int_equal(back->table->count, 3);
    assert_int_equal(back->table->values[0], -8192);
    assert_int_equal(there->packet_overhead, -8);
    assert_int_equal(there->cell_bytes, 48);
    assert_int_equal(there->cell_overhead, 0);
    assert_int_equal(back->cell_overhead, 5);
    assert_int_equal(there->queue_packets, 1000);
    assert_int_equal(back->queue_packets, 7);
    assert_int_equal(there->queue_bytes, 3000);
    assert_int_equal(there->loss_model, LINK_LOSS_GILBERT_ELLIOTT);
    assert_float_equal(there->gilbert_elliott.r, 0.9, 1e-12);
    assert_float_equal(there->gilbert_elliott.loss_bad, 1, 0);
    assert_int_equal(back->loss_model, LINK_LOSS_MARKOV);
    assert_float_equal(back->markov.p31, 0.8, 1e-12);
    assert_float_equal(back->markov.p23, 1, 0);
    assert_float_equal(there->duplicate, 0.5, 0);
    assert_float_equal(back->corrupt_correlation, 0.3, 0);
    assert_float_equal(there->reorder, 0, 0);
    assert_int_equal(back->gap, 5);
    assert_int_equal(there->slot.max.ns, 2000000);
    assert_int_equal(there->slot.packets, 9);
    assert_int_equal(s->links[1].params[0].delay.ns, 4000000);
    assert_int_equal(s->links[1].params[1].delay.ns, 0);
    assert_float_equal(s->links[1].params[1].loss_correlation, 0.5, 0);
    for (int direction = 0; direction < 2; direction++) {
        struct link_params late =
            schedule_params(&s->links[1].schedules[direction], &s->links[1].params[direction], simtime_s(8));
        assert_int_equal(late.delay.ns, direction ? 6000000 : 4000000);
        assert_int_equal(late.rate_bps, 9000000);
        assert_float_equal(late.loss, direction ? 0.1 : 1, 0);
        assert_float_equal(late.loss_correlation, 0.5, 0);
    }
    scenario_free(s);
}

/* What a scenario names is in its text: the same again without the file. */
static void test_files_are_taken_in(void **state)
{
    (void)state;
    char name[] = "/tmp/roamlab-trace-XXXXXX";
    autoclose int fd = mkstemp(name);
    static const char trace[] = "0,5,20,0\n4,10,,\n";
    assert_int_equal(write(fd, trace, sizeof trace - 1), sizeof trace - 1);
    autofree char *value = mem_printf("{\"file\":\"%s\",\"repeat\":true}", name);
    const struct scenario_setting setting = {"links.0.trace", value};
    struct scenario *s = parse_good(&setting, 1);
    unlink(name);
    struct err e = ERR_INIT;
    struct scenario *again = scenario_parse("y.json", s->text, strlen(s->text), NULL, 0, &e);
    if (!again)
        fail_msg("%s", e.text);
    assert_string_equal(s->text, again->text);
    assert_int_equal(again->links[0].schedules[1].period.ns, 4000000000);
    assert_int_equal(again->links[0].schedules[1].points[0].values[SCHEDULE_RATE], 5000000);
    scenario_free(again);
    scenario_free(s);
}

static void test_shipped_scenarios(void **state)
{
    static const struct {
        const char *file, *strategy;
        int edges, muds, faults;
    } rows[] = {
        {"kim22-p-migr", "p-migr", 2, 1, 0},  {"kim22-c-migr", "c-migr", 2, 1, 0},
        {"kim22-quick", "p-migr", 2, 1, 0},   {"three-aps", "p-migr", 3, 1, 0},
        {"swap", "p-migr", 2, 2, 0},          {"cold", "cold", 2, 1, 0},
        {"stateless", "stateless", 2, 1, 0}, {"pre-copy", "pre-copy", 2, 1, 0},
        {"log-replay", "log-replay", 2, 1, 0},
        {"restore-fails", "p-migr", 2, 1, 1}, {"none", "none", 2, 1, 0},
        {"varying-link", "p-migr", 2, 1, 0},  {"tunnel", "p-migr", 3, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *path = mem_printf("scenarios/%s.json", rows[i].file);
        struct scenario *s = scenario_read(path, NULL, 0, &e);
        if (!s)
            fail_msg("%s (%s)", e.text, e.hint);
        assert_string_equal(s->name, rows[i].file);
        assert_string_equal(s->migration.strategy->name, rows[i].strategy);
        assert_int_equal(s->edge_count, rows[i].edges);
        assert_int_equal(s->mud_count, rows[i].muds);
        assert_int_equal(s->fault_count, rows[i].faults);
        assert_true(s->expect_count > 2);
        scenario_free(s);
    }
}

static void test_routes(void **state)
{
    /* a - b - c - d and a - e - d: two hops win; a - b - c and a - x - c: the first in the file wins, both ways. */
    static const char links[] = "[{\"between\":[\"pc1\",\"pc2\"]},{\"between\":[\"laptop\",\"pc1\"]},"
                                "{\"between\":[\"pc2\",\"pc3\"]},{\"between\":[\"pc4\",\"pc3\"]},"
                                "{\"between\":[\"laptop\",\"pc5\"]},{\"between\":[\"pc5\",\"pc2\"]}]";
    static const char hosts[] =
        "{\"pc1\":{},\"pc2\":{},\"laptop\":{},\"pc3\":{},\"pc4\":{},\"pc5\":{},\"alone\":{}}";
    static const struct scenario_setting settings[] = {{"hosts", hosts}, {"links", links}};
    static const struct {
        int from, to, count, hops[4];
    } rows[] = {
        {0, 0, 0, {0}},     {0, 1, 1, {0}},       {1, 0, 1, {1}},       {2, 1, 2, {2, 0}},
        {1, 2, 2, {1, 3}},  {0, 4, 3, {0, 4, 7}}, {4, 0, 3, {6, 5, 1}}, {2, 4, 4, {2, 0, 4, 7}},
        {0, 5, 2, {0, 11}}, {0, 6, -1, {0}},
    };
    (void)state;
    struct scenario *s = parse_good(settings, 2);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int hops[SCENARIO_HOSTS_MAX] = {0},
            count = scenario_route(s, rows[i].from, rows[i].to, hops, SCENARIO_HOSTS_MAX);
        assert_int_equal(count, rows[i].count);
        for (int h = 0; h < count; h++)
            assert_int_equal(hops[h], rows[i].hops[h]);
    }
    int one[1];
    assert_int_equal(scenario_route(s, 0, 4, one, 1), 3);
    assert_int_equal(one[0], 0);
    scenario_free(s);
}

/* The laptop is linked to both, and would be the shorter or the first way. */
static void test_no_route_leads_through_a_device(void **state)
{
    static const struct scenario_setting settings[] = {
        {"hosts", "{\"pc1\":{},\"pc2\":{},\"laptop\":{},\"pc3\":{},\"pc4\":{}}"},
        {"links",
         "[{\"between\":[\"laptop\",\"pc1\"]},{\"between\":[\"laptop\",\"pc2\"]},{\"between\":[\"pc1\",\"pc3\"]},"
         "{\"between\":[\"pc3\",\"pc4\"]},{\"between\":[\"pc4\",\"pc2\"]}]"}};
    int hops[SCENARIO_HOSTS_MAX];
    (void)state;
    struct scenario *s = parse_good(settings, 2);
    assert_int_equal(scenario_route(s, 0, 1, hops, SCENARIO_HOSTS_MAX), 3);
    assert_int_equal(hops[0], 2 * 2);
    assert_int_equal(scenario_route(s, 1, 0, hops, SCENARIO_HOSTS_MAX), 3);
    assert_int_equal(scenario_route(s, 2, 4, hops, SCENARIO_HOSTS_MAX), 2);
    assert_int_equal(scenario_route(s, 3, 2, hops, SCENARIO_HOSTS_MAX), 2);
    scenario_free(s);
}

static void test_metrics(void **state)
{
    static const struct {
        const char *path;
        bool exists;
    } rows[] = {
        {"requests.lost", true},
        {"migrations.12.bytes.wire", true},
        {"migrations.0.stages.10.seconds", true},
        {"migrations.count", true},
        {"migrations.N.total_s", false},
        {"migrations..total_s", false},
        {"migrations.01.total_s", false},
        {"migrations.0", false},
        {"requests", false},
        {"requests.lost.x", false},
        {"", false},
        {"migrations.0.total_s ", false},
        {"migrations.99999999999.total_s", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (metric_exists(rows[i].path) != rows[i].exists)
            fail_msg("%s", rows[i].path);
    assert_null(metric_at(-1));
    assert_non_null(metric_at(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_policies_and_placements),
        cmocka_unit_test(test_same_text_again),
        cmocka_unit_test(test_alike_devices),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_shipped_scenarios),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_no_route_leads_through_a_device),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_what_links_do),
        cmocka_unit_test(test_files_are_taken_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
