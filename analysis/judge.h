/* The judge of a run in virtual time: sees, beside what the events tell (invariants.h), the actors and containers themselves. No actor meets an
 * event that it does not foresee; copies of an undamaged state are equal; and when all has come to rest, each device is served by one container,
 * which one access point knows of, nothing is held back and nothing is left behind (end_state.h). */
#ifndef ROAMLAB_JUDGE_H
#define ROAMLAB_JUDGE_H

#include "trial.h"
#include "world_sim.h"

struct judge {
    struct world_sim_witness
        witness;         /* for world_sim_run(); who plays the world himself calls the functions below */
    struct trial *trial; /* complaints go there */
    bool damages;        /* snapshots are damaged, or not brought */
    bool *gone;          /* owned; devices whose only live container was lost, or stopped by supervision */
};

/* Both outlive it. */
void judge_init(struct judge *j, struct trial *trial, const struct scenario *s);
void judge_hear(struct judge *j, const struct world_sim *ws, const struct event *event);
/* When the run is over: all has come to rest, and when what was still on its way has arrived, nothing is to come. Only for scenarios in which nothing
 * recurs: a guard measures for ever. */
void judge_rest(struct judge *j, struct world_sim *ws);
void judge_devices(struct judge *j, const struct world_sim *ws);
void judge_free(struct judge *j);

#endif
