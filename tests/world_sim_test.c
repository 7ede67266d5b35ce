/* Whole runs in virtual time, by what the scenario's keys do to them. */
#include "buf.h"
#include "simulated_run.h"

static void run(const char *text, struct run_record *record)
{
    struct scenario *s = scenario_from(text);
    simulate_record(s, record);
    scenario_free(s);
}

/* The least response time of a device, in ms. */
static double quickest_ms(const struct run_mud *mud)
{
    double least = 1e9;
    for (size_t i = 0; i < mud->request_count; i++) {
        double ms = simtime_to_ms(simtime_sub(mud->requests[i].answered, mud->requests[i].sent));
        least = ms < least ? ms : least;
    }
    return least;
}

/* On a link of 1 Mbit/s, 1900 bytes more take 15.2 ms more. */
static void test_replies_are_as_long_as_their_device_says(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"t\",\"duration_s\":10,\"hosts\":{\"pc\":{},\"a\":{},\"b\":{}},"
        "\"edges\":{\"es1\":{\"host\":\"pc\"}},\"aps\":{\"ap1\":{\"host\":\"pc\",\"edge\":\"es1\"}},"
        "\"links\":[{\"between\":[\"a\",\"pc\"],\"rate_mbit\":1},{\"between\":[\"b\",\"pc\"],\"rate_mbit\":1}],"
        "\"muds\":{\"m1\":{\"host\":\"a\",\"reply_bytes\":100,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0}]},"
        "\"m2\":{\"host\":\"b\",\"reply_bytes\":2000,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0}]}}}";
    struct run_record record = RUN_RECORD_INIT;
    run(text, &record);
    assert_int_equal(record.mud_count, 2);
    assert_float_equal(quickest_ms(&record.muds[1]) - quickest_ms(&record.muds[0]), 15.2, 0.001);
    run_record_free(&record);
}

/* Hosts h0 … hN in a row, an edge server and an access point at either end; `more` keys. */
static char *row_of_hosts(int hosts, const char *more)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "{\"name\":\"t\",\"duration_s\":60,\"hosts\":{\"a\":{}");
    for (int i = 0; i < hosts; i++)
        buf_printf(&b, ",\"h%d\":{}", i);
    buf_printf(
        &b,
        "},\"edges\":{\"es1\":{\"host\":\"h0\"},\"es2\":{\"host\":\"h%d\"}},"
        "\"aps\":{\"ap1\":{\"host\":\"h0\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"h%d\",\"edge\":\"es2\"}},"
        "\"links\":[{\"between\":[\"a\",\"h0\"]}",
        hosts - 1, hosts - 1);
    for (int i = 1; i < hosts; i++)
        buf_printf(&b, ",{\"between\":[\"h%d\",\"h%d\"],\"rate_mbit\":8}", i - 1, i);
    buf_printf(&b,
               "],\"service\":{\"memory_mb\":4,\"layer_mb\":1},\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":"
               "[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":10}]}}%s}",
               more);
    char *text = mem_copy_string(buf_text(&b));
    buf_free(&b);
    return text;
}

/* 4 MB at 8 Mbit/s take 4 s at least, however many links they cross. */
static void test_a_transfer_takes_its_time_over_any_path(void **state)
{
    (void)state;
    static const int hosts[] = {2, 17, 18, 40};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        autofree char *text = row_of_hosts(hosts[i], "");
        struct run_record record = RUN_RECORD_INIT;
        double seconds = 0;
        run(text, &record);
        assert_int_equal(record.migration_count, 1);
        assert_string_equal(record.migrations[0].outcome, "finished");
        for (int k = 0; k < record.migrations[0].stage_count; k++)
            if (record.migrations[0].stages[k].operation == OP_SEND_MEMORY)
                seconds = simtime_seconds(
                    simtime_sub(record.migrations[0].stages[k].end, record.migrations[0].stages[k].begin));
        if (seconds < 4 || seconds > 8)
            fail_msg("%d hosts: %g s", hosts[i], seconds);
        run_record_free(&record);
    }
}

static struct run_stage stage_of(const struct run_record *record, enum operation operation)
{
    const struct run_migration *m = &record->migrations[0];
    for (int i = 0; i < m->stage_count; i++)
        if (m->stages[i].operation == operation)
            return m->stages[i];
    fail_msg("no stage %s", operation_name(operation));
    return (struct run_stage){0};
}

/* The device's host, and two hosts with an edge server and an access point each; the parameters of the link between these follow. */
#define TWO_EDGES                                                                                            \
    "\"hosts\":{\"a\":{},\"h0\":{},\"h1\":{}},"                                                              \
    "\"edges\":{\"es1\":{\"host\":\"h0\"},\"es2\":{\"host\":\"h1\"}},"                                       \
    "\"aps\":{\"ap1\":{\"host\":\"h0\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"h1\",\"edge\":\"es2\"}},"       \
    "\"links\":[{\"between\":[\"a\",\"h0\"]},{\"between\":[\"a\",\"h1\"]},{\"between\":[\"h0\",\"h1\"],"

