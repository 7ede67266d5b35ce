/* How fast the event loop is on this machine: the hold model (Jones, CACM 29(4), 1986; the kernel of PHOLD, Fujimoto
 * 1990): so many timers are pending, and each that fires is armed again after a random delay. */
#ifndef ROAMLAB_BENCH_ENGINE_H
#define ROAMLAB_BENCH_ENGINE_H

#include "err.h"

#include <stdbool.h>
#include <stdio.h>

enum { BENCH_ENGINE_ROWS = 3 };

struct bench_engine_row {
    size_t pending;
    double events_per_s;        /* hold model, exponential delays */
    double moving_events_per_s; /* each event also puts off another pending timer, as resend timers are */
    double bytes;               /* of the loop and the timer, per pending event; greater of the two */
};

/* 1 k, 100 k and 1 M pending; a few seconds in all. Processor time of this process counts, not wall time. */
int bench_engine(struct bench_engine_row rows[BENCH_ENGINE_ROWS], struct err *e);
/* Prints the figures beside their targets and other simulators'. True if all targets are met. */
bool bench_engine_print(const struct bench_engine_row rows[BENCH_ENGINE_ROWS], FILE *out);

#endif
