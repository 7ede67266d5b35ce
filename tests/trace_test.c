/* Schedules and traces: what holds when, and which files are refused where. */
#include "mem.h"
#include "trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct link_params own = {.delay = {20000000}, .rate_bps = 80000000, .loss = 0.01};

static struct schedule read_good(const char *format, const char *text, int direction)
{
    struct err e = ERR_INIT;
    struct schedule schedules[2] = {SCHEDULE_INIT, SCHEDULE_INIT};
    if (trace_format_of(format)->read("f", text, strlen(text), schedules, &e) < 0 ||
        schedule_complete(&schedules[direction], &own, &e) < 0)
        fail_msg("%s", e.text);
    schedule_free(&schedules[!direction]);
    return schedules[direction];
}

/* --- refusals ------------------------------------------------------------------------------------------------ */

static void test_bad_files(void **state)
{
    static const struct {
        const char *format, *text, *error;
    } rows[] = {
        {"csv", "", "f: holds no values"},
        {"csv", "# nothing\n\n", "f: holds no values"},
        {"csv", "t_s,rate_mbit\n", "f: holds no values"},
        {"csv", "0,1,2,0\n1,x,2,0\n", "f:2: rate_mbit: \"x\" is not a number"},
        {"csv", "0,1,2,0\n\n# c\n1,1,2,1.5\n", "f:4: loss is 1.5, must be 0 to 1"},
        {"csv", "0,1,2,0\n0,1,2,0\n", "f:2: 0 s is not later than 0 s before it"},
        {"csv", "0,1,2,0\n1,1,2\n", "f:2: has 3 of 4 fields"},
        {"csv", "0,1,2,0,5\n", "f:1: has more fields than the 4 columns"},
        {"csv", "0,-1,2,0\n", "f:1: rate_mbit is -1, must be 0"},
        {"csv", "0,0x10,2,0\n", "f:1: rate_mbit: \"0x10\" is not a number"},
        {"csv", "0,nan,2,0\n", "f:1: rate_mbit: \"nan\" is not a number"},
        {"csv", "0,1e999,2,0\n", "f:1: rate_mbit is inf, must be 0"},
        {"csv", "0,0.0000001,2,0\n", "f:1: rate_mbit is 1e-07, less than a bit"},
        {"csv", "0,1,2,0\n,1,2,0\n", "f:2: t_s: \"\" is not a number"},
        {"csv", "t_s,rate\n", "f:1: there is no column rate"},
        {"csv", "t_s.back,rate_mbit\n", "f:1: there is no column t_s.back"},
        {"csv", "rate_mbit,loss\n1,0\n", "f:1: there is no column t_s"},
        {"csv", "t_s,loss,loss.back\n", "f:1: column loss.back is there twice"},
        {"csv", "-1,1,2,0\n", "f:1: t_s is -1, must be 0"},
        {"mahimahi", "", "f: holds no values"},
        {"mahimahi", "1\n2.5\n", "f:2: \"2.5\" is not a whole number"},
        {"mahimahi", "5\n4\n", "f:2: 4 ms is before 5 ms"},
        {"mahimahi", "0\n0\n", "f: all opportunities are at 0 ms"},
        {"mahimahi", "99999999999999999999\n", "f:1: is more than a year"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct schedule schedules[2] = {SCHEDULE_INIT, SCHEDULE_INIT};
        int status =
            trace_format_of(rows[i].format)->read("f", rows[i].text, strlen(rows[i].text), schedules, &e);
        if (status == 0 || !strstr(e.text, rows[i].error))
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, e.text, rows[i].error);
        schedule_free(&schedules[0]);
        schedule_free(&schedules[1]);
    }
    assert_null(trace_format_of("pcap"));
    assert_null(trace_format_at(2));
}

/* --- what holds when -------------------------------------------------------------------------------------------- */

