/* How fast the event repository takes events on this machine, into all its stores. */
#ifndef ROAMLAB_BENCH_LOG_H
#define ROAMLAB_BENCH_LOG_H

#include "err.h"

#include <stdbool.h>
#include <stdio.h>

/* Events a second of this process's processor time, the best of three tries: what a disk does beside is not counted. Works in a folder of
 * its own below TMPDIR, which is gone afterwards; a second in all. */
int bench_log(double *events_per_s, struct err *e);
/* Prints the figure beside its target. True if that is met. */
bool bench_log_print(double events_per_s, FILE *out);

#endif
