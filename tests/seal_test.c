/* Sealed files: what gets its name back, what waits, what is refused. */
#include "folder.h"
#include "files.h"
#include "mem.h"
#include "seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What happens to the sealed file, by a shell in the folder where it is "$f". */
static const struct row {
    const char *name, *happens;
    int opened; /* how many, or -errno */
} rows[] = {
    {"whole", "true", 1},
    {"cut short", "truncate -s -1 $f", 0},
    {"not begun", "truncate -s 0 $f", 0},
    {"a byte flipped", "printf X | dd of=$f bs=1 seek=70000 conv=notrunc status=none", -EBADMSG},
    {"a byte more", "printf X >> $f", 0},
    {"another's", "mv $f m1-3${f#m1-2}", 0},
    {"opened by another", "mv $f m1-2.memory.tar", 0},
    {"another digest", "mv $f ${f%????????}00000000", -EBADMSG},
    {"no digest", "mv $f ${f%.*}", 0},
    {"a digest too long", "mv $f ${f}0", 0},
    {"no size", "mv $f m1-2.memory.tar..${f##*.}", 0},
    {"a size of letters", "mv $f m1-2.memory.tar.10x.${f##*.}", 0},
    {"a size beyond all", "mv $f m1-2.memory.tar.99999999999999999999999.${f##*.}", 0},
    {"nothing but a digest", "mv $f ${f##*.}", 0},
};

static void make_file(const char *folder)
{
    autofree char *make = mem_printf("cd '%s' && head -c 100000 /dev/urandom > m1-2.memory.tar", folder);
    assert_int_equal(system(make), 0);
}

static void test_what_arrives_whole_gets_its_name(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree char *folder = mem_printf("%s/%zu", (char *)*state, i),
                      *path = mem_printf("%s/m1-2.memory.tar", folder);
        autofree char *sealed = NULL;
        assert_int_equal(mkdir(folder, 0700), 0);
        make_file(folder);
        assert_int_equal(seal_make(path, &sealed, &e), 0);
        assert_int_equal(unlink(path), 0);
        autofree char *command =
            mem_printf("cd '%s' && f=%s && { %s; }", folder, sealed + strlen(folder) + 1, rows[i].happens);
        assert_int_equal(system(command), 0);
        int opened = seal_open(folder, "m1-2.", &e);
        if (opened != rows[i].opened)
            fail_msg("%s: %d, %s", rows[i].name, opened, e.text);
        assert_int_equal(access(path, F_OK) == 0, opened == 1 || !strcmp(rows[i].name, "opened by another"));
    }
}

static void test_a_file_keeps_its_name_beside_its_seal(void **state)
{
    struct err e = ERR_INIT;
    autofree char *path = mem_printf("%s/m1-2.memory.tar", (char *)*state);
    autofree char *first = NULL, *again = NULL;
    make_file(*state);
    assert_int_equal(seal_make(path, &first, &e), 0);
    assert_int_equal(seal_make(path, &again, &e), 0);
    assert_string_equal(first, again);
    assert_int_equal(access(path, F_OK) | access(first, F_OK), 0);
    assert_int_equal(seal_count(*state, "m1-2.memory.tar.", &e), 1);
    assert_int_equal(seal_count(*state, "m1-2.layer.tar.", &e), 0);
    assert_int_equal(seal_make("/nowhere/at all", &again, &e), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_what_arrives_whole_gets_its_name),
        IN_FOLDER(test_a_file_keeps_its_name_beside_its_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
