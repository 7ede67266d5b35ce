/* The points of a sweep: every combination of values of some of a scenario's keys.
 *
 * An axis is written PATH=V1,V2,… or PATH=FROM:TO:STEP, and both may be mixed: links.0.rate_mbit=1,10:50:20 is 1, 10, 30, 50.
 * PATH and values are those of --set, but for seed and repeat, which are the same at every point; commas inside of JSON's
 * brackets, braces and quotes part nothing. */
#ifndef ROAMLAB_SWEEP_GRID_H
#define ROAMLAB_SWEEP_GRID_H

#include "scenario.h"

enum { SWEEP_AXES_MAX = 8, SWEEP_POINTS_MAX = 1000000, SWEEP_PATH_MAX = 200 };

struct sweep_axis {
    char *text; /* as it was written */
    char *path;
    char **values; /* as --set takes them */
    int count;
};

/* All zero to begin with. */
struct sweep_grid {
    struct sweep_axis axes[SWEEP_AXES_MAX];
    int axis_count;
};

/* Adds an axis. -EINVAL says what is wrong with the text, without quoting it, and leaves the grid as it was. */
int sweep_grid_add(struct sweep_grid *grid, const char *text, struct err *e);
void sweep_grid_free(struct sweep_grid *grid);

/* 1 without axes. */
int sweep_grid_points(const struct sweep_grid *grid);
/* Which of an axis' values the point has. The last axis changes with every point, the first one most seldom. */
int sweep_grid_index(const struct sweep_grid *grid, int point, int axis);
const char *sweep_grid_value(const struct sweep_grid *grid, int point, int axis);
/* Whether a value is a finite number, and which. */
bool sweep_grid_number(const char *value, double *number);
/* The point as settings, one an axis; strings are the grid's. */
void sweep_grid_settings(const struct sweep_grid *grid, int point, struct scenario_setting *settings);
/* "links.0.rate_mbit=10 migration.strategy=c-migr"; free() it. */
char *sweep_grid_name(const struct sweep_grid *grid, int point);
/* The point whose name the text begins with, followed by a blank, and *text behind them; -1, and *text as it was, if there is none. */
int sweep_grid_find(const struct sweep_grid *grid, const char **text);
/* The point that has the axis' first value instead. */
int sweep_grid_first(const struct sweep_grid *grid, int point, int axis);

#endif
