#include "metrics.h"
#include "statistics.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-6)

static struct synthetic_run run; /* too large for the stack */

static void compute(struct run_record *record, struct metrics *metrics)
{
    for (int i = 0; i < run.count; i++)
        run_record_add(record, &run.events[i]);
    metrics_compute(record, metrics);
}

static void test_metrics_of_a_known_run(void **state)
{
    (void)state;
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    synthetic_fill(&run, &synthetic_small);
    compute(&record, &m);
    assert_int_equal(m.sent, 6);
    assert_int_equal(m.answered, 6);
    assert_int_equal(m.lost, 0);
    assert_near(m.response_ms.mean, (4 * 20 + 2 * 220) / 6.0);
    assert_near(m.response_ms.p50, 20);
    assert_near(m.response_ms.p95, 220);
    assert_near(m.response_ms.max, 220);
    assert_int_equal(m.migration_count, 1);
    assert_near(m.migration_s.mean, 2.0);
    const struct metrics_migration *g = &m.migrations[0];
    assert_near(g->begin_s, 2.25);
    assert_near(g->ready_s, 1.66);
    assert_near(g->total_s, 2.0);
    assert_near(g->freeze_ms, 260);
    assert_near(g->hold_ms, 240);
    assert_near(g->longest_gap_ms, 200); /* reply 1 at 1.52 s, reply 2 at 2.72 s, usually 1 s apart */
    assert_int_equal(g->wire, 49200000);
    assert_int_equal(g->memory, 29000000);
    assert_int_equal(g->layer, 20000000);
    assert_int_equal(g->image, 0);
    assert_int_equal(g->record->stage_count, 11);
    assert_int_equal(g->record->replayed, 3);
    metrics_free(&m);
    run_record_free(&record);
}

static void test_a_migration_begins_with_its_mark(void **state)
{
    (void)state;
    static const struct {
        double event_s; /* what the report of the end says */
        bool marked;
        double begin_s;
    } rows[] = {{2.25, true, 2.25}, {0, true, 2.25}, {2.5, true, 2.25}, {2.5, false, 2.5}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record record = RUN_RECORD_INIT;
        struct metrics m;
        synthetic_fill(&run, &synthetic_small);
        synthetic_find(&run, EVENT_MIGRATION, NULL, -1)->begin = simtime_from_seconds(rows[i].event_s);
        if (!rows[i].marked)
            synthetic_forget(&run, EVENT_MARK, -1);
        compute(&record, &m);
        assert_near(m.migrations[0].begin_s, rows[i].begin_s);
        assert_near(m.migrations[0].total_s, (rows[i].marked ? 4.25 : 4.35) - rows[i].begin_s); /* the source hears of the end later */
        metrics_free(&m);
        run_record_free(&record);
    }
}

static void test_a_container_that_is_never_thawed_is_frozen_to_the_end(void **state)
{
    (void)state;
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    synthetic_fill(&run, &synthetic_small);
    synthetic_take_out(&run, synthetic_find(&run, EVENT_STAGE, "thaw", -1));
    synthetic_find(&run, EVENT_STAGE, "restore", -1)->value = -EIO;
    synthetic_take_out(&run, synthetic_find(&run, EVENT_STAGE, "switch", -1));
    compute(&record, &m);
    assert_near(m.migrations[0].freeze_ms, 2000);
    assert_true(isnan(m.migrations[0].ready_s));
    assert_true(isnan(m.migrations[0].hold_ms));
    metrics_free(&m);
    run_record_free(&record);
}

static void test_the_longest_gap_counts_lost_replies(void **state)
{
    (void)state;
    static const struct {
        int32_t lost[3];
        double gap_ms;
    } rows[] = {
        {{-1, -1, -1}, 200},
        {{2, -1, -1}, 1200}, /* 1.52 → 3.72 */
        {{2, 3, -1}, 2000},  /* 1.52 → 4.52 */
        {{3, 4, 5}, 2780},   /* 2.72 → never: to the last event at 6.5 */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record record = RUN_RECORD_INIT;
        struct metrics m;
        synthetic_fill(&run, &synthetic_small);
        for (int k = 0; k < 3; k++)
            if (rows[i].lost[k] >= 0) {
                synthetic_forget(&run, EVENT_REQUEST, rows[i].lost[k]);
                synthetic_find(&run, EVENT_SENT_TOTAL, NULL, -1)->value--;
            }
        compute(&record, &m);
        assert_near(m.migrations[0].longest_gap_ms, rows[i].gap_ms);
        metrics_free(&m);
        run_record_free(&record);
    }
}

