/* The devices of a file: names to numbers, counted from 0 in the order of first appearance, and back. */
#ifndef ROAMLAB_TRACK_NAMES_H
#define ROAMLAB_TRACK_NAMES_H

#include "map.h"

#include <stddef.h>
#include <stdint.h>

struct track_name;

struct track_names {
    struct map by_hash;
    struct track_name **by_device; /* owned */
    uint32_t count;
};

#define TRACK_NAMES_INIT                                                                                     \
    {                                                                                                        \
        0                                                                                                    \
    }

/* The name's device; a new name gets the next number, and count grows. */
uint32_t track_names_device(struct track_names *names, const char *name, size_t len);
const char *track_names_of(const struct track_names *names, uint32_t device);
void track_names_free(struct track_names *names);

#endif
