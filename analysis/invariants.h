/* What must hold in every run of both worlds (the protocol's §9), checked over the run's events in their
 * order:
 *
 *   - every request is answered exactly once, and its digest is right; only those that a device out of reach for
 *     good has named as abandoned may go without;
 *   - every request is executed exactly once in the lineage of containers that survives, none is left out;
 *   - never two containers of a device that both execute: once a container that a newer migration brought has
 *     executed, an older one must not;
 *   - a container is live at all times, from the first one until the device is done (unless the strategy
 *     gives that up);
 *   - exactly one container of a device is left at the end, and it is live;
 *   - every migration that begins ends, once, before the run's time is over; what is committed and used is so once, and not called off.
 *
 * Where an edge declares that a device's only live container is lost, answers may be missing and no container need be left;
 * nothing may be answered or executed twice or wrongly all the same. The same where supervision stops it: that breaks nothing.
 *
 * The events are streamed in; memory is by device, not by request. */
#ifndef ROAMLAB_INVARIANTS_H
#define ROAMLAB_INVARIANTS_H

#include "event.h"
#include "scenario.h"

#include <stdbool.h>
#include <stddef.h>

struct invariants;

enum { INVARIANTS_SENTENCES_MAX = 100 };

/* Sentences, each naming the device and the number: "m1: request 7 was answered 2 times". At most
 * INVARIANTS_SENTENCES_MAX are kept, `count` counts all. */
struct invariants_broken {
    char **sentences; /* owned */
    size_t kept, count;
};

/* The scenario, which outlives it, says what its strategy gives up and what its devices are called. NULL, an imported log: they are called what they
 * call themselves, and nothing is known of executions and containers. */
struct invariants *invariants_new(const struct scenario *s);
void invariants_add(struct invariants *invariants, const struct event *event);
/* Call once, behind the last event. */
void invariants_finish(struct invariants *invariants, struct invariants_broken *broken);
void invariants_free(struct invariants *invariants); /* NULL-safe */
/* What was found broken elsewhere; the sentence is copied. */
void invariants_broken_add(struct invariants_broken *broken, const char *sentence);
void invariants_broken_free(struct invariants_broken *broken);
/* Whether the device was declared unavailable, because its only live container was lost: the sentence that says so, or NULL. No invariant is
 * broken by that. */
const char *invariants_declared_lost(const struct invariants *invariants, int32_t mud);
/* Requests that were answered or executed more often than once; after invariants_finish(). */
uint64_t invariants_duplicated(const struct invariants *invariants);

#endif
