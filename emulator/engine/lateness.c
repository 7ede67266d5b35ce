#include "lateness.h"

#include <math.h>

/* Bucket b holds lateness around 1 µs × 1.02^b; the first also holds everything earlier. */
static const double GROWTH = 1.02;

static int bucket_of(struct simtime late)
{
    if (late.ns < 1000)
        return 0;
    int bucket = (int)(log((double)late.ns / 1000.0) / log(GROWTH));
    return bucket < LATENESS_BUCKETS ? bucket : LATENESS_BUCKETS - 1;
}

void lateness_record(struct lateness_histogram *h, struct simtime late)
{
    h->count++;
    h->buckets[bucket_of(late)]++;
    h->max = simtime_max(h->max, late);
}

static struct simtime quantile(const struct lateness_histogram *h, double share)
{
    uint64_t below = 0, wanted = (uint64_t)ceil((double)h->count * share);
    for (int b = 0; b < LATENESS_BUCKETS; b++) {
        below += h->buckets[b];
        if (h->count && below >= wanted)
            return simtime_min(h->max, simtime_ns((int64_t)(1000.0 * pow(GROWTH, b))));
    }
    return SIMTIME_ZERO;
}

struct lateness lateness_summary(const struct lateness_histogram *h)
{
    return (struct lateness){h->count, quantile(h, 0.50), quantile(h, 0.99), h->max};
}
