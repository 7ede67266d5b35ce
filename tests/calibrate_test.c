/* Costs fitted to runs: planted ones are found again, sizes and links that were not fitted are predicted, what cannot be known is said. Runs from the
 * project's root. */
#include "calibrate_runs.h"
#include "folder.h"
#include "json_file.h"
#include "least_squares.h"
#include "play.h"
#include "scenario_key.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_near(double value, double expected, double share)
{
    if (!(fabs(value - expected) <= share * fabs(expected) + 1e-9))
        fail_msg("%g is not %g", value, expected);
}

static void least_squares_without_negative_coefficients(void **state)
{
    static const struct {
        struct least_squares_row rows[4];
        size_t n;
        double coefficients[3];
        bool determined[3];
    } rows[] = {
        /* exact */
        {{{{1, 2, 0}, 9, 1}, {{1, 5, 0}, 15, 1}, {{1, 8, 0}, 21, 1}}, 3, {5, 2, 0}, {true, true, false}},
        {{{{1, 1, 10}, 37, 1}, {{1, 2, 10}, 39, 1}, {{1, 2, 20}, 69, 1}, {{1, 4, 40}, 133, 1}},
         4,
         {5, 2, 3},
         {true, true, true}},
        /* falling: no slope is better than any that is allowed */
        {{{{1, 1, 0}, 10, 1}, {{1, 2, 0}, 8, 1}, {{1, 3, 0}, 6, 1}}, 3, {8, 0, 0}, {true, true, false}},
        /* through the origin, because the intercept would be negative */
        {{{{1, 2, 0}, 2, 1}, {{1, 4, 0}, 8, 1}}, 2, {0, 1.8, 0}, {true, true, false}},
        /* below zero: nothing */
        {{{{1, 2, 0}, -3, 1}, {{1, 4, 0}, -1, 1}}, 2, {0, 0, 0}, {true, true, false}},
        /* one size: the slope cannot be known */
        {{{{1, 8, 0}, 10, 1}, {{1, 8, 0}, 14, 1}}, 2, {12, 0, 0}, {true, false, false}},
        /* a weight of 3 is three rows */
        {{{{1, 0, 0}, 4, 3}, {{1, 0, 0}, 8, 1}}, 2, {5, 0, 0}, {true, false, false}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct least_squares fit = least_squares_fit(rows[i].rows, rows[i].n, 3);
        for (int k = 0; k < 3; k++) {
            assert_near(fit.coefficients[k] + 1, rows[i].coefficients[k] + 1, 1e-9);
            assert_int_equal(fit.determined[k], rows[i].determined[k]);
        }
    }
    assert_near(least_squares_fit(NULL, 0, 2).rms, 0, 0);
}

/* --- runs with planted costs ------------------------------------------------------------------------------------------------------- */

static const char planted_costs[] =
    "{\"dump\": {\"fixed_ms\": 90, \"ms_per_mb\": 7}, \"restore\": {\"fixed_ms\": 400, \"ms_per_mb\": 11},"
    " \"take layer\": {\"fixed_ms\": 33, \"ms_per_mb\": 4}}";
static const char planted_carriers[] = "{\"scp\": {\"fixed_ms\": 40, \"ms_per_mb\": 3, \"round_trips\": 7}}";

struct point {
    const char *carrier, *rtt_ms, *rate_mbit, *layer_mb, *memory_mb;
};

static void make_run_of(const char *path, const struct scenario_setting *settings, int count, const char *folder)
{
    struct err e = ERR_INIT;
    struct play play;
    struct scenario *s = scenario_read(path, settings, count, &e);
    assert_non_null(s);
    play_init(&play, s, false);
    if (play_once(&play, 1, folder, NULL, &e) < 0)
        fail_msg("%s", e.text);
    play_free(&play);
    scenario_free(s);
}

static void make_run(const char *folder, const struct point *p)
{
    const struct scenario_setting settings[] = {
        {"links.0.rtt_ms", p->rtt_ms},     {"links.0.rate_mbit", p->rate_mbit},
        {"service.layer_mb", p->layer_mb}, {"service.memory_mb", p->memory_mb},
        {"costs", planted_costs},          {"carriers", planted_carriers},
        {"migration.carrier", p->carrier},
    };
    make_run_of("scenarios/matrix.json", settings, ARRAY_LEN(settings), folder);
}

static void fit_to(struct calibration *c, const char *folder)
{
    struct calibrate_runs runs;
    struct err e = ERR_INIT;
    if (calibrate_runs_read(folder, &runs, &e) < 0 || calibrate_runs_fit(&runs, c, &e) < 0)
        fail_msg("%s", e.text);
    calibrate_runs_free(&runs);
}

/* Fits to the points and writes FOLDER/costs.json; the parsed costs are the caller's. */
static json_object *fit_points(const char *folder, const struct point *points, int count)
{
    struct scenario_cost defaults[OPERATIONS] = {[OP_DUMP] = {simtime_ms(100), simtime_ms(1)}};
    struct calibration *c = calibration_new();
    struct err e = ERR_INIT;
    for (int i = 0; i < count; i++) {
        autofree char *run = mem_printf("%s/fit-%d", folder, i);
        make_run(run, &points[i]);
        fit_to(c, run);
    }
    json_object *costs = calibration_json(c, defaults);
    assert_int_equal(json_file_write(folder, "costs.json", costs, &e), 0);
    calibration_free(c);
    return costs;
}

static double predict(const char *folder, const char *costs, double *measured_s)
{
    struct calibrate_runs runs;
    struct calibrate_prediction p;
    struct err e = ERR_INIT;
    if (calibrate_runs_read(folder, &runs, &e) < 0 || calibrate_runs_predict(&runs, costs, &p, &e) < 0)
        fail_msg("%s", e.text);
    double predicted_s = p.predicted_s;
    *measured_s = p.measured_s;
    calibrate_prediction_free(&p);
    calibrate_runs_free(&runs);
    return predicted_s;
}

static void planted_costs_are_found_and_predict(void **state)
{
    static const struct point points[] = {{"scp", "20", "80", "2", "8"},
                                          {"scp", "60", "40", "12", "20"},
                                          {"scp", "100", "100", "6", "30"}},
                              unseen = {"scp", "150", "60", "15", "16"};
    char *folder = folder_make();
    autofree char *run = mem_printf("%s/unseen", folder), *costs = mem_printf("%s/costs.json", folder);
    double measured_s = 0;
    (void)state;
    json_object *fitted = fit_points(folder, points, ARRAY_LEN(points));
    assert_near(json_number_at(fitted, "costs.dump.fixed_ms"), 90, 0.01);
    assert_near(json_number_at(fitted, "costs.dump.ms_per_mb"), 7, 0.01);
    assert_near(json_number_at(fitted, "costs.restore.ms_per_mb"), 11, 0.01);
    assert_near(json_number_at(fitted, "costs.take layer.fixed_ms"), 33, 0.01);
    /* What stood between two transfers let the window shrink: a little of it looks like round trips. */
    assert_near(json_number_at(fitted, "carriers.scp.round_trips"), 7, 0.1);
    assert_near(json_number_at(fitted, "carriers.scp.ms_per_mb"), 3, 0.25);
    json_object_put(fitted);
    make_run(run, &unseen);
    double predicted_s = predict(run, costs, &measured_s);
    assert_near(predicted_s, measured_s, 0.02);
    predicted_s = predict(run, NULL, &measured_s);
    assert_true(measured_s > 1.1 * predicted_s); /* the defaults know nothing of it */
    folder_remove(folder);
}

static void what_was_fitted_to_any_carrier_can_be_named(void **state)
{
    (void)state;
    for (int i = 0; scenario_carrier_at(i); i++) {
        struct point points[] = {{scenario_carrier_at(i), "20", "80", "2", "8"},
                                 {scenario_carrier_at(i), "60", "40", "6", "20"}};
        char *folder = folder_make();
        autofree char *costs = mem_printf("%s/costs.json", folder), *run = mem_printf("%s/fit-1", folder);
        double measured_s = 0;
        json_object_put(fit_points(folder, points, ARRAY_LEN(points)));
        double predicted_s = predict(run, costs, &measured_s);
        assert_near(predicted_s, measured_s, 0.05);
        folder_remove(folder);
    }
}

/* Of the stage, which waits for what is still under way, only what it did counts; what was fitted is what was planted. */
static void what_an_operation_handles_costs(void **state)
{
    static const struct {
        const char *strategy, *size, *sizes_mb[2], *operation;
    } rows[] = {
        {"layered", "service.base_mb", {"20", "60"}, "load base"},
        {"stateless", "service.memory_mb", {"8", "20"}, "start"},
        {"stateless", "service.layer_mb", {"2", "9"}, "start"},
        {"log-replay", "service.layer_mb", {"2", "9"}, "start"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario_cost defaults[OPERATIONS] = {0};
        char *folder = folder_make();
        struct calibration *c = calibration_new();
        autofree char *planted = mem_printf("{\"%s\": {\"fixed_ms\": 120, \"ms_per_mb\": 13}}", rows[i].operation);
        for (size_t j = 0; j < ARRAY_LEN(rows[i].sizes_mb); j++) {
            const struct scenario_setting settings[] = {
                {"migration.strategy", rows[i].strategy},
                {"migration.carrier", "stream"},
                {rows[i].size, rows[i].sizes_mb[j]},
                {"costs", planted},
            };
            autofree char *run = mem_printf("%s/%zu", folder, j);
            make_run_of("scenarios/matrix.json", settings, ARRAY_LEN(settings), run);
            fit_to(c, run);
        }
        json_object *costs = calibration_json(c, defaults);
        autofree char *fixed = mem_printf("costs.%s.fixed_ms", rows[i].operation),
                      *per_mb = mem_printf("costs.%s.ms_per_mb", rows[i].operation);
        assert_near(json_number_at(costs, fixed), 120, 0.01);
        assert_near(json_number_at(costs, per_mb), 13, 0.01);
        json_object_put(costs);
        calibration_free(c);
        folder_remove(folder);
    }
}

static void what_virtual_time_plays_is_no_cost(void **state)
{
    struct scenario_cost defaults[OPERATIONS] = {0};
    char *folder = folder_make();
    autofree char *run = mem_printf("%s/run", folder);
    struct calibration *c = calibration_new();
    (void)state;
    make_run_of("scenarios/log-replay.json", NULL, 0, run);
    fit_to(c, run);
    json_object *fitted = calibration_json(c, defaults);
    assert_non_null(json_at(fitted, "costs.stop"));
    assert_null(json_at(fitted, "costs.replay log"));
    json_object_put(fitted);
    calibration_free(c);
    folder_remove(folder);
}

/* They come past the carrier, which would seem to take nothing for them. */
static void pages_are_not_the_carriers(void **state)
{
    static const char *const rtts_ms[] = {"10", "60", "120"};
    struct scenario_cost defaults[OPERATIONS] = {0};
    char *folder = folder_make();
    struct calibration *c = calibration_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rtts_ms); i++) {
        const struct scenario_setting settings[] = {
            {"links.0.rtt_ms", rtts_ms[i]}, {"carriers", planted_carriers}, {"migration.carrier", "scp"}};
        autofree char *run = mem_printf("%s/%zu", folder, i);
        make_run_of("scenarios/post-copy.json", settings, ARRAY_LEN(settings), run);
        fit_to(c, run);
    }
    json_object *fitted = calibration_json(c, defaults);
    assert_near(json_number_at(fitted, "carriers.scp.round_trips"), 7, 0.1);
    json_object_put(fitted);
    calibration_free(c);
    folder_remove(folder);
}

