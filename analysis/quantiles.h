/* Quantiles of a stream without its values: counts in buckets whose width grows with the value, so that every quantile
 * is right within half a per cent of itself (a relative-error sketch as Masson, Rim, Lee: "DDSketch", PVLDB 12(12),
 * 2019). Every power of two is cut into 128 buckets, as in HdrHistogram, which takes no logarithm. */
#ifndef ROAMLAB_QUANTILES_H
#define ROAMLAB_QUANTILES_H

#include <stddef.h>
#include <stdint.h>

struct quantiles_bucket {
    uint32_t index;
    uint64_t count;
};

struct quantiles {
    struct quantiles_bucket *buckets; /* owned; ascending, only those that hold something */
    uint32_t len, capacity, newest;   /* newest: where the last value went */
    uint64_t count;
};

/* Negative values count as 0. */
void quantiles_add(struct quantiles *q, int64_t value);
/* The smallest value that at least `share` of all do not exceed, as the middle of its bucket; 0 of none. */
int64_t quantiles_at(const struct quantiles *q, double share);
void quantiles_free(struct quantiles *q);

#endif
