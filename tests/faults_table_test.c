/* tests/FAULTS.md has 32 cases, and every test that it names is there and runs. */
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>

#include <cmocka.h>

enum { CASES = 32 };

/* FILE:FUNCTION, where tests/FILE_test.c lists FUNCTION among its tests. */
static bool runs(char *name)
{
    char *function = strchr(name, ':');
    if (!function)
        return false;
    *function++ = '\0';
    autofree char *file = mem_printf("%s_test.c", name), *text = folder_read("tests", file);
    autofree char *in_parentheses = mem_printf("(%s)", function),
                  *before_comma = mem_printf("(%s,", function);
    const char *list = text ? strstr(text, "struct CMUnitTest tests[]") : NULL;
    return list && (strstr(list, in_parentheses) || strstr(list, before_comma));
}

/* The tests of a row stand in its last column. */
static int check_row(char *row)
{
    char *end = strrchr(row, '|'), *save;
    int found = 0;
    *end = '\0';
    for (char *name = strtok_r(strrchr(row, '|') + 1, " ", &save); name;
         name = strtok_r(NULL, " ", &save), found++) {
        autofree char *copy = mem_copy_string(name);
        if (!runs(copy))
            fail_msg("no such test: %s", name);
    }
    return found;
}

static void every_case_has_its_test(void **state)
{
    (void)state;
    autofree char *text = folder_read("tests", "FAULTS.md");
    char *save;
    int cases = 0;
    assert_non_null(text);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        int number;
        if (sscanf(line, "| %d |", &number) != 1)
            continue;
        assert_int_equal(number, ++cases);
        if (strstr(line, "| open |"))
            printf("skip: case %d has no test yet\n", number);
        else
            assert_true(check_row(line) > 0);
    }
    assert_int_equal(cases, CASES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_has_its_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
