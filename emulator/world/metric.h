/* The metrics of result.json by their dotted paths ("response_ms.p95", "migrations.0.total_s"), so that a
 * scenario's `expect` is checked before anything runs. `migrations.N` counts from 0, and so do a migration's
 * `stages.N`. Beyond the fields of result.json there are migrations.count, .finished, .failed and
 * .superseded; truth values count as 0 and 1. */
#ifndef ROAMLAB_METRIC_H
#define ROAMLAB_METRIC_H

#include <stdbool.h>

bool metric_exists(const char *path);
/* The metric that the path names, as metric_at() writes it, or NULL. */
const char *metric_of(const char *path);
/* The i-th metric, with N where a number stands; NULL behind the last. */
const char *metric_at(int i);

#endif
