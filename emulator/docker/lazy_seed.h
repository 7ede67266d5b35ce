/* Lazy pages of a container whose memory was copied once before, while it served: what it has not changed since is not fetched again. Only its first
 * process is looked at, whose number is 1 in its own namespace; the pages of others all come from the source. Blocking.
 *
 * 0; -EBADMSG if an image is none, or its pages are missing; -ECANCELED if `b` was called off; or -errno of a file. `b` may be NULL. */
#ifndef ROAMLAB_DOCKER_LAZY_SEED_H
#define ROAMLAB_DOCKER_LAZY_SEED_H

#include "background.h"
#include "err.h"

#include <sys/types.h>

/* At the source, of a frozen container: which pages that `memory`, its dump without pages, leaves out are as `seed`, an earlier dump with all of them,
 * has them. `pid`: of its first process, here. Writes the list into `memory`. */
int lazy_seed_compare(const char *seed, const char *memory, pid_t pid, struct background *b, struct err *e);
/* At the target: gives `memory` those pages from `seed`, and takes the list away. */
int lazy_seed_fill(const char *seed, const char *memory, struct background *b, struct err *e);

#endif
