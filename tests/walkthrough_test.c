/* docs/walkthrough.md says what the reader will see: every command of its ```console blocks runs, in order, and prints what stands there. A line
 * "…" stands for any lines. WALKTHROUGH=update writes what the commands print into the file instead. */
#include "folder.h"
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>

static const char path[] = "docs/walkthrough.md";

/* A folder that looks like the project's, so that results/ lies elsewhere. */
static char *make_tree(void)
{
    char *folder = folder_make(), here[PATH_MAX];
    static const char *const entries[] = {"roamlab", "scenarios"};
    assert_non_null(getcwd(here, sizeof here));
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        autofree char *from = mem_printf("%s/%s", here, entries[i]),
                      *to = mem_printf("%s/%s", folder, entries[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    return folder;
}

/* Does the output look like what is written, where "…\n" stands for any lines? */
static bool matches(const char *written, const char *output)
{
    static const char any[] = "…\n";
    const char *gap = strstr(written, any);
    size_t head = gap ? (size_t)(gap - written) : strlen(written);
    if (strncmp(written, output, head) != 0)
        return false;
    if (!gap)
        return output[head] == '\0';
    for (const char *rest = output + head; rest; rest = strchr(rest, '\n') ? strchr(rest, '\n') + 1 : NULL)
        if (matches(gap + strlen(any), rest))
            return true;
    return false;
}

static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *written, *output;
        bool match;
    } rows[] = {
        {"a\nb\n", "a\nb\n", true},
        {"a\nb\n", "a\nc\n", false},
        {"a\n", "a\nb\n", false},
        {"a\n…\n", "a\nb\nc\n", true},
        {"a\n…\nc\n", "a\nb\nc\n", true},
        {"a\n…\nd\n", "a\nb\nc\n", false},
        {"…\nb\n…\n", "a\nb\nc\n", true},
        {"…\nx\n…\n", "a\nb\nc\n", false},
        {"", "", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (matches(rows[i].written, rows[i].output) != rows[i].match)
            fail_msg("row %zu", i);
}

/* Where a command's output ends: the next command or the end of the block. */
static const char *end_of_output(const char *at)
{
    while (*at && strncmp(at, "$ ", 2) != 0 && strncmp(at, "```", 3) != 0)
        at = strchr(at, '\n') + 1;
    return at;
}

/* Runs the commands of a block from `at`, appends the block as it should be to `now`, returns its end. */
static const char *play_block(const char *folder, const char *at, struct buf *now)
{
    while (strncmp(at, "$ ", 2) == 0) {
        int status;
        const char *output = strchr(at, '\n') + 1, *end = end_of_output(output);
        autofree char *command = mem_printf("%.*s", (int)(output - at - 3), at + 2);
        autofree char *written = mem_printf("%.*s", (int)(end - output), output),
                      *printed = shell_output(folder, command, &status);
        bool same = matches(written, printed);
        if (!same && !getenv("WALKTHROUGH"))
            fail_msg("$ %s\n%s--- but %s says\n%s", command, printed, path, written);
        buf_printf(now, "$ %s\n%s", command, same ? written : printed);
        at = end;
    }
    return at;
}

static void test_the_walkthrough_says_what_happens(void **state)
{
    (void)state;
    static const char fence[] = "```console\n";
    autofree char *text = folder_read(".", path);
    assert_non_null(text);
    char *folder = make_tree();
    struct buf now = BUF_INIT;
    const char *at = text;
    int blocks = 0;
    for (const char *block; (block = strstr(at, fence)); blocks++) {
        block += strlen(fence);
        buf_add(&now, at, (size_t)(block - at));
        at = play_block(folder, block, &now);
    }
    buf_printf(&now, "%s", at);
    folder_remove(folder);
    if (getenv("WALKTHROUGH"))
        folder_write(".", path, buf_text(&now));
    buf_free(&now);
    assert_true(blocks > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_the_walkthrough_says_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
