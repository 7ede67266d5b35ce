#include "state.h"
#include "canary.h"
#include "mem.h"
#include "rng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int transfer_failed(ssize_t moved, const char *what, struct statechain_touch t, struct err *e)
{
    static const char *const files[] = {[STATE_LAYER] = "layer file", [STATE_VOLUME] = "volume"};
    if (moved >= 0)
        return err_set(e, EIO, "%s: %s page %u: %zd of %d bytes", files[t.area], what, t.page, moved, STATE_PAGE);
    return err_errno(e, "%s: %s page %u", files[t.area], what, t.page);
}

/* The file that holds the page, and in *at where. Of the layer it stays open, of the volume the caller closes it. */
static int file_of(const struct service_state *s, struct statechain_touch t, off_t *at)
{
    *at = (off_t)t.page * STATE_PAGE;
    if (t.area == STATE_LAYER)
        return s->file;
    *at = (off_t)(t.page % STATE_FILE_PAGES) * STATE_PAGE;
    autofree char *path = mem_printf("%s/%04u", s->volume, t.page / STATE_FILE_PAGES);
    return open(path, O_RDWR | O_CLOEXEC);
}

static int move_page(const struct service_state *s, struct statechain_touch t, bool writes, uint8_t bytes[STATE_PAGE],
                     struct err *e)
{
    off_t at;
    int file = file_of(s, t, &at);
    if (file < 0)
        return transfer_failed(-1, "open file of", t, e);
    ssize_t moved = writes ? pwrite(file, bytes, STATE_PAGE, at) : pread(file, bytes, STATE_PAGE, at);
    int status = moved == STATE_PAGE ? 0 : transfer_failed(moved, writes ? "write" : "read", t, e);
    if (t.area == STATE_VOLUME)
        close(file);
    return status;
}

static int open_memory(struct service_state *s, struct err *e)
{
    size_t len = (size_t)s->size.pages[STATE_MEMORY] * STATE_PAGE;
    if (len == 0)
        return 0;
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return err_errno(e, "map %zu bytes", len);
    s->memory = memory;
    madvise(memory, len, MADV_NOHUGEPAGE); /* a kernel that tracks what is written tracks a huge page as one */
    for (uint32_t page = 0; page < s->size.pages[STATE_MEMORY]; page++)
        statechain_page(s->seed, STATE_MEMORY, page, 0, s->memory + (size_t)page * STATE_PAGE);
    return 0;
}

static int open_file(struct service_state *s, const char *path, struct err *e)
{
    uint8_t bytes[STATE_PAGE];
    s->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (s->file < 0)
        return err_errno(e, "open %s", path);
    for (uint32_t page = 0; page < s->size.pages[STATE_LAYER]; page++) {
        statechain_page(s->seed, STATE_LAYER, page, 0, bytes);
        int status = move_page(s, (struct statechain_touch){STATE_LAYER, page}, true, bytes, e);
        if (status < 0)
            return status;
    }
    return 0;
}

static int make_volume_file(struct service_state *s, uint32_t first, const char *path, struct err *e)
{
    uint8_t bytes[STATE_PAGE];
    uint32_t until = first + STATE_FILE_PAGES, pages = s->size.pages[STATE_VOLUME];
    autoclose int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return errno == EEXIST ? 0 : err_errno(e, "%s", path);
    for (uint32_t page = first; page < until && page < pages; page++) {
        statechain_page(s->seed, STATE_VOLUME, page, 0, bytes);
        if (write(file, bytes, STATE_PAGE) != STATE_PAGE)
            return err_errno(e, "write %s", path);
    }
    return 0;
}

static int fill_volume(struct service_state *s, struct err *e)
{
    int status = 0;
    for (uint32_t page = 0; page < s->size.pages[STATE_VOLUME] && status == 0; page += STATE_FILE_PAGES) {
        autofree char *path = mem_printf("%s/%04u", s->volume, page / STATE_FILE_PAGES);
        status = make_volume_file(s, page, path, e);
    }
    return status;
}

static int write_canary(const struct service_state *s, const char *folder, size_t len, const char *name, struct err *e)
{
    autofree char *path = mem_printf("%.*s/%s", (int)len, folder, name);
    autofclose FILE *file = fopen(path, "we");
    if (!file || fputs(s->canary, file) < 0 || fflush(file) != 0)
        return err_errno(e, "write %s", path);
    return 0;
}

