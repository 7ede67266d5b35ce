#include "lazy_seed.h"
#include "mem.h"
#include "pages_fill.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The list is a pagemap, too, of what is present in the seed. */
#define KEPT "kept.img"
enum { CHUNK_PAGES = 64, CHUNK_BYTES = CHUNK_PAGES * PAGEMAP_PAGE };

static int read_map(const char *folder, const char *name, struct pagemap *map, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    return pagemap_read(path, map, e);
}

static int open_pages(const char *folder, const struct pagemap *map, struct err *e)
{
    autofree char *path = mem_printf("%s/pages-%" PRIu32 ".img", folder, map->id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "%s", path) : fd;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- the source ------------------------------------------------------------------------------------------------------------- */

struct comparison {
    struct pagemap seed, state, kept;
    int memory, pages; /* the process's, the seed's */
    uint8_t now[CHUNK_BYTES], then[CHUNK_BYTES];
};

/* From the address on, as many pages as one look takes; *done is how many. */
static int compare_some(struct comparison *c, uint64_t address, uint64_t pages, uint64_t *done, struct err *e)
{
    uint64_t present, offset;
    *done = 1;
    if (!pagemap_find(&c->seed, address, &present, &offset))
        return 0;
    *done = least(least(present, pages), CHUNK_PAGES);
    int status = pages_read(c->memory, address, *done, c->now, e);
    if (status == 0)
        status = pages_read(c->pages, offset, *done, c->then, e);
    for (uint64_t i = 0; status == 0 && i < *done; i++)
        if (!memcmp(c->now + i * PAGEMAP_PAGE, c->then + i * PAGEMAP_PAGE, PAGEMAP_PAGE))
            pagemap_add(&c->kept, address + i * PAGEMAP_PAGE, 1, PAGEMAP_PRESENT);
    return status;
}

static int compare_all(struct comparison *c, struct background *b, struct err *e)
{
    int status = 0;
    for (size_t i = 0; i < c->state.count && status == 0; i++) {
        const struct pagemap_run *run = &c->state.runs[i];
        for (uint64_t at = 0, done = 0; pagemap_comes_later(run) && at < run->pages && status == 0; at += done)
            status = background_cancelled(b)
                         ? err_set(e, ECANCELED, "called off")
                         : compare_some(c, run->address + at * PAGEMAP_PAGE, run->pages - at, &done, e);
    }
    return status;
}

int lazy_seed_compare(const char *seed, const char *memory, pid_t pid, struct background *b, struct err *e)
{
    struct comparison *c = mem_alloc(sizeof *c);
    autofree char *path = mem_printf("/proc/%d/mem", pid), *kept = mem_printf("%s/" KEPT, memory);
    c->memory = c->pages = -1;
    int status = read_map(seed, "pagemap-1.img", &c->seed, e);
    if (status == 0)
        status = read_map(memory, "pagemap-1.img", &c->state, e);
    if (status == 0 && (c->pages = open_pages(seed, &c->seed, e)) < 0)
        status = c->pages;
    if (status == 0 && (c->memory = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        status = err_errno(e, "%s", path);
    if (status == 0)
        status = compare_all(c, b, e);
    if (status == 0)
        status = pagemap_write(kept, &c->kept, e);
    mem_close_fd(&c->memory);
    mem_close_fd(&c->pages);
    pagemap_free(&c->seed);
    pagemap_free(&c->state);
    pagemap_free(&c->kept);
    free(c);
    return status;
}

/* --- the target ------------------------------------------------------------------------------------------------------------- */

struct seed_pages {
    struct pages_giver giver;
    struct pagemap seed, kept;
    int pages;
};

static bool give_kept(struct pages_giver *giver, const struct pagemap_run *run, uint64_t address, uint64_t *pages, int *file, uint64_t *offset)
{
    struct seed_pages *s = container_of(giver, struct seed_pages, giver);
    uint64_t kept, present, place;
    (void)run;
    bool gives = pagemap_find(&s->kept, address, &kept, &place) && pagemap_find(&s->seed, address, &present, offset);
    *file = s->pages;
    *pages = gives ? least(least(kept, present), *pages) : 1;
    return gives;
}

int lazy_seed_fill(const char *seed, const char *memory, struct background *b, struct err *e)
{
    struct seed_pages s = {.giver.gives = give_kept, .pages = -1};
    autofree char *kept = mem_printf("%s/" KEPT, memory);
    int status = read_map(seed, "pagemap-1.img", &s.seed, e);
    if (status == 0)
        status = read_map(memory, KEPT, &s.kept, e);
    if (status == 0)
        status = s.pages = open_pages(seed, &s.seed, e);
    if (status >= 0)
        status = unlink(kept) < 0 ? err_errno(e, "%s", kept) : pages_fill(memory, &s.giver, b, e);
    mem_close_fd(&s.pages);
    pagemap_free(&s.seed);
    pagemap_free(&s.kept);
    return status;
}
