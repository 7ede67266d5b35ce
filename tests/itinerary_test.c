/* From tracks to visits: walks past access points at (0, 0) and (200, 0), heard as far as log-distance and sensitivity say. */
#include "itinerary.h"

#include "mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOWHERE = -1, VISITS_MAX = 200, DEVICES_MAX = 8, SCAN_MS = 100 };

struct seen {
    uint32_t device;
    struct visit visit;
    double dbm;
};

struct bench {
    struct radio *radio;
    struct cells *cells;
    struct radio_ap aps[2];
    uint8_t channels[2];
    uint32_t stations[2];
    struct itinerary_options options;
    struct itinerary *itinerary;
    struct seen seen[VISITS_MAX];
    int count;
};

static void see(void *context, uint32_t device, const struct visit *visit, double dbm)
{
    struct bench *b = context;
    assert_true(b->count < VISITS_MAX);
    b->seen[b->count++] = (struct seen){device, *visit, dbm};
}

/* An access point is heard up to range_m. */
static void bench_init(struct bench *b, double range_m)
{
    struct radio_options radio = radio_defaults();
    struct path_loss curve;
    struct err e = ERR_INIT;
    *b = (struct bench){.aps = {{0, 0, 20, 0}, {200, 0, 20, 1}}, .channels = {1, 6}};
    assert_int_equal(path_loss_curve(&radio.path_loss, &curve, &e), 0);
    radio.sensitivity_dbm = 20 - path_loss_db(&curve, range_m);
    b->radio = radio_open(&radio, 1, &e);
    assert_non_null(b->radio);
    b->cells = cells_open(b->radio, b->aps, 2);
    b->options = (struct itinerary_options){.cells = b->cells,
                                            .channels = b->channels,
                                            .ap_count = 2,
                                            .roaming = roaming_defaults(),
                                            .handoff = handoff_defaults(),
                                            .scan_interval = simtime_ms(SCAN_MS),
                                            .until = simtime_s(60),
                                            .seed = 1,
                                            .name = "m",
                                            .visit = see,
                                            .context = b};
    b->options.roaming.hysteresis_db = 0;
}

static void bench_begin(struct bench *b)
{
    b->itinerary = itinerary_new(&b->options);
}

static void bench_free(struct bench *b)
{
    itinerary_free(b->itinerary);
    cells_free(b->cells);
    radio_free(b->radio);
}

struct step {
    double at_s, x_m;
    bool gone;
};

static void move(struct bench *b, uint32_t device, struct step step)
{
    struct track_sample sample = {simtime_from_seconds(step.at_s), device, step.x_m, 0, step.gone};
    itinerary_move(b->itinerary, &sample);
}

/* --- one device ----------------------------------------------------------------------------------------------------- */

struct expected {
    int ap;
    double from_s; /* within a scan interval from then on */
    bool exactly;
};

static const struct walk {
    const char *label;
    double range_m;
    struct step steps[6];
    int step_count;
    struct expected visits[6];
    int visit_count;
} walks[] = {
    {"from one to the other", 150, {{0, 0, 0}, {20, 200, 0}}, 2, {{0, 0, 0}, {1, 10, 0}}, 2},
    {"with a jump", 150, {{0, 0, 0}, {5, 0, 0}, {5, 200, 0}, {6, 200, 0}}, 4, {{0, 0, 0}, {1, 5, 0}}, 2},
    {"through an outage", 50, {{0, 0, 0}, {20, 200, 0}}, 2, {{0, 0, 0}, {NOWHERE, 5, 0}, {1, 15, 0}}, 3},
    {"into an outage and back",
     50,
     {{0, 0, 0}, {10, 100, 0}, {20, 0, 0}},
     3,
     {{0, 0, 0}, {NOWHERE, 5, 0}, {0, 15, 0}},
     3},
    {"gone and back",
     150,
     {{0, 0, 0}, {3, 0, 1}, {8, 0, 0}, {9, 10, 0}},
     4,
     {{0, 0, 0}, {NOWHERE, 3, 1}, {0, 8, 0}},
     3},
    {"gone before it has measured", 150, {{0, 0, 0}, {0, 0, 1}, {8, 190, 0}}, 3, {{1, 8, 0}}, 1},
    {"gone out of an outage", 50, {{0, 100, 0}, {8, 100, 1}, {9, 190, 0}}, 3, {{1, 9, 0}}, 1},
    {"never heard", 50, {{0, 100, 0}, {20, 100, 0}}, 2, {{0}}, 0},
    {"later than the end", 150, {{0, 0, 0}, {59, 0, 0}, {59, 90, 0}, {99, 210, 0}}, 4, {{0, 0, 0}}, 1},
    {"stays where it is at the end", 150, {{7, 190, 0}}, 1, {{1, 7, 0}}, 1},
};

