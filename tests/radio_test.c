/* Received power: its sum, and the statistics of shadowing over many places, access points and seeds. */
#include "mem.h"
#include "radio.h"
#include "rng.h"
#include "shadowing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 8, DRAWS = 40000 };
static const double sigma_db = 6, correlation_m = 25;

static void assert_near(double value, double wanted, double within)
{
    if (!(fabs(value - wanted) <= within))
        fail_msg("%.4f is not %.4f within %g", value, wanted, within);
}

static void power_is_a_sum(void **state)
{
    (void)state;
    struct radio_options o = radio_defaults();
    struct radio *plain = radio_open(&o, 7, NULL);
    o.shadowing_db = sigma_db;
    struct radio *shadowed = radio_open(&o, 7, NULL);
    const struct radio_ap ap = {.x_m = 100, .y_m = 50, .tx_power_dbm = 20, .id = 3};
    /* 30 and 40 m away are 50: 20 dBm - (40.185 + 30 log10(50)) dB. */
    double mean = radio_power_dbm(plain, &ap, 130, 90);
    assert_near(mean, 20 - 91.154, 0.001);
    struct shadowing_spot spot = shadowing_spot(radio_shadowing(shadowed), 130, 90);
    double shadowing = shadowing_db(radio_shadowing(shadowed), 3, spot, -INFINITY);
    assert_near(radio_power_dbm(shadowed, &ap, 130, 90), mean + shadowing, 1e-9);
    assert_true(shadowing != 0);
    radio_free(plain);
    radio_free(shadowed);
}

/* -174 + 10 log10(20e6) + 7 = -93.99 dBm. */
static void noise(void **state)
{
    (void)state;
    struct radio_options o = radio_defaults();
    assert_near(radio_noise_dbm(&o), -93.990, 0.001);
    o.bandwidth_mhz = 80;
    o.noise_figure_db = 5;
    assert_near(radio_noise_dbm(&o), -89.969, 0.001);
}

static void least_that_is_heard(void **state)
{
    (void)state;
    static const struct {
        double bandwidth_mhz, noise_figure_db, least_dbm;
    } rows[] = {{20, 7, -82}, {160, 7, -174 + 82.041 + 7 + 4}, {20, 20, -174 + 73.010 + 20 + 4}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct radio_options o = radio_defaults();
        o.bandwidth_mhz = rows[i].bandwidth_mhz;
        o.noise_figure_db = rows[i].noise_figure_db;
        struct radio *radio = radio_open(&o, 1, NULL);
        assert_near(radio_least_dbm(radio), rows[i].least_dbm, 0.001);
        radio_free(radio);
    }
}

static void refused(void **state)
{
    (void)state;
    struct radio_options sigma = radio_defaults(), distance = sigma, band = sigma, loss = sigma;
    sigma.shadowing_db = -1;
    distance.correlation_m = 0;
    band.bandwidth_mhz = NAN;
    loss.path_loss.exponent = 0;
    const struct {
        const struct radio_options *options;
        const char *begins;
    } rows[] = {{&sigma, "shadowing_db: "},
                {&distance, "correlation_m: "},
                {&band, "bandwidth_mhz: "},
                {&loss, "exponent: "}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_null(radio_open(rows[i].options, 1, &e));
        assert_memory_equal(e.text, rows[i].begins, strlen(rows[i].begins));
    }
}

static double value_at(const struct shadowing *field, uint32_t id, double x, double y)
{
    return shadowing_db(field, id, shadowing_spot(field, x, y), -INFINITY);
}

/* The mean of f over the products of values at two places that are (dx, dy) apart, in sigmas. */
static double mean_product(double dx, double dy, uint32_t other_ap)
{
    double sum = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct shadowing *field = shadowing_open(sigma_db, correlation_m, seed);
        struct rng rng;
        rng_init(&rng, seed, "places", 0);
        for (int i = 0; i < DRAWS; i++) {
            uint32_t id = (uint32_t)rng_below(&rng, 10000);
            double x = 1e5 * (rng_unit(&rng) - 0.5), y = 1e5 * (rng_unit(&rng) - 0.5);
            sum += value_at(field, id, x, y) * value_at(field, id + other_ap, x + dx, y + dy);
        }
        shadowing_free(field);
    }
    return sum / (SEEDS * DRAWS) / (sigma_db * sigma_db);
}

/* Gudmundson's exp(-d / correlation_m), along the axes and across. What is measured is that of eight drawn
 * fields, which scatters by some hundredths. */
static void autocorrelation(void **state)
{
    (void)state;
    static const double distances[] = {0, 0.25, 0.5, 1, 2, 4};
    for (size_t i = 0; i < ARRAY_LEN(distances); i++) {
        double d = distances[i] * correlation_m, wanted = exp(-distances[i]);
        assert_near(mean_product(d, 0, 0), wanted, 0.04);
        assert_near(mean_product(d * M_SQRT1_2, -d * M_SQRT1_2, 0), wanted, 0.04);
    }
}

static void access_points_differ(void **state)
{
    (void)state;
    assert_near(mean_product(0, 0, 1), 0, 0.02);
}

/* How much lies below each bound, in sigmas, against the normal distribution. */
static void gaussian(void **state)
{
    (void)state;
    static const double bounds[] = {-2, -1, 0, 1, 2};
    static const double below[] = {0.0228, 0.1587, 0.5, 0.8413, 0.9772};
    double counts[ARRAY_LEN(bounds)] = {0}, sum = 0, most = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct shadowing *field = shadowing_open(sigma_db, correlation_m, seed);
        struct rng rng;
        rng_init(&rng, seed, "places", 0);
        for (int i = 0; i < DRAWS; i++) {
            double value =
                value_at(field, (uint32_t)i, 1e4 * rng_unit(&rng), 1e4 * rng_unit(&rng)) / sigma_db;
            sum += value;
            most = fmax(most, fabs(value));
            for (size_t k = 0; k < ARRAY_LEN(bounds); k++)
                counts[k] += value < bounds[k];
        }
        shadowing_free(field);
    }
    assert_near(sum / (SEEDS * DRAWS), 0, 0.01);
    for (size_t k = 0; k < ARRAY_LEN(bounds); k++)
        assert_near(counts[k] / (SEEDS * DRAWS), below[k], 0.01);
    assert_true(most <= 3 + 1e-6 && most > 2.9);
}

/* A place has its value whoever asks and in whatever order; another seed has another field. A quick answer is
 * true. */
static void a_field(void **state)
{
    (void)state;
    struct shadowing *field = shadowing_open(sigma_db, correlation_m, 5);
    struct shadowing *again = shadowing_open(sigma_db, correlation_m, 5);
    struct shadowing *other = shadowing_open(sigma_db, correlation_m, 6);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        double x = 13.7 * i, y = -7.9 * i, value = value_at(field, 9, x, y);
        assert_true(value == value_at(again, 9, x, y));
        equal += value == value_at(other, 9, x, y);
        double quick = shadowing_db(field, 9, shadowing_spot(field, x, y), 0);
        assert_true(value >= 0 ? quick == value : quick < 0);
        assert_true(value <= shadowing_most_db(field));
    }
    assert_true(equal < 10);
    shadowing_free(field);
    shadowing_free(again);
    shadowing_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_is_a_sum),       cmocka_unit_test(noise),
        cmocka_unit_test(least_that_is_heard),  cmocka_unit_test(refused),
        cmocka_unit_test(autocorrelation),      cmocka_unit_test(gaussian),
        cmocka_unit_test(access_points_differ), cmocka_unit_test(a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
