/* The runc in front of an Engine's own, with a script in the place of the latter: what becomes of its words, and whose /tmp it sees. */
#include "files.h"
#include "folder.h"
#include "root.h"
#include "runc.h"
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* ROOT/criu as docker/root.h makes it, with a link to it, as there may be on the way to a root, and a runc behind it that says how it was called, whether it sees ROOT/criu/tmp as /tmp, and to what socket WORK leads. */
static char *make_root(void)
{
    char *root = mem_copy_string("/var/tmp/roamlab-runc-XXXXXX"); /* not in /tmp, as no root is */
    assert_non_null(mkdtemp(root));
    autofree char *make = mem_printf(
        "cd %s && mkdir -p criu/bin criu/tmp behind image work && ln -s criu link && touch criu/tmp/mark && "
        "printf '#!/bin/sh\\necho \"$@\"\\nls /tmp/mark 2>/dev/null\\nreadlink work/*\\ntrue' >behind/runc && chmod +x behind/runc",
        root);
    assert_int_equal(system(make), 0);
    assert_int_equal(docker_root_write_runc(root, NULL), 0);
    return root;
}

static void a_restore_alone_is_prepared(void **state)
{
    static const struct {
        const char *words;
        bool link; /* to the socket of what fetches the pages */
        const char *output;
    } rows[] = {
        {"--root r state id", false, "--root r state id\n"},
        {"--root r checkpoint --image-path image --work-path work id", true,
         "--root r checkpoint --image-path image --work-path work id\n"},
        {"--root r restore --image-path image --work-path work id", false,
         "--root r restore --image-path image --work-path work id\n/tmp/mark\n"},
        {"--root r restore --image-path image --work-path work id", true,
         "--root r restore --lazy-pages --image-path image --work-path work id\n/tmp/mark\nimage/" RUNC_PAGES_SOCKET
         "\n"},
        {"restore", true, "restore\n/tmp/mark\n"},
    };
    (void)state;
    if (geteuid() != 0) {
        printf("skip: a private mount namespace needs root\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status;
        char *root = make_root();
        autofree char *socket = mem_printf("%s/image/" RUNC_PAGES_SOCKET, root);
        autofree char *command =
            mem_printf("PATH=$PWD/opt/bin:$PWD/link/bin:$PWD/behind:$PATH runc %s", rows[i].words);
        assert_true(!rows[i].link || symlink("../pages/socket", socket) == 0);
        autofree char *output = shell_output(root, command, &status);
        assert_int_equal(status, 0);
        assert_string_equal(output, rows[i].output);
        folder_remove(root);
    }
}

static void what_cannot_be_prepared_is_said(void **state)
{
    static const struct {
        const char *how, *output;
    } rows[] = {
        {"PATH=$PWD/criu/bin criu/bin/runc state id 2>&1",
         "roamlab's runc: PATH names no folder behind it: No such file or directory\n"},
        {"PATH=$PWD/criu/bin:/nowhere criu/bin/runc state id 2>&1",
         "roamlab's runc: runc: No such file or directory\n"},
    };
    (void)state;
    char *root = make_root();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status;
        autofree char *output = shell_output(root, rows[i].how, &status);
        assert_int_equal(WEXITSTATUS(status), 1);
        assert_string_equal(output, rows[i].output);
    }
    folder_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restore_alone_is_prepared),
        cmocka_unit_test(what_cannot_be_prepared_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
