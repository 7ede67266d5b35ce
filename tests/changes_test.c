/* Changed pages of files: what is sent of them, what comes out at the other side, and what is refused. */
#include "changes.h"
#include "files.h"
#include "folder.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = CHANGES_PAGE };

static char *folder;

static void write_file(const char *name, const uint8_t *bytes, size_t len)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void compare_file(const char *name, const uint8_t *bytes, size_t len)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    struct stat st;
    uint8_t *got = mem_alloc_array(len + 1, 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, len);
    assert_int_equal(fread(got, 1, len + 1, file), len);
    assert_memory_equal(got, bytes, len);
    fclose(file);
    free(got);
}

static uint64_t write_changes(void)
{
    autofree char *changes_path = mem_printf("%s/changes", folder), *before = mem_printf("%s/before", folder),
                  *now = mem_printf("%s/now", folder);
    struct changes c;
    struct err e = ERR_INIT;
    assert_int_equal(changes_begin(&c, changes_path, NULL, &e), 0);
    assert_int_equal(changes_add(&c, "before", before, now, &e), 0);
    assert_int_equal(changes_end(&c, &e), 0);
    return c.pages;
}

static int merge(struct err *e)
{
    autofree char *path = mem_printf("%s/changes", folder);
    return changes_merge(path, folder, NULL, e);
}

static void only_changed_pages_travel(void **state)
{
    (void)state;
    static const struct {
        size_t before, now; /* bytes */
        int changed[4];     /* offsets of bytes that differ, up to -1 */
        uint64_t pages;
    } rows[] = {
        {8 * PAGE, 8 * PAGE, {-1}, 0},
        {8 * PAGE, 8 * PAGE, {0, -1}, 1},
        {8 * PAGE, 8 * PAGE, {PAGE - 1, PAGE, 7 * PAGE, -1}, 3},
        {8 * PAGE + 100, 8 * PAGE + 100, {8 * PAGE + 99, -1}, 1},
        {8 * PAGE, 9 * PAGE + 1, {-1}, 2},
        {8 * PAGE, 3 * PAGE, {-1}, 0},
        {8 * PAGE, 3 * PAGE + 1, {3 * PAGE, -1}, 1},
        {0, 2 * PAGE, {-1}, 2},
        {2 * PAGE, 0, {-1}, 0},
        {600 * PAGE, 600 * PAGE, {5, 599 * PAGE, -1}, 2},
        {0, 600 * PAGE, {-1}, 600},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t most = rows[i].before > rows[i].now ? rows[i].before : rows[i].now;
        uint8_t *bytes = mem_alloc_array(most + 1, 1);
        for (size_t k = 0; k < most; k++)
            bytes[k] = (uint8_t)(k * 31 + k / PAGE);
        write_file("before", bytes, rows[i].before);
        for (int k = 0; rows[i].changed[k] >= 0; k++)
            bytes[rows[i].changed[k]] ^= 1;
        write_file("now", bytes, rows[i].now);
        struct err e = ERR_INIT;
        assert_int_equal(write_changes(), rows[i].pages);
        if (merge(&e) < 0)
            fail_msg("row %zu: %s", i, e.text);
        compare_file("before", bytes, rows[i].now);
        free(bytes);
    }
}

static void a_copy_that_is_another_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[4 * PAGE] = {1};
    struct err e = ERR_INIT;
    write_file("before", bytes, sizeof bytes);
    bytes[PAGE] = 1;
    write_file("now", bytes, sizeof bytes);
    write_changes();
    bytes[3 * PAGE] = 1; /* damaged on its way */
    write_file("before", bytes, sizeof bytes);
    assert_int_equal(merge(&e), -EBADMSG);
    assert_non_null(strstr(e.text, "differs from what was sent"));
}

