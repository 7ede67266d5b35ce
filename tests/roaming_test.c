/* The roaming decision, by hand-worked rows: what a device hears, where it is, where it goes. */
#include "roaming.h"

#include "mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOWHERE = -1, APS = 4 };

struct row {
    const char *policy;
    double threshold_dbm, hysteresis_db, load_db;
    double dbm[APS]; /* of access points 0 … 3; 0 = not heard */
    int current, chosen;
};

#define NONE NAN

static const uint32_t stations[APS] = {10, 1, 4, 0};
static const float costs[APS] = {0, 500, 200, 200};

static const struct row rows[] = {
    /* nothing, first contact, what it was at is gone */
    {"strongest", NONE, 4, 0, {0}, NOWHERE, NOWHERE},
    {"strongest", NONE, 4, 0, {0}, 2, NOWHERE},
    {"strongest", NONE, 4, 0, {-80, -60, -70, 0}, NOWHERE, 1},
    {"strongest", NONE, 4, 0, {0, -81, -80, 0}, 0, 2},
    /* hysteresis: by more than 4 dB */
    {"strongest", NONE, 4, 0, {-60, -56, 0, 0}, 0, 0},
    {"strongest", NONE, 4, 0, {-60, -55.5, 0, 0}, 0, 1},
    {"strongest", NONE, 0, 0, {-60, -59.5, 0, 0}, 0, 1},
    {"strongest", NONE, 0, 0, {-60, -60, 0, 0}, 1, 1},
    /* threshold: not while the present one is as strong */
    {"strongest", -70, 4, 0, {-70, -40, 0, 0}, 0, 0},
    {"strongest", -70, 4, 0, {-71, -40, 0, 0}, 0, 1},
    {"strongest", -70, 4, 0, {-71, -68, 0, 0}, 0, 0},
    /* load: 10 stations at AP 0, 1 at AP 1; who joins counts itself, who is there is counted */
    {"load-aware", NONE, 0, 0, {-50, -60, 0, 0}, 0, 0},
    {"load-aware", NONE, 0, 1.2, {-50, -60, 0, 0}, 0, 0},     /* -62.0 against -62.4 */
    {"load-aware", NONE, 0, 1.3, {-50, -60, 0, 0}, 0, 1},     /* -63.0 against -62.6 */
    {"load-aware", NONE, 1, 1.3, {-50, -60, 0, 0}, 0, 0},     /* … but not by 1 dB */
    {"load-aware", NONE, 0, 1, {-60, 0, 0, -69}, NOWHERE, 3}, /* -71 against -70 */
    {"load-aware", NONE, 0, 1, {0, -60, -58, 0}, 2, 2},       /* -62 against -62: no better */
    /* cost: of those that are strong enough, the cheapest; of equals the strongest */
    {"least-cost", -75, 0, 0, {-76, -50, -74, 0}, 0, 2},
    {"least-cost", -75, 0, 0, {-76, -50, -74, -70}, 0, 3},
    {"least-cost", -75, 0, 0, {-75, -50, -50, -50}, 0, 0},
    {"least-cost", -75, 0, 0, {-90, -80, -76, 0}, 0, 2}, /* none is: the strongest */
    {"least-cost", -75, 6, 0, {-80, -79, -76, 0}, 0, 0}, /* … if by more than 6 dB */
    {"least-cost", -75, 0, 0, {-90, -60, -76, 0}, 0, 1},
    {"least-cost", NONE, 0, 0, {-90, -50, -60, 0}, 1, 0}, /* no threshold: cost is all */
};

static int by_power(const void *a_, const void *b_)
{
    const struct heard *a = a_, *b = b_;
    return (b->dbm > a->dbm) - (b->dbm < a->dbm);
}

static uint32_t hear(const struct row *row, struct heard heard[APS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < APS; i++)
        if (row->dbm[i] != 0)
            heard[count++] = (struct heard){i, (float)row->dbm[i]};
    qsort(heard, count, sizeof *heard, by_power);
    return count;
}

static struct roaming_options options_of(const struct row *row)
{
    return (struct roaming_options){.policy = roaming_policy_of(row->policy),
                                    .threshold_dbm = row->threshold_dbm,
                                    .hysteresis_db = row->hysteresis_db,
                                    .load_db = row->load_db};
}

static int decide(const struct row *row, const struct roaming_options *options, struct simtime now,
                  struct roaming_wish *wish)
{
    struct heard heard[APS];
    struct roaming_view view = {
        .heard = heard,
        .count = hear(row, heard),
        .current = row->current == NOWHERE ? VISIT_NOWHERE : (uint32_t)row->current,
        .stations = stations,
        .cost = costs,
    };
    uint32_t ap = roaming_decide(options, &view, now, wish);
    return ap == VISIT_NOWHERE ? NOWHERE : (int)ap;
}

static void decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct roaming_wish wish = {.ap = VISIT_NOWHERE};
        struct roaming_options options = options_of(&rows[i]);
        int chosen = decide(&rows[i], &options, SIMTIME_ZERO, &wish);
        if (chosen != rows[i].chosen)
            fail_msg("row %zu: %d instead of %d", i, chosen, rows[i].chosen);
    }
}

/* AP 1 is better, at 1 s it is not, at 4 s and 7 s AP 2 is better still. */
static void the_same_one_must_be_better_for_the_time_to_trigger(void **state)
{
    (void)state;
    static const struct {
        double ap1_dbm, ap2_dbm;
        int chosen;
    } seconds[] = {{-50, 0, 0}, {-59, 0, 0},   {-50, 0, 0}, {-50, 0, 0}, {-50, -45, 0}, {-50, 0, 0},
                   {-50, 0, 0}, {-50, -49, 0}, {-50, 0, 0}, {-50, 0, 0}, {-50, 0, 1}};
    struct roaming_wish wish = {.ap = VISIT_NOWHERE};
    for (int s = 0; s < (int)ARRAY_LEN(seconds); s++) {
        struct row row = {"strongest", NONE, 4, 0, {-60, seconds[s].ap1_dbm, seconds[s].ap2_dbm, 0}, 0, 0};
        struct roaming_options options = options_of(&row);
        options.time_to_trigger = simtime_s(2);
        int chosen = decide(&row, &options, simtime_s(s), &wish);
        if (chosen != seconds[s].chosen)
            fail_msg("at %d s: %d instead of %d", s, chosen, seconds[s].chosen);
        if (chosen != 0)
            assert_int_equal(wish.ap, VISIT_NOWHERE);
    }
}

static void what_is_lost_is_left_without_waiting(void **state)
{
    (void)state;
    struct roaming_wish wish = {.ap = VISIT_NOWHERE};
    struct row row = {"strongest", NONE, 4, 0, {0, -81, 0, 0}, 0, 1};
    struct roaming_options options = options_of(&row);
    options.time_to_trigger = simtime_s(10);
    assert_int_equal(decide(&row, &options, SIMTIME_ZERO, &wish), 1);
}

static void names(void **state)
{
    (void)state;
    int count = 0;
    for (; roaming_policy_at(count); count++)
        assert_ptr_equal(roaming_policy_of(roaming_policy_at(count)->name), roaming_policy_at(count));
    assert_int_equal(count, 3);
    assert_null(roaming_policy_of("weakest"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
        cmocka_unit_test(the_same_one_must_be_better_for_the_time_to_trigger),
        cmocka_unit_test(what_is_lost_is_left_without_waiting),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
