/* One direction of a link in our own driver: packets that the kernel holds in an NFQUEUE, and the line (fifo.h) that
 * says when each may go on. Belongs to one thread at a time, but for held_route and held_passed.
 *
 * While its parameters ask for nothing, no rule leads packets to the queue: they pass as fast as without a driver. */
#ifndef ROAMLAB_HELD_H
#define ROAMLAB_HELD_H

#include "driver.h"
#include "fifo.h"
#include "nfqueue.h"
#include "rule.h"

struct held {
    struct rule rule; /* with its own copies of the names */
    bool catches, counts; /* which of the two rules are there */
    struct nfqueue queue;
    struct fifo fifo;
    int64_t empty_ns; /* of CLOCK_MONOTONIC: what is in the queue has come since */
    int copies_fd; /* a raw socket where packets arrive, for copies */
    struct link_counters counters;
    struct lateness_histogram lateness;
};

/* From now on the packets that the rule says are held, in the first free queue from the one that it names, unless the
 * parameters ask for nothing. */
int held_open(struct held *held, const struct rule *rule, const struct link_params *params, struct err *e);
void held_close(struct held *held); /* also after a held_open that failed */
/* For packets that arrive from now on; held_route is to follow. */
int held_change(struct held *held, const struct link_params *params, struct err *e);
/* Has packets come to the queue, or pass it by, as the parameters ask; what is in the queue keeps its times. Takes some
 * milliseconds, in which the queue is to be served. */
int held_route(struct held *held, struct err *e);

/* Takes in what has arrived; not all of it if it is very much, so that other links get served. Returns how many
 * packets of MTU size. */
int held_read(struct held *held);
/* When a packet arrived, by CLOCK_MONOTONIC: its stamp and `real_ns`, read together with `monotonic_ns`, are of CLOCK_REALTIME; a stamp of 0 is
 * none. Neither after that nor before the queue was empty. */
int64_t held_arrival(int64_t stamp_ns, int64_t real_ns, int64_t monotonic_ns, int64_t empty_ns);
/* When the next packet goes on, INT64_MAX if none is held. */
int64_t held_due(struct held *held);
/* Lets go what is due by `now_ns`. */
void held_deliver(struct held *held, int64_t now_ns);

/* Of what went through the queue; and of what passed it by. */
struct link_counters held_count(const struct held *held);
int held_passed(const struct held *held, struct link_counters *sum, struct err *e);

#endif
