/* What must be true of a device when a run in virtual time has come to rest: a table of rules, each with its name, over the actors' and the
 * containers' true state rather than over what they report (that is invariants.h). A migration that has ended leaves nothing behind, one access
 * point decides, it knows where the container is, nobody holds anything back, and the container's state is what the answers say. */
#ifndef ROAMLAB_END_STATE_H
#define ROAMLAB_END_STATE_H

#include "trial.h"
#include "world_sim.h"

/* Complains of every rule that does not hold of a device, by its name. `lost`, by device: it was declared unavailable. */
void end_state_judge(struct trial *trial, const struct world_sim *ws, const bool *lost);
/* A container of a strategy that keeps its state is live from now on: what a resend would be answered with. */
void end_state_judge_live(struct trial *trial, const struct world_sim *ws, const struct event *event);

#endif