/* To the nanosecond: each begins when what it needs is there, and what is received is there one way before the sender knows. */
static void test_overlapped_stages_begin_when_they_can(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"t\",\"duration_s\":20," TWO_EDGES "\"rtt_ms\":100,\"rate_mbit\":{\"forward\":80}}],"
        "\"service\":{\"memory_mb\":20,\"layer_mb\":10,\"memory_ratio\":4,\"layer_ratio\":5},"
        "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":5.5}]}},"
        "\"migration\":{\"carrier\":\"stream\",\"pipeline\":true}}";
    struct run_record record = RUN_RECORD_INIT;
    run(text, &record);
    struct run_stage freeze = stage_of(&record, OP_FREEZE), dump = stage_of(&record, OP_DUMP),
                     take = stage_of(&record, OP_TAKE_LAYER), thaw = stage_of(&record, OP_THAW),
                     layer = stage_of(&record, OP_SEND_LAYER), memory = stage_of(&record, OP_SEND_MEMORY),
                     layer_here = stage_of(&record, OP_RECEIVE_LAYER),
                     memory_here = stage_of(&record, OP_RECEIVE_MEMORY),
                     put = stage_of(&record, OP_PUT_LAYER), restore = stage_of(&record, OP_RESTORE);
    const int64_t pairs[][2] = {
        {dump.begin.ns, freeze.end.ns},
        {take.begin.ns, freeze.end.ns},
        {thaw.begin.ns, dump.end.ns},
        {memory.begin.ns, dump.begin.ns},
        {layer.begin.ns, take.end.ns},
        {put.begin.ns, layer_here.end.ns},
        {restore.begin.ns, memory_here.end.ns},
        {layer.end.ns - layer_here.end.ns, 50000000},
        {memory.end.ns - memory_here.end.ns, 50000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (pairs[i][0] != pairs[i][1])
            fail_msg("pair %zu: %lld and %lld ns", i, (long long)pairs[i][0], (long long)pairs[i][1]);
    /* 2 MB and 5 MB: 4.5 % of headers each, nothing sent twice */
    assert_in_range(layer.bytes, 2090000, 2100000);
    assert_in_range(memory.bytes, 5220000, 5240000);
    run_record_free(&record);
}

static double seconds_between(struct simtime from, struct simtime to)
{
    return simtime_seconds(simtime_sub(to, from));
}

/* 400 MB are written in 212 ms, the layer is taken in 10. Carrier stream sends memory meanwhile, all but the last byte, in less time than that; others
 * begin when it has been written, and so does all that no link keeps waiting. */
static void test_a_dump_is_sent_while_it_is_written(void **state)
{
    (void)state;
    static const char *const limited = ",\"rate_mbit\":10000", *const not_limited = "";
    static const struct {
        const char *strategy, *carrier, *rate;
        double least_s, most_s; /* memory's end from the end of the dump, … */
        bool layer_meanwhile;   /* … before which the layer's is */
    } rows[] = {
        {"p-migr", "stream", limited, 0.0005, 0.01, true}, {"layered", "stream", limited, 0.0005, 0.01, true},
        {"c-migr", "stream", limited, 0.0005, 0.01, true}, {"p-migr", "scp", limited, 0.1, 60, true},
        {"p-migr", "rsync", limited, 0.05, 60, true},      {"p-migr", "registry", limited, 0.1, 60, true},
        {"p-migr", "stream", not_limited, 0.02, 1, false}, {"layered", "stream", not_limited, 0.02, 1, false},
        {"c-migr", "stream", not_limited, 0.02, 1, false}, {"p-migr", "scp", not_limited, 0.1, 60, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *text =
            mem_printf("{\"name\":\"t\",\"duration_s\":30," TWO_EDGES "\"rtt_ms\":1%s}],"
                       "\"service\":{\"base_mb\":1,\"memory_mb\":400,\"layer_mb\":0.1,\"memory_ratio\":4},"
                       "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":2}]}},"
                       "\"migration\":{\"strategy\":\"%s\",\"carrier\":\"%s\",\"pipeline\":true}}",
                       rows[i].rate, rows[i].strategy, rows[i].carrier);
        struct run_record record = RUN_RECORD_INIT;
        run(text, &record);
        struct run_stage dump = stage_of(&record, OP_DUMP), memory = stage_of(&record, OP_SEND_MEMORY), layer = stage_of(&record, OP_SEND_LAYER);
        double behind_s = seconds_between(dump.end, memory.end);
        if (behind_s < rows[i].least_s || behind_s > rows[i].most_s || simtime_before(layer.end, dump.end) != rows[i].layer_meanwhile)
            fail_msg("%s by %s%s: memory %g s behind the dump, layer %g s", rows[i].strategy, rows[i].carrier, rows[i].rate, behind_s,
                     seconds_between(dump.end, layer.end));
        run_record_free(&record);
    }
}

