/* Reads or writes of a file that are under way, in the order of their place in it: answered in any order, used in theirs. */
#ifndef ROAMLAB_NFS_SLOTS_H
#define ROAMLAB_NFS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 8 MiB in flight fill a path of 300 Mbit/s at RTT 200 ms. */
enum { NFS_SLOT_BYTES = 512 * 1024, NFS_SLOTS_MAX = 16 };

struct nfs_slot {
    struct nfs_slot *next;
    void *owner;
    size_t len;
    bool answered;
    uint8_t bytes[];
};

struct nfs_slots {
    struct nfs_slot *first;
    int count;
};

/* A new one behind the others, or NULL if enough are under way. */
struct nfs_slot *nfs_slots_add(struct nfs_slots *slots, void *owner);
/* The first, if it is answered: taken out, free() it. */
struct nfs_slot *nfs_slots_take(struct nfs_slots *slots);
void nfs_slots_clear(struct nfs_slots *slots);

#endif
