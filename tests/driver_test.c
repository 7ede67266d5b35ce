/* Which link driver is taken: a host's abilities and a link's wishes as rows. */
#include "driver.h"
#include "mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool first_works, second_works;

static int first_probe(struct err *e)
{
    return first_works ? 0 : err_set(e, EOPNOTSUPP, "not in this kernel");
}

static int second_probe(struct err *e)
{
    if (second_works)
        return 0;
    err_set(e, EPERM, "not allowed");
    return err_hint(e, "become root");
}

/* As netem: no queue in bytes, and only where packets leave. */
static int first_can(const struct link_ends *ends, const struct link_params *params, struct err *e)
{
    if (!ends->from_interface)
        return err_set(e, EOPNOTSUPP, "not at that end");
    return params->queue_bytes ? err_set(e, EOPNOTSUPP, "queue_bytes") : 0;
}

static int second_can(const struct link_ends *ends, const struct link_params *params, struct err *e)
{
    (void)params;
    return ends->to_interface ? 0 : err_set(e, EOPNOTSUPP, "not at this end");
}

static const struct link_driver first = {.name = "first", .probe = first_probe, .can = first_can},
                                second = {.name = "second", .probe = second_probe, .can = second_can};
static const struct link_driver *const drivers[] = {&first, &second, NULL};

#define BOTH .ends = {.from_interface = "a", .to_interface = "b"}
#define PLAIN                                                                                                \
    {                                                                                                        \
        BOTH                                                                                                 \
    }
#define DELAY                                                                                                \
    {                                                                                                        \
        BOTH, .params = {.delay = {1000} }                                                                   \
    }
#define BYTES                                                                                                \
    {                                                                                                        \
        .link = 3, .back = true, BOTH, .params = {.rate_bps = 1000000, .queue_bytes = 9000 }                 \
    }

static void test_choice(void **state)
{
    static const struct {
        bool first, second;
        const char *wanted;
        struct link_need needs[2];
        const char *chosen, *error, *hint;
    } rows[] = {
        {true, true, NULL, {PLAIN, DELAY}, "first", NULL, NULL},
        {false, true, NULL, {PLAIN, DELAY}, "second", NULL, NULL},
        {true, true, NULL, {DELAY, BYTES}, "second", NULL, NULL},
        {true, true, "second", {PLAIN, DELAY}, "second", NULL, NULL},
        {true, true, "first", {DELAY, BYTES}, NULL, "link driver first: links.3, back: queue_bytes", NULL},
        {true,
         false,
         NULL,
         {DELAY, BYTES},
         NULL,
         "no link driver will do: first: links.3, back: queue_bytes; second: not allowed",
         "become root"},
        {false,
         false,
         NULL,
         {PLAIN, PLAIN},
         NULL,
         "no link driver will do: first: not in this kernel; second: not allowed",
         "become root"},
        {false, true, "first", {PLAIN, PLAIN}, NULL, "link driver first: not in this kernel", NULL},
        {true,
         true,
         "third",
         {PLAIN, PLAIN},
         NULL,
         "there is no link driver third",
         "there are: first, second"},
        {true,
         true,
         NULL,
         {PLAIN, {.ends = {.to_interface = "b"}, .params = {.delay = {1}}}},
         "second",
         NULL,
         NULL},
        {true,
         true,
         NULL,
         {PLAIN, {.ends = {.from_interface = "a"}, .params = {.delay = {1}}}},
         "first",
         NULL,
         NULL},
        /* what asks for nothing is nobody's business, unless it will be changed */
        {true, true, NULL, {DELAY, {.ends = {.to_interface = "b"}}}, "first", NULL, NULL},
        {true, true, NULL, {DELAY, {.ends = {.to_interface = "b", .varies = true}}}, "second", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        first_works = rows[i].first;
        second_works = rows[i].second;
        const struct link_driver *got =
            link_driver_choose_from(drivers, rows[i].wanted, rows[i].needs, 2, &e);
        if (strcmp(got ? got->name : "none", rows[i].chosen ? rows[i].chosen : "none") != 0)
            fail_msg("row %zu: %s (%s)", i, got ? got->name : "none", e.text);
        if (rows[i].error)
            assert_string_equal(e.text, rows[i].error);
        if (rows[i].hint)
            assert_string_equal(e.hint, rows[i].hint);
    }
}

/* What netem is known not to do, on any kernel. */
static void test_real_drivers_say_what_they_cannot_do(void **state)
{
    const struct {
        const struct link_driver *driver;
        struct link_params params;
        struct link_ends ends;
        const char *error; /* NULL = it can */
    } rows[] = {
        {&link_driver_kernel,
         {.rate_bps = 8000, .queue_bytes = 2000},
         {.from_interface = "a"},
         "queue_bytes"},
        {&link_driver_kernel,
         {.jitter = {1}, .jitter_correlation = 0.5},
         {.from_interface = "a"},
         "jitter_correlation"},
        {&link_driver_kernel, {.delay = {1}}, {.to_interface = "b"}, "where they leave"},
        {&link_driver_kernel, {.delay = {1}}, {.from_interface = "a"}, NULL},
        {&link_driver_userspace, {.rate_bps = 8000, .queue_bytes = 2000}, {.to_interface = "b"}, NULL},
        {&link_driver_userspace, {.delay = {1}}, {.from_interface = "a"}, "where they arrive"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        int status = rows[i].driver->can(&rows[i].ends, &rows[i].params, &e);
        assert_int_equal(status, rows[i].error ? -EOPNOTSUPP : 0);
        if (rows[i].error && !strstr(e.text, rows[i].error))
            fail_msg("row %zu: \"%s\"", i, e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choice),
                                       cmocka_unit_test(test_real_drivers_say_what_they_cannot_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
