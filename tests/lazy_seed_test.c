/* Pagemaps of CRIU, which lazy pages go with the state, and which a seed spares: without CRIU, on this process's own memory. */
#include "folder.h"
#include "lazy_first.h"
#include "lazy_runs.h"
#include "lazy_seed.h"
#include "manifest.h"
#include "mem.h"
#include "pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_pagemap_is_read_as_it_was_written(void **state)
{
    static const struct pagemap_run runs[] = {
        {0x400000, 3, PAGEMAP_PRESENT},
        {0x600000, 1, PAGEMAP_LAZY},
        {0x7ffffffde000, 70000, PAGEMAP_LAZY | PAGEMAP_PRESENT},
    };
    struct pagemap map = {.id = 300}, read = {0};
    struct buf bytes = BUF_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(runs); i++)
        pagemap_add(&map, runs[i].address, runs[i].pages, runs[i].flags);
    pagemap_encode(&map, &bytes);
    assert_int_equal(pagemap_decode(bytes.data, bytes.len, &read, NULL), 0);
    assert_int_equal(read.id, 300);
    assert_int_equal(read.count, ARRAY_LEN(runs));
    for (size_t i = 0; i < read.count; i++) {
        assert_true(read.runs[i].address == runs[i].address && read.runs[i].pages == runs[i].pages);
        assert_int_equal(read.runs[i].flags, runs[i].flags);
    }
    pagemap_free(&read);
    for (size_t len = 0; len < bytes.len; len++)
        if (pagemap_decode(bytes.data, len, &read, NULL) ==
            0) { /* between two messages it is a shorter one */
            assert_true(read.count < ARRAY_LEN(runs));
            pagemap_free(&read);
        }
    pagemap_free(&map);
    buf_free(&bytes);
}

static void pages_are_found_where_they_stand(void **state)
{
    static const struct {
        uint64_t address;
        bool present;
        uint64_t pages, offset;
    } rows[] = {
        {0x1000, true, 2, 0},      {0x2000, true, 1, 0x1000}, {0x3000, false, 0, 0}, {0x8000, false, 0, 0},
        {0xa000, true, 4, 0x2000}, {0xd000, true, 1, 0x5000}, {0xe000, false, 0, 0},
    };
    struct pagemap map = {0};
    (void)state;
    pagemap_add(&map, 0x1000, 1, PAGEMAP_PRESENT);
    pagemap_add(&map, 0x2000, 1, PAGEMAP_PRESENT);
    pagemap_add(&map, 0x8000, 2, PAGEMAP_LAZY);
    pagemap_add(&map, 0xa000, 4, PAGEMAP_PRESENT);
    assert_int_equal(map.count, 3);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t pages = 0, offset = 0;
        assert_int_equal(pagemap_find(&map, rows[i].address, &pages, &offset), rows[i].present);
        assert_true(pages == rows[i].pages && offset == rows[i].offset);
    }
    pagemap_free(&map);
}

/* --- a seed ------------------------------------------------------------------------------------------------------------------- */

/* Pages of the container, of one letter each: as the seed has them, '-' for none; and as they are now. The first is never lazy, so that the dump has
 * it itself. */
#define SEED "sabc-ef"
#define NOW "Sabx-eF"
#define WANTED "Pppl-pl" /* present from the dump, from the seed; to come later */
enum { PAGES = sizeof NOW - 1 };

static void write_pages(const char *folder, const char *letters, int count)
{
    autofree char *path = mem_printf("%s/pages-1.img", folder);
    FILE *file = fopen(path, "we");
    for (int i = 0; i < count; i++)
        for (int k = 0; letters[i] != '-' && k < PAGEMAP_PAGE; k++)
            fputc(letters[i], file);
    fclose(file);
}

/* By `flags` a letter: P and p present, l to come later. */
static void write_map(const char *folder, const uint8_t *memory, const char *flags)
{
    struct pagemap map = {.id = 1};
    autofree char *path = mem_printf("%s/pagemap-1.img", folder);
    for (int i = 0; i < PAGES; i++)
        if (flags[i] != '-')
            pagemap_add(&map, (uintptr_t)memory + (uintptr_t)i * PAGEMAP_PAGE, 1,
                        flags[i] == 'l' ? PAGEMAP_LAZY : PAGEMAP_PRESENT);
    assert_int_equal(pagemap_write(path, &map, NULL), 0);
    pagemap_free(&map);
}

