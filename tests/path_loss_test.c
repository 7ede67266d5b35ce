/* Path loss against figures worked by hand from the formulas of path_loss.h. */
#include "mem.h"
#include "path_loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct path_loss_options options_of(const char *model)
{
    struct path_loss_options o = path_loss_defaults();
    o.model = path_loss_model_of(model);
    assert_non_null(o.model);
    return o;
}

struct row {
    const char *name;
    struct path_loss_options options;
    double distance_m, loss_db;
};

static void check(const struct row *row)
{
    struct path_loss curve;
    struct err e = ERR_INIT;
    assert_int_equal(path_loss_curve(&row->options, &curve, &e), 0);
    double loss = path_loss_db(&curve, row->distance_m), range = path_loss_range_m(&curve, row->loss_db);
    if (fabs(loss - row->loss_db) > 0.001)
        fail_msg("%s at %g m: %.4f dB, not %.4f", row->name, row->distance_m, loss, row->loss_db);
    if (row->distance_m > curve.nearest_m && fabs(range / row->distance_m - 1) > 0.001)
        fail_msg("%s, %g dB: reached at %.4f m, not at %g", row->name, row->loss_db, range, row->distance_m);
}

/* 20 log10(2437) = 67.7371; 20 log10(4 pi 10^6 / c) = -27.5522. */
static void losses(void **state)
{
    (void)state;
    struct path_loss_options free_space = options_of("free-space"), at_5180 = free_space;
    at_5180.frequency_mhz = 5180;
    struct path_loss_options log_distance = options_of("log-distance"), measured = log_distance;
    measured.reference_m = 10;
    measured.reference_loss_db = 60;
    measured.exponent = 4;
    struct path_loss_options two_ray = options_of("two-ray"), cmu = two_ray;
    cmu.frequency_mhz = 914;
    cmu.transmitter_m = cmu.receiver_m = 1.5;
    struct path_loss_options office = options_of("itu-indoor"), floors = office, given = office;
    floors.frequency_mhz = 1900;
    floors.floors = 2;
    given.indoor = INDOOR_COMMERCIAL;
    given.floors = 5;
    given.power_coefficient = 22;
    given.floor_loss_db = 18;
    const struct row rows[] = {
        {"free-space", free_space, 1, 40.1849},
        {"free-space", free_space, 100, 80.1849},
        {"free-space, 5180 MHz", at_5180, 10, 66.7344},
        {"free-space, too near", free_space, 0.1, 40.1849},
        {"log-distance", log_distance, 50, 40.1849 + 50.9691},
        {"log-distance, measured", measured, 100, 100},
        {"log-distance, nearer than measured", measured, 2, 60},
        {"two-ray before the crossover (459.7 m)", two_ray, 100, 80.1849},
        {"two-ray behind it", two_ray, 1000, 120 - 13.0643},
        /* ns-2's well-known pair: 0.28183815 W sent are 3.652e-10 W at 250 m. */
        {"two-ray, 914 MHz", cmu, 250, 88.8745},
        {"itu-indoor, office", office, 10, 67.7371 + 30 - 28},
        {"itu-indoor, two floors", floors, 10, 65.5751 + 30 + 19 - 28},
        {"itu-indoor, values given", given, 10, 67.7371 + 22 + 18 - 28},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

static void crossover_has_no_step(void **state)
{
    (void)state;
    struct path_loss_options o = options_of("two-ray");
    struct path_loss curve;
    assert_int_equal(path_loss_curve(&o, &curve, NULL), 0);
    assert_true(fabs(curve.crossover_m - 459.68) < 0.01);
    double before = path_loss_db(&curve, curve.crossover_m - 0.001);
    assert_true(fabs(before - path_loss_db(&curve, curve.crossover_m)) < 0.001);
}

static void refused(void **state)
{
    (void)state;
    struct path_loss_options frequency = options_of("free-space"), exponent = options_of("log-distance");
    struct path_loss_options height = options_of("two-ray"), shop = options_of("itu-indoor"), tower = shop;
    frequency.frequency_mhz = 0;
    exponent.exponent = -1;
    height.receiver_m = 0;
    shop.indoor = INDOOR_COMMERCIAL;
    tower.floors = 4;
    const struct {
        struct path_loss_options options;
        const char *begins;
    } rows[] = {
        {frequency, "frequency_mhz: "}, {exponent, "exponent: "},   {height, "receiver_m: "},
        {shop, "power_coefficient: "},  {tower, "floor_loss_db: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct path_loss curve;
        struct err e = ERR_INIT;
        assert_true(path_loss_curve(&rows[i].options, &curve, &e) < 0);
        assert_memory_equal(e.text, rows[i].begins, strlen(rows[i].begins));
    }
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; path_loss_model_at(i); i++)
        assert_ptr_equal(path_loss_model_of(path_loss_model_at(i)->name), path_loss_model_at(i));
    assert_null(path_loss_model_of("none"));
    assert_int_equal(indoor_environment_of("office"), INDOOR_OFFICE);
    assert_int_equal(indoor_environment_of("none"), INDOOR_ENVIRONMENTS);
    assert_string_equal(indoor_environment_name(INDOOR_COMMERCIAL), "commercial");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses),
        cmocka_unit_test(crossover_has_no_step),
        cmocka_unit_test(refused),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
