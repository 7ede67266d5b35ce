/* The owner record: what an edge server keeps about a device's container beyond its own end, so that it knows after a restart what it must go on
 * with, undo or remove. The port keeps the newest one of each device. */
#ifndef ROAMLAB_OWNER_H
#define ROAMLAB_OWNER_H

#include "buf.h"
#include "offload.h"
#include "strategy.h"

#include <stdbool.h>

enum migration_outcome { MIGRATION_FINISHED, MIGRATION_FAILED, MIGRATION_SUPERSEDED };

/* How a migration from here has ended, while it may not have been told yet. */
struct owner_end {
    uint32_t migration; /* 0 = none */
    struct party peer;
    enum migration_outcome outcome;
    int32_t status; /* why it failed */
    bool again;     /* whoever kept the record may have told it before he ended */
};

/* What a migration that failed or was called off has brought to its target, or what that has sent back: not known yet to be gone. */
struct owner_leftover {
    uint32_t migration;
    struct party edge, ap;
    uint32_t sequence;
};

struct owner_record {
    uint32_t mud;
    uint8_t state;                  /* enum edge_state */
    uint32_t container;             /* the migration that brought it */
    uint32_t sequence;              /* highest association sequence seen */
    uint32_t fence, ended, removed, served; /* as in struct edge_client */
    bool lost, used;
    struct party owner;       /* the access point that holds the token */
    enum operation operation; /* of a removal */
    uint32_t removal;         /* the migration that it belongs to */
    uint32_t out;             /* the outgoing migration, 0 = none, and what is to be undone of it */
    struct party out_ap, out_peer;
    bool frozen, halted, sent, told; /* halted: or is being; told: the target may have been committed */
    uint32_t cut, halted_next;       /* what the halted container answered to its last probe */
    uint64_t halted_digest, halted_checksum;
    struct owner_end end;
    uint32_t loads_told; /* by the edge server, about all devices */
    struct party in_ap; /* of the incoming migration, which is the container's */
    const struct owner_leftover *leftovers; /* the newest first; they are not the record's */
    uint32_t leftover_count;
};

/* The record and its leftovers as bytes, behind what is in `out`, for a program of the same build. */
void owner_write(const struct owner_record *record, struct buf *out);
/* Its leftovers stay in the bytes, which have the alignment of malloc(). False: they are no record. */
bool owner_read(const void *bytes, size_t len, struct owner_record *record);

#endif