/* In memory, in a file beside `path` and in the volume. */
static int plant_canary(struct service_state *s, const char *path, uint32_t mud, struct err *e)
{
    struct canary canary;
    const char *slash = strrchr(path, '/');
    canary_make(&canary, s->seed, mud);
    s->canary = mem_alloc(CANARY_CONTENTS_MAX);
    canary_contents(&canary, s->canary);
    int status = slash ? write_canary(s, path, (size_t)(slash - path), canary.name, e) : write_canary(s, ".", 1, canary.name, e);
    if (status < 0 || s->size.pages[STATE_VOLUME] == 0)
        return status;
    return write_canary(s, s->volume, strlen(s->volume), canary.name, e);
}

int service_state_open(struct service_state *s, const char *path, uint32_t mud, struct err *e)
{
    s->file = -1;
    s->first = s->next = 0;
    s->chain = statechain_start(s->seed, mud);
    s->cached_chains = mem_alloc_array(s->window, sizeof *s->cached_chains);
    int status = open_memory(s, e);
    if (status == 0)
        status = open_file(s, path, e);
    if (status == 0)
        status = fill_volume(s, e);
    return status < 0 ? status : plant_canary(s, path, mud, e);
}

void service_state_begin_anew(struct service_state *s, uint32_t number)
{
    if (s->next != s->first)
        return;
    s->first = s->next = number;
    for (uint32_t i = 0; i < s->window; i++)
        s->cached_chains[i] = s->chain;
}

/* Folds the old content of one page into *fold and rewrites the page for request n. */
static int touch(struct service_state *s, const struct statechain_touch *t, uint32_t n, uint64_t *fold,
                 struct err *e)
{
    uint8_t bytes[STATE_PAGE];
    if (t->area == STATE_MEMORY) {
        uint8_t *page = s->memory + (size_t)t->page * STATE_PAGE;
        *fold = statechain_fold_page(page);
        statechain_page(s->seed, STATE_MEMORY, t->page, n + 1, page);
        return 0;
    }
    int status = move_page(s, *t, false, bytes, e);
    if (status < 0)
        return status;
    *fold = statechain_fold_page(bytes);
    statechain_page(s->seed, t->area, t->page, n + 1, bytes);
    return move_page(s, *t, true, bytes, e);
}

int service_state_execute(struct service_state *s, const uint8_t *payload, size_t len, struct err *e)
{
    struct statechain_touch touches[STATE_TOUCHED];
    uint64_t folds[STATE_TOUCHED];
    int count = statechain_touches(s->seed, s->next, &s->size, touches);
    for (int i = 0; i < count; i++) {
        int status = touch(s, &touches[i], s->next, &folds[i], e);
        if (status < 0)
            return status;
    }
    s->chain = statechain_next(s->chain, s->next, statechain_fold_payload(payload, len), folds, count);
    s->cached_chains[s->next % s->window] = s->chain;
    s->next++;
    return 0;
}

bool service_state_cached(const struct service_state *s, uint32_t number, uint64_t *chain)
{
    if (number >= s->next || s->next - number > s->window)
        return false;
    *chain = s->cached_chains[number % s->window];
    return true;
}

/* A container that is restored before its volume has come answers, too: what is missing counts as zeros. */
static int add_to_checksum(const struct service_state *s, enum state_area area, uint64_t *sum, struct err *e)
{
    uint8_t bytes[STATE_PAGE];
    for (uint32_t page = 0; page < s->size.pages[area]; page++) {
        int status = move_page(s, (struct statechain_touch){area, page}, false, bytes, e);
        if (status == -ENOENT)
            memset(bytes, 0, sizeof bytes);
        else if (status < 0)
            return status;
        *sum = rng_mix(*sum ^ statechain_fold_page(bytes));
    }
    return 0;
}

int service_state_checksum(const struct service_state *s, uint64_t *checksum, struct err *e)
{
    *checksum = rng_mix(s->seed);
    for (uint32_t page = 0; page < s->size.pages[STATE_MEMORY]; page++)
        *checksum = rng_mix(*checksum ^ statechain_fold_page(s->memory + (size_t)page * STATE_PAGE));
    int status = add_to_checksum(s, STATE_LAYER, checksum, e);
    return status < 0 ? status : add_to_checksum(s, STATE_VOLUME, checksum, e);
}
