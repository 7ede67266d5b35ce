/* The scenario whose link changes under a migration, in both worlds: the same changes at the same times, and nearly the
 * same response times. Prints how far the curves are apart; ROAMLAB_KEEP_FIGURES=FOLDER keeps the figure in which they
 * lie over one another. */
#include "figures.h"
#include "real_fixture.h"
#include "response_curve.h"
#include "statistics.h"

#include <math.h>

#define SCENARIO "scenarios/varying-link.json"

/* The changes that shape the curve; the ramp of laptop–pc2 is one more each 100 ms. */
static const struct {
    double at;
    const char *text;
} changes[] = {
    {4, "link laptop-pc1: delay 5 → 15 ms"},  {8, "link pc1-pc2: delay 20 → 50 ms, rate 80 → 12 Mbit/s"},
    {14, "link pc1-pc2: delay 50 → 80 ms"},   {18, "link pc1-pc2: delay 80 → 30 ms, rate 12 → 40 Mbit/s"},
    {23, "link laptop-pc2: delay 5 → 25 ms"},
};
enum { RAMP_STEPS = 20 };

static void assert_changes(const struct run_record *record, double late)
{
    assert_int_equal(record->link_change_count, ARRAY_LEN(changes) + RAMP_STEPS);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_string_equal(record->link_changes[i].text, changes[i].text);
        assert_true(simtime_seconds(record->link_changes[i].at) >= changes[i].at);
        assert_true(simtime_seconds(record->link_changes[i].at) <= changes[i].at + late);
    }
    assert_string_equal(record->link_changes[record->link_change_count - 1].text,
                        "link laptop-pc2: delay 6 → 5 ms");
}

/* Median response time in ms of the requests sent from..to s; quiet stretches are what the links alone make. */
static double median_ms(const struct response_curve *curve, double from, double to)
{
    double list[400];
    size_t count = 0;
    for (size_t i = 0; i < curve->count && count < ARRAY_LEN(list); i++)
        if (curve->points[i].count && curve->points[i].sent_sum >= from && curve->points[i].sent_sum < to)
            list[count++] = curve->points[i].ms_sum;
    statistics_sort(list, count);
    return statistics_percentile(list, count, 0.5);
}

static void assert_stretches(const struct response_curve *curve, double over)
{
    /* Round trip to the container and 5 ms of work: by the first access point, by both, by the second. */
    static const struct {
        double from, to, ms;
    } rows[] = {{0.5, 3.9, 15}, {4.2, 9.9, 35}, {23.2, 24.9, 55}, {27.3, 29.9, 15}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double ms = median_ms(curve, rows[i].from, rows[i].to);
        if (!(ms >= rows[i].ms && ms <= rows[i].ms + over))
            fail_msg("%g to %g s: %g ms instead of %g", rows[i].from, rows[i].to, ms, rows[i].ms);
    }
}

static void read_run(const char *folder, struct response_curve *curve, struct run_record *record)
{
    struct err e = ERR_INIT;
    if (response_curve_read(folder, 0, curve, record, &e) < 0)
        fail_msg("%s", e.text);
}

/* False if the machine was too slow: then its times show nothing. */
static bool run_in(const char *world)
{
    struct fixture_run run;
    const char *const arguments[] = {"--world", world, SCENARIO, NULL};
    fixture_start(&run, world, arguments);
    assert_exit(&run, 0);
    json_object *result = fixture_result(&run);
    bool in_time = !fixture_is_late(result);
    json_object_put(result);
    fixture_run_free(&run);
    return in_time;
}

static char *folder_of(const char *world)
{
    return mem_printf("%s/%s", fixture_folder, world);
}

static void in_virtual_time(void **state)
{
    (void)state;
    if (!fixture_program) {
        skip();
    }
    struct response_curve curve = RESPONSE_CURVE_INIT;
    struct run_record record = RUN_RECORD_INIT;
    autofree char *folder = folder_of("sim");
    run_in("sim");
    read_run(folder, &curve, &record);
    assert_changes(&record, 0);
    assert_stretches(&curve, 1);
    response_curve_free(&curve);
    run_record_free(&record);
}

static void draw(const char *sim, const char *real)
{
    struct err e = ERR_INIT;
    const char *kept = getenv("ROAMLAB_KEEP_FIGURES");
    const char *const folders[] = {sim, real};
    if (system("command -v gnuplot >/dev/null") != 0)
        return;
    if (figures_of_comparison(folders, 2, kept ? kept : fixture_folder, &e) < 0)
        fail_msg("%s", e.text);
    autofree char *svg = folder_read(kept ? kept : fixture_folder, "response-overlay.svg");
    assert_non_null(svg);
    assert_non_null(strstr(svg, "varying-link (sim)"));
    assert_non_null(strstr(svg, "varying-link (real)"));
}

static void the_same_for_real(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct response_curve sim = RESPONSE_CURVE_INIT, real = RESPONSE_CURVE_INIT;
    struct run_record record = RUN_RECORD_INIT;
    autofree char *sim_folder = folder_of("sim"), *real_folder = folder_of("real");
    if (!run_in("real"))
        return;
    read_run(sim_folder, &sim, NULL);
    read_run(real_folder, &real, &record);
    assert_changes(&record, 0.5);
    assert_stretches(&real, 15);
    struct response_difference d = response_curve_compare(&sim, &real);
    printf(
        "sim and real: %zu requests, real less sim %+.1f ms on average, apart by %.1f ms (median), %.1f ms (95 %%), "
        "%.1f ms (most)\n",
        d.count, d.mean, d.p50, d.p95, d.max);
    assert_true(d.count >= 280);
    assert_true(d.p50 <= 15);
    assert_true(d.p95 <= 120);
    assert_true(fabs(d.mean) <= 40);
    draw(sim_folder, real_folder);
    response_curve_free(&sim);
    response_curve_free(&real);
    run_record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_virtual_time),
        cmocka_unit_test(the_same_for_real),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
