/* A map from a 32-bit key to a pointer: open addressing, iteration in the order of insertion (so that what
 * walks a map is as repeatable as everything else). The values stay the caller's. */
#ifndef ROAMLAB_MAP_H
#define ROAMLAB_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    uint32_t key;
    void *value; /* NULL = removed */
};

struct map {
    struct map_entry *entries; /* owned; in order of insertion */
    uint32_t *slots;           /* owned; 1 + index into entries, 0 = empty */
    size_t len, live, capacity; /* capacity = number of slots, a power of two */
};

#define MAP_INIT {0}

void *map_get(const struct map *m, uint32_t key); /* NULL if absent */
void map_set(struct map *m, uint32_t key, void *value); /* value NULL removes */
void map_free(struct map *m);

/* for (size_t i = 0; (value = map_next(m, &i));) */
void *map_next(const struct map *m, size_t *position);

#endif
