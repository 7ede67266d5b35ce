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

static int transfer_failed(ssize_t moved, const char *what, uint32_t page, struct err *e)
{
    if (moved >= 0)
        return err_set(e, EIO, "layer file: %s page %u: %zd of %d bytes", what, page, moved, STATE_PAGE);
    return err_errno(e, "layer file: %s page %u", what, page);
}

static int read_page(const struct service_state *s, uint32_t page, uint8_t bytes[STATE_PAGE], struct err *e)
{
    ssize_t got = pread(s->file, bytes, STATE_PAGE, (off_t)page * STATE_PAGE);
    return got == STATE_PAGE ? 0 : transfer_failed(got, "read", page, e);
}

static int write_page(const struct service_state *s, uint32_t page, const uint8_t bytes[STATE_PAGE],
                      struct err *e)
{
    ssize_t put = pwrite(s->file, bytes, STATE_PAGE, (off_t)page * STATE_PAGE);
    return put == STATE_PAGE ? 0 : transfer_failed(put, "write", page, e);
}

static int open_memory(struct service_state *s, struct err *e)
{
    size_t len = (size_t)s->memory_pages * STATE_PAGE;
    if (len == 0)
        return 0;
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return err_errno(e, "map %zu bytes", len);
    s->memory = memory;
    for (uint32_t page = 0; page < s->memory_pages; page++)
        statechain_page(s->seed, STATE_MEMORY, page, 0, s->memory + (size_t)page * STATE_PAGE);
    return 0;
}

static int open_file(struct service_state *s, const char *path, struct err *e)
{
    uint8_t bytes[STATE_PAGE];
    s->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (s->file < 0)
        return err_errno(e, "open %s", path);
    for (uint32_t page = 0; page < s->layer_pages; page++) {
        statechain_page(s->seed, STATE_LAYER, page, 0, bytes);
        int status = write_page(s, page, bytes, e);
        if (status < 0)
            return status;
    }
    return 0;
}

/* In memory and in a file beside `path`. */
static int plant_canary(struct service_state *s, const char *path, uint32_t mud, struct err *e)
{
    struct canary canary;
    const char *slash = strrchr(path, '/');
    canary_make(&canary, s->seed, mud);
    s->canary = mem_alloc(CANARY_CONTENTS_MAX);
    canary_contents(&canary, s->canary);
    autofree char *beside = mem_printf("%.*s%s", slash ? (int)(slash - path + 1) : 0, path, canary.name);
    autofclose FILE *file = fopen(beside, "we");
    if (!file || fputs(s->canary, file) < 0 || fflush(file) != 0)
        return err_errno(e, "write %s", beside);
    return 0;
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
    int status = read_page(s, t->page, bytes, e);
    if (status < 0)
        return status;
    *fold = statechain_fold_page(bytes);
    statechain_page(s->seed, STATE_LAYER, t->page, n + 1, bytes);
    return write_page(s, t->page, bytes, e);
}

int service_state_execute(struct service_state *s, const uint8_t *payload, size_t len, struct err *e)
{
    struct statechain_touch touches[STATE_TOUCHED];
    uint64_t folds[STATE_TOUCHED];
    int count = statechain_touches(s->seed, s->next, s->memory_pages, s->layer_pages, touches);
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

int service_state_checksum(const struct service_state *s, uint64_t *checksum, struct err *e)
{
    uint64_t sum = rng_mix(s->seed);
    uint8_t bytes[STATE_PAGE];
    for (uint32_t page = 0; page < s->memory_pages; page++)
        sum = rng_mix(sum ^ statechain_fold_page(s->memory + (size_t)page * STATE_PAGE));
    for (uint32_t page = 0; page < s->layer_pages; page++) {
        int status = read_page(s, page, bytes, e);
        if (status < 0)
            return status;
        sum = rng_mix(sum ^ statechain_fold_page(bytes));
    }
    *checksum = sum;
    return 0;
}
