/* Figures of a sweep, for each metric, by gnuplot as figures.h has it:
 *
 *   METRIC        over the first axis, a curve for each value of the others; bands: 95 % confidence interval of the mean
 *   METRIC-map    of exactly two axes of numbers: the mean as colour and number
 *   METRIC-matrix of more curves than METRIC could show: a row for each combination of words, a column for each one of numbers
 *   stages        where the time of the first migration goes at each point; of many points stages-1, stages-2, …, one for each combination of numbers
 *
 * Values that are not numbers stand side by side in their order. Without axes there is nothing to draw. */
#ifndef ROAMLAB_SWEEP_FIGURES_H
#define ROAMLAB_SWEEP_FIGURES_H

#include "figure_parts.h"
#include "sweep_table.h"

/* Into OUT, which is created. -ENOENT without gnuplot: data and scripts are written still. */
int sweep_figures(const struct sweep *s, const struct sweep_table *t, const char *out, struct err *e);

/* A key's or metric's path as an axis says it: "links 0 rate (Mbit/s)", "migration mean (s)"; free() it. */
char *sweep_figures_label(const char *path);

/* --- between the figures' files --- */
/* Title and note of a metric's figure; `more` goes behind the number of runs. */
void sweep_figures_head(struct figure *f, const struct sweep *s, const struct sweep_table *t, int metric, const char *more);
/* Adds "links 0 rate 10 Mbit/s", what a point has on an axis, behind a comma if something stands there. */
void sweep_figures_add_value(struct buf *text, const struct sweep_grid *grid, int point, int axis);
/* "means of n = 3 runs", never a mean without its n; free() it. */
char *sweep_figures_runs(size_t least, size_t most);
/* METRIC-matrix; nothing if the axes make none, or a larger one than can be read. */
int sweep_matrix_draw(const struct sweep *s, const struct sweep_table *t, int metric, const char *out, struct err *e);
/* stages; nothing if there was no migration, or are more points than can be read. */
int sweep_stages_draw(const struct sweep *s, const struct sweep_table *t, const char *out, struct err *e);

#endif
