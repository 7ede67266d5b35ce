#include "timer_queue.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 15,      /* entries: a chunk is four cache lines */
    NEAR_FEW = 64,   /* a bucket of so many is sorted, a larger one is spread */
    NEAR_MANY = 512, /* a heap of so many is spread */
    PER_BUCKET = 32, /* how many a bucket of a new rung shall hold */
    DEAD_FEW = 64,
};

struct timer_chunk {
    struct timer_chunk *next;
    size_t len;
    struct timer_entry entries[CHUNK];
};

static const uint32_t slot_mask = (1u << TIMER_SLOT_BITS) - 1;

static uint32_t slot_of(const struct timer_entry *entry)
{
    return (uint32_t)entry->order & slot_mask;
}

/* --- slots: how a timer finds its entry dead or alive ------------------------------------------------------------- */

static uint32_t new_slot(struct timer_queue *q)
{
    if (q->slot_count == q->slot_capacity) {
        q->slot_capacity = q->slot_capacity ? q->slot_capacity * 2 : 64;
        q->slots = mem_resize(q->slots, q->slot_capacity * sizeof *q->slots);
    }
    if (q->slot_count == slot_mask)
        abort(); /* see TIMER_SLOT_BITS */
    return q->slot_count++;
}

static uint32_t take_slot(struct timer_queue *q, struct timer *timer)
{
    uint32_t slot = q->free_slot ? q->free_slot - 1 : new_slot(q);
    if (q->free_slot)
        q->free_slot = (uint32_t)(uintptr_t)q->slots[slot];
    q->slots[slot] = timer;
    timer->place = (size_t)slot + 1;
    return slot;
}

static void free_slot(struct timer_queue *q, uint32_t slot)
{
    q->slots[slot] = (struct timer *)(uintptr_t)q->free_slot;
    q->free_slot = slot + 1;
}

/* False for a cancelled timer's entry, which is forgotten by this. */
static bool keep(struct timer_queue *q, const struct timer_entry *entry)
{
    if (q->dead == 0 || q->slots[slot_of(entry)])
        return true;
    free_slot(q, slot_of(entry));
    q->dead--;
    return false;
}

/* --- lists and the heap near -------------------------------------------------------------------------------------- */

