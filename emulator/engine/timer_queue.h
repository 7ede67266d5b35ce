/* The pending timers as a 4-ary heap ordered by (time, sequence). Each timer knows its place in the heap, so
 * that cancelling one is as cheap as firing it. */
#ifndef ROAMLAB_TIMER_QUEUE_H
#define ROAMLAB_TIMER_QUEUE_H

#include "loop.h"

struct timer_entry {
    struct simtime at;
    uint64_t sequence;
    struct timer *timer;
};

struct timer_queue {
    struct timer_entry *entries; /* owned */
    size_t len, capacity;
    uint64_t sequence;
};

void timer_queue_free(struct timer_queue *q);
void timer_queue_set(struct timer_queue *q, struct timer *timer, struct simtime at);
void timer_queue_remove(struct timer_queue *q, struct timer *timer);
/* The earliest entry, or NULL; valid until the next change. */
static inline const struct timer_entry *timer_queue_first(const struct timer_queue *q)
{
    return q->len ? &q->entries[0] : NULL;
}

#endif