static void what_is_no_changes_is_refused(void **state)
{
    (void)state;
#define BEGIN "RLCHANG1"
#define ROW(bytes, says)                                                                                     \
    {                                                                                                        \
        bytes, sizeof bytes - 1, says                                                                        \
    }
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } rows[] = {
        ROW("", "begins"),
        ROW("RLCHANG2\0\0", "begins"),
        ROW(BEGIN, "too early"),
        ROW(BEGIN "\0", "too early"),
        ROW(BEGIN "\1\0", "too early"),
        ROW(BEGIN "\0\2..", "name"),
        ROW(BEGIN "\0\2/a", "name"),
        ROW(BEGIN "\0\4../a", "name"),
        ROW(BEGIN "\0\4a/.b", "name"),
        ROW(BEGIN "\0\5a/b/c", "name"),
        ROW(BEGIN "\0\3a\0b", "name"),
        ROW(BEGIN "\0\1a", "too early"),
        ROW(BEGIN "\0\1a\0\0\0\0\0\0\0\1", "too early"),
        ROW(BEGIN "\0\1a\0\0\0\0\0\0\0\1"
                  "01234567890123456789012345678901"
                  "\0\0\0\0\0\0\0\1\0\0\0\1x",
            "outside"),
        ROW(BEGIN "\0\1a\0\0\0\0\0\0\0\1"
                  "01234567890123456789012345678901"
                  "\0\0\0\0\0\0\0\0\0\0\0\2x",
            "outside"),
        ROW(BEGIN "\0\1a\0\0\0\0\0\0\0\0"
                  "01234567890123456789012345678901"
                  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            "differs"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        write_file("changes", (const uint8_t *)rows[i].bytes, rows[i].len);
        int status = merge(&e);
        if (status != -EBADMSG || !strstr(e.text, rows[i].says))
            fail_msg("row %zu: %d, \"%s\" does not say \"%s\"", i, status, e.text, rows[i].says);
    }
}

static void a_whole_folder_changes(void **state)
{
    (void)state;
    autofree char *path = mem_printf("%s/changes", folder), *old = mem_printf("%s/memory", folder),
                  *new = mem_printf("%s/later", folder);
    struct changes c;
    struct err e = ERR_INIT;
    uint8_t page[PAGE] = {7};
    mkdir(old, 0700);
    mkdir(new, 0700);
    write_file("memory/pages", page, sizeof page);
    write_file("later/pages", page, sizeof page);
    write_file("later/appeared", page, 10);
    assert_int_equal(changes_begin(&c, path, NULL, &e), 0);
    assert_int_equal(changes_add_folder(&c, "memory", old, new, &e), 0);
    assert_int_equal(changes_end(&c, &e), 0);
    assert_int_equal(c.pages, 1);
    assert_int_equal(merge(&e), 0);
    compare_file("memory/pages", page, sizeof page);
    compare_file("memory/appeared", page, 10);
}

/* A seed from elsewhere may have held them. */
static void no_link_is_followed(void **state)
{
    (void)state;
    static const struct {
        const char *link, *to, *name;
    } rows[] = {
        {"in/memory", "../outside", "memory/victim"},
        {"in/victim", "../outside/victim", "victim"},
        {"in/memory/victim", "../../outside/victim", "memory/victim"},
        {"in/memory", "real", "memory/victim"}, /* not even inside */
    };
    autofree char *in = mem_printf("%s/in", folder), *outside = mem_printf("%s/outside", folder),
                  *memory = mem_printf("%s/memory", in), *real = mem_printf("%s/real", in),
                  *changes_path = mem_printf("%s/changes", folder), *now = mem_printf("%s/now", folder);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *link = mem_printf("%s/%s", folder, rows[i].link);
        struct changes c;
        struct err e = ERR_INIT;
        assert_true(mkdir(in, 0700) == 0 && mkdir(real, 0700) == 0 && (i || mkdir(outside, 0700) == 0));
        assert_true(strcmp(rows[i].link, "in/memory") == 0 || mkdir(memory, 0700) == 0);
        write_file("outside/victim", (const uint8_t *)"mine", 4);
        write_file("now", (const uint8_t *)"hers", 4);
        assert_int_equal(symlink(rows[i].to, link), 0);
        assert_int_equal(changes_begin(&c, changes_path, NULL, &e), 0);
        assert_int_equal(changes_add(&c, rows[i].name, "/nothing", now, &e), 0);
        assert_int_equal(changes_end(&c, &e), 0);
        if (changes_merge(changes_path, in, NULL, &e) != -ELOOP)
            fail_msg("row %zu: %s", i, e.text);
        compare_file("outside/victim", (const uint8_t *)"mine", 4);
        assert_int_equal(files_remove(in, &e), 0);
    }
}

static int make_folder(void **state)
{
    (void)state;
    folder = folder_make();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(steal(folder));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_changed_pages_travel, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_copy_that_is_another_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_changes_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_link_is_followed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_whole_folder_changes, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
