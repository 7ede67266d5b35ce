/* Results without the events that they are drawn from: sets of numbers, quantiles, and whole runs whose logs are kept in
 * full, sampled and not at all. */
#include "buf.h"
#include "folder.h"
#include "json_file.h"
#include "mem.h"
#include "number_set.h"
#include "quantiles.h"
#include "result.h"
#include "rng.h"
#include "run_record.h"
#include "statistics.h"
#include "world_sim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- sets of numbers ---------------------------------------------------------------------------------------------- */

static void test_a_set_agrees_with_an_array(void **state)
{
    enum { NUMBERS = 300 };
    bool reference[NUMBERS] = {false};
    struct number_set set = {0};
    struct rng rng;
    uint64_t count = 0;
    (void)state;
    rng_init(&rng, 1, "numbers", 0);
    for (int i = 0; i < 1500; i++) {
        int32_t number = (int32_t)rng_below(&rng, NUMBERS);
        assert_int_equal(number_set_add(&set, number), !reference[number]);
        count += !reference[number];
        reference[number] = true;
        assert_int_equal(set.count, count);
        for (int32_t n = -1; n <= NUMBERS; n++) {
            const struct number_run *run = number_set_run_of(&set, n);
            assert_int_equal(run != NULL, n >= 0 && n < NUMBERS && reference[n]);
        }
    }
    for (size_t i = 1; i < set.len; i++)
        assert_true(set.runs[i - 1].last + 1 < set.runs[i].first);
    number_set_free(&set);
}

static void test_a_set_is_as_large_as_its_holes(void **state)
{
    struct number_set set = {0};
    (void)state;
    for (int32_t n = 0; n < 100000; n += 2)
        number_set_add(&set, n ^ 2); /* a little out of order */
    assert_int_equal(set.len, 50000);
    for (int32_t n = 1; n < 100000; n += 2)
        number_set_add(&set, n);
    assert_int_equal(set.len, 1);
    assert_true(number_set_add(&set, INT32_MAX) && number_set_add(&set, INT32_MIN));
    assert_int_equal(set.len, 3);
    number_set_free(&set);
}

/* --- quantiles ---------------------------------------------------------------------------------------------------- */

static double constant(struct rng *rng)
{
    (void)rng;
    return 9100000;
}

static double small(struct rng *rng)
{
    return (double)rng_below(rng, 300);
}

static double exponential(struct rng *rng)
{
    return rng_exponential(rng, 2e7);
}

/* Twelve orders of magnitude. */
static double heavy_tail(struct rng *rng)
{
    return pow(10, 12 * rng_unit(rng));
}

static double two_heaps(struct rng *rng)
{
    return rng_below(rng, 100) < 97 ? 5e6 + (double)rng_below(rng, 1000) : 3e10;
}

static void test_quantiles_are_right_within_half_a_per_cent(void **state)
{
    enum { VALUES = 20000 };
    static double (*const draws[])(struct rng *) = {constant, small, exponential, heavy_tail, two_heaps};
    static const double shares[] = {0, 0.001, 0.5, 0.95, 0.97, 0.99, 1};
    static double values[VALUES];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(draws); i++) {
        struct quantiles q = {0};
        struct rng rng;
        rng_init(&rng, 1, "quantiles", i);
        for (int k = 0; k < VALUES; k++)
            quantiles_add(&q, (int64_t)(values[k] = floor(draws[i](&rng))));
        statistics_sort(values, VALUES);
        assert_int_equal(q.count, VALUES);
        for (size_t k = 0; k < ARRAY_LEN(shares); k++) {
            double exact = statistics_percentile(values, VALUES, shares[k]);
            if (fabs((double)quantiles_at(&q, shares[k]) - exact) > 0.005 * exact)
                fail_msg("draw %zu, share %g: %g, not %g", i, shares[k], (double)quantiles_at(&q, shares[k]),
                         exact);
        }
        quantiles_free(&q);
    }
}

static void test_quantiles_know_the_ends_of_numbers(void **state)
{
    struct quantiles q = {0};
    (void)state;
    assert_int_equal(quantiles_at(&q, 0.5), 0);
    quantiles_add(&q, INT64_MIN);
    assert_int_equal(quantiles_at(&q, 1), 0);
    quantiles_add(&q, INT64_MAX);
    assert_true(quantiles_at(&q, 1) > INT64_MAX / 1000 * 995);
    quantiles_free(&q);
}

/* --- whole runs --------------------------------------------------------------------------------------------------- */

