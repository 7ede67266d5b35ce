#include "statechain.h"

#include "mem.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 16 };
static const uint32_t layer_bit = 1u << 31;

static uint32_t version_key(struct statechain_touch touch)
{
    return (touch.page + 1) | (touch.area == STATE_LAYER ? layer_bit : 0);
}

/* The page's slot, or the empty slot where it belongs. */
static struct statechain_version *find_slot(struct statechain_version *versions, size_t capacity,
                                            uint32_t key)
{
    size_t at = rng_mix(key) & (capacity - 1);
    while (versions[at].area_and_page != 0 && versions[at].area_and_page != key)
        at = (at + 1) & (capacity - 1);
    return &versions[at];
}

/* Room for one request's touches at a load of at most 3/4: the only place that allocates. */
static void make_room(struct statechain_model *m)
{
    if ((m->used + STATE_TOUCHED) * 4 <= m->capacity * 3)
        return;
    size_t capacity = m->capacity ? m->capacity * 2 : CAPACITY_FIRST;
    struct statechain_version *versions = mem_alloc_array(capacity, sizeof *versions);
    for (size_t i = 0; i < m->capacity; i++)
        if (m->versions[i].area_and_page != 0)
            *find_slot(versions, capacity, m->versions[i].area_and_page) = m->versions[i];
    free(m->versions);
    m->versions = versions;
    m->capacity = capacity;
}

void statechain_model_init(struct statechain_model *m, uint64_t seed, uint32_t mud, uint32_t memory_pages,
                           uint32_t layer_pages)
{
    *m = (struct statechain_model){.seed = seed,
                                   .mud = mud,
                                   .memory_pages = memory_pages,
                                   .layer_pages = layer_pages,
                                   .chain = statechain_start(seed, mud)};
}

void statechain_model_copy(struct statechain_model *to, const struct statechain_model *from)
{
    *to = *from;
    to->versions = from->capacity ? mem_alloc_array(from->capacity, sizeof *to->versions) : NULL;
    if (from->capacity)
        memcpy(to->versions, from->versions, from->capacity * sizeof *to->versions);
}

void statechain_model_free(struct statechain_model *m)
{
    free(m->versions);
    m->versions = NULL;
    m->used = m->capacity = 0;
}

/* Reads and rewrites one page: returns the fold of its old content. */
static uint64_t rewrite_page(struct statechain_model *m, struct statechain_touch touch, uint32_t version)
{
    uint32_t key = version_key(touch);
    struct statechain_version *slot = find_slot(m->versions, m->capacity, key);
    if (slot->area_and_page == 0) {
        slot->area_and_page = key;
        m->used++;
    }
    uint64_t before = statechain_fold_version(m->seed, touch.area, touch.page, slot->version);
    slot->version = version;
    m->checksum += statechain_fold_version(m->seed, touch.area, touch.page, version) - before;
    return before;
}

uint64_t statechain_model_execute(struct statechain_model *m, uint64_t payload_fold)
{
    struct statechain_touch touches[STATE_TOUCHED];
    uint64_t folds[STATE_TOUCHED];
    make_room(m);
    int count = statechain_touches(m->seed, m->next, m->memory_pages, m->layer_pages, touches);
    for (int i = 0; i < count; i++)
        folds[i] = rewrite_page(m, touches[i], m->next + 1);
    m->chain = statechain_next(m->chain, m->next, payload_fold, folds, count);
    m->next++;
    return m->chain;
}
