/* The central event repository of a run (Kim22's LogRepo): opens the stores of the run's folder and hands
 * every event that shall be kept (log_choice.h) to each of them. Same events in the same order = byte-identical events.log. */
#ifndef ROAMLAB_LOGREPO_H
#define ROAMLAB_LOGREPO_H

#include "err.h"
#include "event.h"
#include "log_choice.h"

struct logrepo;

/* Opens all stores in `folder`, which is created with its parents if need be. `start` is the date of the
 * run's time zero (nanoseconds since 1970-01-01 UTC): zero in virtual time, the wall clock's start in the
 * real world. A folder that holds events already is refused with -EEXIST. */
int logrepo_open(const char *folder, struct simtime start, struct logrepo **out, struct err *e);
/* A fact about the whole run, kept beside the events: "world", "scenario", "source", … */
int logrepo_describe(struct logrepo *repo, const char *key, const char *value, struct err *e);
/* From now on the stores get only what the choice keeps; at first, everything. */
void logrepo_choose(struct logrepo *repo, const struct log_choice *choice);
/* `hear` gets every event that is added, kept or not, after the stores. */
void logrepo_listen(struct logrepo *repo, void (*hear)(void *listener, const struct event *event), void *listener);
/* How long adding and flushing wait for a database that another process holds (10 s at first) before they refuse with -EBUSY, as nothing has
 * happened yet: the same can be tried again. */
void logrepo_set_patience(struct logrepo *repo, struct simtime patience);
/* A migration's end that its source tells again (EVENT_TOLD_AGAIN) is received, but left out if it was added before. Strings are copied or written before
 * it returns. After any other failure the repository stays failed: this and
 * close return the first error again, so that nobody takes a repository with a hole for a whole one. */
int logrepo_add(struct logrepo *repo, const struct event *event, struct err *e);
/* Makes everything visible to readers. SQLite commits by itself every 1000 events, or with the first event
 * that comes 200 ms after a transaction began; a run on wall time calls this every 200 ms for the time when
 * no event comes. */
int logrepo_flush(struct logrepo *repo, struct err *e);
uint64_t logrepo_count(const struct logrepo *repo, enum event_kind kind);
/* Events of all kinds that were added, kept or not. */
uint64_t logrepo_received(const struct logrepo *repo);
/* Frees it in every case. 0 only if every event that was added is in every store. NULL-safe. */
int logrepo_close(struct logrepo *repo, struct err *e);

#endif
