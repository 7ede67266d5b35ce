#include "statechain.h"

#include "mem.h"
#include "rng.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16, PAGE_BITS = 30 };

/* Page → version: a sparse hash table. */
struct version {
    uint32_t area_and_page; /* page + 1, in the top bits the area; 0 = empty: an area has at most 2^30 - 1 pages */
    uint32_t version;
};

struct request {
    uint64_t folds[STATE_TOUCHED]; /* of the pages that it reads, as they are then */
    uint64_t checksum;             /* after it */
};

struct statechain_history {
    uint64_t seed;
    struct state_size size;
    int touched;              /* pages that a request touches */
    struct request *requests; /* owned; by number */
    size_t len, capacity;
    struct version *versions;                /* owned: after the last of them */
    size_t versions_used, versions_capacity; /* capacity: a power of two */
};

struct statechain_history *statechain_history_new(uint64_t seed, const struct state_size *size)
{
    struct statechain_history *h = mem_alloc(sizeof *h);
    *h = (struct statechain_history){.seed = seed, .size = *size, .versions_capacity = CAPACITY_FIRST};
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
    return (touch.page + 1) | (uint32_t)touch.area << PAGE_BITS;
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
    h->touched = statechain_touches(h->seed, n, &h->size, touches);
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

static int by_place(const void *a, const void *b)
{
    uint32_t x = version_key(*(const struct statechain_touch *)a), y = version_key(*(const struct statechain_touch *)b);
    return (x > y) - (x < y);
}

/* Which pages requests `from` to `until` - 1 rewrite, each once, in order, areas one behind the other; free() them. */
static struct statechain_touch *rewritten(const struct statechain_history *h, uint32_t from, uint32_t until, size_t *count)
{
    size_t drawn = 0, kept = 0;
    struct statechain_touch *touches = mem_alloc_array(((size_t)until - from) * STATE_TOUCHED + STATE_TOUCHED, sizeof *touches);
    for (uint32_t n = from; n < until; n++)
        drawn += (size_t)statechain_touches(h->seed, n, &h->size, touches + drawn);
    qsort(touches, drawn, sizeof *touches, by_place);
    for (size_t i = 0; i < drawn; i++)
        if (i == 0 || by_place(&touches[i], &touches[i - 1]) != 0)
            touches[kept++] = touches[i];
    *count = kept;
    return touches;
}

void statechain_model_rewritten(const struct statechain_model *m, uint32_t from, uint32_t until, uint64_t pages[STATE_AREAS])
{
    size_t count;
    struct statechain_touch *touches = rewritten(m->history, from, until, &count);
    for (int area = 0; area < STATE_AREAS; area++)
        pages[area] = 0;
    for (size_t i = 0; i < count; i++)
        pages[touches[i].area]++;
    free(touches);
}

static uint64_t file_bytes(const struct statechain_history *h, uint32_t file)
{
    uint32_t left = h->size.pages[STATE_VOLUME] - file * STATE_FILE_PAGES;
    return (uint64_t)(left < STATE_FILE_PAGES ? left : STATE_FILE_PAGES) * STATE_PAGE;
}

uint64_t statechain_model_rewritten_files(const struct statechain_model *m, uint32_t from, uint32_t until)
{
    size_t count;
    uint64_t bytes = 0;
    uint32_t last = UINT32_MAX;
    struct statechain_touch *touches = rewritten(m->history, from, until, &count);
    for (size_t i = 0; i < count; i++) {
        uint32_t file = touches[i].page / STATE_FILE_PAGES;
        if (touches[i].area != STATE_VOLUME || file == last)
            continue;
        bytes += file_bytes(m->history, file);
        last = file;
    }
    free(touches);
    return bytes;
}

uint64_t statechain_model_payload(const struct statechain_model *m, uint32_t n, size_t len)
{
    return statechain_fold_synthetic_payload(m->history->seed, m->mud, n, len);
}
