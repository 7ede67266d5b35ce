/* What README.md and the other documents name is there: commands with their options, files, targets of make. And what a command
 * takes, its --help tells. */
#include "folder.h"
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <unistd.h>

static const char *const documents[] = {"README.md", "docs/walkthrough.md", "docs/threat-model.md", "docs/several-machines.md",
                                        "scenarios/README.md", "tests/FAULTS.md"};

static char *output_of(const char *command)
{
    int status;
    return shell_output(".", command, &status);
}

/* --- commands and their options ----------------------------------------------------------------------------------------- */

static struct {
    char *name, *help;
} commands[32];
static size_t command_count;

static int ask_for_help(void **state)
{
    (void)state;
    autofree char *names = output_of("./roamlab --help | sed -n 's/^  \\([a-z]*\\)  *.*/\\1/p'");
    char *rest = NULL;
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        autofree char *help = mem_printf("./roamlab %s --help", name);
        assert_true(command_count < ARRAY_LEN(commands));
        commands[command_count].name = mem_copy_string(name);
        commands[command_count++].help = output_of(help);
    }
    return command_count == 0;
}

static int forget(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        free(commands[i].name);
        free(commands[i].help);
    }
    return 0;
}

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Is the word of that length in the text, with nothing that would make it longer? */
static bool has_word(const char *text, const char *word, size_t len)
{
    for (const char *at = text; (at = strchr(at, *word)); at++)
        if (strncmp(at, word, len) == 0 && !is_of_word(at[len]) && (at == text || !is_of_word(at[-1])))
            return true;
    return false;
}

/* The command whose name begins there, or -1. */
static int command_at(const char *text)
{
    for (size_t i = 0; i < command_count; i++) {
        size_t len = strlen(commands[i].name);
        if (strncmp(text, commands[i].name, len) == 0 && !is_of_word(text[len]))
            return (int)i;
    }
    return -1;
}

/* The options that a command line names, up to its end, which a shell's comment or the end of the code makes. */
static void check_line(const char *document, int command, const char *at, struct buf *wrong)
{
    for (; *at && *at != '\n' && *at != '`' && *at != '#' && *at != '|' && *at != ';'; at++) {
        if (at[0] == '\\' && at[1] == '\n')
            at++;
        size_t len = 1;
        while (is_of_word(at[len]))
            len++;
        if (at[0] == '-' && at[-1] == ' ' && !has_word(commands[command].help, at, len))
            buf_printf(wrong, "%s: %s %.*s\n", document, commands[command].name, (int)len, at);
    }
}

static void test_options_that_are_shown_exist(void **state)
{
    (void)state;
    struct buf wrong = BUF_INIT;
    int lines = 0;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        autofree char *text = folder_read(".", documents[i]);
        for (const char *at = text; *at; at++) {
            bool called = strncmp(at, "roamlab ", 8) == 0;
            int command = called ? command_at(at + 8) : *at == '`' ? command_at(at + 1) : -1;
            if (command >= 0)
                check_line(documents[i], command, at + 1, &wrong);
            lines += command >= 0;
        }
    }
    assert_true(lines > 60);
    assert_string_equal(buf_text(&wrong), "");
    buf_free(&wrong);
}

/* But the one that is no user's. */
static void test_every_command_is_shown(void **state)
{
    (void)state;
    autofree char *text = folder_read(".", "README.md");
    for (size_t i = 0; i < command_count; i++) {
        autofree char *call = mem_printf("./roamlab %s", commands[i].name);
        if (strcmp(commands[i].name, "agent") != 0 && !has_word(text, call, strlen(call)))
            fail_msg("README.md has no %s", call);
    }
}

/* Each option of the usage and of the list of options is taken: the complaint is about the second one, or about the value. */
static void test_options_of_the_help_are_taken(void **state)
{
    (void)state;
    struct buf wrong = BUF_INIT;
    for (size_t i = 0; i < command_count; i++) {
        autofree char *list = mem_printf(
            "./roamlab %s --help | grep -E '^(usage:|       roamlab|  -)' | grep -oE -- '--[a-z]+(-[a-z]+)*' | sort -u",
            commands[i].name);
        autofree char *options = output_of(list);
        char *rest = NULL;
        for (char *o = strtok_r(options, "\n", &rest); o; o = strtok_r(NULL, "\n", &rest)) {
            autofree char *call = mem_printf("./roamlab %s %s 1 --no-such-option 2>&1", commands[i].name, o),
                          *said = output_of(call), *refusal = mem_printf("there is no option %s", o);
            if (strstr(said, refusal))
                buf_printf(&wrong, "%s %s\n", commands[i].name, o);
        }
    }
    assert_string_equal(buf_text(&wrong), "");
    buf_free(&wrong);
}

/* --- what a shell can say: each prints what is wrong ----------------------------------------------------------------------- */

#define DOCUMENTS "README.md docs/*.md scenarios/README.md tests/FAULTS.md"

static const char *const complaints[] = {
    /* options that a command takes, and its help does not tell */
    ("for f in emulator/commands/*_main.c; do c=$(basename $f _main.c); "
     "for o in $(sed -n 's/.*{\"\\([a-z-]*\\)\", [a-z]*_argument.*/\\1/p' $f); do "
     "[ $o = help ] || ./roamlab $c --help | grep -q -e \"--$o\\b\" || echo $c --$o; done; done"),
    "for f in emulator/commands/*_main.c; do c=$(basename $f _main.c); ./roamlab $c --help | grep -q '^Exit status: ' || echo $c; done",
    /* files that are named, and not there */
    ("for f in $(grep -ohE '\\b(scenarios|docs|tools|tests|emulator)/[A-Za-z0-9_/.-]*[A-Za-z0-9_]' " DOCUMENTS
     " | grep -v '/[A-Z]*_' | sort -u); do "
     "[ -e $f ] || echo $f; done"),
    /* what make does not know */
    ("for t in $(grep -ohE '(^|`|sudo )make [a-z][a-z0-9]*' " DOCUMENTS " | sed 's/.*make //' | sort -u); do "
     "grep -q \"^$t:\" Makefile || echo make $t; done"),
    /* scenarios, and the table of them */
    ("sed '/^## /q' scenarios/README.md | grep -o '^| `[a-z0-9-]*\\.json`' | cut -d'`' -f2 | sort >$TABLE; "
     "ls scenarios | grep '\\.json$' | grep -v '\\.schema\\.' | sort | diff $TABLE -"),
    "./roamlab check scenarios/*.json 2>&1",
};

static void test_nothing_to_complain_of(void **state)
{
    autofree char *table = mem_printf("%s/table", (char *)*state);
    setenv("TABLE", table, 1);
    for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
        autofree char *said = output_of(complaints[i]);
        if (*said)
            fail_msg("%s\n%s", complaints[i], said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_that_are_shown_exist),
        cmocka_unit_test(test_every_command_is_shown),
        cmocka_unit_test(test_options_of_the_help_are_taken),
        IN_FOLDER(test_nothing_to_complain_of),
    };
    return cmocka_run_group_tests(tests, ask_for_help, forget);
}
