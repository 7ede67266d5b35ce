/* The fault search over many seeds. SEARCH_SEEDS=N tries so many. Runs without sanitizers; trial_test.c tries some with them. */
#include "search_work.h"
#include "workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static void nothing_breaks_and_every_situation_is_reached(void **state)
{
    struct err e = ERR_INIT;
    const char *wanted = getenv("SEARCH_SEEDS");
    struct search search = {
        .first = 1,
        .seeds = wanted ? strtoull(wanted, NULL, 10) : 20000,
        .jobs = workers_processors(),
        .restarts = true};
    (void)state;
    if (search_run(&search, &e) < 0)
        fail_msg("%s", e.text);
    if (search.broken)
        fail_msg("%llu seeds break, the first is %llu: see roamlab search --help",
                 (unsigned long long)search.broken, (unsigned long long)search.broken_seeds[0]);
    assert_int_equal(search.tried, search.seeds);
    assert_true(search.declared > 0 && search.declared < search.tried / 10);
    for (int i = 0; i < SITUATIONS; i++)
        if (!search.reached[i])
            fail_msg("no seed reached: %s", situation_text((enum situation)i));
    print_message("%llu seeds, %.0f a second\n", (unsigned long long)search.tried,
                  (double)search.tried / search.seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_breaks_and_every_situation_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
