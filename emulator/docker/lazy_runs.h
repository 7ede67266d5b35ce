/* The pages that come later, of all processes in a folder of CRIU's images: those that pagemaps name and pages-ID.img do not hold. */
#ifndef ROAMLAB_LAZY_RUNS_H
#define ROAMLAB_LAZY_RUNS_H

#include "pagemap.h"

struct lazy_run {
    uint32_t process; /* in its own namespace */
    uint64_t address, pages;
    uint64_t first; /* its first page's number among all */
};

struct lazy_runs {
    struct lazy_run *runs; /* owned; by `first` */
    size_t count;
    uint64_t pages; /* of all */
    bool wide;      /* struct pagemap */
};

/* Errors as pagemap_read(); *runs is overwritten. lazy_runs_free() it, after an error, too. */
int lazy_runs_read(const char *folder, struct lazy_runs *runs, struct err *e);
void lazy_runs_free(struct lazy_runs *runs);
/* Which has that page of a process, NULL: none has. */
const struct lazy_run *lazy_runs_find(const struct lazy_runs *runs, uint64_t process, uint64_t address);
/* Which has the page of that number, below `pages`. */
const struct lazy_run *lazy_runs_of_page(const struct lazy_runs *runs, uint64_t page);

#endif
