/* make install: the program works from there, and what comes with it (manual pages, completion) agrees with what the program says of
 * itself. */
#include "folder.h"
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char *root;

/* What the shell command prints; $root stands for the folder installed into. Exit statuses other than 0 fail the test. */
static char *output_of(const char *command)
{
    int status;
    autofree char *whole = mem_printf("root='%s'; %s", root, command);
    char *output = shell_output(".", whole, &status);
    if (status != 0)
        fail_msg("%s: %s", command, output);
    return output;
}

static int install(void **state)
{
    (void)state;
    root = folder_make();
    free(output_of("make -s install DESTDIR=$root PREFIX=/usr 2>&1"));
    return 0;
}

static int uninstall(void **state)
{
    (void)state;
    free(output_of("make -s uninstall DESTDIR=$root PREFIX=/usr"));
    autofree char *left = output_of("find $root -type f");
    folder_remove(root);
    if (*left)
        print_error("left: %s\n", left);
    return *left != '\0';
}

static void test_runs_a_shipped_scenario(void **state)
{
    (void)state;
    free(output_of(
        "cd $root && usr/bin/roamlab run --quiet -o out usr/share/roamlab/scenarios/kim22-quick.json && rm -r out"));
}

static void test_every_command_has_its_page(void **state)
{
    (void)state;
    autofree char *commands =
        output_of("$root/usr/bin/roamlab --help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p' | sort");
    autofree char *pages = output_of(
        "cd $root/usr/share/man/man1 && for p in roamlab-*.1; do c=${p#roamlab-}; echo ${c%.1}; done | sort");
    assert_true(strlen(commands) > 0);
    assert_string_equal(commands, pages);
}

static void test_pages_have_their_parts(void **state)
{
    (void)state;
    autofree char *without = output_of(
        "cd $root/usr/share/man/man1 && grep -LE '^roamlab(-[a-z]+)? .- .' *.1; grep -L '^.SH SYNOPSIS' *.1; true");
    assert_string_equal(without, "");
}

static const struct {
    const char *words, *completed;
} completions[] = {
    {"sw", "sweep"},
    {"run --wor", "--world"},
    {"run --world \"\"", "sim real"},
    {"export tr", "trace"},
    {"import fc", "fcd"},
    {"run usr/share/roamlab/scenarios/kim22-q", "usr/share/roamlab/scenarios/kim22-quick.json"},
    {"run -o usr/sha", "usr/share"},
    {"nonsense --x", ""},
};

static void test_completion(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(completions); i++) {
        autofree char *script = mem_printf(
            "cd $root && bash -c '. usr/share/bash-completion/completions/roamlab\n"
            "COMP_WORDS=(usr/bin/roamlab %s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
            "_roamlab usr/bin/roamlab \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"\n"
            "printf %%s \"${COMPREPLY[*]}\"'",
            completions[i].words);
        autofree char *completed = output_of(script);
        assert_string_equal(completed, completions[i].completed);
    }
}

/* Every Debian machine that builds packages has build-essential. */
static void test_package_builds_with_what_setup_installs(void **state)
{
    (void)state;
    autofree char *missing =
        output_of("for p in $(tools/setup --list build); do case $p in gcc|make|libc6-dev) ;; "
                  "*) grep -q \"[ ,]$p\\(,\\|$\\)\" debian/control || echo $p ;; esac; done");
    assert_string_equal(missing, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_a_shipped_scenario),
        cmocka_unit_test(test_every_command_has_its_page),
        cmocka_unit_test(test_pages_have_their_parts),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_package_builds_with_what_setup_installs),
    };
    return cmocka_run_group_tests(tests, install, uninstall);
}
