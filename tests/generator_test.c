/* Generators: devices stay in their area, move as fast as they should from the first minute on, and walk the same whatever
 * others there are. */
#include "generator.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct generator_options pedestrians = GENERATOR_DEFAULTS;

static struct generator_options options_of(const char *model)
{
    struct generator_options options = pedestrians;
    options.model = generator_model_of(model);
    assert_non_null(options.model);
    return options;
}

/* --- refusals ------------------------------------------------------------------------------------------------- */

static void test_bad_options(void **state)
{
    static const struct {
        const char *model;
        size_t option;
        double value;
        const char *error;
    } rows[] = {
#define ROW(model, option, value, error) {model, offsetof(struct generator_options, option), value, error}
        ROW("corridor", width_m, 0, "width_m is 0, must be 1 to 1000000"),
        ROW("corridor", width_m, NAN, "width_m is nan, must be 1"),
        ROW("corridor", height_m, -1, "height_m is -1, must be 0 to"),
        ROW("random-waypoint", height_m, 0, "height_m is 0, must be 1 to"),
        ROW("random-waypoint", speed_min_mps, 0, "speed_min_mps is 0, must be 0.001 to"),
        ROW("random-waypoint", speed_max_mps, 0.4, "speed_max_mps is 0.4, must be 0.5 to"),
        ROW("manhattan", block_m, 1001, "block_m is 1001, must be 0.1 to 1000"),
        ROW("manhattan", turn_probability, 1.5, "turn_probability is 1.5, must be 0 to 1"),
        ROW("gauss-markov", memory, 1, "memory is 1, must be 0 to"),
        ROW("gauss-markov", speed_max_mps, 1000.5, "speed_max_mps is 1000.5, must be"),
        ROW("gauss-markov", direction_deviation_deg, 361, "direction_deviation_deg is 361, must be 0 to 360"),
#undef ROW
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct generator_options options = options_of(rows[i].model);
        memcpy((char *)&options + rows[i].option, &rows[i].value, sizeof rows[i].value);
        if (generator_check(&options, &e) != -EINVAL || !strstr(e.text, rows[i].error))
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, e.text, rows[i].error);
        assert_null(generator_open(&options, "walk", 1, 1, simtime_s(1), NULL));
    }
    struct err e = ERR_INIT;
    struct generator_options options = options_of("gauss-markov");
    options.step = simtime_s(501); /* at 2 m/s that is beyond both ends of the area */
    assert_int_equal(generator_check(&options, &e), -EINVAL);
    assert_string_equal(e.text, "step_s is 501, must be 0.001 to 500");
    options = options_of("corridor");
    options.pause_min = simtime_s(2);
    assert_int_equal(generator_check(&options, &e), -EINVAL);
    assert_string_equal(e.text, "pause_max_s is 0, must be 2 to 1000000");
    assert_null(generator_model_of("levy"));
}

/* --- the walks ------------------------------------------------------------------------------------------------ */

static void test_devices_stay_inside_and_keep_to_their_speed(void **state)
{
    (void)state;
    const struct generator_model *model;
    for (int i = 0; (model = generator_model_at(i)); i++) {
        struct generator_options options = options_of(model->name);
        options.width_m = 700;
        options.height_m = 330;
        options.pause_max = simtime_s(20);
        for (uint32_t device = 0; device < 200; device++) {
            struct generator_walker walker;
            struct track_sample last = generator_begin(&options, "walk", 7, device, &walker), now;
            assert_int_equal(last.at.ns, 0);
            for (int n = 0; n < 300; n++, last = now) {
                now = generator_next(&options, device, &walker);
                double way = hypot(now.x - last.x, now.y - last.y);
                double took = simtime_seconds(simtime_sub(now.at, last.at));
                if (now.x < 0 || now.x > 700 || now.y < 0 || now.y > 330 || now.at.ns < last.at.ns ||
                    now.gone || now.device != device || way > 2 * took + 1e-6)
                    fail_msg("%s: device %u at %g s: (%g, %g), %g m in %g s", model->name, device,
                             simtime_seconds(now.at), now.x, now.y, way, took);
            }
        }
    }
}

static void test_manhattan_keeps_to_the_streets_and_never_turns_back(void **state)
{
    (void)state;
    struct generator_options options = options_of("manhattan");
    options.width_m = 250;
    for (uint32_t device = 0; device < 100; device++) {
        struct generator_walker walker;
        struct track_sample before = generator_begin(&options, "walk", 1, device, &walker);
        struct track_sample last = generator_next(&options, device, &walker), now;
        assert_true(fmod(before.x, 100) == 0 || fmod(before.y, 100) == 0);
        for (int n = 0; n < 100; n++, before = last, last = now) {
            now = generator_next(&options, device, &walker);
            assert_true(fmod(now.x, 100) == 0 && fmod(now.y, 100) == 0 && now.x <= 200);
            assert_true(fabs(now.x - last.x) + fabs(now.y - last.y) == 100);
            assert_false(n && now.x == before.x && now.y == before.y);
        }
    }
}

/* Metres that all devices together go between two times. */
static double distance_between(const struct generator_options *options, uint32_t devices, double from,
                               double to)
{
    double sum = 0;
    for (uint32_t device = 0; device < devices; device++) {
        struct generator_walker walker;
        struct track_sample last = generator_begin(options, "walk", 3, device, &walker), now;
        for (; simtime_seconds(last.at) < to; last = now) {
            now = generator_next(options, device, &walker);
            double begin = simtime_seconds(last.at), end = simtime_seconds(now.at);
            double overlap = fmin(end, to) - fmax(begin, from);
            if (overlap > 0)
                sum += hypot(now.x - last.x, now.y - last.y) * overlap / (end - begin);
        }
    }
    return sum;
}

