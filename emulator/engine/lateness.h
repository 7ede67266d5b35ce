/* How late things happened: a histogram with buckets of 2 % width, from 1 µs to 10 minutes. */
#ifndef ROAMLAB_LATENESS_H
#define ROAMLAB_LATENESS_H

#include "loop.h"

enum { LATENESS_BUCKETS = 1024 };

struct lateness_histogram {
    uint64_t count, buckets[LATENESS_BUCKETS];
    struct simtime max;
};

void lateness_record(struct lateness_histogram *h, struct simtime late);
struct lateness lateness_summary(const struct lateness_histogram *h);

#endif
