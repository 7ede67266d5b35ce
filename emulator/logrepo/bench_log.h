/* How fast the event repository takes events on this machine, into all its stores. */
#ifndef ROAMLAB_BENCH_LOG_H
#define ROAMLAB_BENCH_LOG_H

#include "err.h"

#include <stdbool.h>
#include <stdio.h>

enum { BENCH_LOG_EVENTS = 300000 }; /* a second in all */

/* Events a second of this process's processor time, the best of three tries with so many: what a disk does beside is not counted. Works in a
 * folder of its own below TMPDIR, which is gone afterwards. */
int bench_log(int events, double *events_per_s, struct err *e);
/* Prints the figure beside its target. True if that is met. */
bool bench_log_print(double events_per_s, FILE *out);

#endif