static void what_one_size_cannot_tell_is_said(void **state)
{
    static const struct point points[] = {{"scp", "20", "80", "4", "8"}, {"scp", "20", "40", "4", "8"}};
    char *folder = folder_make();
    (void)state;
    json_object *fitted = fit_points(folder, points, ARRAY_LEN(points));
    /* 90 + 8 · 7 ms, in the proportion of the default's 100 to 1 */
    assert_near(json_number_at(fitted, "costs.dump.fixed_ms"), 100 * 146 / 108.0, 0.01);
    assert_near(json_number_at(fitted, "costs.dump.ms_per_mb"), 146 / 108.0, 0.01);
    assert_non_null(strstr(json_text_at(fitted, "costs.dump.source"), "one size"));
    assert_non_null(strstr(json_text_at(fitted, "carriers.scp.source"), "one round-trip time"));
    assert_null(json_at(fitted, "costs.commit"));
    json_object_put(fitted);
    folder_remove(folder);
}

static void folders_without_a_run_are_refused(void **state)
{
    char *folder = folder_make();
    struct calibrate_runs runs;
    struct err e = ERR_INIT;
    (void)state;
    assert_true(calibrate_runs_read(folder, &runs, &e) < 0);
    calibrate_runs_free(&runs);
    folder_write(folder, "result.json", "{\"repetitions\": 1, \"migrations\": []}");
    e = (struct err)ERR_INIT;
    assert_true(calibrate_runs_read(folder, &runs, &e) < 0);
    assert_non_null(strstr(e.text, "events.db"));
    calibrate_runs_free(&runs);
    folder_remove(folder);
}

