/* Where an Engine keeps what roamlab reads and writes beside its API. */
#ifndef ROAMLAB_DOCKER_PLACES_H
#define ROAMLAB_DOCKER_PLACES_H

#include "err.h"

#include <sys/types.h>

/* All owned. */
struct docker_places {
    char *data; /* images, containers: its data root */
    char *runc; /* runc's --root for its containers */
    char *work; /* a folder a container, with CRIU's log while it is restored */
    char *tmp;  /* where its containerd unpacks checkpoints, and leaves them */
    char *path; /* its containerd's PATH, with the CRIU that restores; NULL of ours */
};

/* Of an Engine of ours below `root`. */
void docker_places_below(struct docker_places *p, const char *root);
/* Of an Engine one of whose containers has `pid` as its first process: told by the shim that is the parent of that. `data` is the Engine's own
 * word. -EOPNOTSUPP if there is no such shim, or it sees other files than this process. */
int docker_places_find(struct docker_places *p, pid_t pid, const char *data, struct err *e);
void docker_places_free(struct docker_places *p);

#endif
