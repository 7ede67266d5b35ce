/* Random streams: the same again, independent of each other, and with the means that they claim. */
#include "mem.h"
#include "rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static double correlation(const struct rng *a, const struct rng *b)
{
    enum { SAMPLES = 20000 };
    struct rng x = *a, y = *b;
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++)
        sum += (rng_unit(&x) - 0.5) * (rng_unit(&y) - 0.5);
    return sum / SAMPLES * 12;
}

/* 20 000 independent pairs: a correlation beyond 0.035 comes once in a million. */
static void streams_are_repeatable_and_independent(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        const char *name;
        uint64_t index;
    } rows[] = {{1, "link", 0}, {2, "link", 0}, {1, "mud", 0},
                {1, "link", 1}, {1, "lin", 0},  {1, "link", 1ull << 40}};
    struct rng streams[ARRAY_LEN(rows)], again;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rng_init(&streams[i], rows[i].seed, rows[i].name, rows[i].index);
        rng_init(&again, rows[i].seed, rows[i].name, rows[i].index);
        assert_memory_equal(&streams[i], &again, sizeof again);
        for (size_t k = 0; k < i; k++)
            assert_true(fabs(correlation(&streams[i], &streams[k])) < 0.035);
    }
}

static void draws_have_the_means_they_claim(void **state)
{
    (void)state;
    enum { SAMPLES = 200000 };
    struct rng rng;
    double unit = 0, exponential = 0;
    int counts[7] = {0};
    rng_init(&rng, 3, "draws", 0);
    for (int i = 0; i < SAMPLES; i++) {
        double u = rng_unit(&rng);
        assert_true(u >= 0 && u < 1);
        unit += u;
        exponential += rng_exponential(&rng, 4);
        counts[rng_below(&rng, 7)]++;
    }
    assert_float_equal(unit / SAMPLES, 0.5, 0.0033); /* 5 standard errors */
    assert_float_equal(exponential / SAMPLES, 4, 0.045);
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], SAMPLES / 7 - 790, SAMPLES / 7 + 790);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_repeatable_and_independent),
        cmocka_unit_test(draws_have_the_means_they_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
