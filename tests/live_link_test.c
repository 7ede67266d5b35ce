/* Our own driver changes links under traffic in both directions, from nothing to something and back: packets are counted, and
 * none is lost or doubled, or overtaken by one that was sent under the same parameters. */
#include "link_fixture.h"
#include "mem.h"
#include "privileges.h"
#include "rule.h"
#include "segmentation.h"
#include "testbed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { PACKETS = 900, APART_US = 1000, PHASES = 3, UDP_HEADERS = 28, PATIENCE_MS = 10000 };

#define PLAIN                                                                                                \
    {                                                                                                        \
        .queue_packets = 0                                                                                   \
    }

struct bed {
    struct journal *journal;
    struct testbed *testbed;
    struct place ends[2];
};

static bool bed_build(struct bed *bed, const struct link_params *params)
{
    static struct in_addr ips[2];
    struct err e = ERR_INIT;
    if (privileges_check(&e) < 0 || link_driver_userspace.probe(&e) < 0) {
        printf("skip: %s\n", e.text);
        return false;
    }
    ips[0].s_addr = htonl(0xc6120001);
    ips[1].s_addr = htonl(0xc6120002);
    struct testbed_host hosts[2] = {{"a", &ips[0], 1, false, {0}}, {"b", &ips[1], 1, false, {0}}};
    struct testbed_link link = {.between = {0, 1}, .varies = true, .params = {*params, *params}};
    autofree char *name = mem_printf("live-link-%d", getpid());
    must((bed->journal = journal_open(NULL, name, NULL, &e)) != NULL, e.text);
    bed->testbed = testbed_build(&(struct testbed_plan){hosts, &link, NULL, 2, 1, 0}, &link_driver_userspace,
                                 bed->journal, &e);
    must(bed->testbed != NULL, e.text);
    bed->ends[0] = (struct place){testbed_namespace(bed->testbed, 0), "198.18.0.1"};
    bed->ends[1] = (struct place){testbed_namespace(bed->testbed, 1), "198.18.0.2"};
    return true;
}

static void bed_free(struct bed *bed)
{
    struct err e = ERR_INIT;
    testbed_free(bed->testbed);
    must(journal_close(bed->journal, &e) == 0, e.text);
}

static void change(struct bed *bed, const struct link_params *params)
{
    struct err e = ERR_INIT;
    for (int direction = 0; direction < 2; direction++)
        must(testbed_change(bed->testbed, 0, direction, params, &e) == 0, e.text);
}

/* One direction: a thread sends, another receives. `phase` is what holds for certain when a packet is sent, -1 while it
 * changes. */
struct flow_of_packets {
    struct bed *bed;
    const _Atomic int *phase;
    int from, out, in;
    int phases[PACKETS], arrived[PACKETS]; /* of each packet, by number */
    double least_ms[PHASES];
    int last[PHASES], overtaken;
};

struct stamp {
    int number;
    int64_t sent_ns;
};

static void *send_packets(void *argument)
{
    struct flow_of_packets *flow = argument;
    int64_t start_ns = clock_monotonic().ns;
    for (int i = 0; i < PACKETS; i++) {
        int64_t at_ns = start_ns + (int64_t)i * APART_US * 1000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
                        &(struct timespec){at_ns / 1000000000, at_ns % 1000000000}, NULL);
        struct stamp stamp = {i, clock_monotonic().ns};
        flow->phases[i] = atomic_load(flow->phase);
        send_from(flow->out, &flow->bed->ends[!flow->from], &stamp, sizeof stamp);
        if (atomic_load(flow->phase) != flow->phases[i])
            flow->phases[i] = -1;
    }
    return NULL;
}

static void account(struct flow_of_packets *flow, const struct stamp *stamp, int phase)
{
    double ms = simtime_to_ms(simtime_ns(clock_monotonic().ns - stamp->sent_ns));
    flow->overtaken += flow->last[phase] > stamp->number;
    flow->last[phase] = stamp->number;
    flow->least_ms[phase] = fmin(flow->least_ms[phase], ms);
}

/* All, or until nothing has come for the socket's patience. What is doubled comes together. */
static void *receive_packets(void *argument)
{
    struct flow_of_packets *flow = argument;
    struct stamp stamp;
    int left = PACKETS;
    while (recv(flow->in, &stamp, sizeof stamp, left > 0 ? 0 : MSG_DONTWAIT) == sizeof stamp) {
        left -= flow->arrived[stamp.number]++ == 0;
        if (flow->phases[stamp.number] >= 0)
            account(flow, &stamp, flow->phases[stamp.number]);
    }
    return NULL;
}

static void judge(const struct flow_of_packets *flow, const struct link_params phases[PHASES])
{
    for (int i = 0; i < PACKETS; i++)
        if (flow->arrived[i] != 1)
            fail_msg("packet %d of direction %d, phase %d, arrived %d times", i, flow->from, flow->phases[i],
                     flow->arrived[i]);
    assert_int_equal(flow->overtaken, 0);
    for (int i = 0; i < PHASES; i++) {
        printf("direction %d, phase %d: least %.3f ms\n", flow->from, i, flow->least_ms[i]);
        assert_true(flow->least_ms[i] >= simtime_to_ms(phases[i].delay));
        assert_true(flow->least_ms[i] < simtime_to_ms(phases[i].delay) + 10);
    }
}

