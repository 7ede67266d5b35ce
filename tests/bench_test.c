/* What benches say of their figures: which limits are kept, missed, not tried; and a short one of the repository, which leaves nothing behind. */
#include "bench_log.h"
#include "bench_migration.h"
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <cmocka.h>

static bool print(const struct bench_migration_row *rows, char **text)
{
    size_t size;
    FILE *out = open_memstream(text, &size);
    bool kept = bench_migration_print(rows, out);
    fclose(out);
    return kept;
}

static void limits_of_migrations_are_judged(void **state)
{
    (void)state;
    static const struct {
        double p_ready_s, c_ready_s, c_wire_mb, near_ready_s, gap_ms, response_ms;
        bool kept;
        const char *says;
    } rows[] = {
        {1.8, 40, 330, 0.6, 150, 20.5, true, "All limits that were tried are kept."},
        {1.8, 40, 330, 0.6, 150, 20.5, true, "  9.7  "},
        {1.8, 40, 330, 0.6, 150, 20.5, true, "test data by zstd -3: base 2.71, layer 3.98, memory 5.20 to 1"},
        {2.3, 40, 330, 0.6, 150, 20.5, false, "✘  P-Migr ready"},
        {1.8, 41.1, 330, 0.6, 150, 20.5, false, "✘  C-Migr ready"}, /* 33 s of sending and 8 s */
        {1.8, 40, 330, 0.61, 150, 20.5, false, "✘  P-Migr without WAN ready"},
        {1.8, 40, 330, 0.6, 161, 20.5, false, "✘  longest time without a reply"},
        {1.8, 40, 330, 0.6, 150, 21.1, false, "✘  mean response time"},
        {1.8, 40, 330, 0.6, 150, -1, true, "–  mean response time"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct bench_migration_row measured[BENCH_MIGRATION_ROWS] = {
            {.ready_s = rows[i].p_ready_s,
             .warming_bytes = 9.7e6,
             .response_ms = rows[i].response_ms,
             .base_ratio = 2.71,
             .layer_ratio = 3.98,
             .memory_ratio = 5.2},
            {.ready_s = rows[i].c_ready_s, .wire_bytes = rows[i].c_wire_mb * 1e6},
            {.ready_s = rows[i].near_ready_s, .gap_ms = rows[i].gap_ms},
        };
        char *text;
        assert_int_equal(print(measured, &text), rows[i].kept);
        if (!strstr(text, rows[i].says))
            fail_msg("row %zu does not say \"%s\":\n%s", i, rows[i].says, text);
        free(text);
    }
}

static void target_of_the_log_is_judged(void **state)
{
    (void)state;
    static const struct {
        double events_per_s;
        bool met;
        const char *says;
    } rows[] = {
        {300000, true, "roamlab               300000"},
        {300000, true, "The target is met."},
        {299999, false, "target: at least      300000"},
        {299999, false, "The target is missed."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_int_equal(bench_log_print(rows[i].events_per_s, out), rows[i].met);
        fclose(out);
        if (!strstr(text, rows[i].says))
            fail_msg("row %zu does not say \"%s\":\n%s", i, rows[i].says, text);
        free(text);
    }
}

/* How fast depends on the machine; so few may take no time that its clock can tell. */
static void log_is_measured_and_gone(void **state)
{
    struct err e = ERR_INIT;
    double events_per_s = 0;
    const char *folder = *state, *before = getenv("TMPDIR");
    autofree char *kept = before ? mem_copy_string(before) : NULL;
    setenv("TMPDIR", folder, 1);
    int status = bench_log(1000, &events_per_s, &e);
    if (kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    if (status < 0)
        fail_msg("%s", e.text);
    assert_true(events_per_s > 0);
    assert_int_equal(rmdir(folder), 0); /* which works if it is empty */
    assert_int_equal(mkdir(folder, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_of_migrations_are_judged),
        cmocka_unit_test(target_of_the_log_is_judged),
        IN_FOLDER(log_is_measured_and_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
