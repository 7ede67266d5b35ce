#include "pages_fill.h"
#include "manifest.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_PAGES = 64 };

struct filling {
    struct pagemap state, out;
    int state_pages, out_pages;
    uint64_t state_at; /* the next of state_pages */
    uint8_t chunk[CHUNK_PAGES * PAGEMAP_PAGE];
};

int pages_read(int file, uint64_t offset, uint64_t pages, uint8_t *out, struct err *e)
{
    size_t bytes = (size_t)pages * PAGEMAP_PAGE;
    ssize_t got = pread(file, out, bytes, (off_t)offset);
    if (got == (ssize_t)bytes)
        return 0;
    return got < 0 ? err_errno(e, "pages at %" PRIx64, offset)
                   : err_set(e, EBADMSG, "the pages at %" PRIx64 " are missing", offset);
}

static int copy_pages(struct filling *f, int from, uint64_t at, uint64_t pages, struct err *e)
{
    int status = 0;
    for (uint64_t some; pages && status == 0; pages -= some, at += some * PAGEMAP_PAGE) {
        some = pages < CHUNK_PAGES ? pages : CHUNK_PAGES;
        status = pages_read(from, at, some, f->chunk, e);
        size_t bytes = (size_t)some * PAGEMAP_PAGE;
        errno = ENOSPC; /* a short write sets none */
        if (status == 0 && write(f->out_pages, f->chunk, bytes) != (ssize_t)bytes)
            status = err_errno(e, "write pages");
    }
    return status;
}

static int fill_run(struct filling *f, const struct pagemap_run *run, struct pages_giver *giver,
                    struct background *b, struct err *e)
{
    int status = 0, file;
    for (uint64_t at = 0, some, offset; at < run->pages && status == 0; at += some) {
        uint64_t address = run->address + at * PAGEMAP_PAGE;
        some = run->pages - at;
        bool given = giver->gives(giver, run, address, &some, &file, &offset);
        pagemap_add(&f->out, address, some, given ? PAGEMAP_PRESENT : run->flags);
        if (background_cancelled(b))
            status = err_set(e, ECANCELED, "called off");
        else if (given)
            status = copy_pages(f, file, offset, some, e);
    }
    return status;
}

static int keep_run(struct filling *f, const struct pagemap_run *run, struct err *e)
{
    uint64_t at = f->state_at, pages = run->flags & PAGEMAP_PRESENT ? run->pages : 0;
    pagemap_add(&f->out, run->address, run->pages, run->flags);
    f->state_at += pages * PAGEMAP_PAGE;
    return copy_pages(f, f->state_pages, at, pages, e);
}

static int open_filling(struct filling *f, const char *map, const char *memory, const char *filled,
                        struct err *e)
{
    int status = pagemap_read(map, &f->state, e);
    if (status < 0)
        return status;
    autofree char *pages = mem_printf("%s/pages-%" PRIu32 ".img", memory, f->state.id);
    f->out.id = f->state.id;
    f->out.wide = f->state.wide;
    if ((f->state_pages = open(pages, O_RDONLY | O_CLOEXEC)) < 0)
        return err_errno(e, "%s", pages);
    if ((f->out_pages = open(filled, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        return err_errno(e, "%s", filled);
    return 0;
}

static int put_in_place(const struct filling *f, const char *map, const char *memory, const char *filled,
                        struct err *e)
{
    uint64_t bytes;
    autofree char *pages = mem_printf("%s/pages-%" PRIu32 ".img", memory, f->out.id);
    if (rename(filled, pages) < 0)
        return err_errno(e, "%s", pages);
    int status = pagemap_write(map, &f->out, e);
    return status < 0 ? status : manifest_write(memory, &bytes, e);
}

int pages_fill(const char *memory, struct pages_giver *giver, struct background *b, struct err *e)
{
    struct filling *f = mem_alloc(sizeof *f);
    autofree char *map = mem_printf("%s/pagemap-1.img", memory), *filled = mem_printf("%s/filled", memory);
    f->state_pages = f->out_pages = -1;
    int status = open_filling(f, map, memory, filled, e);
    for (size_t i = 0; i < f->state.count && status == 0; i++) {
        const struct pagemap_run *run = &f->state.runs[i];
        status = pagemap_comes_later(run) ? fill_run(f, run, giver, b, e) : keep_run(f, run, e);
    }
    if (status == 0)
        status = put_in_place(f, map, memory, filled, e);
    mem_close_fd(&f->state_pages);
    mem_close_fd(&f->out_pages);
    pagemap_free(&f->state);
    pagemap_free(&f->out);
    free(f);
    return status;
}
