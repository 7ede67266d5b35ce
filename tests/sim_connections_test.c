/* The connections of carriers in virtual time: what is sent over one at the same time, what warming takes. */
#include "carrier_model.h"
#include "mem.h"
#include "simulated_run.h"

#include <math.h>

/* How long each took. */
struct sending {
    double layer_s, memory_s;
};

static double seconds_of(const struct run_record *r, enum operation operation)
{
    const struct run_migration *m = &r->migrations[0];
    for (int i = 0; i < m->stage_count; i++)
        if (m->stages[i].operation == operation)
            return simtime_seconds(simtime_sub(m->stages[i].end, m->stages[i].begin));
    fail_msg("no %s", operation_name(operation));
    return 0;
}

static struct sending send_both(const char *layer_mb, const char *memory_mb)
{
    const struct scenario_setting settings[] = {
        {"migration.carrier", "stream"}, {"migration.pipeline", "true"},   {"links.0.rate_mbit", "20"},
        {"service.layer_mb", layer_mb},  {"service.memory_mb", memory_mb},
    };
    struct run_record record = RUN_RECORD_INIT;
    struct err e = ERR_INIT;
    struct scenario *s = scenario_read("scenarios/matrix.json", settings, ARRAY_LEN(settings), &e);
    assert_non_null(s);
    simulate_record(s, &record);
    assert_int_equal(record.migration_count, 1);
    struct sending both = {seconds_of(&record, OP_SEND_LAYER), seconds_of(&record, OP_SEND_MEMORY)};
    run_record_free(&record);
    scenario_free(s);
    return both;
}

/* The shorter one takes twice the time that it has the line alone, the longer one waits for no more than the shorter one's bytes. */
static void they_take_turns(void **state)
{
    struct sending alone = send_both("8", "0.1"), other = send_both("0.1", "24"), both = send_both("8", "24");
    (void)state;
    assert_true(alone.layer_s < other.memory_s);
    assert_in_range(both.layer_s * 1000, 1.7 * alone.layer_s * 1000, 2.3 * alone.layer_s * 1000);
    assert_in_range(both.memory_s * 1000, 0.9 * (alone.layer_s + other.memory_s) * 1000,
                    1.1 * (alone.layer_s + other.memory_s) * 1000);
}

/* Each edge server's connection to the other; anew when its host has restarted. */
static void what_is_warmed_is_told(void **state)
{
    static const char restart[] = "{\"effect\": \"restarted\", \"host\": \"pc2\", \"from_s\": 1, \"to_s\": 1.2}";
    static const struct {
        const char *carrier;
        bool restarts;
        int connections;
    } rows[] = {{"scp", false, 0}, {"stream", false, 2}, {"stream", true, 3}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scenario_setting settings[] = {{"migration.carrier", rows[i].carrier}, {"faults.0", restart}};
        struct run_record record = RUN_RECORD_INIT;
        struct err e = ERR_INIT;
        struct scenario *s = scenario_read("scenarios/matrix.json", settings, rows[i].restarts ? 2 : 1, &e);
        assert_non_null(s);
        simulate_record(s, &record);
        struct layout_path path = {.rtt = simtime_ms(20), .rate_bps = 80000000};
        uint64_t each = carrier_model_warming_bytes(carrier_model_of(rows[i].carrier), &path);
        assert_int_equal(record.warmed, rows[i].connections);
        assert_int_equal(record.warming_bytes, each * (uint64_t)rows[i].connections);
        run_record_free(&record);
        scenario_free(s);
    }
}

/* What a link carried in the one direction beside migrations in real runs by carrier stream. */
static void padding_is_as_much_as_for_real(void **state)
{
    static const struct {
        int rate_mbit, rtt_ms;
        double measured_mb;
    } rows[] = {{80, 200, 4.35}, {80, 40, 1.25}, {80, 5, 0.41}, {40, 80, 1.33}, {40, 40, 0.88}, {60, 20, 0.65}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct layout_path path = {.rtt = simtime_ms(rows[i].rtt_ms), .rate_bps = (uint64_t)rows[i].rate_mbit * 1000000};
        double mb = (double)carrier_model_warming_bytes(carrier_model_of("stream"), &path) / 1e6;
        if (fabs(mb / rows[i].measured_mb - 1) > 0.35)
            fail_msg("%d Mbit/s, %d ms: %g MB, measured %g", rows[i].rate_mbit, rows[i].rtt_ms, mb, rows[i].measured_mb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_warmed_is_told),
        cmocka_unit_test(padding_is_as_much_as_for_real),
        cmocka_unit_test(they_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
