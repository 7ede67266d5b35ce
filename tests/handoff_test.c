/* The silent phases of a handoff: their means by hand, and their spread. */
#include "handoff.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void means(void **state)
{
    (void)state;
    static const struct {
        const char *scan;
        uint32_t busy;
        int64_t probe_us;
    } rows[] = {
        {"active", 0, 220000},  {"active", 3, 3 * 40000 + 8 * 20000},
        {"active", 20, 440000}, {"neighbours", 2, 80000},
        {"neighbours", 0, 0},   {"passive", 3, 11 * 102400},
        {"background", 3, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct handoff_options o = handoff_defaults();
        o.scan = scan_mode_of(rows[i].scan);
        o.spread = 0;
        struct rng rng;
        rng_init(&rng, 1, "handoff", 0);
        struct handoff_phases phases = handoff_draw(&o, rows[i].busy, &rng);
        assert_int_equal(phases.probe.ns, simtime_us(rows[i].probe_us).ns);
        assert_int_equal(phases.authentication.ns, simtime_ms(2).ns);
        assert_int_equal(phases.reassociation.ns, simtime_ms(2).ns);
    }
}

/* Mishra 2003: 59 to 397 ms for the whole, over 90 % of it the probe phase. */
static void defaults_are_as_measured(void **state)
{
    (void)state;
    struct handoff_options o = handoff_defaults();
    struct rng rng;
    rng_init(&rng, 1, "handoff", 0);
    double sum = 0, least = 1e9, most = 0;
    for (int i = 0; i < 10000; i++) {
        struct handoff_phases phases = handoff_draw(&o, 3, &rng);
        double total = simtime_to_ms(handoff_phases_sum(&phases)), probe = simtime_to_ms(phases.probe);
        assert_true(total >= 59 && total <= 397 && probe > 0.9 * total);
        assert_true(probe >= 280 * 0.75 && probe <= 280 * 1.25);
        least = probe < least ? probe : least;
        most = probe > most ? probe : most;
        sum += probe;
    }
    assert_true(sum / 10000 > 277 && sum / 10000 < 283);
    assert_true(least < 215 && most > 345);
}

/* Whatever the scan, a handoff takes as many draws from the device's stream: to compare scans, all else
 * stays. */
static void same_draws(void **state)
{
    (void)state;
    struct rng first;
    for (int i = 0; scan_mode_at(i); i++) {
        struct handoff_options o = handoff_defaults();
        o.scan = scan_mode_at(i);
        assert_ptr_equal(scan_mode_of(o.scan->name), o.scan);
        struct rng rng;
        rng_init(&rng, 1, "handoff", 0);
        handoff_draw(&o, 3, &rng);
        if (i == 0)
            first = rng;
        assert_memory_equal(&rng, &first, sizeof rng);
    }
    assert_null(scan_mode_of("none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means),
        cmocka_unit_test(defaults_are_as_measured),
        cmocka_unit_test(same_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