static void assert_filled(const char *folder, const uint8_t *memory)
{
    struct pagemap map = {0};
    autofree char *path = mem_printf("%s/pagemap-1.img", folder), *pages = folder_read(folder, "pages-1.img");
    assert_int_equal(pagemap_read(path, &map, NULL), 0);
    for (int i = 0; i < PAGES; i++) {
        uint64_t count, offset;
        bool present = pagemap_find(&map, (uintptr_t)memory + (uintptr_t)i * PAGEMAP_PAGE, &count, &offset);
        assert_int_equal(present, WANTED[i] == 'P' || WANTED[i] == 'p');
        if (present)
            assert_int_equal(pages[offset], NOW[i]);
    }
    pagemap_free(&map);
}

static void what_has_not_changed_does_not_come_again(void **state)
{
    char *folder = folder_make();
    autofree char *seed = mem_printf("%s/seed", folder), *dump = mem_printf("%s/dump", folder);
    struct lazy_runs runs;
    uint64_t bytes;
    uint8_t *memory =
        mmap(NULL, PAGES * PAGEMAP_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    mkdir(seed, 0700);
    mkdir(dump, 0700);
    for (int i = 0; i < PAGES; i++)
        if (NOW[i] != '-')
            memset(memory + (size_t)i * PAGEMAP_PAGE, NOW[i], PAGEMAP_PAGE);
    write_pages(seed, SEED, PAGES);
    write_map(seed, memory, "pppp-pp");
    write_pages(dump, NOW, 1);
    write_map(dump, memory, "plll-ll");
    assert_int_equal(lazy_seed_compare(seed, dump, getpid(), NULL, NULL), 0);
    assert_int_equal(lazy_seed_fill(seed, dump, NULL, NULL), 0);
    assert_filled(dump, memory);
    assert_int_equal(lazy_runs_read(dump, &runs, NULL), 0);
    assert_int_equal(runs.pages, 2);
    lazy_runs_free(&runs);
    assert_int_equal(manifest_check(dump, &bytes, NULL), 0);
    write_pages(seed, SEED, 2); /* a seed that is too short is of no use */
    assert_int_equal(lazy_seed_compare(seed, dump, getpid(), NULL, NULL), -EBADMSG);
    munmap(memory, PAGES * PAGEMAP_PAGE);
    folder_remove(folder);
}

/* --- what is touched first ------------------------------------------------------------------------------------------------------- */

static void small_runs_go_with_the_state(void **state)
{
    static const struct {
        uint64_t at, pages;
        bool taken; /* else it comes later */
    } rows[] = {
        {2, 3, true},     {6, 1, true},    {8, 200, false}, {210, 64, true},
        {275, 65, false}, {341, 64, true}, {406, 64, true}, {471, 61, false /* more than 256 in all */}};
    enum { ALL = 540, OWN = 1 };
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/pagemap-1.img", folder);
    struct pagemap map = {.id = 1}, filled = {0};
    uint64_t bytes, count, offset;
    uint8_t *memory = mmap(NULL, (size_t)ALL * PAGEMAP_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    for (size_t i = 0; i < ALL; i++)
        memset(memory + i * PAGEMAP_PAGE, (int)(1 + i % 251), PAGEMAP_PAGE);
    write_pages(folder, "o", OWN);
    pagemap_add(&map, (uintptr_t)memory, OWN, PAGEMAP_PRESENT);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        pagemap_add(&map, (uintptr_t)memory + rows[i].at * PAGEMAP_PAGE, rows[i].pages, PAGEMAP_LAZY);
    assert_int_equal(pagemap_write(path, &map, NULL), 0);
    int own = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), gone = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(lazy_first_take(folder, own, NULL, NULL), 0);
    assert_int_equal(manifest_check(folder, &bytes, NULL), 0);
    assert_int_equal(pagemap_read(path, &filled, NULL), 0);
    autofree uint8_t *pages = (uint8_t *)folder_read(folder, "pages-1.img");
    assert_int_equal(pages[0], 'o');
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool taken = pagemap_find(&filled, (uintptr_t)memory + rows[i].at * PAGEMAP_PAGE, &count, &offset);
        assert_int_equal(taken, rows[i].taken);
        for (uint64_t k = 0; taken && k < rows[i].pages; k++)
            assert_int_equal(pages[offset + k * PAGEMAP_PAGE], 1 + (rows[i].at + k) % 251);
    }
    assert_int_equal(pagemap_write(path, &map, NULL), 0);
    assert_int_equal(lazy_first_take(folder, gone, NULL, NULL), -EBADMSG);
    close(own);
    close(gone);
    munmap(memory, (size_t)ALL * PAGEMAP_PAGE);
    pagemap_free(&filled);
    pagemap_free(&map);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pagemap_is_read_as_it_was_written),
        cmocka_unit_test(pages_are_found_where_they_stand),
        cmocka_unit_test(what_has_not_changed_does_not_come_again),
        cmocka_unit_test(small_runs_go_with_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
