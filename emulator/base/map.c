#include "map.h"
#include "mem.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *slot_of(const struct map *m, uint32_t key)
{
    size_t i = rng_mix(key) & (m->capacity - 1);
    while (m->slots[i] && m->entries[m->slots[i] - 1].key != key)
        i = (i + 1) & (m->capacity - 1);
    return &m->slots[i];
}

/* Makes room for one more: drops removed entries, and doubles when half full. */
static void rebuild(struct map *m)
{
    struct map old = *m;
    m->capacity = old.capacity ? old.capacity : 8;
    if (old.live * 2 >= m->capacity)
        m->capacity *= 2;
    m->slots = mem_alloc_array(m->capacity, sizeof *m->slots);
    m->entries = mem_alloc_array(m->capacity, sizeof *m->entries);
    m->len = 0;
    for (size_t i = 0; i < old.len; i++) {
        if (!old.entries[i].value)
            continue;
        m->entries[m->len] = old.entries[i];
        *slot_of(m, old.entries[i].key) = (uint32_t)++m->len;
    }
    free(old.slots);
    free(old.entries);
}

void *map_get(const struct map *m, uint32_t key)
{
    if (!m->capacity)
        return NULL;
    uint32_t slot = *slot_of(m, key);
    return slot ? m->entries[slot - 1].value : NULL;
}

void map_set(struct map *m, uint32_t key, void *value)
{
    if ((m->len + 1) * 4 > m->capacity * 3)
        rebuild(m);
    uint32_t *slot = slot_of(m, key);
    if (!*slot && !value)
        return;
    if (!*slot) {
        m->entries[m->len] = (struct map_entry){key, NULL};
        *slot = (uint32_t)++m->len;
    }
    struct map_entry *entry = &m->entries[*slot - 1];
    m->live += (size_t)(value != NULL) - (size_t)(entry->value != NULL);
    entry->value = value;
}

void map_free(struct map *m)
{
    free(m->entries);
    free(m->slots);
    *m = (struct map)MAP_INIT;
}

void *map_next(const struct map *m, size_t *position)
{
    while (*position < m->len) {
        void *value = m->entries[(*position)++].value;
        if (value)
            return value;
    }
    return NULL;
}