static void test_csv(void **state)
{
    static const struct {
        const char *text;
        int direction;
        double at, rate_mbit, delay_ms, loss, next; /* next: -1 = never */
    } rows[] = {
        {"0,10,30,0.5\n2,20,,0\n", 0, 0, 10, 15, 0.5, 2},
        {"0,10,30,0.5\n2,20,,0\n", 1, 1.999, 10, 15, 0.5, 2},
        {"0,10,30,0.5\n2,20,,0\n", 0, 2, 20, 15, 0, -1},
        {"\xef\xbb\xbft_s, rate_mbit.back\r\n1, 5\r\n", 0, 1, 80, 20, 0.01, -1},
        {"\xef\xbb\xbft_s, rate_mbit.back\r\n1, 5\r\n", 1, 0.5, 80, 20, 0.01, 1},
        {"\xef\xbb\xbft_s, rate_mbit.back\r\n1, 5\r\n", 1, 1, 5, 20, 0.01, -1},
        {"loss,t_s,rtt_ms.forward\n0.25,1,8", 0, 7, 80, 4, 0.25, -1},
        {"loss,t_s,rtt_ms.forward\n0.25,1,8", 1, 7, 80, 20, 0.25, -1},
        {"1,0,1,0", 0, 1, 0, 0.5, 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct schedule s = read_good("csv", rows[i].text, rows[i].direction);
        struct simtime at = simtime_from_seconds(rows[i].at), next = schedule_next(&s, at);
        struct link_params p = schedule_params(&s, &own, at);
        if ((double)p.rate_bps != rows[i].rate_mbit * 1e6 || simtime_to_ms(p.delay) != rows[i].delay_ms ||
            p.loss != rows[i].loss)
            fail_msg("row %zu: %g Mbit/s, %g ms, %g", i, (double)p.rate_bps / 1e6, simtime_to_ms(p.delay),
                     p.loss);
        assert_int_equal(next.ns, rows[i].next < 0 ? INT64_MAX : simtime_from_seconds(rows[i].next).ns);
        schedule_free(&s);
    }
}

/* Full packets of 1514 bytes: one in 100 ms is 121.12 kbit/s. */
static void test_mahimahi(void **state)
{
    static const struct {
        const char *text;
        double at;
        int64_t rate, next_ms;
    } rows[] = {
        {"0\n50\n99\n100\n200\n", 0, 363360, 100},
        {"0\n50\n99\n100\n200\n", 0.1, 242240, 200},
        {"0\n50\n99\n100\n200\n", 0.2, 363360, 300}, /* again from the start, if it is repeated */
        {"10\n400\n", 0.35, 121120, 400},    /* an outage: one packet a bin, and no change from bin to bin */
        {"50\n", 0, 242240, 50},             /* a bin as long as the trace */
        {"1\n150\n150\n", 0.1, 484480, 150}, /* the last bin is shorter */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct schedule s = read_good("mahimahi", rows[i].text, 1);
        assert_int_equal(schedule_repeat(&s, &e), 0);
        struct simtime at = simtime_from_seconds(rows[i].at);
        assert_int_equal(schedule_params(&s, &own, at).rate_bps, rows[i].rate);
        assert_int_equal(schedule_params(&s, &own, at).delay.ns, own.delay.ns);
        assert_int_equal(schedule_next(&s, at).ns, simtime_ms(rows[i].next_ms).ns);
        schedule_free(&s);
    }
}

/* However long a trace is, its schedule is bounded, and its mean rate is that of its opportunities. */
static void test_long_mahimahi(void **state)
{
    enum { LINES = 400000, EVERY_MS = 12 };
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 1; i <= LINES; i++)
        buf_printf(&text, "%d\n", i * EVERY_MS + (i % 3)); /* so that neighbouring bins differ */
    struct schedule s = read_good("mahimahi", buf_text(&text), 0);
    assert_in_range(s.count, 1000, TRACE_BINS_MAX + 1);
    double bits = 0;
    for (size_t i = 0; i + 1 < s.count; i++)
        bits += (double)s.points[i].values[SCHEDULE_RATE] *
                simtime_seconds(simtime_sub(s.points[i + 1].at, s.points[i].at));
    assert_true(fabs(bits / (LINES * 1514.0 * 8) - 1) < 1e-6);
    schedule_free(&s);
    buf_free(&text);
}

