/* Nobody who may pass a request on keeps it: an access point that serves, an edge server whose gate is open. Looked at whenever a message reaches
 * one of them, before it is handled. */
#ifndef ROAMLAB_HELD_BACK_H
#define ROAMLAB_HELD_BACK_H

#include "sim.h"
#include "trial.h"

struct held_back {
    struct sim_watcher watcher;
    struct trial *trial;
    const struct cast *cast;
};

void held_back_init(struct held_back *h, struct trial *trial, const struct cast *cast);
bool held_back_any(const struct replay_log *log);

#endif
