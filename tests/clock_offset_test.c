/* Another machine's clock from round trips: the estimate stays within what it says it does not know. */
#include "clock_offset.h"
#include "mem.h"
#include "rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static const struct {
    double offset_s, drift_ppm;
    double there_ms, back_ms; /* the shortest ways */
    double noise_ms;          /* the mean of what each way takes longer, exponentially */
    double seconds;
} rows[] = {
    {0, 0, 0.05, 0.05, 0, 10},       {3600, 0, 0.1, 0.1, 0.2, 30},     {-86400.5, 40, 0.1, 0.1, 0.2, 60},
    {2.5, -200, 5, 5, 2, 60},        {1e6, 500, 0.05, 0.05, 0.1, 600}, {-3, 20, 1, 20, 3, 120},
    {12, 100, 0.1, 0.1, 30, 120},    {7, 0, 100, 100, 50, 20},         {5, 50, 0.2, 0.2, 0.1, 0.5},
    {0.288, -30, 0.02, 0.02, 5, 60},
};

static int64_t theirs_at(size_t row, int64_t ours)
{
    return ours + llround(rows[row].offset_s * 1e9) + llround(rows[row].drift_ppm * 1e-6 * (double)ours);
}

static int64_t way(struct rng *rng, double shortest_ms, double noise_ms)
{
    return llround(shortest_ms * 1e6 + (noise_ms > 0 ? rng_exponential(rng, noise_ms * 1e6) : 0));
}

/* Four questions a second. The error is at most the stated uncertainty plus what the drift makes of the second in between. */
static void the_estimate_is_as_good_as_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct clock_offset c = CLOCK_OFFSET_INIT;
        struct rng rng;
        rng_init(&rng, 7, "clock", i);
        for (int64_t at = 0; (double)at < rows[i].seconds * 1e9; at += 250000000) {
            int64_t answered = at + way(&rng, rows[i].there_ms, rows[i].noise_ms);
            int64_t heard = answered + way(&rng, rows[i].back_ms, rows[i].noise_ms);
            clock_offset_add(&c, simtime_ns(at), simtime_ns(theirs_at(i, answered)), simtime_ns(heard));
            int64_t error = llabs(clock_offset_theirs(&c, simtime_ns(heard)).ns - theirs_at(i, heard));
            int64_t known =
                clock_offset_uncertainty(&c).ns + llround(fabs(rows[i].drift_ppm) * 1e-6 * 5e9) + 1000;
            if (error > known)
                fail_msg("row %zu, %.2f s: off by %.3f ms, said %.3f ms", i, (double)at / 1e9,
                         (double)error / 1e6, (double)known / 1e6);
            int64_t there = clock_offset_theirs(&c, simtime_ns(heard)).ns;
            assert_true(llabs(clock_offset_ours(&c, simtime_ns(there)).ns - heard) <= 1);
        }
        if (rows[i].seconds >= 60 && rows[i].noise_ms < 1)
            assert_true(fabs(c.drift * 1e6 - rows[i].drift_ppm) < 10);
    }
}

static void noise_is_seen_through(void **state)
{
    struct clock_offset c = CLOCK_OFFSET_INIT;
    (void)state;
    assert_int_equal(clock_offset_uncertainty(&c).ns, SIMTIME_NEVER.ns);
    assert_int_equal(clock_offset_ours(&c, simtime_s(5)).ns, simtime_s(5).ns);
    clock_offset_add(&c, simtime_ms(0), simtime_ms(1000), simtime_ms(900));
    assert_int_equal(clock_offset_uncertainty(&c).ns, simtime_ms(450).ns);
    clock_offset_watch(&c);
    clock_offset_add(&c, simtime_ms(910), simtime_ms(1911), simtime_ms(912));
    assert_int_equal(clock_offset_uncertainty(&c).ns, simtime_ms(1).ns);
    assert_int_equal(clock_offset_ours(&c, simtime_ms(1911)).ns, simtime_ms(911).ns);
    assert_int_equal(c.worst.ns, simtime_ms(450).ns);
    clock_offset_watch(&c);
    assert_int_equal(c.worst.ns, simtime_ms(1).ns);
}