static inline bool comes_before(const struct timer_entry *a, const struct timer_entry *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void append(struct timer_list *list, const struct timer_entry *entry)
{
    if (list->len == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->entries = mem_resize(list->entries, list->capacity * sizeof *list->entries);
    }
    list->entries[list->len++] = *entry;
}

static void sift_up(struct timer_entry *heap, size_t place, struct timer_entry entry)
{
    while (place > 0 && comes_before(&entry, &heap[(place - 1) / 2])) {
        heap[place] = heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap[place] = entry;
}

static void sift_down(struct timer_entry *heap, size_t len, size_t place, struct timer_entry entry)
{
    for (size_t child; (child = 2 * place + 1) < len; place = child) {
        child += child + 1 < len && comes_before(&heap[child + 1], &heap[child]);
        if (!comes_before(&heap[child], &entry))
            break;
        heap[place] = heap[child];
    }
    heap[place] = entry;
}

static void add_near(struct timer_queue *q, const struct timer_entry *entry)
{
    append(&q->near, entry);
    sift_up(q->near.entries, q->near.len - 1, *entry);
}

/* It fires soon: what will be read then may begin to come from memory now. */
static void move_near(struct timer_queue *q, const struct timer_entry *entry)
{
    __builtin_prefetch(&q->slots[slot_of(entry)]);
    append(&q->near, entry);
}

static void make_heap(struct timer_list *list)
{
    for (size_t i = list->len / 2; i-- > 0;)
        sift_down(list->entries, list->len, i, list->entries[i]);
}

/* --- rungs -------------------------------------------------------------------------------------------------------- */

static struct timer_chunk *new_chunk(struct timer_queue *q, struct timer_chunk *next)
{
    struct timer_chunk *chunk = q->spare_chunks;
    if (chunk)
        q->spare_chunks = chunk->next;
    else
        chunk = mem_alloc(sizeof *chunk);
    chunk->next = next;
    chunk->len = 0;
    return chunk;
}

static void add_to_bucket(struct timer_queue *q, struct timer_bucket *bucket, const struct timer_entry *entry)
{
    if (!bucket->chunks || bucket->chunks->len == CHUNK)
        bucket->chunks = new_chunk(q, bucket->chunks);
    bucket->chunks->entries[bucket->chunks->len++] = *entry;
    bucket->len++;
}

static struct timer_bucket *bucket_of(const struct timer_rung *rung, int64_t at_ns)
{
    return &rung->buckets[((uint64_t)at_ns - (uint64_t)rung->start_ns) >> rung->shift];
}

/* Where the part of the rung begins that has not been emptied. */
static int64_t front_of(const struct timer_rung *rung)
{
    return rung->next == rung->count
               ? rung->end_ns
               : (int64_t)((uint64_t)rung->start_ns + ((uint64_t)rung->next << rung->shift));
}

/* Opens a rung for `len` entries between the two times, both included. */
static struct timer_rung *open_rung(struct timer_queue *q, int64_t first_ns, int64_t last_ns, size_t len)
{
    struct timer_rung *rung = &q->rungs[q->rung_count++];
    uint64_t span = (uint64_t)last_ns - (uint64_t)first_ns;
    rung->start_ns = first_ns;
    rung->end_ns = last_ns == INT64_MAX ? last_ns : last_ns + 1;
    rung->shift = 0;
    while (rung->shift < 63 && span >> rung->shift >= len / PER_BUCKET + 1)
        rung->shift++;
    rung->next = 0;
    rung->count = (size_t)(span >> rung->shift) + 1;
    if (rung->count > rung->capacity) {
        free(rung->buckets);
        rung->capacity = rung->count;
        rung->buckets = mem_alloc_array(rung->capacity, sizeof *rung->buckets);
    }
    return rung;
}

static void free_chunk(struct timer_queue *q, struct timer_chunk *chunk)
{
    chunk->next = q->spare_chunks;
    q->spare_chunks = chunk;
}

/* Empties the bucket into the rung, or into the heap if it is NULL. */
static void empty_bucket(struct timer_queue *q, struct timer_bucket *bucket, const struct timer_rung *rung)
{
    for (struct timer_chunk *chunk = bucket->chunks, *next; chunk; chunk = next) {
        for (size_t i = 0; i < chunk->len; i++) {
            if (!keep(q, &chunk->entries[i]))
                continue;
            if (rung)
                add_to_bucket(q, bucket_of(rung, chunk->entries[i].at_ns), &chunk->entries[i]);
            else
                move_near(q, &chunk->entries[i]);
        }
        next = chunk->next;
        free_chunk(q, chunk);
    }
    *bucket = (struct timer_bucket){0};
}

static void widen(int64_t *first_ns, int64_t *last_ns, const struct timer_entry *entries, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *first_ns = entries[i].at_ns < *first_ns ? entries[i].at_ns : *first_ns;
        *last_ns = entries[i].at_ns > *last_ns ? entries[i].at_ns : *last_ns;
    }
}

/* A heap that has grown long is spread, unless it is all of one instant. */
static void spread_near(struct timer_queue *q)
{
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    struct timer_list *near = &q->near;
    widen(&first_ns, &last_ns, near->entries, near->len);
    q->near_limit = 2 * near->len;
    if (q->rung_count == TIMER_RUNGS_MAX || first_ns == last_ns)
        return;
    q->near_limit = NEAR_MANY;
    int64_t end_ns = q->rung_count ? front_of(&q->rungs[q->rung_count - 1]) : q->far_start_ns;
    if (last_ns < end_ns - 1) /* not so at the end of time, which the front of a rung cannot be behind */
        last_ns = end_ns - 1;
    struct timer_rung *rung = open_rung(q, first_ns, last_ns, near->len);
    for (size_t i = 0; i < near->len; i++)
        add_to_bucket(q, bucket_of(rung, near->entries[i].at_ns), &near->entries[i]);
    near->len = 0;
}

/* --- the queue ---------------------------------------------------------------------------------------------------- */

static void put(struct timer_queue *q, const struct timer_entry *entry)
{
    if (entry->at_ns >= q->far_start_ns) {
        add_to_bucket(q, &q->far, entry);
        return;
    }
    for (int i = 0; i < q->rung_count; i++)
        if (entry->at_ns >= front_of(&q->rungs[i])) {
            add_to_bucket(q, bucket_of(&q->rungs[i], entry->at_ns), entry);
            return;
        }
    add_near(q, entry);
    if (q->near.len > q->near_limit)
        spread_near(q);
}

/* All that is far becomes a rung. False if there is nothing. */
static bool approach(struct timer_queue *q)
{
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    if (q->far.len == 0)
        return false;
    for (const struct timer_chunk *chunk = q->far.chunks; chunk; chunk = chunk->next)
        widen(&first_ns, &last_ns, chunk->entries, chunk->len);
    struct timer_rung *rung = open_rung(q, first_ns, last_ns, q->far.len);
    q->far_start_ns = rung->end_ns;
    empty_bucket(q, &q->far, rung);
    return true;
}

/* The next bucket becomes the heap, or a finer rung. */
static void descend(struct timer_queue *q)
{
    struct timer_rung *rung = &q->rungs[q->rung_count - 1];
    while (rung->next < rung->count && rung->buckets[rung->next].len == 0)
        rung->next++;
    if (rung->next == rung->count) {
        q->rung_count--;
        return;
    }
    int64_t begin_ns = front_of(rung);
    struct timer_bucket *bucket = &rung->buckets[rung->next++];
    bool small = bucket->len <= NEAR_FEW || rung->shift == 0 || q->rung_count == TIMER_RUNGS_MAX;
    int64_t end_ns = front_of(rung), last_ns = end_ns == INT64_MAX ? end_ns : end_ns - 1;
    empty_bucket(q, bucket, small ? NULL : open_rung(q, begin_ns, last_ns, bucket->len));
    if (small)
        make_heap(&q->near);
    q->near_limit = q->near.len > NEAR_MANY ? 2 * q->near.len : NEAR_MANY;
}

/* Brings the earliest live timer to the top of the heap. False if there is none. */
static bool bring_first(struct timer_queue *q)
{
    while (q->near.len == 0) {
        if (q->rung_count)
            descend(q);
        else if (!approach(q))
            return false;
    }
    return true;
}

static void drop_top(struct timer_queue *q)
{
    q->near.len--;
    if (q->near.len)
        sift_down(q->near.entries, q->near.len, 0, q->near.entries[q->near.len]);
}

static bool find_first(struct timer_queue *q)
{
    while (bring_first(q)) {
        if (keep(q, &q->near.entries[0]))
            return true;
        drop_top(q);
    }
    return false;
}

struct simtime timer_queue_first(struct timer_queue *q)
{
    return find_first(q) ? simtime_ns(q->near.entries[0].at_ns) : SIMTIME_NEVER;
}

struct timer *timer_queue_pop(struct timer_queue *q)
{
    find_first(q);
    uint32_t slot = slot_of(&q->near.entries[0]);
    struct timer *timer = q->slots[slot];
    drop_top(q);
    if (q->near.len)
        __builtin_prefetch(q->slots[slot_of(&q->near.entries[0])]);
    free_slot(q, slot);
    timer->place = 0;
    q->live--;
    return timer;
}

static void take_chunks(struct timer_bucket *bucket, struct timer_chunk **all)
{
    for (struct timer_chunk *chunk = bucket->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk->next = *all;
        *all = chunk;
    }
    *bucket = (struct timer_bucket){0};
}

static void add_live_to_far(struct timer_queue *q, const struct timer_entry *entries, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (keep(q, &entries[i]))
            add_to_bucket(q, &q->far, &entries[i]);
}

/* Everything that lives becomes far. */
static void sweep(struct timer_queue *q)
{
    struct timer_chunk *all = NULL;
    take_chunks(&q->far, &all);
    for (int i = 0; i < q->rung_count; i++)
        for (size_t b = q->rungs[i].next; b < q->rungs[i].count; b++)
            take_chunks(&q->rungs[i].buckets[b], &all);
    for (struct timer_chunk *chunk; (chunk = all);) {
        all = chunk->next;
        add_live_to_far(q, chunk->entries, chunk->len);
        free_chunk(q, chunk);
    }
    add_live_to_far(q, q->near.entries, q->near.len);
    q->near.len = 0;
    q->rung_count = 0;
    q->far_start_ns = INT64_MIN;
}

static int by_order(const void *a_, const void *b_)
{
    const struct timer_entry *a = a_, *b = b_;
    return (a->order > b->order) - (a->order < b->order);
}

/* The sequence has come to its end: those that are pending get the first numbers again, in the same order. */
static void renumber(struct timer_queue *q)
{
    sweep(q);
    empty_bucket(q, &q->far, NULL);
    qsort(q->near.entries, q->near.len, sizeof q->near.entries[0], by_order);
    q->sequence = 0;
    for (size_t i = 0; i < q->near.len; i++)
        q->near.entries[i].order = q->sequence++ << TIMER_SLOT_BITS | slot_of(&q->near.entries[i]);
    sweep(q);
}

void timer_queue_set(struct timer_queue *q, struct timer *timer, struct simtime at)
{
    timer_queue_remove(q, timer);
    if (q->sequence >> (64 - TIMER_SLOT_BITS))
        renumber(q);
    uint32_t slot = take_slot(q, timer);
    put(q, &(struct timer_entry){at.ns, q->sequence++ << TIMER_SLOT_BITS | slot});
    q->live++;
}

void timer_queue_remove(struct timer_queue *q, struct timer *timer)
{
    if (!timer_armed(timer))
        return;
    q->slots[timer->place - 1] = NULL;
    timer->place = 0;
    q->live--;
    q->dead++;
    if (q->dead > q->live / 2 + DEAD_FEW)
        sweep(q);
}

void timer_queue_init(struct timer_queue *q)
{
    *q = (struct timer_queue){.far_start_ns = INT64_MIN, .near_limit = NEAR_MANY};
}

void timer_queue_free(struct timer_queue *q)
{
    sweep(q);
    take_chunks(&q->far, &q->spare_chunks);
    for (struct timer_chunk *chunk; (chunk = q->spare_chunks);) {
        q->spare_chunks = chunk->next;
        free(chunk);
    }
    for (int i = 0; i < TIMER_RUNGS_MAX; i++)
        free(q->rungs[i].buckets);
    free(q->near.entries);
    free(q->slots);
    timer_queue_init(q);
}