static void test_a_run_without_anything_has_no_numbers(void **state)
{
    (void)state;
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    metrics_compute(&record, &m);
    assert_true(isnan(m.response_ms.mean) && isnan(m.migration_s.mean));
    assert_int_equal(m.sent + m.answered + m.lost, 0);
    metrics_free(&m);
    run_record_free(&record);
}

/* Handoffs of 60, 80 and 220 ms, two of them with their phases; outages of 3 and 9 s. */
static void test_silences(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        double begin_s, end_s;
        const char *text;
    } silences[] = {
        {EVENT_HANDOFF, 0.5, 0.51, "first association"},
        {EVENT_HANDOFF, 1, 1.06, "silent"},
        {EVENT_HANDOFF, 2, 2.08, "probe 50.000 ms, authentication 2.000 ms, reassociation 3.000 ms"},
        {EVENT_OUTAGE, 3, 6, "no access point heard"},
        {EVENT_HANDOFF, 6, 6.22, "probe 200.000 ms, authentication 4.000 ms, reassociation 1.000 ms"},
        {EVENT_OUTAGE, 8, 17, "no access point heard"},
    };
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    for (size_t i = 0; i < ARRAY_LEN(silences); i++)
        run_record_add(&record, &(struct event){.at = simtime_from_seconds(silences[i].end_s),
                                                .kind = silences[i].kind,
                                                .reporter = "USER",
                                                .text = silences[i].text,
                                                .begin = simtime_from_seconds(silences[i].begin_s)});
    metrics_compute(&record, &m);
    const struct metrics_roaming *r = &m.roaming;
    const double rows[][2] = {
        {(double)r->handoff_ms.count, 3}, {r->handoff_ms.mean, 120}, {r->handoff_ms.max, 220},
        {r->probe_ms, 125},               {r->authentication_ms, 3}, {r->reassociation_ms, 2},
        {(double)r->outage_ms.count, 2},  {r->outage_ms.mean, 6000}, {r->outage_ms.max, 9000},
        {r->outage_total_s, 12},          {(double)r->associations, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_float_equal(rows[i][0], rows[i][1], 1e-6);
    metrics_free(&m);
    run_record_free(&record);
}

static void test_statistics(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    assert_near(statistics_mean(values, 5), 3);
    assert_true(fabs(statistics_ci95(values, 5) - 2.7764 * sqrt(2.5) / sqrt(5)) < 1e-9);
    assert_true(fabs(statistics_ci95_of_sums(5, 15, 55) - statistics_ci95(values, 5)) < 1e-9);
    assert_true(isnan(statistics_mean(values, 0)) && isnan(statistics_ci95(values, 1)));
    statistics_sort(values, 5);
    static const double shares[][2] = {{0, 1}, {0.2, 1}, {0.5, 3}, {0.81, 5}, {1, 5}};
    for (size_t i = 0; i < ARRAY_LEN(shares); i++)
        assert_near(statistics_percentile(values, 5, shares[i][0]), shares[i][1]);
    assert_true(fabs(statistics_student_t(31) - 2.0395) < 2e-4);
    assert_true(fabs(statistics_student_t(100) - 1.9840) < 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_metrics_of_a_known_run),
        cmocka_unit_test(test_a_migration_begins_with_its_mark),
        cmocka_unit_test(test_a_container_that_is_never_thawed_is_frozen_to_the_end),
        cmocka_unit_test(test_the_longest_gap_counts_lost_replies),
        cmocka_unit_test(test_a_run_without_anything_has_no_numbers),
        cmocka_unit_test(test_silences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
