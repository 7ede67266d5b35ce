/* The pending timers in the total order (time, sequence of arming): a ladder queue (Tang, Goh, Thng: "Ladder queue: An
 * O(1) priority queue structure for large-scale discrete event simulation", ACM TOMACS 15(3), 2005).
 *
 * What is far away lies unsorted in `far`. When its time comes near, it is spread over the buckets of a rung; a bucket
 * that is still large is spread over a finer rung when it is reached; a small one goes into `near`, a heap, from which
 * timers fire. So a timer is moved a few times between arrays, whatever the number of timers, and sorted among few.
 *
 * A cancelled timer is only unhooked from its slot. Its entry is dropped where it is met, and all of them are swept when
 * there is one for every two live ones. */
#ifndef ROAMLAB_TIMER_QUEUE_H
#define ROAMLAB_TIMER_QUEUE_H

#include "loop.h"

/* 2^26 timers may be pending; after 2^38 armings the pending ones are numbered anew. */
enum { TIMER_RUNGS_MAX = 8, TIMER_SLOT_BITS = 26 };

struct timer_entry {
    int64_t at_ns;
    uint64_t order; /* sequence of arming << TIMER_SLOT_BITS | slot: decides ties */
};

struct timer_list {
    struct timer_entry *entries; /* owned */
    size_t len, capacity;
};

struct timer_chunk;

struct timer_bucket {
    struct timer_chunk *chunks; /* owned */
    size_t len;
};

struct timer_rung {
    int64_t start_ns, end_ns;     /* of bucket 0; behind all, but for INT64_MAX itself */
    int shift;                    /* a bucket is 2^shift ns wide */
    size_t next, count, capacity; /* buckets before `next` have been emptied */
    struct timer_bucket *buckets; /* owned */
};

struct timer_queue {
    struct timer_list near; /* a heap: what is before all rungs */
    size_t near_limit;      /* a longer one is spread over a rung */
    struct timer_rung
        rungs[TIMER_RUNGS_MAX]; /* each covers one bucket of the rung before it, but the first */
    int rung_count;
    struct timer_bucket far; /* from far_start_ns on */
    int64_t far_start_ns;
    struct timer_chunk *spare_chunks; /* owned */
    struct timer **slots;             /* owned; NULL = cancelled; a free slot holds the next free one */
    uint32_t slot_count, slot_capacity, free_slot; /* free_slot: 1 + index, 0 = none */
    size_t live, dead;
    uint64_t sequence;
};

void timer_queue_init(struct timer_queue *q);
void timer_queue_free(struct timer_queue *q);
void timer_queue_set(struct timer_queue *q, struct timer *timer, struct simtime at);
void timer_queue_remove(struct timer_queue *q, struct timer *timer);
/* The time of the earliest timer; SIMTIME_NEVER if there is none. */
struct simtime timer_queue_first(struct timer_queue *q);
/* Takes the earliest timer out; there must be one. */
struct timer *timer_queue_pop(struct timer_queue *q);

#endif
