/* What the bench of migrations says of its figures: which limits are kept, missed, not tried. */
#include "bench_migration.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool print(const struct bench_migration_row *rows, char **text)
{
    size_t size;
    FILE *out = open_memstream(text, &size);
    bool kept = bench_migration_print(rows, out);
    fclose(out);
    return kept;
}

static void limits_are_judged(void **state)
{
    (void)state;
    static const struct {
        double p_ready_s, c_ready_s, c_wire_mb, gap_ms, response_ms;
        bool kept;
        const char *says;
    } rows[] = {
        {1.8, 40, 330, 150, 20.5, true, "All limits that were tried are kept."},
        {2.3, 40, 330, 150, 20.5, false, "✘  P-Migr ready"},
        {1.8, 41.1, 330, 150, 20.5, false, "✘  C-Migr ready"}, /* 33 s of sending and 8 s */
        {1.8, 40, 330, 161, 20.5, false, "✘  longest time without a reply"},
        {1.8, 40, 330, 150, 21.1, false, "✘  mean response time"},
        {1.8, 40, 330, 150, -1, true, "–  mean response time"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct bench_migration_row measured[BENCH_MIGRATION_ROWS] = {
            {.ready_s = rows[i].p_ready_s, .response_ms = rows[i].response_ms},
            {.ready_s = rows[i].c_ready_s, .wire_bytes = rows[i].c_wire_mb * 1e6},
            {.ready_s = 0.5, .gap_ms = rows[i].gap_ms},
        };
        char *text;
        assert_int_equal(print(measured, &text), rows[i].kept);
        if (!strstr(text, rows[i].says))
            fail_msg("row %zu does not say \"%s\":\n%s", i, rows[i].says, text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits_are_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
