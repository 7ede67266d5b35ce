/* One run in virtual time. */
#ifndef ROAMLAB_WORLD_SIM_H
#define ROAMLAB_WORLD_SIM_H

#include "logrepo.h"
#include "scenario.h"

/* Plays the scenario with that seed (devices that move get their visits); every event goes to the repository, which stays the caller's. 0; -EINTR
 * if a signal came (interrupt.h), with everything freed; or the repository's error. */
int world_sim_run(struct scenario *s, uint64_t seed, struct logrepo *repo, struct err *e);

#endif
