/* Links and TCP connections in virtual time, against bytes / rate and what slow start costs. */
#include "flow.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FRAME = LINK_MTU + 14 };

/* --- the link ---------------------------------------------------------------------------------------------------------------------- */

static void a_packet_leaves_at_the_rate_and_arrives_after_the_delay(void **state)
{
    (void)state;
    static const struct {
        uint64_t rate_bps, bytes;
        double delay_ms, arrives_ms[2]; /* of two packets offered together */
    } rows[] = {
        {0, 1000, 0, {0, 0}},
        {0, 1000, 5, {5, 5}},
        {8000000, 1000, 0, {1, 2}},
        {8000000, 1000, 100, {101, 102}},
        {80000000, 1514, 100, {100.1514, 100.3028}},
        {1000, 125, 0, {1000, 2000}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct link_params params = {.delay = simtime_from_ms(rows[i].delay_ms),
                                     .rate_bps = rows[i].rate_bps};
        struct link_model link;
        link_model_init(&link, &params, 0);
        for (int k = 0; k < 2; k++) {
            struct simtime arrival;
            assert_true(link_model_send(&link, SIMTIME_ZERO, rows[i].bytes, &arrival));
            assert_float_equal(simtime_to_ms(arrival), rows[i].arrives_ms[k], 0.000002);
        }
        link_model_free(&link);
    }
}

static void a_full_queue_drops_and_drains_at_the_rate(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1, 10, 1000};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct link_params params = {.rate_bps = 80000000, .queue_packets = limits[i]};
        struct link_model link;
        struct simtime arrival, now = SIMTIME_ZERO;
        uint32_t taken = 0;
        link_model_init(&link, &params, 0);
        while (taken < 2000 && link_model_send(&link, now, FRAME, &arrival))
            taken++;
        assert_int_equal(taken, limits[i]); /* with the one that is on the line */
        assert_int_equal(link.dropped, 1);
        now = link_model_backlog(&link, now);
        assert_int_equal(now.ns, arrival.ns);
        for (uint32_t k = 0; k < limits[i]; k++)
            assert_true(link_model_send(&link, now, FRAME, &arrival));
        assert_false(link_model_send(&link, now, FRAME, &arrival));
        link_model_free(&link);
    }
}

/* Within five standard deviations of the binomial distribution: once in two million. */
static void losses_are_binomial(void **state)
{
    (void)state;
    enum { PACKETS = 100000 };
    static const double losses[] = {0, 0.001, 0.01, 0.2, 0.5, 1};
    for (size_t i = 0; i < ARRAY_LEN(losses); i++)
        for (uint64_t index = 0; index < 3; index++) {
            struct link_params params = {.loss = losses[i], .seed = 1};
            struct link_model link;
            struct simtime arrival;
            uint64_t lost = 0;
            link_model_init(&link, &params, index);
            for (int k = 0; k < PACKETS; k++)
                lost += !link_model_send(&link, SIMTIME_ZERO, 100, &arrival);
            double deviation = sqrt(PACKETS * losses[i] * (1 - losses[i]));
            assert_float_equal((double)lost, PACKETS * losses[i], 5 * deviation + 1e-9);
            assert_int_equal(lost, link.lost);
            link_model_free(&link);
        }
}

/* --- a connection -------------------------------------------------------------------------------------------------------------------- */

struct rig {
    struct clock clock;
    struct loop *loop;
    struct link_model there, back;
    struct flow flow;
    struct simtime done_at;
};

static void flow_is_done(struct flow *flow)
{
    struct rig *rig = container_of(flow, struct rig, flow);
    rig->done_at = loop_now(rig->loop);
}

static void rig_init(struct rig *rig, double rtt_ms, uint64_t rate_bps, double loss, uint64_t window)
{
    struct link_params params = {.delay = simtime_from_ms(rtt_ms / 2),
                                 .rate_bps = rate_bps,
                                 .queue_packets = 1000,
                                 .loss = loss,
                                 .seed = 1};
    *rig = (struct rig){.clock = clock_virtual()};
    rig->loop = loop_new(&rig->clock, NULL);
    link_model_init(&rig->there, &params, 0);
    link_model_init(&rig->back, &params, 1);
    struct link_path there = {{&rig->there}, 1}, back = {{&rig->back}, 1};
    flow_init(&rig->flow, rig->loop, &there, &back, window);
    rig->flow.done = flow_is_done;
}

