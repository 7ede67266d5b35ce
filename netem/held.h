/* One direction of a link in our own driver: packets that the kernel holds in an NFQUEUE, and the line (fifo.h) that
 * says when each may go on. Belongs to one thread at a time. */
#ifndef ROAMLAB_HELD_H
#define ROAMLAB_HELD_H

#include "driver.h"
#include "fifo.h"
#include "nfqueue.h"
#include "rule.h"

struct held {
    struct nfqueue queue;
    struct fifo fifo;
    int copies_fd; /* a raw socket where packets arrive, for copies */
    struct link_counters counters;
    struct lateness_histogram lateness;
};

/* From now on the packets that the rule says are held, in the first free queue from the one that it names. */
int held_open(struct held *held, const struct rule *rule, const struct link_params *params, struct err *e);
void held_close(struct held *held); /* also after a held_open that failed */
int held_change(struct held *held, const struct link_params *params, struct err *e);

/* Takes in what has arrived; not all of it if it is very much, so that other links get served. Returns how many
 * packets of MTU size. */
int held_read(struct held *held);
/* When the next packet goes on, INT64_MAX if none is held. */
int64_t held_due(struct held *held);
/* Lets go what is due by `now_ns`. */
void held_deliver(struct held *held, int64_t now_ns);

struct link_counters held_count(const struct held *held);

#endif
