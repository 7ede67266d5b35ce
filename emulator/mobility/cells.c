#include "cells.h"
#include "mem.h"
#include "shadowing.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* A square of the plane: a list of access points, or four squares in its place. */
struct cell {
    uint32_t at;    /* into lists, or the first of four cells */
    uint32_t count; /* of the list, or SPLIT */
};

/* An access point that is heard in a square where shadowing adds so much or more. */
struct candidate {
    uint32_t ap, id;
    float need_db;
};

enum { FEW = 3 /* are not worth a split */ };
#define SPLIT UINT32_MAX
#define FAR_M 1e8 /* farther than devices get, so that a range without end has one */

struct cells {
    const struct radio *radio;
    const struct shadowing *shadowing; /* NULL: none */
    const struct radio_ap *aps;
    double least_dbm; /* that is heard */
    double most_db;   /* that shadowing adds */
    struct square {
        double x_m, y_m, side_m;
    } whole;                 /* nothing is heard outside */
    double least_m;          /* squares of at most this are not split */
    struct cell *tree;       /* owned; the first is the whole */
    struct candidate *lists; /* owned */
    uint32_t tree_count, list_count, tree_room, list_room;
};

static struct square quarter(struct square s, int i)
{
    double half = s.side_m / 2;
    return (struct square){i % 2 ? s.x_m + half : s.x_m, i / 2 ? s.y_m + half : s.y_m, half};
}

static uint32_t add_four(struct cells *cells)
{
    uint32_t first = cells->tree_count;
    cells->tree_count += 4;
    if (cells->tree_count > cells->tree_room) {
        cells->tree_room = 2 * cells->tree_count;
        cells->tree = mem_resize(cells->tree, cells->tree_room * sizeof *cells->tree);
    }
    return first;
}

static uint32_t add_list(struct cells *cells, const struct candidate *list, uint32_t count)
{
    uint32_t first = cells->list_count;
    cells->list_count += count;
    if (cells->list_count > cells->list_room) {
        cells->list_room = 2 * cells->list_count;
        cells->lists = mem_resize(cells->lists, cells->list_room * sizeof *cells->lists);
    }
    for (uint32_t i = 0; i < count; i++)
        cells->lists[first + i] = list[i];
    return first;
}

/* The place of [from, from + length] that is nearest to `at`. */
static double nearest(double at, double from, double length)
{
    return fmax(from, fmin(at, from + length));
}

/* False if it is heard nowhere in the square. */
static bool heard_within(const struct cells *cells, struct square s, struct candidate *candidate)
{
    const double rounding_db = 1e-4; /* of a float and of the sums on both ways to this figure */
    const struct radio_ap *ap = &cells->aps[candidate->ap];
    double most = radio_mean_power_dbm(cells->radio, ap, nearest(ap->x_m, s.x_m, s.side_m),
                                       nearest(ap->y_m, s.y_m, s.side_m));
    candidate->need_db = (float)(cells->least_dbm - most - rounding_db);
    return candidate->need_db <= cells->most_db;
}

/* Fills in a cell: of the candidates, those that are heard in it, and the same for its quarters. */
static void fill(struct cells *cells, uint32_t cell, struct square s, const struct candidate *candidates,
                 uint32_t count)
{
    autofree struct candidate *list = mem_alloc_array(count + 1, sizeof *list);
    uint32_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        list[len] = candidates[i];
        len += heard_within(cells, s, &list[len]);
    }
    if (len <= FEW || s.side_m <= cells->least_m) {
        cells->tree[cell] = (struct cell){add_list(cells, list, len), len};
        return;
    }
    uint32_t four = add_four(cells);
    cells->tree[cell] = (struct cell){four, SPLIT};
    for (int i = 0; i < 4; i++)
        fill(cells, four + i, quarter(s, i), list, len);
}

/* Where anything can be heard, and how fine that is worth splitting. */
static void measure(struct cells *cells, uint32_t count)
{
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    double range_m = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct radio_ap *ap = &cells->aps[i];
        double range = fmin(radio_range_m(cells->radio, ap->tx_power_dbm), FAR_M);
        x0 = fmin(x0, ap->x_m - range);
        y0 = fmin(y0, ap->y_m - range);
        x1 = fmax(x1, ap->x_m + range);
        y1 = fmax(y1, ap->y_m + range);
        range_m = fmax(range_m, range);
    }
    cells->least_m = range_m / 8;
    cells->whole = (struct square){x0, y0, fmax(x1 - x0, y1 - y0)};
}

struct cells *cells_open(const struct radio *radio, const struct radio_ap *aps, uint32_t count)
{
    struct cells *cells = mem_alloc(sizeof *cells);
    *cells = (struct cells){.radio = radio, .shadowing = radio_shadowing(radio), .aps = aps};
    cells->least_dbm = radio_least_dbm(radio);
    cells->most_db = cells->shadowing ? shadowing_most_db(cells->shadowing) : 0;
    measure(cells, count);
    autofree struct candidate *all = mem_alloc_array(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++)
        all[i] = (struct candidate){.ap = i, .id = aps[i].id};
    add_four(cells); /* the whole is the first of them */
    fill(cells, 0, cells->whole, all, count);
    return cells;
}

void cells_free(struct cells *cells)
{
    if (!cells)
        return;
    free(cells->tree);
    free(cells->lists);
    free(cells);
}

static struct cell cell_at(const struct cells *cells, double x_m, double y_m)
{
    struct square s = cells->whole;
    if (!(x_m >= s.x_m && x_m <= s.x_m + s.side_m && y_m >= s.y_m && y_m <= s.y_m + s.side_m))
        return (struct cell){0};
    struct cell cell = cells->tree[0];
    while (cell.count == SPLIT) {
        int i = (x_m >= s.x_m + s.side_m / 2) + 2 * (y_m >= s.y_m + s.side_m / 2);
        s = quarter(s, i);
        cell = cells->tree[cell.at + i];
    }
    return cell;
}

/* Puts one into its place among the strongest so far, at most `max`. Returns how many there are now. */
static uint32_t insert(struct heard *heard, uint32_t count, uint32_t max, struct heard one)
{
    uint32_t at = count;
    while (at > 0 && heard[at - 1].dbm < one.dbm)
        at--;
    if (at == max)
        return count;
    uint32_t last = count < max ? count : max - 1;
    for (uint32_t i = last; i > at; i--)
        heard[i] = heard[i - 1];
    heard[at] = one;
    return last + 1;
}

uint32_t cells_heard(const struct cells *cells, double x_m, double y_m, struct heard *heard, uint32_t max)
{
    struct cell cell = cell_at(cells, x_m, y_m);
    const struct shadowing *field = cells->shadowing;
    struct shadowing_spot spot = field ? shadowing_spot(field, x_m, y_m) : (struct shadowing_spot){0, 0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < cell.count; i++) {
        struct candidate c = cells->lists[cell.at + i];
        double shadowing = field ? shadowing_db(field, c.id, spot, c.need_db) : 0;
        if (shadowing < c.need_db)
            continue;
        double power = radio_mean_power_dbm(cells->radio, &cells->aps[c.ap], x_m, y_m) + shadowing;
        if (power >= cells->least_dbm)
            count = insert(heard, count, max, (struct heard){c.ap, (float)power});
    }
    return count;
}
