/* Sums up a sweep: its table and its figures. */
#ifndef ROAMLAB_SWEEP_MERGE_H
#define ROAMLAB_SWEEP_MERGE_H

#include "sweep_table.h"

/* Reads all results and writes table.csv, table.json and figures/ into the sweep's folder, if they are there for all runs or if
 * `partial`; t->runs says how many there are. sweep_table_free() it in every case. Without gnuplot the table is written, and
 * the error is -ENOENT. Several processes may do this at a time. */
int sweep_merge(const struct sweep *s, bool partial, struct sweep_table *t, struct err *e);

#endif
