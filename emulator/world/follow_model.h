/* The Markov decision process (mdp.h) of a scenario, one for each kind of device (entry of `muds`), from what is known before the run:
 *
 * - a distance is the number of links from an access point to an edge server;
 * - τ is the mean of the kind's stays, the times between its handoffs and to the end of the run; s(d) is the share of them that are longer than T(d), and u(d) the mean
 *   of the lesser of the two;
 * - P(d, d') is counted over the kind's visits: a container that stayed where the device was at visit i would have been at distance
 *   d at visit j and d' at visit j + 1, for all i ≤ j. A distance that never occurs is left by a fair random walk. With migration.mdp.away, all
 *   of it is a random walk: away with that probability, else nearer, never beyond the greatest distance;
 * - r(d) is the mean round trip of the ways of d links from an access point to an edge server;
 * - T(d), q(d) and F(d) are the means of migration_estimate() and migration_burden() from edge servers d links away to the access
 *   point's own. */
#ifndef ROAMLAB_FOLLOW_MODEL_H
#define ROAMLAB_FOLLOW_MODEL_H

#include "layout.h"
#include "policy.h"
#include "scenario.h"

struct follow_model {
    struct policy_plan plan; /* refers to: */
    bool *migrate;           /* owned */
    uint32_t *kind_of_mud;   /* owned */
};

void follow_model_init(struct follow_model *model, const struct scenario *s, const struct layout *l);
void follow_model_free(struct follow_model *model);

#endif
