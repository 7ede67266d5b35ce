/* The parameters of a link before any driver has them: which are refused, and tables of delays of a user's own. */
#include "distribution.h"
#include "link.h"
#include "mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What no driver can do is named. */
static void what_no_link_can_be_is_refused(void **state)
{
    const struct {
        struct link_params params;
        const char *says;
    } rows[] = {
        {{.loss = 1.5}, "loss: 1.5"},
        {{.jitter_correlation = -1}, "jitter correlation"},
        {{.delay = {-1}}, "delay"},
        {{.jitter = {LINK_JITTER_MAX_NS + 1}}, "jitter"},
        {{.reorder = 0.5}, "reorder"},
        {{.jitter = {1}, .distribution = LINK_TABLE}, "distribution"},
        {{.packet_overhead = 4}, "packet overhead"},
        {{.rate_bps = 8000, .cell_bytes = 5, .cell_overhead = -5}, "cell overhead"},
        {{.queue_bytes = 1000}, "queue bytes"},
        {{.slot = {.min = {2}, .max = {1}}}, "slot"},
        {{.slot = {.packets = 2}}, "slot"},
        {{.markov = {.p13 = 0.6, .p14 = 0.6}}, "p13 + p14"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        assert_int_equal(link_params_check(&rows[i].params, &e), -EINVAL);
        if (!strstr(e.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
    }
}

static void a_table_of_delays_is_read(void **state)
{
    static const struct {
        const char *text, *says; /* NULL = good */
        size_t count;
    } rows[] = {
        {"# comment\n 1 -2\n\t3\n# another 9\n32767 -32768", NULL, 5},
        {"", "no values", 0},
        {"# nothing\n", "no values", 0},
        {"1 2\n3 x4\n", "t:2: \"x4\"", 0},
        {"32768", "t:1: \"32768\"", 0},
        {"1 # 2", "t:1: \"#\"", 0},
        {"-", "t:1: \"-\"", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        autofree struct link_table *table = table_parse("t", rows[i].text, strlen(rows[i].text), &e);
        assert_true((table == NULL) == (rows[i].says != NULL));
        if (table)
            assert_int_equal(table->count, rows[i].count);
        else if (!strstr(e.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_link_can_be_is_refused),
        cmocka_unit_test(a_table_of_delays_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
