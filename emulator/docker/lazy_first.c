#include "lazy_first.h"
#include "mem.h"
#include "pages_fill.h"

enum { RUN_MAX = 64, ALL_MAX = 256 }; /* pages */

struct first_pages {
    struct pages_giver giver;
    int memory; /* the process's, by address */
    uint64_t taken;
};

static bool give_small(struct pages_giver *giver, const struct pagemap_run *run, uint64_t address,
                       uint64_t *pages, int *file, uint64_t *offset)
{
    struct first_pages *f = container_of(giver, struct first_pages, giver);
    if (run->pages > RUN_MAX || f->taken + run->pages > ALL_MAX)
        return false;
    f->taken += *pages;
    *file = f->memory;
    *offset = address;
    return true;
}

int lazy_first_take(const char *memory, int pages, struct background *b, struct err *e)
{
    struct first_pages f = {.giver.gives = give_small, .memory = pages};
    return pages_fill(memory, &f.giver, b, e);
}
