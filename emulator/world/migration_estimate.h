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

#endif
