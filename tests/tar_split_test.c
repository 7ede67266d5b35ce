/* Archives put together from their records, row by row. */
#include "files.h"
#include "folder.h"
#include "mem.h"
#include "tar_split.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ABC "{\"type\":2,\"payload\":\"YWJj\",\"position\":0}\n"
#define FILE_OF(name, size)                                                                                  \
    "{\"type\":1,\"name\":\"" name "\",\"size\":" size ",\"payload\":null,\"position\":1}\n"

static const struct {
    const char *record;
    int status;
    const char *archive;
} rows[] = {
    {"", 0, ""},
    {ABC, 0, "abc"},
    {ABC FILE_OF("a", "7") ABC, 0, "abccontentabc"},
    {ABC FILE_OF("a", "3"), 0, "abccon"},
    {FILE_OF("inside/a", "7"), 0, "content"}, /* a link that stays inside */
    {"{\"type\":1,\"name_raw\":\"YQ==\",\"size\":7,\"position\":0}", 0, "content"}, /* no UTF-8 */
    {FILE_OF("folder/", "0"), 0, ""},
    {FILE_OF("a", "8"), -EBADMSG, NULL},
    {FILE_OF("a", "-1"), -EBADMSG, NULL},
    {FILE_OF("nowhere", "7"), -ENOENT, NULL},
    {FILE_OF("../../../../etc/passwd", "1"), -ENOENT, NULL},
    {FILE_OF("/etc/passwd", "1"), -ENOENT, NULL},
    {FILE_OF("outside/passwd", "1"), -ENOENT, NULL}, /* a link that leads out leads nowhere */
    {FILE_OF("link", "1"), -ELOOP, NULL},
    {"{\"type\":2,\"payload\":\"&\"}", -EBADMSG, NULL},
    {"{\"type\":3}", -EBADMSG, NULL},
    {ABC "nonsense", -EBADMSG, NULL},
    {ABC "{\"type\":2,", -EBADMSG, NULL},
};

static int assemble(const char *folder, const char *record, int fd, uint64_t *bytes)
{
    struct archive a;
    struct err e = ERR_INIT;
    archive_init(&a, fd, NULL);
    int status = tar_split_assemble(&a, record, strlen(record), folder, &e);
    if (status == 0 && fd >= 0)
        status = archive_flush(&a, &e);
    *bytes = a.bytes;
    archive_free(&a);
    return status;
}

static void assembles_what_is_recorded(void **state)
{
    const char *folder = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64] = "";
        uint64_t bytes;
        int fd = memfd_create("archive", MFD_CLOEXEC), status = assemble(folder, rows[i].record, fd, &bytes);
        if (status != rows[i].status)
            fail_msg("row %zu: %d instead of %d", i, status, rows[i].status);
        assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
        close(fd);
        if (!rows[i].archive)
            continue;
        assert_string_equal(text, rows[i].archive);
        assert_int_equal(assemble(folder, rows[i].record, -1, &bytes), 0);
        assert_int_equal(bytes, strlen(rows[i].archive));
    }
}

static int open_group(void **state)
{
    char *folder = folder_make();
    *state = folder;
    folder_write(folder, "a", "content");
    autofree char *inside = mem_printf("%s/inside", folder), *outside = mem_printf("%s/outside", folder),
                  *link = mem_printf("%s/link", folder);
    return symlink("/", inside) || symlink("/etc", outside) || symlink("/etc/passwd", link);
}

static int close_group(void **state)
{
    folder_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(assembles_what_is_recorded)};
    return cmocka_run_group_tests(tests, open_group, close_group);
}