/* What was sent of it is of no use: the container goes on where it was. */
static void test_a_dump_that_fails_ends_what_follows_it(void **state)
{
    (void)state;
    static const char *const effects[] = {"fails", "hangs"};
    static const char *const carriers[] = {"stream", "scp"};
    for (size_t i = 0; i < ARRAY_LEN(effects) * ARRAY_LEN(carriers); i++) {
        autofree char *more = mem_printf(",\"migration\":{\"carrier\":\"%s\",\"pipeline\":true},"
                                         "\"timeouts\":{\"operation_ms\":2000},\"faults\":[{\"effect\":\"%s\",\"operation\":\"dump\"}]",
                                         carriers[i / 2], effects[i % 2]);
        autofree char *text = row_of_hosts(2, more);
        struct run_record record = RUN_RECORD_INIT;
        run(text, &record);
        assert_string_equal(record.migrations[0].outcome, "failed");
        assert_int_equal(record.muds[0].sent, record.muds[0].answered);
        run_record_free(&record);
    }
}

/* In the middle of it: its pages are on their way, or it is waited for. */
static void test_a_stage_beside_a_dump_fails(void **state)
{
    (void)state;
    static const char *const strategies[] = {"p-migr", "c-migr", "layered"}, *const volumes[] = {"early", "on-arrival"};
    static const char *const carriers[] = {"stream", "rsync"};
    for (size_t i = 0; i < 12; i++) {
        autofree char *text =
            mem_printf("{\"name\":\"t\",\"duration_s\":60," TWO_EDGES "\"rtt_ms\":1,\"rate_mbit\":10000}],"
                       "\"service\":{\"base_mb\":1,\"memory_mb\":400,\"layer_mb\":80,\"volume_mb\":1},"
                       "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":2}]}},"
                       "\"migration\":{\"strategy\":\"%s\",\"volume\":\"%s\",\"carrier\":\"%s\",\"pipeline\":true},"
                       "\"faults\":[{\"effect\":\"fails\",\"operation\":\"send layer\"}]}",
                       strategies[i % 3], volumes[i / 3 % 2], carriers[i / 6]);
        struct run_record record = RUN_RECORD_INIT;
        run(text, &record);
        assert_string_equal(record.migrations[0].outcome, "failed");
        assert_int_equal(record.muds[0].sent, record.muds[0].answered);
        run_record_free(&record);
    }
}

/* What a carrier takes before the first byte it takes behind the dump. */
static void test_round_trips_come_behind_the_dump(void **state)
{
    (void)state;
    double behind_s[2];
    for (int slow = 0; slow < 2; slow++) {
        autofree char *text =
            mem_printf("{\"name\":\"t\",\"duration_s\":60," TWO_EDGES "\"rtt_ms\":20,\"rate_mbit\":100}],"
                       "\"service\":{\"memory_mb\":1,\"layer_mb\":0},\"costs\":{\"dump\":{\"fixed_ms\":%d}},"
                       "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":2}]}},"
                       "\"migration\":{\"carrier\":\"scp\",\"pipeline\":true}}",
                       slow ? 2000 : 1);
        struct run_record record = RUN_RECORD_INIT;
        run(text, &record);
        behind_s[slow] = seconds_between(stage_of(&record, OP_DUMP).end, stage_of(&record, OP_SEND_MEMORY).end);
        run_record_free(&record);
    }
    if (behind_s[1] < 0.9 * behind_s[0] || behind_s[1] > 1.1 * behind_s[0])
        fail_msg("%g s behind a long dump, %g s behind a short one", behind_s[1], behind_s[0]);
}

/* The same stage lasts so much longer. */
static void test_a_slow_operation_begins_later(void **state)
{
    (void)state;
    static const enum operation operations[] = {OP_FREEZE, OP_DUMP, OP_CREATE, OP_RESTORE, OP_STOP};
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        int64_t lasts_ns[2];
        for (int slow = 0; slow < 2; slow++) {
            autofree char *faults = mem_printf(",\"faults\":[{\"effect\":\"slow\",\"operation\":\"%s\",\"delay_ms\":300}]",
                                               operation_name(operations[i]));
            autofree char *text = row_of_hosts(2, slow ? faults : "");
            struct run_record record = RUN_RECORD_INIT;
            run(text, &record);
            struct run_stage stage = stage_of(&record, operations[i]);
            lasts_ns[slow] = simtime_sub(stage.end, stage.begin).ns;
            run_record_free(&record);
        }
        assert_int_equal(lasts_ns[1] - lasts_ns[0], simtime_ms(300).ns);
    }
}

