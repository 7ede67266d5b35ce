/* A sweep's results as one table: a row a point, and for each metric how many runs have it, the mean over these, half of its 95 %
 * confidence interval (Student's t), minimum and maximum.
 *
 * The same results give the same bytes, whoever made them in whatever order. */
#ifndef ROAMLAB_SWEEP_TABLE_H
#define ROAMLAB_SWEEP_TABLE_H

#include "sweep.h"

#include <stdio.h>

struct sweep_cell {
    size_t n; /* 0: the others are NAN; 1: ci95 is */
    double mean, ci95, min, max;
};

/* The numbers of a cell by their names in all files, NULL behind the last. */
const char *sweep_cell_name(int i);
json_object *sweep_cell_number(const struct sweep_cell *cell, int i);

struct sweep_row {
    int runs, bad_runs;       /* that are there; in which an expectation or an invariant does not hold */
    char *refused;            /* why this host cannot do it, or NULL; then it counts as run, without values */
    json_object *migration;   /* the first one, means over the runs (mean_migration.h), or NULL */
    struct sweep_cell *cells; /* one a metric */
};

struct sweep_table {
    struct sweep_row *rows; /* one a point */
    int row_count;
    int runs, bad_runs, refused; /* of all */
    json_object *bad;   /* [{"point", "seed", "why": [sentences]}], in the order of runs */
};

/* From the results that are there. */
void sweep_table_make(const struct sweep *s, struct sweep_table *t);
void sweep_table_free(struct sweep_table *t);
/* FOLDER/table.json, table.csv and stages.csv (sweep_csv.h). */
int sweep_table_write(const struct sweep *s, const struct sweep_table *t, const char *folder, struct err *e);
/* For people: the first rows, and the first runs that are bad. */
void sweep_table_print(const struct sweep *s, const struct sweep_table *t, FILE *out);

#endif