static void play(struct bed *bed, struct flow_of_packets flows[2], const struct link_params phases[PHASES])
{
    _Atomic int phase = 0;
    pthread_t senders[2], receivers[2];
    int sockets[2] = {socket_at(&bed->ends[0], SOCK_DGRAM, PATIENCE_MS), socket_at(&bed->ends[1], SOCK_DGRAM, PATIENCE_MS)};
    for (int k = 0; k < 2; k++) {
        flows[k] = (struct flow_of_packets){
            .bed = bed, .phase = &phase, .from = k, .out = sockets[k], .in = sockets[!k]};
        for (int i = 0; i < PHASES; i++)
            flows[k].least_ms[i] = INFINITY;
        must(pthread_create(&receivers[k], NULL, receive_packets, &flows[k]) == 0, "thread");
        must(pthread_create(&senders[k], NULL, send_packets, &flows[k]) == 0, "thread");
    }
    for (int k = 1; k < PHASES; k++) {
        usleep(PACKETS / PHASES * APART_US);
        atomic_store(&phase, -1);
        change(bed, &phases[k]);
        atomic_store(&phase, k);
    }
    for (int k = 0; k < 2; k++) {
        pthread_join(senders[k], NULL);
        pthread_join(receivers[k], NULL);
    }
    close(sockets[0]);
    close(sockets[1]);
}

static void test_from_nothing_and_back(void **state)
{
    static const struct link_params rows[][PHASES] = {
        {PLAIN, {.delay = {20000000}}, PLAIN},
        {{.delay = {20000000}}, PLAIN, {.delay = {10000000}, .rate_bps = 50000000}},
    };
    static struct flow_of_packets flows[2];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bed bed;
        if (!bed_build(&bed, &rows[i][0]))
            skip();
        play(&bed, flows, rows[i]);
        for (int k = 0; k < 2; k++) {
            struct link_counters counters;
            judge(&flows[k], rows[i]);
            assert_int_equal(testbed_count(bed.testbed, 0, k, &counters, NULL), 0);
            assert_int_equal(counters.packets, PACKETS);
            assert_int_equal(counters.bytes, PACKETS * (sizeof(struct stamp) + UDP_HEADERS));
        }
        bed_free(&bed);
    }
}

/* A link that is shaped when its emulator goes is closed; one that is not was never in its hands. */
static void test_without_the_emulator(void **state)
{
    static const struct {
        struct link_params before, then;
        int arrive;
    } rows[] = {{PLAIN, {.delay = {1000000}}, 0}, {{.delay = {1000000}}, PLAIN, 5}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bed bed;
        if (!bed_build(&bed, &rows[i].before))
            skip();
        change(&bed, &rows[i].then);
        assert_int_equal(send_burst(&bed.ends[0], &bed.ends[1], 5, 0).received, 5);
        autofree char *a = mem_copy_string(bed.ends[0].namespace),
                      *b = mem_copy_string(bed.ends[1].namespace);
        testbed_free(steal(bed.testbed));
        struct place here = {a, bed.ends[0].address}, there = {b, bed.ends[1].address};
        assert_int_equal(send_burst(&here, &there, 5, 0).received, rows[i].arrive);
        bed_free(&bed);
    }
}

/* Other processes find the rules by their comment. */
static void test_clear(void **state)
{
    static const struct link_params rows[] = {PLAIN, {.delay = {1000000}}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t packets, bytes;
        struct bed bed;
        if (!bed_build(&bed, &rows[i]))
            skip();
        change(&bed, &rows[0]);
        struct rule rule = {.namespace = bed.ends[1].namespace, .interface = "link0"}; /* the first queue */
        assert_int_equal(rule_read(&rule, &packets, &bytes, NULL), 0);
        change(&bed, &rows[1]);
        assert_int_equal(link_driver_userspace.clear(rule.namespace, rule.interface, NULL), 0);
        assert_int_equal(rule_read(&rule, &packets, &bytes, NULL), -ENOENT);
        assert_int_equal(send_burst(&bed.ends[0], &bed.ends[1], 5, 0).received, 5);
        bed_free(&bed);
    }
}

/* Single packets as long as they are needed, super-packets before and after. */
static void test_offload(void **state)
{
    static const struct link_params phases[] = {
        PLAIN, {.rate_bps = 10000000}, {.loss = 0.1}, {.delay = {1000000}}};
    static const bool needs_packets[] = {false, true, true, false};
    unsigned before = 0, on;
    struct bed bed;
    (void)state;
    if (!bed_build(&bed, &phases[0]))
        skip();
    assert_int_equal(segmentation_read(bed.ends[0].namespace, "link0", &before, NULL), 0);
    assert_int_not_equal(before, 0);
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        change(&bed, &phases[i]);
        assert_int_equal(segmentation_read(bed.ends[0].namespace, "link0", &on, NULL), 0);
        assert_int_equal(on, needs_packets[i] ? 0 : before);
    }
    bed_free(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_from_nothing_and_back),
                                       cmocka_unit_test(test_without_the_emulator),
                                       cmocka_unit_test(test_clear), cmocka_unit_test(test_offload)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
