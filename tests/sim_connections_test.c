/* What is sent at the same time over one of a carrier's connections, in virtual time. */
#include "mem.h"
#include "simulated_run.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
