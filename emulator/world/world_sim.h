/* One run in virtual time. */
#ifndef ROAMLAB_WORLD_SIM_H
#define ROAMLAB_WORLD_SIM_H

#include "logrepo.h"
#include "loop.h"
#include "scenario.h"
#include "sim.h"
#include "variation.h"
#include "world.h"

struct world_sim;

/* Looks on at a run: hears every event, and sees the world when all is recorded, before anything is freed. */
struct world_sim_witness {
    void (*hears)(struct world_sim_witness *witness, const struct world_sim *ws, const struct event *event);
    /* May let it go on: what happens then is not recorded, but heard. */
    void (*sees_the_end)(struct world_sim_witness *witness, struct world_sim *ws);
};

/* Plays the scenario with that seed (devices that move get their visits); every event goes to the repository, which stays the caller's. The
 * witness may be NULL. 0; -EINTR if a signal came (interrupt.h), with everything freed; or the repository's error. */
int world_sim_run(struct scenario *s, uint64_t seed, struct logrepo *repo, struct world_sim_witness *witness, struct err *e);

/* The same with the caller's own ear, in steps; the devices have their visits already (scenario_move). */
struct world_sim {
    struct clock clock;
    struct loop *loop;
    struct world world;
    struct sim *sim;
    struct variation variation;
    struct world_sim_fault *faults; /* owned: those that have their moment */
    bool rests;                     /* everything had come to rest before the run's time was over */
};

/* The scenario outlives it. Events go to `record` with world->cast.recorder = `recorder`. */
void world_sim_begin(struct world_sim *ws, const struct scenario *s, uint64_t seed,
                     void (*record)(struct cast *, const struct event *), void *recorder);
/* Plays until all is done, or the run's time or its loop is over. world_give_up() lets devices report then. */
void world_sim_play(struct world_sim *ws);
/* From now on nothing happens to the world from outside: links stay as they are, hosts too. */
void world_sim_calm(struct world_sim *ws);
void world_sim_end(struct world_sim *ws);

#endif
