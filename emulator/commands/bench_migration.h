/* How fast containers move on this machine, in the real world: Kim22's sizes and link with carrier stream and overlapped stages, beside the
 * limits that the project sets itself. */
#ifndef ROAMLAB_BENCH_MIGRATION_H
#define ROAMLAB_BENCH_MIGRATION_H

#include "err.h"

#include <stdbool.h>
#include <stdio.h>

/* Medians; negative = not measured. */
struct bench_migration_row {
    double ready_s, freeze_ms, gap_ms, wire_bytes, warming_bytes, response_ms;
    double base_ratio, layer_ratio, memory_ratio; /* zstd -3 of the test data; 0 = not seen */
    double cpus_busy; /* load average at the end: above the number of processors others were at work */
};

enum { BENCH_MIGRATION_ROWS = 3 };

/* `full`: medians of five, and the paper's run of 200 s; about 30 minutes. Else one run each, about 4 minutes. */
int bench_migration(bool full, struct bench_migration_row rows[BENCH_MIGRATION_ROWS], struct err *e);
/* The figures beside their limits. True if all that were measured are kept. */
bool bench_migration_print(const struct bench_migration_row rows[BENCH_MIGRATION_ROWS], FILE *out);

#endif