/* With speeds from 0.5 to 2 m/s a metre takes ln(4) / 1.5 s on average. The first minute is like any other: a generator that
 * began with a fresh way for everybody would be a sixth quicker in it. The standard deviation of the means is below 1 %. */
static void test_mean_speed(void **state)
{
    enum { DEVICES = 4000 };
    static const struct {
        const char *model;
        double mean_way_m, pause_max_s;
    } rows[] = {
        {"random-waypoint", 521.405, 0}, {"random-waypoint", 521.405, 600},
        {"corridor", 1000, 0},           {"corridor", 1000, 600},
        {"manhattan", 100, 0},           {"manhattan", 100, 60},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct generator_options options = options_of(rows[i].model);
        options.pause_max = simtime_from_seconds(rows[i].pause_max_s);
        double expected = rows[i].mean_way_m / (rows[i].mean_way_m * log(4) / 1.5 + rows[i].pause_max_s / 2);
        for (int window = 0; window < 2; window++) {
            double from = window * 1000;
            double speed = distance_between(&options, DEVICES, from, from + 60) / (60.0 * DEVICES);
            if (fabs(speed - expected) > 0.04 * expected)
                fail_msg("row %zu: %g m/s from %g s on instead of %g", i, speed, from, expected);
        }
    }
}

static void test_gauss_markov_keeps_its_mean_and_its_memory(void **state)
{
    enum { STEPS = 200000 };
    (void)state;
    struct generator_options options = options_of("gauss-markov");
    options.width_m = options.height_m = 100000;
    options.speed_max_mps = 20.5; /* four deviations on both sides of the mean */
    options.speed_deviation_mps = 2.5;
    struct generator_walker walker;
    generator_begin(&options, "walk", 1, 0, &walker);
    double sum = 0, squares = 0, products = 0, last = walker.motion.speed - 10.5;
    for (int n = 0; n < STEPS; n++) {
        generator_next(&options, 0, &walker);
        double speed = walker.motion.speed - 10.5;
        sum += speed;
        squares += speed * speed;
        products += speed * last;
        last = speed;
    }
    assert_true(fabs(sum / STEPS) < 0.1);
    assert_true(fabs(sqrt(squares / STEPS) - 2.5) < 0.1);
    assert_true(fabs(products / squares - 0.85) < 0.01);
}

/* --- streams -------------------------------------------------------------------------------------------------- */

static void assert_same(const struct track_sample *a, const struct track_sample *b)
{
    assert_int_equal(a->at.ns, b->at.ns);
    assert_true(a->x == b->x && a->y == b->y);
}

/* Device 3 walks the same alone, as one of five and as one of nine; another seed or name makes it walk elsewhere. */
static void test_devices_do_not_disturb_each_other(void **state)
{
    (void)state;
    const struct generator_model *model;
    for (int i = 0; (model = generator_model_at(i)); i++) {
        struct generator_options options = options_of(model->name);
        struct generator_walker walker;
        struct track_sample alone = generator_begin(&options, "walk", 1, 3, &walker), sample;
        struct track_sample seeded = generator_begin(&options, "walk", 2, 3, &(struct generator_walker){0});
        struct track_sample named = generator_begin(&options, "ride", 1, 3, &(struct generator_walker){0});
        assert_true(seeded.x != alone.x && named.x != alone.x && named.x != seeded.x);
        struct track_source *sources[] = {
            generator_open(&options, "walk", 1, 5, simtime_s(300), NULL),
            generator_open(&options, "walk", 1, 9, simtime_s(300), NULL),
        };
        for (size_t k = 0; k < ARRAY_LEN(sources); k++) {
            do
                assert_int_equal(sources[k]->operations->next(sources[k], &sample, NULL), 1);
            while (sample.device != 3);
            assert_null(sources[k]->operations->name(sources[k], 3));
            struct track_sample expected = generator_begin(&options, "walk", 1, 3, &walker);
            for (; sample.device == 3; expected = generator_next(&options, 3, &walker)) {
                assert_same(&sample, &expected);
                assert_int_equal(sources[k]->operations->next(sources[k], &sample, NULL), 1);
            }
            sources[k]->operations->close(sources[k]);
        }
    }
}

static void test_a_source_ends_behind_its_end(void **state)
{
    (void)state;
    struct generator_options options = options_of("corridor");
    struct track_source *source = generator_open(&options, "walk", 1, 3, simtime_s(5000), NULL);
    struct track_sample sample, last = {.device = 0};
    assert_false(source->by_time);
    while (source->operations->next(source, &sample, NULL) == 1) {
        if (sample.device != last.device)
            assert_true(sample.device == last.device + 1 && last.at.ns >= simtime_s(5000).ns);
        else
            assert_true(last.at.ns < simtime_s(5000).ns);
        last = sample;
    }
    assert_int_equal(last.device, 2);
    assert_int_equal(source->operations->next(source, &sample, NULL), 0);
    source->operations->close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_devices_stay_inside_and_keep_to_their_speed),
        cmocka_unit_test(test_manhattan_keeps_to_the_streets_and_never_turns_back),
        cmocka_unit_test(test_mean_speed),
        cmocka_unit_test(test_gauss_markov_keeps_its_mean_and_its_memory),
        cmocka_unit_test(test_devices_do_not_disturb_each_other),
        cmocka_unit_test(test_a_source_ends_behind_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
