/* CRIU's list of the pages of a process that an image holds, or leaves out: pagemap-PID.img (criu/images/pagemap.proto), a common image header and
 * messages, each behind its length, little-endian. Pages that are present stand in pages-ID.img in the same order. */
#ifndef ROAMLAB_PAGEMAP_H
#define ROAMLAB_PAGEMAP_H

#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum { PAGEMAP_PAGE = 4096 };
enum {
    PAGEMAP_PARENT = 1,  /* in the image that this one goes on from */
    PAGEMAP_LAZY = 2,    /* may come later */
    PAGEMAP_PRESENT = 4, /* in pages-ID.img */
};

struct pagemap_run {
    uint64_t address, pages;
    uint32_t flags;
};

/* Not there, and to come later. */
static inline bool pagemap_comes_later(const struct pagemap_run *run)
{
    return run->flags & PAGEMAP_LAZY && !(run->flags & PAGEMAP_PRESENT);
}

/* Zeroed before its first use. */
struct pagemap {
    uint32_t id;
    bool wide; /* counts of 64 bits, as CRIU writes them since 4.2 */
    struct pagemap_run *runs; /* owned; by address */
    size_t count;
    size_t next;     /* where pagemap_find() goes on, */
    uint64_t before; /* and how many pages are present in the runs before */
};

/* -EBADMSG if it is no such image, and then nothing is to be freed. *map is overwritten; pagemap_free() it. */
int pagemap_decode(const void *bytes, size_t len, struct pagemap *map, struct err *e);
void pagemap_encode(const struct pagemap *map, struct buf *out);
/* The same from a file and into one; or -errno of the file. */
int pagemap_read(const char *path, struct pagemap *map, struct err *e);
int pagemap_write(const char *path, const struct pagemap *map, struct err *e);
/* Is the page present? Then, from it on, how many are in one piece, and where the first one is in pages-ID.img.
 * Asked for in ascending order, all together cost one pass. */
bool pagemap_find(struct pagemap *map, uint64_t address, uint64_t *pages, uint64_t *offset);
/* Joined to the last run if it goes on from it. */
void pagemap_add(struct pagemap *map, uint64_t address, uint64_t pages, uint32_t flags);
void pagemap_free(struct pagemap *map);

#endif
