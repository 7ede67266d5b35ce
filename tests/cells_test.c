/* The index of access points against asking every one of them. */
#include "ap_grid.h"
#include "cells.h"
#include "mem.h"
#include "rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { APS = 300, PLACES = 2000 };

static int stronger(const void *a, const void *b)
{
    const struct heard *x = a, *y = b;
    return x->dbm != y->dbm ? (x->dbm < y->dbm) - (x->dbm > y->dbm) : (x->ap > y->ap) - (x->ap < y->ap);
}

static uint32_t ask_all(const struct radio *radio, const struct radio_ap *aps, uint32_t count, double x,
                        double y, struct heard *heard)
{
    uint32_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        double power = radio_power_dbm(radio, &aps[i], x, y);
        if (power >= radio_least_dbm(radio))
            heard[len++] = (struct heard){i, (float)power};
    }
    qsort(heard, len, sizeof *heard, stronger);
    return len;
}

/* At one place: all, and the three strongest. */
static void compare(const struct cells *cells, const struct radio *radio, const struct radio_ap *aps,
                    uint32_t count, double x, double y)
{
    struct heard wanted[APS], got[APS], first[3];
    uint32_t len = ask_all(radio, aps, count, x, y, wanted);
    assert_int_equal(cells_heard(cells, x, y, got, APS), len);
    uint32_t few = cells_heard(cells, x, y, first, 3);
    assert_int_equal(few, len < 3 ? len : 3);
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(got[i].ap, wanted[i].ap);
        assert_true(got[i].dbm == wanted[i].dbm);
        assert_true(i >= few || first[i].ap == wanted[i].ap);
    }
}

static void as_asking_all(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double shadowing_db, exponent, spread_m, power_dbm, power_spread_db;
        uint32_t count;
    } rows[] = {
        {"no shadowing", 0, 3, 2000, 20, 0, APS},
        {"shadowing", 6, 3, 2000, 20, 0, APS},
        {"powers that differ", 8, 3, 2000, 5, 25, APS},
        {"all heard everywhere", 4, 2, 10, 20, 0, APS},
        {"a range without end", 4, 0.1, 1000, 60, 0, 20},
        {"all at one place", 6, 3, 0, 20, 0, 50},
        {"one", 6, 3, 0, 20, 0, 1},
        {"none ever heard", 6, 3, 1000, -60, 0, 20},
        {"far apart", 6, 3, 1e6, 20, 0, 20},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct radio_options o = radio_defaults();
        o.shadowing_db = rows[r].shadowing_db;
        o.path_loss.exponent = rows[r].exponent;
        struct radio *radio = radio_open(&o, r, NULL);
        struct radio_ap aps[APS];
        struct rng rng;
        rng_init(&rng, r, "cells", 0);
        for (uint32_t i = 0; i < rows[r].count; i++)
            aps[i] = (struct radio_ap){.x_m = rows[r].spread_m * (rng_unit(&rng) - 0.5),
                                       .y_m = rows[r].spread_m * (rng_unit(&rng) - 0.5),
                                       .tx_power_dbm =
                                           rows[r].power_dbm + rows[r].power_spread_db * rng_unit(&rng),
                                       .id = i};
        struct cells *cells = cells_open(radio, aps, rows[r].count);
        for (int i = 0; i < PLACES; i++) {
            const struct radio_ap *near = &aps[rng_below(&rng, rows[r].count)];
            double around = i % 2 ? 1000 : 50;
            compare(cells, radio, aps, rows[r].count, near->x_m + around * (rng_unit(&rng) - 0.5),
                    near->y_m + around * (rng_unit(&rng) - 0.5));
        }
        compare(cells, radio, aps, rows[r].count, 1e7, -1e7);
        cells_free(cells);
        radio_free(radio);
    }
}

/* Who stands at the least distance from anybody, and never on the same channel. */
static void grids(void **state)
{
    (void)state;
    enum { COLUMNS = 7, COUNT = 42 };
    static const int neighbours[] = {4, 6};
    for (int g = 0; ap_grid_at(g); g++) {
        const struct ap_grid *grid = ap_grid_at(g);
        assert_ptr_equal(ap_grid_of(grid->name), grid);
        double x[COUNT], y[COUNT];
        int most = 0;
        for (uint32_t i = 0; i < COUNT; i++)
            grid->place(COLUMNS, i, &x[i], &y[i]);
        for (uint32_t i = 0; i < COUNT; i++) {
            int near = 0;
            for (uint32_t k = 0; k < COUNT; k++) {
                double distance = hypot(x[i] - x[k], y[i] - y[k]);
                assert_true(i == k || distance > 0.999);
                if (i == k || distance > 1.001)
                    continue;
                near++;
                assert_int_not_equal(grid->channel(COLUMNS, i), grid->channel(COLUMNS, k));
            }
            most = near > most ? near : most;
        }
        assert_int_equal(most, neighbours[g]);
    }
    assert_null(ap_grid_of("none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_asking_all),
        cmocka_unit_test(grids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
