#include "lazy_seed.h"
#include "manifest.h"
#include "mem.h"
#include "pagemap.h"

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

static int read_pages(int fd, uint64_t at, uint64_t pages, uint8_t *out, struct err *e)
{
    size_t bytes = (size_t)pages * PAGEMAP_PAGE;
    ssize_t got = pread(fd, out, bytes, (off_t)at);
    if (got == (ssize_t)bytes)
        return 0;
    return got < 0 ? err_errno(e, "pages at %" PRIx64, at)
                   : err_set(e, EBADMSG, "the pages at %" PRIx64 " are missing", at);
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
    int status = read_pages(c->memory, address, *done, c->now, e);
    if (status == 0)
        status = read_pages(c->pages, offset, *done, c->then, e);
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

struct filling {
    struct pagemap seed, state, kept, out;
    int seed_pages, state_pages, out_pages;
    uint64_t state_at; /* the next of state_pages */
    uint8_t chunk[CHUNK_BYTES];
};

static int copy_pages(struct filling *f, int from, uint64_t at, uint64_t pages, struct err *e)
{
    int status = 0;
    for (uint64_t some; pages && status == 0; pages -= some, at += some * PAGEMAP_PAGE) {
        some = least(pages, CHUNK_PAGES);
        status = read_pages(from, at, some, f->chunk, e);
        size_t bytes = (size_t)some * PAGEMAP_PAGE;
        errno = ENOSPC; /* a short write sets none */
        if (status == 0 && write(f->out_pages, f->chunk, bytes) != (ssize_t)bytes)
            status = err_errno(e, "write pages");
    }
    return status;
}

/* From the address on: as many pages as the seed gives in one piece, or one that it does not. */
static int fill_some(struct filling *f, uint64_t address, uint64_t pages, uint64_t *done, struct err *e)
{
    uint64_t kept, present, offset, place;
    *done = 1;
    if (!pagemap_find(&f->kept, address, &kept, &place) ||
        !pagemap_find(&f->seed, address, &present, &offset)) {
        pagemap_add(&f->out, address, 1, PAGEMAP_LAZY);
        return 0;
    }
    *done = least(least(kept, present), pages);
    pagemap_add(&f->out, address, *done, PAGEMAP_PRESENT);
    return copy_pages(f, f->seed_pages, offset, *done, e);
}

static int fill_run(struct filling *f, const struct pagemap_run *run, struct background *b, struct err *e)
{
    int status = 0;
    if (!pagemap_comes_later(run)) {
        uint64_t at = f->state_at, pages = run->flags & PAGEMAP_PRESENT ? run->pages : 0;
        pagemap_add(&f->out, run->address, run->pages, run->flags);
        f->state_at += pages * PAGEMAP_PAGE;
        return copy_pages(f, f->state_pages, at, pages, e);
    }
    for (uint64_t at = 0, done = 0; at < run->pages && status == 0; at += done)
        status = background_cancelled(b)
                     ? err_set(e, ECANCELED, "called off")
                     : fill_some(f, run->address + at * PAGEMAP_PAGE, run->pages - at, &done, e);
    return status;
}

static int open_filling(struct filling *f, const char *seed, const char *memory, const char *filled,
                        struct err *e)
{
    int status = read_map(seed, "pagemap-1.img", &f->seed, e);
    if (status == 0)
        status = read_map(memory, "pagemap-1.img", &f->state, e);
    if (status == 0)
        status = read_map(memory, KEPT, &f->kept, e);
    if (status == 0 && (f->seed_pages = open_pages(seed, &f->seed, e)) < 0)
        status = f->seed_pages;
    if (status == 0 && (f->state_pages = open_pages(memory, &f->state, e)) < 0)
        status = f->state_pages;
    f->out.id = f->state.id;
    f->out.wide = f->state.wide;
    if (status == 0 && (f->out_pages = open(filled, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        status = err_errno(e, "%s", filled);
    return status;
}

static int put_in_place(const struct filling *f, const char *memory, const char *filled, struct err *e)
{
    uint64_t bytes;
    autofree char *pages = mem_printf("%s/pages-%" PRIu32 ".img", memory, f->out.id),
                  *map = mem_printf("%s/pagemap-1.img", memory), *kept = mem_printf("%s/" KEPT, memory);
    if (rename(filled, pages) < 0 || unlink(kept) < 0)
        return err_errno(e, "%s", pages);
    int status = pagemap_write(map, &f->out, e);
    return status < 0 ? status : manifest_write(memory, &bytes, e);
}

int lazy_seed_fill(const char *seed, const char *memory, struct background *b, struct err *e)
{
    struct filling *f = mem_alloc(sizeof *f);
    autofree char *filled = mem_printf("%s/filled", memory);
    f->seed_pages = f->state_pages = f->out_pages = -1;
    int status = open_filling(f, seed, memory, filled, e);
    for (size_t i = 0; i < f->state.count && status == 0; i++)
        status = fill_run(f, &f->state.runs[i], b, e);
    if (status == 0)
        status = put_in_place(f, memory, filled, e);
    mem_close_fd(&f->seed_pages);
    mem_close_fd(&f->state_pages);
    mem_close_fd(&f->out_pages);
    pagemap_free(&f->seed);
    pagemap_free(&f->state);
    pagemap_free(&f->kept);
    pagemap_free(&f->out);
    free(f);
    return status;
}
