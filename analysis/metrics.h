/* A run's figures, computed from its events. NAN = there is nothing to tell (no such stage, no request).
 *
 * - response: from the device's SVCQ sent (the first time) to its SVCR received, over all requests of all
 *   devices; percentiles by nearest rank.
 * - ready: from "migr begins" to the end of the stage "restore", or "start" where nothing is restored.
 * - sent: from "migr begins" to the end of the last transfer; run: from there to ready (Byeon21's migration and run time).
 * - freeze: from the begin of "freeze" to the end of "thaw", the longest if there were several; if the
 *   container was never thawed (cold), to the end of the migration.
 * - hold: the stage "switch".
 * - longest gap: the longest time without a reply to the device that overlaps the migration, less the
 *   device's usual time between two replies (the median of the run), at least 0. What is left is what the
 *   migration, or the longer way of a forwarded reply, took away. A device that is never answered again
 *   counts until the run's last event. */
#ifndef ROAMLAB_METRICS_H
#define ROAMLAB_METRICS_H

#include "run_record.h"

struct metrics_spread {
    double mean, p50, p95, p99, min, max;
    size_t count;
};

struct metrics_migration {
    const struct run_migration *record;
    double begin_s, sent_s, run_s, ready_s, total_s, freeze_ms, hold_ms, longest_gap_ms;
    int64_t wire, memory, layer, volume, image; /* bytes: sent by all stages; of the dump, the layer, the image */
};

/* Handoffs from falling silent to the new access point's acceptance; outages from the last access point to hearing one again, or to
 * the end. Quantiles are right within half a per cent. */
struct metrics_roaming {
    uint64_t associations; /* accepted by an access point: a device's first one, and after each handoff */
    struct metrics_spread handoff_ms, outage_ms;
    double outage_total_s;
    double probe_ms, authentication_ms, reassociation_ms; /* means over the handoffs that tell them apart */
    uint64_t told_apart;                                  /* how many those are */
};

struct metrics {
    int64_t sent, answered, abandoned, lost; /* lost: neither answered nor abandoned */
    struct metrics_spread response_ms;
    struct metrics_roaming roaming;
    struct metrics_spread migration_s;    /* total_s over the finished ones */
    struct metrics_migration *migrations; /* owned; as many as the record has, in the order of their begin */
    size_t migration_count;
};

/* `record` must outlive it: the migrations point into it. */
void metrics_compute(const struct run_record *record, struct metrics *metrics);
void metrics_free(struct metrics *metrics);

#endif
