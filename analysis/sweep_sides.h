/* Some of a sweep's axes as one side of a figure: its places are the combinations of their values. */
#ifndef ROAMLAB_SWEEP_SIDES_H
#define ROAMLAB_SWEEP_SIDES_H

#include "figure_parts.h"
#include "sweep_grid.h"

enum sweep_axes {
    SWEEP_NO_AXES,
    SWEEP_WORDS,   /* those with some value that is no number (strategy, carrier) */
    SWEEP_NUMBERS, /* those whose values are all numbers (rate, size) */
    SWEEP_ALL_AXES
};

struct sweep_side {
    const struct sweep_grid *grid; /* borrowed */
    enum sweep_axes which;
    int axes, count; /* of these; and of places: 1 if there are none */
};

struct sweep_side sweep_side_of(const struct sweep_grid *grid, enum sweep_axes which);
bool sweep_side_has(const struct sweep_side *side, int axis);
/* Where a point stands, from 0. */
int sweep_side_place(const struct sweep_side *side, int point);
/* Its axes, "migration strategy · links 0 rate (Mbit/s)"; free() it. */
char *sweep_side_label(const struct sweep_side *side);
/* What the points of a place have of them, "migration strategy c-migr, links 0 rate 5 Mbit/s"; free() it. */
char *sweep_side_title(const struct sweep_side *side, int place);
/* A tic for each place, "c-migr · 5". */
void sweep_side_set_tics(const struct sweep_side *side, struct figure *figure, const char *name);

#endif