static void rig_free(struct rig *rig)
{
    flow_free(&rig->flow);
    link_model_free(&rig->there);
    link_model_free(&rig->back);
    loop_free(rig->loop);
}

static double transfer_s(struct rig *rig, uint64_t bytes)
{
    struct simtime begin = loop_now(rig->loop);
    rig->done_at = SIMTIME_NEVER;
    flow_send(&rig->flow, bytes);
    while (rig->done_at.ns == INT64_MAX)
        loop_run_until(rig->loop, simtime_add(loop_now(rig->loop), simtime_ms(10)));
    return simtime_seconds(simtime_sub(rig->done_at, begin));
}

/* Slow start from 10 segments sends 10·(2^k − 1) segments in k round trips; from the window that fills the pipe (or is allowed) on, the
 * rest goes at that pace. The last byte's acknowledgement takes one round trip. */
static double expected_s(uint64_t bytes, double rtt_s, double rate_bps, double window)
{
    const double segment = 1448, frame = 1514;
    double goodput = rate_bps / 8 * segment / frame, pace = fmin(goodput, window / rtt_s);
    double cwnd = 10 * segment, sent = 0, time = 0;
    while (cwnd < pace * rtt_s && sent + cwnd < (double)bytes) {
        sent += cwnd;
        time += rtt_s;
        cwnd *= 2;
    }
    return time + ((double)bytes - sent) / fmin(pace, fmax(cwnd / rtt_s, goodput)) + rtt_s;
}

/* A connection that was warmed sends at the link's pace from its first byte, and again after a minute of silence. */
static void a_warmed_connection_has_no_slow_start(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 200, 80000000, 0, 4 << 20);
    flow_warmed(&rig.flow, simtime_ms(200), 80000000);
    for (int i = 0; i < 2; i++) {
        double took = transfer_s(&rig, 5500000), bare = 5.5 * 1514 / 1448 / 10 + 0.2;
        if (took < bare || took > bare * 1.03)
            fail_msg("transfer %d took %g s, expected %g", i, took, bare);
        loop_run_until(rig.loop, simtime_add(loop_now(rig.loop), simtime_s(60)));
    }
    rig_free(&rig);
}

