/* Gives a dump without pages some of those that it leaves out: of its first process, whose number is 1 in its own namespace. Blocking. */
#ifndef ROAMLAB_DOCKER_PAGES_FILL_H
#define ROAMLAB_DOCKER_PAGES_FILL_H

#include "background.h"
#include "err.h"
#include "pagemap.h"

/* Embedded in what knows them. */
struct pages_giver {
    /* Are the pages from the address on, of a run that comes later, to be given? *pages is how many may be asked about, and then of how many, from the
     * first on, the answer is true; these stand in *file from *offset on. */
    bool (*gives)(struct pages_giver *giver, const struct pagemap_run *run, uint64_t address, uint64_t *pages,
                  int *file, uint64_t *offset);
};

/* Rewrites the images in the folder, and their manifest. -EBADMSG if one is none or pages are missing; -ECANCELED if `b`, which may be NULL, was called
 * off; or -errno of a file. */
int pages_fill(const char *memory, struct pages_giver *giver, struct background *b, struct err *e);

/* Of a file, whole. */
int pages_read(int file, uint64_t offset, uint64_t pages, uint8_t *out, struct err *e);

#endif