static bool fits(const struct seen *seen, const struct expected *x)
{
    double late_s = simtime_seconds(seen->visit.at) - x->from_s;
    uint32_t ap = x->ap == NOWHERE ? VISIT_NOWHERE : (uint32_t)x->ap;
    return seen->visit.ap == ap &&
           (x->exactly ? late_s == 0 : late_s > 0 && late_s <= SCAN_MS / 1000.0 + 1e-9);
}

static void walks_become_visits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        const struct walk *w = &walks[i];
        struct bench b;
        bench_init(&b, w->range_m);
        bench_begin(&b);
        for (int k = 0; k < w->step_count; k++)
            move(&b, 0, w->steps[k]);
        itinerary_end(b.itinerary);
        for (int k = 0; k < b.count && k < w->visit_count; k++)
            if (!fits(&b.seen[k], &w->visits[k]))
                fail_msg("%s: visit %d is %d at %g s", w->label, k, (int)b.seen[k].visit.ap,
                         simtime_seconds(b.seen[k].visit.at));
        if (b.count != w->visit_count)
            fail_msg("%s: %d visits", w->label, b.count);
        bench_free(&b);
    }
}

/* Only the first association, and an outage, is without a handoff's phases; and what was received is told. */
static void handoffs_have_phases(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 50);
    bench_begin(&b);
    move(&b, 0, (struct step){0, 0, false});
    move(&b, 0, (struct step){20, 200, false});
    assert_int_equal(b.count, 3);
    assert_int_equal(handoff_phases_sum(&b.seen[0].visit.phases).ns, 0);
    assert_int_equal(handoff_phases_sum(&b.seen[1].visit.phases).ns, 0);
    assert_true(b.seen[2].visit.phases.probe.ns > 0);
    assert_true(b.seen[2].visit.phases.reassociation.ns > 0);
    assert_true(b.seen[0].dbm > b.seen[2].dbm);
    assert_true(isnan(b.seen[1].dbm));
    bench_free(&b);
}

/* Two access points in turns, as fast as jumps make it: while it is silent it does not measure. */
static void it_does_not_measure_while_silent(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 150);
    b.options.scan_interval = simtime_ms(1);
    bench_begin(&b);
    for (int i = 0; i < 20000; i++)
        move(&b, 0, (struct step){i * 0.001, i % 2 * 200.0, false});
    assert_true(b.count > 10);
    for (int i = 1; i < b.count; i++) {
        struct simtime silence = handoff_phases_sum(&b.seen[i - 1].visit.phases);
        assert_true(simtime_cmp(simtime_sub(b.seen[i].visit.at, b.seen[i - 1].visit.at), silence) >= 0);
    }
    bench_free(&b);
}

/* --- several devices ------------------------------------------------------------------------------------------------ */

static void walk_to_and_fro(struct bench *b, uint32_t devices, int parts)
{
    bench_begin(b);
    for (int i = 0; i <= 50 * parts; i++)
        for (uint32_t d = 0; d < devices; d++) {
            double at_s = (double)i / parts, phase = fmod(at_s + 3 * d, 40);
            move(b, d, (struct step){at_s, phase < 20 ? 10 * phase : 400 - 10 * phase, false});
        }
    itinerary_end(b->itinerary);
}

