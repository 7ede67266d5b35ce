#include "statechain.h"

#include "mem.h"
#include "rng.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16 };
static const uint32_t layer_bit = 1u << 31;

/* Page → version: a sparse hash table. */
struct version {
    uint32_t area_and_page; /* page + 1, top bit = layer; 0 = empty: an area has at most 2^31 - 1 pages */
    uint32_t version;
};

struct request {
    uint64_t folds[STATE_TOUCHED]; /* of the pages that it reads, as they are then */
    uint64_t checksum;             /* after it */
};

struct statechain_history {
    uint64_t seed;
    uint32_t memory_pages, layer_pages;
    int touched;              /* pages that a request touches */
    struct request *requests; /* owned; by number */
    size_t len, capacity;
    struct version *versions;                /* owned: after the last of them */
    size_t versions_used, versions_capacity; /* capacity: a power of two */
};

struct statechain_history *statechain_history_new(uint64_t seed, uint32_t memory_pages, uint32_t layer_pages)
{
    struct statechain_history *h = mem_alloc(sizeof *h);
    *h = (struct statechain_history){.seed = seed,
                                     .memory_pages = memory_pages,
                                     .layer_pages = layer_pages,
                                     .versions_capacity = CAPACITY_FIRST};
    h->versions = mem_alloc_array(h->versions_capacity, sizeof *h->versions);
    return h;
}

void statechain_history_free(struct statechain_history *h)
{
    if (!h)
        return;
    free(h->requests);
    free(h->versions);
    free(h);
}

static uint32_t version_key(struct statechain_touch touch)
{
    return (touch.page + 1) | (touch.area == STATE_LAYER ? layer_bit : 0);
}

/* The page's slot, or the empty slot where it belongs. */
static struct version *find_slot(struct version *versions, size_t capacity, uint32_t key)
{
    size_t at = rng_mix(key) & (capacity - 1);
    while (versions[at].area_and_page != 0 && versions[at].area_and_page != key)
        at = (at + 1) & (capacity - 1);
    return &versions[at];
}

/* Room for one request's touches at a load of at most 3/4. */
static void make_room(struct statechain_history *h)
{
    if ((h->versions_used + STATE_TOUCHED) * 4 <= h->versions_capacity * 3)
        return;
    size_t capacity = h->versions_capacity * 2;
    struct version *versions = mem_alloc_array(capacity, sizeof *versions);
    for (size_t i = 0; i < h->versions_capacity; i++)
        if (h->versions[i].area_and_page != 0)
            *find_slot(versions, capacity, h->versions[i].area_and_page) = h->versions[i];
    free(h->versions);
    h->versions = versions;
    h->versions_capacity = capacity;
}

/* Rewrites one page: returns the fold of its old content and adds to the checksum what has changed. */
static uint64_t rewrite_page(struct statechain_history *h, struct statechain_touch touch, uint32_t version,
                             uint64_t *checksum)
{
    uint32_t key = version_key(touch);
    struct version *slot = find_slot(h->versions, h->versions_capacity, key);
    if (slot->area_and_page == 0) {
        slot->area_and_page = key;
        h->versions_used++;
    }
    uint64_t before = statechain_fold_version(h->seed, touch.area, touch.page, slot->version);
    slot->version = version;
    *checksum += statechain_fold_version(h->seed, touch.area, touch.page, version) - before;
    return before;
}

static void add_request(struct statechain_history *h)
{
    struct statechain_touch touches[STATE_TOUCHED];
    uint32_t n = (uint32_t)h->len;
    if (h->len == h->capacity) {
        h->capacity = h->capacity ? 2 * h->capacity : CAPACITY_FIRST;
        h->requests = mem_resize(h->requests, h->capacity * sizeof *h->requests);
    }
    make_room(h);
    struct request *r = &h->requests[h->len++];
    *r = (struct request){.checksum = n ? r[-1].checksum : 0};
    h->touched = statechain_touches(h->seed, n, h->memory_pages, h->layer_pages, touches);
    for (int i = 0; i < h->touched; i++)
        r->folds[i] = rewrite_page(h, touches[i], n + 1, &r->checksum);
}

void statechain_model_init(struct statechain_model *m, struct statechain_history *history, uint32_t mud)
{
    *m = (struct statechain_model){
        .history = history, .mud = mud, .chain = statechain_start(history->seed, mud)};
}

uint64_t statechain_model_execute(struct statechain_model *m, uint64_t payload_fold)
{
    struct statechain_history *h = m->history;
    while (h->len <= m->next)
        add_request(h);
    m->chain = statechain_next(m->chain, m->next, payload_fold, h->requests[m->next].folds, h->touched);
    m->next++;
    return m->chain;
}

uint64_t statechain_model_checksum(const struct statechain_model *m)
{
    return m->next ? m->history->requests[m->next - 1].checksum : 0;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void statechain_model_rewritten(const struct statechain_model *m, uint32_t from, uint32_t until, uint64_t pages[2])
{
    const struct statechain_history *h = m->history;
    uint32_t *keys = mem_alloc_array(((size_t)until - from) * STATE_TOUCHED + 1, sizeof *keys);
    size_t count = 0;
    for (uint32_t n = from; n < until; n++) {
        struct statechain_touch touches[STATE_TOUCHED];
        int touched = statechain_touches(h->seed, n, h->memory_pages, h->layer_pages, touches);
        for (int i = 0; i < touched; i++)
            keys[count++] = version_key(touches[i]);
    }
    qsort(keys, count, sizeof *keys, by_value);
    pages[STATE_MEMORY] = pages[STATE_LAYER] = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || keys[i] != keys[i - 1])
            pages[keys[i] & layer_bit ? STATE_LAYER : STATE_MEMORY]++;
    free(keys);
}

uint64_t statechain_model_payload(const struct statechain_model *m, uint32_t n, size_t len)
{
    return statechain_fold_synthetic_payload(m->history->seed, m->mud, n, len);
}