/* --- scenarios that name a file of costs ------------------------------------------------------------------------------------------------ */

static void a_file_of_costs_is_taken_in(void **state)
{
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/costs.json", folder);
    const struct scenario_setting settings[] = {
        {"costs_file", path}, {"costs.dump.fixed_ms", "1"}, {"carriers.scp.round_trips", "2"}};
    struct err e = ERR_INIT;
    (void)state;
    folder_write(folder, "costs.json",
                 "{\"description\": \"d\", \"costs\": {\"dump\": {\"fixed_ms\": 5, \"ms_per_mb\": 6}},"
                 " \"carriers\": {\"scp\": {\"fixed_ms\": 7, \"round_trips\": 8}}}");
    struct scenario *s = scenario_read("scenarios/kim22-quick.json", settings, ARRAY_LEN(settings), &e);
    assert_non_null(s);
    assert_int_equal(s->costs[OP_DUMP].fixed.ns, 1000000); /* the scenario's own word */
    assert_int_equal(s->costs[OP_DUMP].per_mb.ns, 6000000);
    assert_int_equal(s->carrier_cost.fixed.ns, 7000000);
    assert_near(s->carrier_cost.round_trips, 2, 0);
    assert_null(strstr(s->text, "costs_file"));
    assert_null(strstr(s->text, "\"d\""));
    scenario_free(s);
    folder_remove(folder);
}

