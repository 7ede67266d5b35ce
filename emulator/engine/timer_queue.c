#include "timer_queue.h"
#include "mem.h"

#include <stdlib.h>

static bool comes_before(const struct timer_entry *a, const struct timer_entry *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->sequence < b->sequence;
}

static void put(struct timer_queue *q, size_t place, struct timer_entry entry)
{
    q->entries[place] = entry;
    entry.timer->place = place + 1;
}

static void sift_up(struct timer_queue *q, size_t place, struct timer_entry entry)
{
    while (place > 0) {
        size_t parent = (place - 1) / 4;
        if (!comes_before(&entry, &q->entries[parent]))
            break;
        put(q, place, q->entries[parent]);
        place = parent;
    }
    put(q, place, entry);
}

static void sift_down(struct timer_queue *q, size_t place, struct timer_entry entry)
{
    for (;;) {
        size_t child = 4 * place + 1, best = child;
        if (child >= q->len)
            break;
        for (size_t i = child + 1; i < child + 4 && i < q->len; i++)
            if (comes_before(&q->entries[i], &q->entries[best]))
                best = i;
        if (!comes_before(&q->entries[best], &entry))
            break;
        put(q, place, q->entries[best]);
        place = best;
    }
    put(q, place, entry);
}

void timer_queue_free(struct timer_queue *q)
{
    free(q->entries);
    *q = (struct timer_queue){0};
}

void timer_queue_set(struct timer_queue *q, struct timer *timer, struct simtime at)
{
    timer_queue_remove(q, timer);
    if (q->len == q->capacity) {
        q->capacity = q->capacity ? 2 * q->capacity : 64;
        q->entries = mem_resize(q->entries, q->capacity * sizeof *q->entries);
    }
    sift_up(q, q->len++, (struct timer_entry){at, q->sequence++, timer});
}

void timer_queue_remove(struct timer_queue *q, struct timer *timer)
{
    if (!timer_armed(timer))
        return;
    size_t place = timer->place - 1;
    timer->place = 0;
    struct timer_entry last = q->entries[--q->len];
    if (place == q->len)
        return;
    if (place > 0 && comes_before(&last, &q->entries[(place - 1) / 4]))
        sift_up(q, place, last);
    else
        sift_down(q, place, last);
}