/* Devices that roam, and one that has to wait for its container: handoffs, migrations, replies of many lengths. */
static const char scenario_text[] =
    "{\"name\":\"t\",\"duration_s\":60,\"hosts\":{\"pc1\":{},\"pc2\":{},\"laptop\":{}},"
    "\"edges\":{\"es1\":{\"host\":\"pc1\"},\"es2\":{\"host\":\"pc2\"}},"
    "\"aps\":{\"ap1\":{\"host\":\"pc1\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"pc2\",\"edge\":\"es2\"}},"
    "\"links\":[{\"between\":[\"pc1\",\"pc2\"],\"rtt_ms\":60,\"rate_mbit\":80},"
    "{\"between\":[\"laptop\",\"pc1\"],\"rtt_ms\":10,\"jitter_ms\":3},{\"between\":[\"laptop\",\"pc2\"],\"rtt_ms\":10}],"
    "\"service\":{\"memory_mb\":4,\"layer_mb\":1},\"faults\":[{\"operation\":\"restore\",\"mud\":\"c-2\",\"times\":1}],"
    "\"muds\":{\"c\":{\"count\":7,\"host\":\"laptop\",\"requests_per_s\":5,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},"
    "{\"ap\":\"ap2\",\"at_s\":20},{\"ap\":\"ap1\",\"at_s\":21},{\"ap\":\"ap2\",\"at_s\":40}]},"
    "\"d\":{\"count\":8,\"host\":\"laptop\",\"requests_per_s\":2,\"visits\":[{\"ap\":\"ap2\",\"at_s\":0.5}]}}}";

static void hear(void *listener, const struct event *event)
{
    result_hear(listener, event);
}

static json_object *result_of(const char *mode, const char *folder, struct run_record *kept)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    json_object *result = NULL;
    const struct scenario_setting settings[] = {{"log", mode}, {"log_every", "4"}};
    struct scenario *s = scenario_parse("x.json", scenario_text, strlen(scenario_text), settings, 2, &e);
    struct result_listener *listener = s ? result_listen(s) : NULL;
    struct result_input input = {.world = "sim", .scenario = s, .seed = 1};
    if (!s || logrepo_open(folder, SIMTIME_ZERO, &repo, &e) < 0)
        fail_msg("%s", e.text);
    logrepo_choose(repo, &s->log);
    logrepo_listen(repo, hear, listener);
    if (world_sim_run(s, 1, repo, NULL, &e) < 0 || logrepo_close(repo, &e) < 0 ||
        (s->log.mode == LOG_FULL ? result_of_run(folder, &input, &result, &e)
                                 : result_of_listener(listener, folder, &input, &result, &e)) < 0 ||
        run_record_read(folder, kept, &e) < 0)
        fail_msg("%s", e.text);
    result_listener_free(listener);
    scenario_free(s);
    return result;
}

static bool within(double value, double exact)
{
    return fabs(value - exact) <= 0.005 * fabs(exact) + 0.001;
}

/* Every key is in both, in the same place; numbers differ by rounding, quantiles and what is derived from them a bit. */
static void compare(const char *path, json_object *exact, json_object *result)
{
    if (json_object_get_type(exact) != json_object_get_type(result))
        fail_msg("%s: of another type", path);
    if (json_object_is_type(exact, json_type_object)) {
        assert_int_equal(json_object_object_length(exact), json_object_object_length(result));
        json_object_object_foreach(exact, key, value)
        {
            autofree char *below = mem_printf("%s.%s", path, key);
            if (strcmp(key, "sha256") != 0)
                compare(below, value, json_at(result, key));
        }
    } else if (json_object_is_type(exact, json_type_array)) {
        assert_int_equal(json_object_array_length(exact), json_object_array_length(result));
        for (size_t i = 0; i < json_object_array_length(exact); i++) {
            autofree char *below = mem_printf("%s.%zu", path, i);
            compare(below, json_object_array_get_idx(exact, i), json_object_array_get_idx(result, i));
        }
    } else if (json_object_is_type(exact, json_type_double)) {
        if (!within(json_object_get_double(result), json_object_get_double(exact)))
            fail_msg("%s: %g, not %g", path, json_object_get_double(result), json_object_get_double(exact));
    } else if (!json_object_equal(exact, result)) {
        fail_msg("%s: %s, not %s", path, json_object_to_json_string(result),
                 json_object_to_json_string(exact));
    }
}

static void test_every_log_gives_the_same_result(void **state)
{
    static const char *const modes[] = {"full", "sampled", "aggregate"};
    json_object *exact = NULL;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct run_record kept = RUN_RECORD_INIT;
        autofree char *folder = mem_printf("%s/%s", (char *)*state, modes[i]);
        json_object *result = result_of(modes[i], folder, &kept);
        size_t with_requests = 0;
        for (size_t k = 0; k < kept.mud_count; k++)
            with_requests += kept.muds[k].request_count > 0;
        assert_int_equal(with_requests, i == 0 ? 15 : i == 1 ? 4 : 0);
        assert_true(kept.migration_count >= 14);
        if (i == 0)
            exact = json_object_get(result);
        compare(modes[i], exact, result);
        assert_int_equal(json_number_at(result, "response_ms.mean") * 1000,
                         json_number_at(exact, "response_ms.mean") * 1000);
        json_object_put(result);
        run_record_free(&kept);
    }
    assert_true(json_number_at(exact, "invariants.ok") == 1 &&
                json_number_at(exact, "requests.answered") > 2500);
    assert_true(json_number_at(exact, "migrations.0.longest_gap_ms") > 0);
    json_object_put(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_agrees_with_an_array),
        cmocka_unit_test(test_a_set_is_as_large_as_its_holes),
        cmocka_unit_test(test_quantiles_are_right_within_half_a_per_cent),
        cmocka_unit_test(test_quantiles_know_the_ends_of_numbers),
        IN_FOLDER(test_every_log_gives_the_same_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