static struct schedule ramp(bool repeat)
{
    struct schedule s = SCHEDULE_INIT;
    struct err e = ERR_INIT;
    struct schedule_point point = {.at = simtime_s(1)}, end = {.at = simtime_s(3), .linear = true};
    point.sets[SCHEDULE_RATE] = end.sets[SCHEDULE_RATE] = end.sets[SCHEDULE_DELAY] = true;
    point.values[SCHEDULE_RATE] = 10000000;
    end.values[SCHEDULE_RATE] = 30000000;
    end.values[SCHEDULE_DELAY] = simtime_ms(60).ns;
    assert_int_equal(schedule_add(&s, &point, &e), 0);
    assert_int_equal(schedule_add(&s, &end, &e), 0);
    if (repeat)
        assert_int_equal(schedule_repeat(&s, &e), 0);
    assert_int_equal(schedule_complete(&s, &own, &e), 0);
    return s;
}

static void test_ramps(void **state)
{
    static const struct {
        bool repeat;
        double at, rate_mbit, delay_ms, next;
    } rows[] = {
        {false, 0, 80, 20, 1},      {false, 1, 10, 20, 1.1},
        {false, 1.05, 10, 20, 1.1}, {false, 1.1, 11, 22, 1.2},
        {false, 2, 20, 40, 2.1},    {false, 3, 30, 60, -1},
        {false, 9, 30, 60, -1},     {true, 2.9, 29, 58, 3},
        {true, 3, 80, 20, 4}, /* each pass begins with the link's own values */
        {true, 302, 20, 40, 302.1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct schedule s = ramp(rows[i].repeat);
        struct simtime at = simtime_from_seconds(rows[i].at);
        struct link_params p = schedule_params(&s, &own, at);
        if ((double)p.rate_bps != rows[i].rate_mbit * 1e6 || simtime_to_ms(p.delay) != rows[i].delay_ms)
            fail_msg("row %zu: %g Mbit/s, %g ms", i, (double)p.rate_bps / 1e6, simtime_to_ms(p.delay));
        assert_int_equal(schedule_next(&s, at).ns,
                         rows[i].next < 0 ? INT64_MAX : simtime_from_seconds(rows[i].next).ns);
        schedule_free(&s);
    }
}

static void test_unlimited_rates_do_not_ramp(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct schedule s = ramp(false);
    s.points[1].values[SCHEDULE_RATE] = 0;
    assert_int_equal(schedule_complete(&s, &own, &e), -EINVAL);
    assert_non_null(strstr(e.text, "at 3 s: a rate cannot approach linearly"));
    schedule_free(&s);
    assert_int_equal(schedule_repeat(&s, &e), -EINVAL);
}

static void test_descriptions(void **state)
{
    static const struct link_params fast = {.rate_bps = 80000000, .delay = {20000000}},
                                    slow = {.rate_bps = 2500000}, plain = {0},
                                    lossy = {.rate_bps = 80000000, .delay = {20000000}, .loss = 0.015};
    static const struct {
        const struct link_params *before[2], *after[2];
        const char *text;
    } rows[] = {
        {{&fast, &fast}, {&fast, &fast}, ""},
        {{&fast, &fast}, {&slow, &slow}, "delay 20 → 0 ms, rate 80 → 2.5 Mbit/s"},
        {{&fast, &fast}, {&fast, &lossy}, "loss back 0 → 1.5 %"},
        {{&fast, &slow}, {&slow, &slow}, "delay forward 20 → 0 ms, rate forward 80 → 2.5 Mbit/s"},
        {{&slow, &slow}, {&plain, &plain}, "rate 2.5 Mbit/s → unlimited"},
        {{&plain, &plain}, {&slow, &slow}, "rate unlimited → 2.5 Mbit/s"},
    };
    (void)state;
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct link_params before[2] = {*rows[i].before[0], *rows[i].before[1]},
                                 after[2] = {*rows[i].after[0], *rows[i].after[1]};
        schedule_describe(before, after, &text);
        assert_string_equal(buf_text(&text), rows[i].text);
    }
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),    cmocka_unit_test(test_csv),
        cmocka_unit_test(test_mahimahi),     cmocka_unit_test(test_long_mahimahi),
        cmocka_unit_test(test_ramps),        cmocka_unit_test(test_unlimited_rates_do_not_ramp),
        cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
