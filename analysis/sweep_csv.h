/* A sweep's table as text that every program reads (RFC 4180: a line of names first; an empty field = nothing to tell).
 *
 *   table.csv    a line a point: its values on the axes, its runs, five numbers of each metric
 *   stages.csv   a line for each stage of each point's first migration, times since it began; means over the runs */
#ifndef ROAMLAB_SWEEP_CSV_H
#define ROAMLAB_SWEEP_CSV_H

#include "sweep_table.h"

/* Into FOLDER. */
int sweep_csv_write(const struct sweep *s, const struct sweep_table *t, const char *folder, struct err *e);

#endif