static void a_wrong_file_of_costs_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"{\"costs\": {\"dump\": {\"fixed_ms\": -5}}}", "costs.json: costs.dump.fixed_ms"},
        {"{\"costs\": {\"dmup\": {}}}", "costs.json: costs.dmup: unknown key"},
        {"{\"carriers\": {\"pigeon\": {}}}", "costs.json: carriers.pigeon: unknown key"},
        {"[]", "costs.json: is no object"},
        {"{", "costs.json: "},
    };
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/costs.json", folder);
    const struct scenario_setting setting = {"costs_file", path};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        folder_write(folder, "costs.json", rows[i].text);
        assert_null(scenario_read("scenarios/kim22-quick.json", &setting, 1, &e));
        if (!strstr(e.text, rows[i].says) || !strstr(e.text, "costs_file"))
            fail_msg("%s", e.text);
    }
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_squares_without_negative_coefficients),
        cmocka_unit_test(planted_costs_are_found_and_predict),
        cmocka_unit_test(what_was_fitted_to_any_carrier_can_be_named),
        cmocka_unit_test(what_virtual_time_plays_is_no_cost),
        cmocka_unit_test(what_an_operation_handles_costs),
        cmocka_unit_test(pages_are_not_the_carriers),
        cmocka_unit_test(what_one_size_cannot_tell_is_said),
        cmocka_unit_test(folders_without_a_run_are_refused),
        cmocka_unit_test(a_file_of_costs_is_taken_in),
        cmocka_unit_test(a_wrong_file_of_costs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