/* Where a chunk takes longer on the line than a queue is allowed to. */
static void a_slow_or_lengthened_link_does_not_stop_a_paced_connection(void **state)
{
    (void)state;
    static const struct {
        double rtt_ms, rate_mbit, then_rtt_ms, megabytes;
        double most; /* times what the bare bytes take */
    } rows[] = {{1, 1, 1, 5.5, 1.2},   {4, 5, 4, 5.5, 1.2},    {4, 20, 4, 5.5, 1.2}, {40, 10, 40, 5.5, 1.1},
                {20, 80, 60, 80, 1.3}, {20, 80, 120, 80, 1.6}, {60, 80, 20, 80, 1.1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        uint64_t rate_bps = (uint64_t)(rows[i].rate_mbit * 1e6);
        rig_init(&rig, rows[i].then_rtt_ms, rate_bps, 0, 4 << 20);
        flow_warmed(&rig.flow, simtime_from_ms(rows[i].rtt_ms), rate_bps);
        double took = transfer_s(&rig, (uint64_t)(rows[i].megabytes * 1e6)),
               bare = rows[i].megabytes * 8 * 1514 / 1448 / rows[i].rate_mbit;
        if (took > bare * rows[i].most)
            fail_msg("row %zu took %g s, its bytes %g", i, took, bare);
        rig_free(&rig);
    }
}

static void only_a_steady_round_trip_is_the_longer_paths(void **state)
{
    (void)state;
    static const struct {
        double first_ms, times; /* from look to look */
        bool holds;
        double floor_ms;
    } rows[] = {{60, 1, true, 60}, {60, 1, false, 20}, {60, 1.07, true, 20}, {200, 0.93, true, 20}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pace pace;
        double ms = rows[i].first_ms;
        pace_start(&pace, 1e6, simtime_ms(20));
        for (int look = 0; look < 12; look++, ms *= rows[i].times)
            assert_true(pace_look(&pace, simtime_s(look), simtime_from_ms(ms), 0, rows[i].holds));
        assert_float_equal(simtime_to_ms(pace.floor), rows[i].floor_ms, 0.001);
        assert_true(rows[i].floor_ms > 20 ? pace.rate >= 1e6 : pace.rate < 5e5);
    }
}

static void a_queue_of_our_own_does_not_pass_for_a_longer_path(void **state)
{
    (void)state;
    static const double times_the_rate[] = {1, 1.1, 1.2, 1.5, 2, 4};
    for (size_t i = 0; i < ARRAY_LEN(times_the_rate); i++) {
        struct rig rig;
        struct simtime highest = SIMTIME_ZERO, queue = SIMTIME_ZERO;
        rig_init(&rig, 20, 80000000, 0, 4 << 20);
        flow_warmed(&rig.flow, simtime_ms(20), (uint64_t)(times_the_rate[i] * 80e6));
        flow_send(&rig.flow, 100000000);
        for (int ms = 0; ms < 9000; ms += 10) {
            loop_run_until(rig.loop, simtime_ms(ms));
            highest = simtime_max(highest, rig.flow.pace.floor);
            if (ms > 4000)
                queue = simtime_max(queue, link_model_backlog(&rig.there, simtime_ms(ms)));
        }
        if (simtime_to_ms(highest) > 22 || simtime_to_ms(queue) > 40)
            fail_msg("%g times the rate: a floor of %g ms, a queue of %g ms", times_the_rate[i],
                     simtime_to_ms(highest), simtime_to_ms(queue));
        rig_free(&rig);
    }
}

static void a_transfer_takes_its_bytes_by_the_rate_and_slow_start(void **state)
{
    (void)state;
    static const struct {
        double megabytes, rtt_ms, rate_mbit, window_mib;
    } rows[] = {
        {1, 200, 80, 2}, {29, 200, 80, 2},  {49, 200, 80, 2},  {900, 200, 80, 2}, {0.01, 200, 80, 2},
        {29, 40, 80, 2}, {29, 10, 1000, 2}, {100, 100, 20, 2}, {29, 200, 800, 2}, {5, 0.1, 100, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        double window = rows[i].window_mib * 1048576, rtt_s = rows[i].rtt_ms / 1000,
               rate = rows[i].rate_mbit * 1e6;
        uint64_t bytes = (uint64_t)(rows[i].megabytes * 1e6);
        rig_init(&rig, rows[i].rtt_ms, (uint64_t)rate, 0, (uint64_t)window);
        double took = transfer_s(&rig, bytes), expected = expected_s(bytes, rtt_s, rate, window);
        if (fabs(took / expected - 1) > 0.15)
            fail_msg("%g MB over %g ms and %g Mbit/s: %.3f s, not %.3f s", rows[i].megabytes, rows[i].rtt_ms,
                     rows[i].rate_mbit, took, expected);
        rig_free(&rig);
    }
}

static void a_kept_connection_need_not_start_slowly_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 200, 80000000, 0, 2 << 20);
    double first = transfer_s(&rig, 29000000), second = transfer_s(&rig, 29000000);
    assert_true(second < first - 0.6);
    loop_run_until(rig.loop, simtime_add(loop_now(rig.loop), simtime_s(60))); /* RFC 2861 */
    double idle = transfer_s(&rig, 29000000);
    assert_true(idle > second + 0.5);
    rig_free(&rig);
}

/* Cubic without another limit fills a FIFO of 1000 packets until it drops, backs off, and fills it again. */
static void cubic_swings_against_the_queue(void **state)
{
    (void)state;
    struct rig rig;
    struct simtime least = SIMTIME_NEVER, most = SIMTIME_ZERO;
    double sum_ms = 0;
    int samples = 0;
    rig_init(&rig, 200, 80000000, 0, UINT64_MAX / 2);
    rig.done_at = SIMTIME_NEVER;
    flow_send(&rig.flow, 900000000);
    while (rig.done_at.ns == INT64_MAX) {
        loop_run_until(rig.loop, simtime_add(loop_now(rig.loop), simtime_ms(50)));
        struct simtime queue = link_model_backlog(&rig.there, loop_now(rig.loop));
        if (loop_now(rig.loop).ns < simtime_s(30).ns || rig.flow.to_send == 0)
            continue;
        least = simtime_min(least, queue);
        most = simtime_max(most, queue);
        sum_ms += simtime_to_ms(queue);
        samples++;
    }
    double used = (double)rig.there.bytes * 8 / (80e6 * simtime_seconds(rig.done_at));
    print_message("cubic: queue %.0f to %.0f ms, mean %.0f; %llu losses; %.1f %% of the link used\n",
                  simtime_to_ms(least), simtime_to_ms(most), sum_ms / samples,
                  (unsigned long long)rig.flow.losses, used * 100);
    assert_true(used >= 0.9 && used <= 1.0001);
    assert_true(rig.flow.losses > 0 && rig.there.dropped > 0);
    assert_true(simtime_to_ms(most) > 140 && simtime_to_ms(most) < 153); /* 1000 frames are 151.4 ms */
    assert_true(simtime_to_ms(least) > 20 &&
                simtime_to_ms(least) < 70); /* 0.7 of (2.0 + 1.5 MB) is 45 ms of queue */
    rig_free(&rig);
}

