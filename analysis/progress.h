/* Migrations that are possible come to pass. Once nothing goes wrong any more (no fault is left, every link has its own parameters again, none that
 * transfers cross loses anything, and what was lost of the device's messages has been repeated), a migration that begins must finish, unless the
 * device roams again or the replay cannot catch up, which the protocol allows for (§6). And at the end the container is where the policy wants it,
 * unless the tries that the scenario grants have failed. */
#ifndef ROAMLAB_PROGRESS_H
#define ROAMLAB_PROGRESS_H

#include "trial.h"
#include "world_sim.h"

struct progress {
    struct trial *trial;
    const struct scenario *scenario;
    struct sim_watcher watcher;
    const struct loop *loop;
    struct simtime calm;             /* from then on nothing hinders; never: SIMTIME_NEVER */
    struct progress_device *devices; /* owned */
};

void progress_init(struct progress *p, struct trial *trial, const struct scenario *s);
/* As soon as there is one; it outlives the watcher. */
void progress_watch(struct progress *p, const struct world_sim *ws);
void progress_free(struct progress *p);
void progress_hear(struct progress *p, const struct event *event);
/* When the run has come to rest; `lost`: the device was declared unavailable. */
void progress_finish(struct progress *p, const struct world_sim *ws, int mud, bool lost);

#endif
