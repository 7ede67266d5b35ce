/* A folder of its own for a test, and its files. */
#ifndef ROAMLAB_TEST_FOLDER_H
#define ROAMLAB_TEST_FOLDER_H

#include "buf.h"
#include "mem.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline char *folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *path = mem_printf("%s/roamlab-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path))
        abort();
    return path;
}

static int folder_remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* Removes it with everything inside and frees the path. */
static inline void folder_remove(char *path)
{
    nftw(path, folder_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

static inline int folder_set_up(void **state)
{
    *state = folder_make();
    return 0;
}

static inline int folder_tear_down(void **state)
{
    folder_remove(*state);
    return 0;
}

/* A test whose state is a folder's path. */
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_set_up, folder_tear_down)

/* What is left to read, as text; free() it. */
static inline char *folder_read_stream(FILE *f)
{
    struct buf text = BUF_INIT;
    char chunk[4096];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&text, chunk, got);
    char *copy = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return copy;
}

/* The whole file as text; free() it. NULL if it cannot be read. */
static inline char *folder_read(const char *folder, const char *name)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    autofclose FILE *f = fopen(path, "re");
    return f ? folder_read_stream(f) : NULL;
}

static inline void folder_write(const char *folder, const char *name, const char *text)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    autofclose FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0)
        abort();
}

#endif