/* The pages fill the link, however long it is: nothing waits for a round trip but their beginning, and what requests touch. And with its stages side
 * by side the container stands still for a shorter time. */
static void test_lazy_pages_fill_the_link(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"t\",\"duration_s\":30," TWO_EDGES "\"rtt_ms\":%d,\"rate_mbit\":80}],"
        "\"service\":{\"memory_mb\":32,\"layer_mb\":4},"
        "\"muds\":{\"m1\":{\"host\":\"a\",\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":2.5}]}},"
        "\"migration\":{\"strategy\":\"%s\",\"carrier\":\"stream\",\"pipeline\":%s}}";
    static const struct {
        const char *strategy;
        int rtt_ms;
        double least_s, most_s; /* 32 MB and headers: 3.35 s; slow start and two round trips */
    } rows[] = {
        {"post-copy", 10, 3.3, 3.6}, {"post-copy", 40, 3.3, 3.9}, {"post-copy", 200, 3.3, 5.5}, {"hybrid-copy", 40, 0.01, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double still_s[2];
        for (int pipeline = 0; pipeline < 2; pipeline++) {
            autofree char *scenario = mem_printf(text, rows[i].rtt_ms, rows[i].strategy, pipeline ? "true" : "false");
            struct run_record record = RUN_RECORD_INIT;
            run(scenario, &record);
            struct run_stage fetch = stage_of(&record, OP_FETCH_PAGES);
            still_s[pipeline] = seconds_between(stage_of(&record, OP_FREEZE).begin, stage_of(&record, OP_RESTORE_STATE).end);
            double fetch_s = seconds_between(fetch.begin, fetch.end);
            if (fetch_s < rows[i].least_s || fetch_s > rows[i].most_s)
                fail_msg("%s, %d ms: pages took %g s", rows[i].strategy, rows[i].rtt_ms, fetch_s);
            run_record_free(&record);
        }
        assert_true(still_s[1] < still_s[0]);
    }
}

/* All state in memory, so that what the dump holds is what is sent. */
static void test_a_kernel_that_tracks_dumps_what_was_written(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"t\",\"duration_s\":20," TWO_EDGES "\"rtt_ms\":10,\"rate_mbit\":80}],"
        "\"service\":{\"memory_mb\":100,\"layer_mb\":0},"
        "\"muds\":{\"m1\":{\"host\":\"a\",\"requests_per_s\":20,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":2}]}},"
        "\"migration\":{\"strategy\":\"pre-copy\",\"carrier\":\"stream\",\"pipeline\":%s,\"dirty_tracking\":%s}}";
    for (int pipeline = 0; pipeline < 2; pipeline++) {
        struct run_stage dump[2], diff[2];
        for (int tracks = 0; tracks < 2; tracks++) {
            autofree char *scenario =
                mem_printf(text, pipeline ? "true" : "false", tracks ? "true" : "false");
            struct run_record record = RUN_RECORD_INIT;
            run(scenario, &record);
            dump[tracks] = stage_of(&record, OP_DUMP), diff[tracks] = stage_of(&record, OP_DIFF);
            run_record_free(&record);
        }
        assert_int_equal(dump[0].bytes, 100000000);
        assert_true(diff[1].bytes > 0 && diff[1].bytes < 10000000);
        assert_int_equal(dump[1].bytes, diff[1].bytes);
        assert_int_equal(diff[0].bytes, diff[1].bytes);
        /* 0.53 ms/MB of what is not dumped */
        int64_t spared =
            simtime_sub(dump[0].end, dump[0].begin).ns - simtime_sub(dump[1].end, dump[1].begin).ns;
        assert_in_range(spared, 47700000, 53000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_are_as_long_as_their_device_says),
        cmocka_unit_test(test_a_transfer_takes_its_time_over_any_path),
        cmocka_unit_test(test_overlapped_stages_begin_when_they_can),
        cmocka_unit_test(test_a_dump_is_sent_while_it_is_written),
        cmocka_unit_test(test_a_dump_that_fails_ends_what_follows_it),
        cmocka_unit_test(test_a_stage_beside_a_dump_fails),
        cmocka_unit_test(test_round_trips_come_behind_the_dump),
        cmocka_unit_test(test_a_slow_operation_begins_later),
        cmocka_unit_test(test_lazy_pages_fill_the_link),
        cmocka_unit_test(test_a_kernel_that_tracks_dumps_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
