/* What a migration is expected to take, before anything moves: policies weigh it against forwarding, and the roaming
 * decision `least-cost` chooses among access points by it.
 *
 * The sum of the strategy's stages up to the commit: operations at their modelled costs, transfers at the rate of the
 * slowest link or one carrier window a round trip, whichever is less, after a slow start without losses (Cardwell00,
 * "Modeling TCP latency", section 3), plus the carrier's own round trips; a round trip to replay and one to switch. The
 * links are taken as they are at the start of the run, with nobody else on them. Costs are those of the scenario, also in
 * the real world. */
#ifndef ROAMLAB_MIGRATION_ESTIMATE_H
#define ROAMLAB_MIGRATION_ESTIMATE_H

#include "layout.h"

/* From "migr begins" to "migr finished", between two edge servers. Zero for the same one and for a strategy that does not
 * migrate, SIMTIME_NEVER without a path. The round trip between their hosts is layout_path()'s. */
struct simtime migration_estimate(const struct layout *l, const struct strategy *strategy, int from_edge,
                                  int to_edge);

/* What it does to the device's requests while it runs.
 *
 * The transfer fills the queue of the slowest link, and replies wait behind it. CUBIC goes between 0.7 and 1 of what the line and the
 * queue hold (RFC 9438), 0.85 in the middle; a carrier whose window is smaller keeps the rest of that window in the queue. */
struct migration_burden {
    struct simtime frozen;   /* the container answers nothing, from freeze to thaw; to the end if it is halted */
    struct simtime queueing; /* mean wait of a reply in that queue, over all of the migration */
};

struct migration_burden migration_burden(const struct layout *l, const struct strategy *strategy, int from_edge,
                                         int to_edge);

#endif
