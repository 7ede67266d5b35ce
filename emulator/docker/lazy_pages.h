/* Lazy pages: a container goes on at the target while its memory is still at the source, in CRIU's hands.
 *
 * At the source `runc checkpoint --lazy-pages` dumps the processes without the pages that can come later (but for lazy_first.h's), and then serves
 * these, from pipes that hold them, to the one who connects first, by TLS 1.3 with the certificate of the run (struct docker_paging), uncompressed.
 * At the target `criu lazy-pages` gives the restored processes what they touch (userfaultfd), and all else meanwhile, from a socket that the caller
 * gives it: in its messages (page_message.h), whoever gets them from the source.
 *
 * One process at either side, the pager, outlives the operation that started it. If it ends before the last page, the source's container
 * stays frozen with its memory whole, and the target's stands still at the first page that it lacks: this process keeps the
 * descriptor of its faults, without which the kernel would give it pages of zeros. */
#ifndef ROAMLAB_DOCKER_LAZY_PAGES_H
#define ROAMLAB_DOCKER_LAZY_PAGES_H

#include "container.h"

/* OP_DUMP_STATE, of a frozen container: SPOOL/memory without the pages; done when they are served at `port` of paging.address. */
void docker_container_dump_state(struct docker_container *c, struct docker_job *job, const char *spool,
                                 uint16_t port);
/* OP_SERVE_PAGES: until the target has them all. The container stays as it was, frozen. Called off, nobody serves them any more. */
void docker_container_serve_pages(struct docker_container *c, struct docker_job *job);
/* OP_RESTORE_STATE, at the target: its processes from SPOOL/memory, their pages by the socket `pages`, which is the job's from here on. */
void docker_container_restore_state(struct docker_container *c, struct docker_job *job, const char *spool, int pages);
/* OP_FETCH_PAGES: until all are here. Bytes: of the pages. -ETIMEDOUT if none has come for paging.patience. */
void docker_container_fetch_pages(struct docker_container *c, struct docker_job *job);

/* For jobs: what waits for the container's pager is called off, and the pager ended. Harmless if the job is another. */
void docker_pager_leave(struct docker_container *c, const struct docker_job *job);
/* The container ends: its pager, and the waiting of its faults. Harmless without. */
void docker_pager_free(struct docker_container *c);

#endif
