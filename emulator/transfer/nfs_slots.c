#include "nfs_slots.h"
#include "mem.h"

#include <stdlib.h>

struct nfs_slot *nfs_slots_add(struct nfs_slots *slots, void *owner)
{
    if (slots->count == NFS_SLOTS_MAX)
        return NULL;
    struct nfs_slot *slot = mem_alloc(sizeof *slot + NFS_SLOT_BYTES), **at = &slots->first;
    slot->owner = owner;
    while (*at)
        at = &(*at)->next;
    *at = slot;
    slots->count++;
    return slot;
}

struct nfs_slot *nfs_slots_take(struct nfs_slots *slots)
{
    struct nfs_slot *slot = slots->first;
    if (!slot || !slot->answered)
        return NULL;
    slots->first = slot->next;
    slots->count--;
    return slot;
}

void nfs_slots_clear(struct nfs_slots *slots)
{
    for (struct nfs_slot *slot; (slot = slots->first);) {
        slots->first = slot->next;
        free(slot);
    }
    slots->count = 0;
}