static int visits_of(const struct bench *b, uint32_t device, struct seen out[VISITS_MAX])
{
    int count = 0;
    for (int i = 0; i < b->count; i++)
        if (b->seen[i].device == device)
            out[count++] = b->seen[i];
    return count;
}

/* How finely a way is told, and who else walks, changes nothing; the seed does. */
static void visits_depend_on_track_and_seed_alone(void **state)
{
    (void)state;
    static const struct {
        uint32_t devices;
        int parts;
        uint64_t seed;
        bool same;
    } rows[] = {{2, 1, 1, true}, {6, 1, 1, true}, {2, 4, 1, true}, {2, 1, 2, false}};
    struct seen first[VISITS_MAX], other[VISITS_MAX];
    int first_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b, 150);
        b.options.seed = rows[i].seed;
        walk_to_and_fro(&b, rows[i].devices, rows[i].parts);
        int count = visits_of(&b, 1, i ? other : first);
        first_count = i ? first_count : count;
        assert_true(count > 2);
        bool same = count == first_count;
        for (int k = 0; i && same && k < count; k++)
            same = memcmp(&other[k].visit, &first[k].visit, sizeof first[k].visit) == 0;
        assert_int_equal(same, rows[i].same);
        bench_free(&b);
    }
}

/* Eight devices in the middle: by signal alone all would be at the first. */
static void load_spreads_devices(void **state)
{
    (void)state;
    for (int counted = 0; counted < 2; counted++) {
        struct bench b;
        bench_init(&b, 150);
        b.options.roaming.policy = roaming_policy_of(counted ? "load-aware" : "strongest");
        b.options.stations = b.stations;
        bench_begin(&b);
        for (int s = 0; s < 5; s++)
            for (uint32_t d = 0; d < DEVICES_MAX; d++)
                move(&b, d, (struct step){s, 99, false});
        assert_int_equal(b.stations[0], counted ? DEVICES_MAX / 2 : DEVICES_MAX);
        assert_int_equal(b.stations[1], counted ? DEVICES_MAX / 2 : 0);
        for (uint32_t d = 0; d < DEVICES_MAX; d++)
            move(&b, d, (struct step){5, 99, true});
        assert_int_equal(b.stations[0] + b.stations[1], 0);
        bench_free(&b);
    }
}

/* The second access point is weaker, but a move there costs nothing from where the container is. */
static void the_container_s_place_counts(void **state)
{
    (void)state;
    static const float costs[] = {0, 100, 100, 0}; /* from edge 0 and from edge 1 */
    static const uint32_t edge_of_ap[] = {0, 1};
    for (int stays = 0; stays < 2; stays++) {
        struct bench b;
        bench_init(&b, 150);
        b.options.roaming =
            (struct roaming_options){.policy = roaming_policy_of("least-cost"), .threshold_dbm = NAN};
        b.options.costs = costs;
        b.options.edge_of_ap = edge_of_ap;
        b.options.stays = stays;
        bench_begin(&b);
        move(&b, 0, (struct step){0, 0, false});    /* first where it is strongest … */
        move(&b, 0, (struct step){19, 190, false}); /* … kept while it is heard, until 15 s */
        move(&b, 0, (struct step){29, 90, false});  /* the container is at edge 1 now, or stayed at 0 */
        assert_int_equal(b.count, stays ? 3 : 2);
        assert_true(simtime_seconds(b.seen[1].visit.at) > 15 && b.seen[1].visit.ap == 1);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_become_visits),
        cmocka_unit_test(handoffs_have_phases),
        cmocka_unit_test(it_does_not_measure_while_silent),
        cmocka_unit_test(visits_depend_on_track_and_seed_alone),
        cmocka_unit_test(load_spreads_devices),
        cmocka_unit_test(the_container_s_place_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
