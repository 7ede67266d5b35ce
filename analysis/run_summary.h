/* A run's requests summed up as they are answered, for runs whose requests are too many to be kept: counts, means,
 * least and greatest are exact, quantiles right within half a per cent.
 *
 * The longest gap of a migration is exact too, but for one that ended before its source heard of it: it counts from
 * the end. */
#ifndef ROAMLAB_RUN_SUMMARY_H
#define ROAMLAB_RUN_SUMMARY_H

#include "quantiles.h"
#include "simtime.h"

struct run_record;
struct run_mud;
struct run_migration;
struct metrics_spread;

/* Lengths of alike things over all devices: responses, handoffs, outages. */
struct run_durations {
    uint64_t count;
    __int128 sum_ns;
    struct simtime min, max;
    struct quantiles quantiles;
};

/* A request that was sent at the one time is answered now; the device has not been told of it yet. */
void run_summary_answer(struct run_record *record, struct run_mud *mud, struct simtime sent,
                        struct simtime now);
void run_durations_add(struct run_durations *durations, struct simtime duration);
/* In ms; NAN of none. */
struct metrics_spread run_durations_spread(const struct run_durations *durations);
/* The longest time without an answer that overlaps the migration. */
struct simtime run_summary_gap(const struct run_record *record, const struct run_migration *migration);

#endif
