/* How many devices virtual time carries on this machine: whole scenarios through the unmodified actors, from the text
 * of the scenario to result.json, each in a process of its own. */
#ifndef ROAMLAB_BENCH_SCALE_H
#define ROAMLAB_BENCH_SCALE_H

#include "err.h"

#include <stdbool.h>
#include <stdio.h>

struct bench_scale_row {
    int devices, aps, edges;
    double requests_per_s, duration_s; /* of each device; of virtual time */
    /* Measured. Seconds of processor time: what else the machine does counts little. */
    double requests, events, seconds, wall_s, bytes;
    bool ok; /* no request lost, all invariants hold */
};

enum { BENCH_SCALE_ROWS = 6 };

struct bench_scale_result {
    struct bench_scale_row rows[BENCH_SCALE_ROWS];
    int count;
};

/* With `full` up to a million devices, some minutes; without, up to 100 000, half a minute. */
int bench_scale(bool full, struct bench_scale_result *result, struct err *e);
/* Prints the figures beside their targets and other simulators'. True if all targets that were tried are met. */
bool bench_scale_print(const struct bench_scale_result *result, FILE *out);
/* Draws time and memory over devices into the folder. */
int bench_scale_draw(const struct bench_scale_result *result, const char *folder, struct err *e);

#endif
