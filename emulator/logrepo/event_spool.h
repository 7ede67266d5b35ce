/* Lines on disk that wait for the repository: what a host has to report, in the order in which it happened. A line is in the file before anybody
 * sends it, so that neither a repository that is away nor the end of the process that reports loses one. */
#ifndef ROAMLAB_EVENT_SPOOL_H
#define ROAMLAB_EVENT_SPOOL_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct event_spool;

/* A new, empty one. NULL and `e` on failure, also if the file is there already. */
struct event_spool *event_spool_create(const char *path, struct err *e);
/* What a process left that has ended, behind the first `skip` lines: to be read only. A last line that is not whole does not count. NULL and
 * `e` if there is none. */
struct event_spool *event_spool_recover(const char *path, uint64_t skip, struct err *e);
void event_spool_free(struct event_spool *spool); /* NULL-safe; the file stays */

/* Appends a line, given without its end. After a failure, which leaves no part of it behind, it can be tried again. */
int event_spool_add(struct event_spool *spool, const char *line, struct err *e);
/* The next line that was not handed out, without its end, valid until the next call; NULL if all were. */
const char *event_spool_next(struct event_spool *spool);
/* Lines that were added, or, of a recovered one, skipped and handed out. */
uint64_t event_spool_count(const struct event_spool *spool);

#endif