/* A machine that was at work for four seconds, long before the run, and once more behind it, and answered nothing meanwhile. */
static void only_the_run_is_judged(void **state)
{
    struct clock_offset c = CLOCK_OFFSET_INIT;
    (void)state;
    for (int ms = 0; ms < 25000; ms += 250) {
        int64_t answered = ms < 5000 || ms >= 9000 ? ms + 1 : 9000, heard = answered + 1;
        clock_offset_add(&c, simtime_ms(ms), simtime_ms(answered), simtime_ms(heard));
        if (ms == 15000) {
            assert_true(clock_offset_uncertainty(&c).ns > simtime_ms(500).ns);
            clock_offset_watch(&c);
        }
    }
    assert_true(c.worst.ns < simtime_ms(2).ns);
    clock_offset_rest(&c);
    clock_offset_add(&c, simtime_s(25), simtime_s(27), simtime_s(27));
    assert_true(c.worst.ns < simtime_ms(2).ns);
    clock_offset_watch(&c);
    clock_offset_add(&c, simtime_s(28), simtime_s(30), simtime_s(30));
    assert_true(c.worst.ns > simtime_ms(500).ns);
}

static const struct {
    double offset_s, drift_ppm;
    struct {
        double at_s, by_ms;
    } steps[4]; /* of the other clock; at 0: none */
} stepping[] = {
    {5, 200, {{20, 800}}},
    {-3, -200, {{20, -800}}},
    {5, 0, {{10, 40}, {20, -90}, {35.1, 50}}},
    {0, 50, {{12.3, 3600000}}},
    {100, -50, {{12.3, -7200000}, {12.6, 7200000}}},
    {-3, 100, {{15, 2}, {16, 2}, {17, 2}, {18, 2}}},
};

static int64_t stepped_at(size_t row, int64_t ours)
{
    int64_t theirs = ours + llround(stepping[row].offset_s * 1e9) + llround(stepping[row].drift_ppm * 1e-6 * (double)ours);
    for (size_t i = 0; i < ARRAY_LEN(stepping[row].steps); i++)
        if (stepping[row].steps[i].at_s > 0 && (double)ours >= stepping[row].steps[i].at_s * 1e9)
            theirs += llround(stepping[row].steps[i].by_ms * 1e6);
    return theirs;
}

/* A clock that jumps while the run goes on: what the run is judged by at its end covers whatever error there was at any time, so that
 * a run with a bound below it is invalid. */
static void a_step_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stepping); i++) {
        struct clock_offset c = CLOCK_OFFSET_INIT;
        int64_t worst_error = 0;
        for (int64_t at = 0; at < 60 * INT64_C(1000000000); at += 250000000) {
            if (at == 8 * INT64_C(1000000000))
                clock_offset_watch(&c);
            for (int64_t t = at; at > 8 * INT64_C(1000000000) && t < at + 250000000; t += 50000000) {
                int64_t error = llabs(clock_offset_ours(&c, simtime_ns(stepped_at(i, t))).ns - t);
                worst_error = error > worst_error ? error : worst_error;
            }
            clock_offset_add(&c, simtime_ns(at + 249000000), simtime_ns(stepped_at(i, at + 249500000)), simtime_ns(at + 250000000));
        }
        int64_t known = c.worst.ns + llround(fabs(stepping[i].drift_ppm) * 1e-6 * (5e9 + (double)c.worst.ns)) + 1000;
        if (worst_error > known || worst_error < 1000000)
            fail_msg("row %zu: off by %.3f ms, said %.3f ms", i, (double)worst_error / 1e6, (double)known / 1e6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_estimate_is_as_good_as_it_says),
        cmocka_unit_test(noise_is_seen_through),
        cmocka_unit_test(only_the_run_is_judged),
        cmocka_unit_test(a_step_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