/* A packet offered beside the flow arrives after the queue, the line and the delay. */
static void requests_wait_in_the_queue_of_the_flow(void **state)
{
    (void)state;
    struct rig rig;
    struct simtime slowest = SIMTIME_ZERO, arrival;
    rig_init(&rig, 200, 80000000, 0, 4 << 20); /* twice what the pipe holds: 2 MB wait */
    rig.done_at = SIMTIME_NEVER;
    flow_send(&rig.flow, 49000000);
    while (rig.done_at.ns == INT64_MAX) {
        loop_run_until(rig.loop, simtime_add(loop_now(rig.loop), simtime_ms(100)));
        struct simtime now = loop_now(rig.loop), queue = link_model_backlog(&rig.there, now);
        if (!link_model_send(&rig.there, now, 1100, &arrival))
            continue;
        assert_float_equal(simtime_to_ms(simtime_sub(arrival, now)), simtime_to_ms(queue) + 0.11 + 100,
                           0.001);
        slowest = simtime_max(slowest, simtime_sub(arrival, now));
    }
    assert_true(simtime_to_ms(slowest) > 200 && simtime_to_ms(slowest) < 252);
    rig_free(&rig);
}

static void a_lossy_link_is_crossed(void **state)
{
    (void)state;
    static const double losses[] = {0.001, 0.01, 0.1, 0.3};
    double before = 0;
    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        struct rig rig;
        rig_init(&rig, 40, 80000000, losses[i], 2 << 20);
        double took = transfer_s(&rig, 2000000);
        assert_true(took > before && took < 600);
        assert_true(rig.flow.losses + rig.flow.timeouts > 0 || losses[i] < 0.01);
        assert_true(rig.flow.wire_bytes > 2000000 * 1514ull / 1448);
        before = took;
        rig_free(&rig);
    }
}

static void an_aborted_transfer_leaves_a_connection_that_works(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 200, 80000000, 0, 2 << 20);
    rig.done_at = SIMTIME_NEVER;
    flow_send(&rig.flow, 29000000);
    loop_run_until(rig.loop, simtime_s(2));
    flow_abort(&rig.flow);
    loop_run_until(rig.loop, simtime_s(3));
    assert_int_equal(rig.done_at.ns, INT64_MAX);
    double took = transfer_s(&rig, 1000000);
    assert_true(took > 0.2 && took < 1.5);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_leaves_at_the_rate_and_arrives_after_the_delay),
        cmocka_unit_test(a_full_queue_drops_and_drains_at_the_rate),
        cmocka_unit_test(losses_are_binomial),
        cmocka_unit_test(a_transfer_takes_its_bytes_by_the_rate_and_slow_start),
        cmocka_unit_test(a_warmed_connection_has_no_slow_start),
        cmocka_unit_test(only_a_steady_round_trip_is_the_longer_paths),
        cmocka_unit_test(a_queue_of_our_own_does_not_pass_for_a_longer_path),
        cmocka_unit_test(a_slow_or_lengthened_link_does_not_stop_a_paced_connection),
        cmocka_unit_test(a_kept_connection_need_not_start_slowly_again),
        cmocka_unit_test(cubic_swings_against_the_queue),
        cmocka_unit_test(requests_wait_in_the_queue_of_the_flow),
        cmocka_unit_test(a_lossy_link_is_crossed),
        cmocka_unit_test(an_aborted_transfer_leaves_a_connection_that_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
