/* Starts and removes one container before any is needed. The first that an Engine starts in network mode host takes it a good deal longer than
 * the next ones (dockerd runs itself anew to make the namespace's file), which would be charged to the first migration that arrives. */
#ifndef ROAMLAB_DOCKER_WARM_UP_H
#define ROAMLAB_DOCKER_WARM_UP_H

#include "container.h"

/* Embedded in its owner, zeroed before. */
struct docker_warm_up {
    /* Called once, from the loop; `status` is 0 or -errno. */
    void (*done)(struct docker_warm_up *w, int status, const struct err *e);
    /* The rest is its own. */
    struct docker_container container;
    struct docker_job job;
};

/* `run` marks the container as the run's; `image` is one of a service that the Engine has. */
void docker_warm_up_start(struct docker_warm_up *w, struct docker_daemon *d, const char *run,
                          const char *image);
/* done() is not called; the container stays, with the run's label. Harmless if nothing is under way. */
void docker_warm_up_cancel(struct docker_warm_up *w);

#endif
