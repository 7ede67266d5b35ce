/* The user's own Engine, used in a run: it goes on as it is, with all that is in it. What roamlab puts there bears a label (roamlab.run=RUN on
 * containers and what is committed of them, roamlab.image=service on the service's image), and only what bears it is ever removed.
 *
 * Its containers must live in the network namespace of the run's host, and the Engine has another one. So the first of them is an anchor: it starts
 * in the Engine's, joins the host's (setns(2)) and waits; the others share the anchor's (NetworkMode container:ANCHOR).
 *
 * What an Engine of ours offers beside (daemon.h) is not to be had: its image store is not written to, it trusts the registries that it trusts. */
#ifndef ROAMLAB_DOCKER_USERS_ENGINE_H
#define ROAMLAB_DOCKER_USERS_ENGINE_H

#include "daemon.h"

/* Asks who it is and whether it can do what migrations need, and calls done(). -EOPNOTSUPP: it is another Docker, storage driver or runtime than we
 * can use, or not experimental, which checkpoints need. `options->root` is a folder for roamlab's own files; `done` is set before. */
int docker_users_engine_open(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                             const struct docker_address *address, struct err *e);

/* Then, and once it has the image: puts the anchor there, finds the Engine's folders, and calls done() again. */
struct docker_settlement {
    const char *run, *name; /* of the run, and of the anchor's container */
    const char *image;
    const char *net_namespace; /* that containers shall live in: a path */
};
int docker_users_engine_settle(struct docker_daemon *d, const struct docker_settlement *s, struct err *e);

/* Blocking: removes the run's containers and images, the service's image unless another run's container is of it, and what restores left in the
 * Engine's temporary folder. Good too if nothing is there. */
int docker_users_engine_clean(const struct docker_address *address, const char *run, struct err *e);

/* For daemon.c: what has to go from it again, blocking, and to free. NULL-safe. */
int docker_users_engine_leave(struct docker_users_engine *engine, struct err *e);
void docker_users_engine_free(struct docker_users_engine *engine);

#endif
