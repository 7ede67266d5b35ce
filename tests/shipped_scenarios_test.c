/* Every scenario of scenarios/ in virtual time: what it promises under expect holds, and so does every invariant. */
#include "command_output.h"
#include "commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glob.h>

enum { LEAST = 16 };

static void run(const char *folder, const char *path)
{
    const char *const arguments[] = {"--set", "repeat=1", "-o", "@/result", path, NULL};
    if (command_output(run_main, folder, arguments) != 0) {
        autofree char *output = folder_read(folder, "output");
        fail_msg("%s: %s", path, output);
    }
}

static void test_expectations_hold(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(glob("scenarios/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > LEAST);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strstr(found.gl_pathv[i], ".schema."))
            continue;
        char *folder = folder_make();
        run(folder, found.gl_pathv[i]);
        folder_remove(folder);
    }
    globfree(&found);
}

int main(void)
{
    setenv("PATH", "/nonexistent", 1); /* no gnuplot: figures are not what is tested, and take longest */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expectations_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
