#include "track_names.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct track_name {
    struct track_name *next; /* of the same hash */
    uint32_t device;
    char text[];
};

/* FNV-1a (Fowler, Noll and Vo). */
static uint32_t hash_of(const char *text, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static struct track_name *add(struct track_names *names, const char *text, size_t len)
{
    if ((names->count & (names->count - 1)) == 0) /* full at every power of two */
        names->by_device =
            mem_resize(names->by_device, (names->count ? names->count * 2 : 1) * sizeof(struct track_name *));
    struct track_name *name = mem_alloc(sizeof *name + len + 1);
    memcpy(name->text, text, len);
    name->device = names->count;
    names->by_device[names->count++] = name;
    return name;
}

uint32_t track_names_device(struct track_names *names, const char *text, size_t len)
{
    uint32_t hash = hash_of(text, len);
    struct track_name *first = map_get(&names->by_hash, hash);
    for (struct track_name *name = first; name; name = name->next)
        if (strncmp(name->text, text, len) == 0 && name->text[len] == '\0')
            return name->device;
    struct track_name *name = add(names, text, len);
    name->next = first;
    map_set(&names->by_hash, hash, name);
    return name->device;
}

const char *track_names_of(const struct track_names *names, uint32_t device)
{
    return names->by_device[device]->text;
}

void track_names_free(struct track_names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        free(names->by_device[i]);
    free(names->by_device);
    map_free(&names->by_hash);
}
