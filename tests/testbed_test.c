/* Testbeds of real namespaces and links, with the driver that this host has. Bounds leave room for a busy
 * machine. */
#include "testbed.h"
#include "folder.h"
#include "link_fixture.h"
#include "mem.h"
#include "namespace.h"
#include "privileges.h"
#include "wiring.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { HOSTS_MAX = 4 };

static const char *const names[HOSTS_MAX] = {"a", "b", "c", "d"};
static const char *const addresses[HOSTS_MAX] = {"198.18.0.1", "198.18.0.2", "198.18.0.3", "198.18.0.4"};

static const struct link_driver *driver;

struct bed {
    struct journal *journal;
    struct testbed *testbed;
    struct place places[HOSTS_MAX];
};

static struct in_addr ip(const char *text)
{
    struct in_addr address;
    assert_int_equal(inet_pton(AF_INET, text, &address), 1);
    return address;
}

/* A chain a - b - c of `links` alike links, with all routes. */
static void build(struct bed *bed, const char *run, int links, const struct link_params *params,
                  const char *congestion)
{
    struct in_addr ips[HOSTS_MAX];
    struct testbed_host hosts[HOSTS_MAX];
    struct testbed_link chain[HOSTS_MAX];
    struct testbed_route routes[HOSTS_MAX * HOSTS_MAX];
    struct err e = ERR_INIT;
    int route_count = 0;
    autofree char *name = mem_printf("%s-%d", run, getpid());
    for (int i = 0; i <= links; i++) {
        ips[i] = ip(addresses[i]);
        hosts[i] = (struct testbed_host){.name = names[i], .addresses = &ips[i], .address_count = 1};
        chain[i] = (struct testbed_link){
            .between = {i, i + 1}, .params = {*params, *params}, .congestion = congestion};
    }
    for (int from = 0; from <= links; from++)
        for (int to = 0; to <= links; to++)
            if (abs(from - to) > 1)
                routes[route_count++] = (struct testbed_route){from, ips[to], to > from ? from : from - 1};
    struct testbed_plan plan = {hosts, chain, routes, links + 1, links, route_count};
    bed->journal = journal_open(NULL, name, NULL, &e);
    if (bed->journal)
        bed->testbed = testbed_build(&plan, driver, bed->journal, &e);
    if (!bed->journal || !bed->testbed)
        fail_msg("%s", e.text);
    for (int i = 0; i <= links; i++)
        bed->places[i] = (struct place){testbed_namespace(bed->testbed, i), addresses[i]};
}

static void tear_down(struct bed *bed)
{
    struct err e = ERR_INIT;
    autofree char *first = mem_copy_string(testbed_namespace(bed->testbed, 0));
    testbed_free(bed->testbed);
    if (journal_close(bed->journal, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_not_equal(access(first, F_OK), 0);
}

#define NEED_DRIVER()                                                                                        \
    if (!driver)                                                                                             \
    skip()

/* Delay: the shortest round trip. */
static void round_trips(void **state)
{
    static const struct {
        int links;
        double delay_ms, rate_mbit, expected_ms;
    } rows[] = {
        {1, 0, 0, 0},  {1, 1, 0, 2}, {1, 20, 80, 40}, {2, 10, 80, 40}, /* through a forwarding host */
        {3, 5, 0, 30},
    };
    (void)state;
    NEED_DRIVER();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct link_params params = {.delay = simtime_from_ms(rows[i].delay_ms),
                                     .rate_bps = (uint64_t)(rows[i].rate_mbit * 1e6)};
        struct bed bed;
        build(&bed, "rtt", rows[i].links, &params, "cubic");
        double ms = round_trip_ms(&bed.places[0], &bed.places[rows[i].links], 15);
        tear_down(&bed);
        if (ms < rows[i].expected_ms || ms > rows[i].expected_ms + 2.5)
            fail_msg("%d links of %g ms: round trip %.3f ms", rows[i].links, rows[i].delay_ms, ms);
    }
}

/* The fastest of three bursts, as the machine is shared. A burst that the queue holds leaves at the rate:
 * 1514 bytes on the line per packet. */
static void rates(void **state)
{
    static const double mbits[] = {8, 80, 400};
    (void)state;
    NEED_DRIVER();
    for (size_t i = 0; i < ARRAY_LEN(mbits); i++) {
        struct link_params params = {
            .delay = simtime_ms(5), .rate_bps = (uint64_t)(mbits[i] * 1e6), .queue_packets = 5000};
        int count = (int)(mbits[i] * 10) < 400 ? 400 : (int)(mbits[i] * 10);
        struct bed bed;
        build(&bed, "rate", 1, &params, "cubic");
        double seconds = INFINITY,
               expected = count * 1514 * 8 / (mbits[i] * 1e6) + simtime_seconds(params.delay);
        for (int attempt = 0; attempt < 3; attempt++) {
            struct burst burst = send_burst(&bed.places[0], &bed.places[1], count, 0);
            assert_int_equal(burst.received, count);
            seconds = fmin(seconds, burst.seconds);
        }
        tear_down(&bed);
        if (seconds < expected * 0.999 || seconds > expected * 1.25)
            fail_msg("%g Mbit/s: %d packets took %.4f s instead of %.4f", mbits[i], count, seconds, expected);
    }
}

/* TCP fills 80 Mbit/s, runs under the link's congestion control, and its packets are not super-packets. */
static void tcp_throughput(void **state)
{
    struct link_params params = {.delay = simtime_ms(5), .rate_bps = 80000000, .queue_packets = 200};
    struct bed bed;
    char congestion[16];
    (void)state;
    NEED_DRIVER();
    build(&bed, "tcp", 1, &params, "reno");
    double mbit = tcp_mbit(&bed.places[0], &bed.places[1], 12000000, congestion);
    struct link_counters counters;
    assert_int_equal(testbed_count(bed.testbed, 0, 0, &counters, NULL), 0);
    tear_down(&bed);
    assert_string_equal(congestion, "reno");
    assert_true(counters.bytes / counters.packets <= LINK_MTU);
    if (mbit < 50 || mbit > 77)
        fail_msg("TCP over 80 Mbit/s: %.1f Mbit/s", mbit);
}

/* More than the queue holds is dropped, and counted; what is in flight does not count against the queue. */
static void queue_drops(void **state)
{
    static const struct {
        uint32_t queue;
        int sent;
        double delay_ms;
    } rows[] = {{50, 400, 0}, {100, 400, 20}, {1000, 400, 20}};
    (void)state;
    NEED_DRIVER();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct link_params params = {
            .delay = simtime_from_ms(rows[i].delay_ms), .rate_bps = 8000000, .queue_packets = rows[i].queue};
        struct link_counters counters;
        struct bed bed;
        build(&bed, "queue", 1, &params, "cubic");
        struct burst burst = send_burst(&bed.places[0], &bed.places[1], rows[i].sent, 0);
        assert_int_equal(testbed_count(bed.testbed, 0, 0, &counters, NULL), 0);
        tear_down(&bed);
        /* One leaves every 1.5 ms while the burst is being sent; kernel netem has room for those in flight
         * besides. */
        int least = rows[i].sent < (int)rows[i].queue ? rows[i].sent : (int)rows[i].queue;
        if (burst.received < least || burst.received > least + 30)
            fail_msg("queue of %u: %d of %d arrived", rows[i].queue, burst.received, rows[i].sent);
        assert_int_equal((int)counters.dropped, rows[i].sent - burst.received);
    }
}

/* Losses stay within five standard deviations, and the seed decides which packets they are. */
static void losses(void **state)
{
    static const double rows[] = {0.01, 0.1, 0.5, 1};
    enum { SENT = 2000 };
    (void)state;
    NEED_DRIVER();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct link_params params = {.loss = rows[i], .seed = 7};
        struct bed bed;
        build(&bed, "loss", 1, &params, "cubic");
        struct burst burst = send_burst(&bed.places[0], &bed.places[1], SENT, 10);
        tear_down(&bed);
        double expected = SENT * rows[i], room = 5 * sqrt(SENT * rows[i] * (1 - rows[i])) + 1;
        if (fabs(SENT - burst.received - expected) > room)
            fail_msg("loss %g: %d of %d lost", rows[i], SENT - burst.received, SENT);
    }
}

/* A container's address comes, is reached over two hops, and goes. */
static void further_addresses(void **state)
{
    struct link_params plain = {.queue_packets = 0};
    struct err e = ERR_INIT;
    struct bed bed;
    (void)state;
    NEED_DRIVER();
    build(&bed, "extra", 2, &plain, "cubic");
    struct in_addr extra = ip("198.18.1.1");
    struct place there = {bed.places[2].namespace, "198.18.1.1"};
    assert_int_equal(testbed_address_add(bed.testbed, 2, extra, &e), 0);
    assert_int_equal(testbed_route_set(bed.testbed, &(struct testbed_route){0, extra, 0}, &e), 0);
    assert_int_equal(testbed_route_set(bed.testbed, &(struct testbed_route){1, extra, 1}, &e), 0);
    double ms = round_trip_ms(&bed.places[0], &there, 5);
    assert_int_equal(testbed_address_add(bed.testbed, 2, extra, &e), -EEXIST);
    assert_int_equal(testbed_address_remove(bed.testbed, 2, extra, &e), 0);
    assert_int_equal(testbed_route_remove(bed.testbed, 0, extra, &e), 0);
    assert_int_equal(testbed_route_remove(bed.testbed, 0, extra, &e), -ESRCH);
    int fd = socket_at(&bed.places[0], SOCK_DGRAM, 100);
    struct sockaddr_in outside = socket_address(&(struct place){NULL, "192.0.2.1"});
    assert_int_equal(connect(fd, (struct sockaddr *)&outside, sizeof outside), -1);
    assert_int_equal(errno, ENETUNREACH); /* no way out */
    close(fd);
    tear_down(&bed);
    assert_true(ms >= 0 && ms < 5);
}

/* Two testbeds with the same host names and addresses do not see each other. */
static void two_at_once(void **state)
{
    struct link_params slow = {.delay = simtime_ms(10)}, plain = {.queue_packets = 0};
    struct bed one, two;
    (void)state;
    NEED_DRIVER();
    build(&one, "one", 1, &slow, "cubic");
    build(&two, "two", 1, &plain, "cubic");
    double slow_ms = round_trip_ms(&one.places[0], &one.places[1], 5);
    double plain_ms = round_trip_ms(&two.places[0], &two.places[1], 5);
    tear_down(&one);
    double again_ms = round_trip_ms(&two.places[0], &two.places[1], 5);
    tear_down(&two);
    assert_true(slow_ms >= 20 && plain_ms >= 0 && plain_ms < 10 && again_ms >= 0 && again_ms < 10);
}

/* A link whose emulator is gone carries nothing. Kernel netem needs nobody, so this is about the emulator. */
static void fail_closed(void **state)
{
    struct link_params params = {.delay = simtime_ms(1)};
    struct bed bed;
    (void)state;
    NEED_DRIVER();
    if (driver != &link_driver_userspace)
        skip();
    build(&bed, "closed", 1, &params, "cubic");
    assert_true(round_trip_ms(&bed.places[0], &bed.places[1], 3) > 0);
    autofree char *a = mem_copy_string(bed.places[0].namespace),
                  *b = mem_copy_string(bed.places[1].namespace);
    testbed_free(bed.testbed);
    struct place here = {a, addresses[0]}, there = {b, addresses[1]};
    assert_int_equal(send_burst(&here, &there, 5, 0).received, 0);
    assert_int_equal(journal_close(bed.journal, NULL), 0);
}

/* Two machines, here namespaces with a cable between them, build a half of the plan each. What the link does to packets happens once, whichever
 * end the driver works at; the cable itself stays fast. */
static void two_machines(void **state)
{
    static const char *const machines[2] = {"192.0.2.1", "192.0.2.2"};
    const struct ether_addr hardware[2] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
    struct link_params params = {.delay = simtime_ms(10), .rate_bps = 80000000, .queue_packets = 200};
    struct in_addr ips[2] = {ip(addresses[0]), ip(addresses[1])};
    struct place cable[2], ends[2];
    struct journal *journals[2];
    struct testbed *beds[2];
    struct err e = ERR_INIT;
    char *names_of[2], *roots[2], congestion[16];
    (void)state;
    NEED_DRIVER();
    autofree char *run = mem_printf("machines-%d", getpid());
    for (int i = 0; i < 2; i++) {
        names_of[i] = mem_printf("roamlab-test-machine%d-%d", i, getpid());
        roots[i] = folder_make();
        assert_int_equal(namespace_create(names_of[i], &e), 0);
        cable[i] = (struct place){namespace_path(names_of[i]), machines[i]};
    }
    struct netlink *first = netlink_open(cable[0].namespace, &e),
                   *second = netlink_open(cable[1].namespace, &e);
    struct netlink *both[2] = {first, second};
    assert_int_equal(wiring_veth(first, "eth0", hardware, cable[1].namespace, &e), 0);
    for (int i = 0; i < 2; i++) {
        struct wiring_route route = {
            .destination = ip(machines[!i]), .interface = "eth0", .source = ip(machines[i])};
        assert_int_equal(wiring_up(both[i], "lo", &e), 0);
        assert_int_equal(wiring_up(both[i], "eth0", &e), 0);
        assert_int_equal(wiring_address_add(both[i], "eth0", ip(machines[i]), NULL, &e), 0);
        assert_int_equal(wiring_route_set(both[i], &route, &e), 0);
    }
    for (int i = 0; i < 2; i++) {
        struct testbed_host hosts[2] = {{"a", &ips[0], 1, i != 0, ip(machines[0])},
                                        {"b", &ips[1], 1, i != 1, ip(machines[1])}};
        struct testbed_link link = {.between = {0, 1}, .params = {params, params}, .congestion = "cubic"};
        struct testbed_plan plan = {hosts, &link, NULL, 2, 1, 0};
        int back;
        assert_int_equal(netns_enter(cable[i].namespace, &back, &e), 0);
        journals[i] = journal_open(roots[i], run, NULL, &e);
        beds[i] = testbed_build(&plan, driver, journals[i], &e);
        netns_leave(back);
        if (!beds[i])
            fail_msg("machine %d: %s", i, e.text);
        ends[i] = (struct place){testbed_namespace(beds[i], i), addresses[i]};
        assert_null(testbed_namespace(beds[i], !i));
    }
    double ms = round_trip_ms(&ends[0], &ends[1], 10), plain_ms = round_trip_ms(&cable[0], &cable[1], 10);
    struct link_counters counters[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(testbed_count(beds[driver->at_arrival ? i : !i], 0, !i, &counters[i], &e), 0);
    double mbit = tcp_mbit(&ends[0], &ends[1], 4000000, congestion);
    for (int i = 0; i < 2; i++) {
        testbed_free(beds[i]);
        assert_int_equal(journal_close(journals[i], &e), 0);
        netlink_free(both[i]);
        namespace_remove(names_of[i], &e);
        free((char *)(uintptr_t)cable[i].namespace);
        free(names_of[i]);
        folder_remove(roots[i]);
    }
    assert_true(counters[0].packets >= 10 && counters[1].packets >= 10);
    if (ms < 20 || ms > 22.5 || plain_ms > 5 || mbit < 40 || mbit > 77)
        fail_msg("round trip %.3f ms, on the cable %.3f ms, %.1f Mbit/s", ms, plain_ms, mbit);
}

/* Plans that cannot be built say why, and what was begun goes with the journal. */
static void bad_plans(void **state)
{
    struct in_addr ips[2] = {ip(addresses[0]), ip(addresses[1])};
    const struct testbed_host good[2] = {{"a", &ips[0], 1, false, {0}}, {"b", &ips[1], 1, false, {0}}},
                              bad[2] = {{"../a", &ips[0], 1, false, {0}}, {"b", &ips[1], 1, false, {0}}},
                              bare[2] = {{"a", NULL, 0, false, {0}}, {"b", &ips[1], 1, false, {0}}},
                              twice[2] = {{"a", &ips[0], 1, false, {0}}, {"a", &ips[1], 1, false, {0}}};
    const struct {
        const struct testbed_host *hosts;
        struct testbed_link link;
        struct testbed_route route;
        const char *says;
    } rows[] = {
        {bad, {.between = {0, 1}}, {0, ips[1], 0}, "host \"../a\""},
        {bare, {.between = {0, 1}}, {0, ips[1], 0}, "host a: no address"},
        {twice, {.between = {0, 1}}, {0, ips[1], 0}, "host a: namespace"},
        {good, {.between = {0, 2}}, {0, ips[1], 0}, "link 0: no host 2"},
        {good, {.between = {1, 1}}, {0, ips[1], 0}, "link 0: from a host to itself"},
        {good,
         {.between = {0, 1}, .congestion = "nonsuch"},
         {0, ips[1], 0},
         "congestion control \"nonsuch\""},
        {good, {.between = {0, 1}}, {0, ips[1], 3}, "link 3"},
    };
    (void)state;
    NEED_DRIVER();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct testbed_plan plan = {rows[i].hosts, &rows[i].link, &rows[i].route, 2, 1, 1};
        struct journal *journal = journal_open(NULL, "bad-plan", NULL, &e);
        assert_non_null(journal);
        assert_null(testbed_build(&plan, driver, journal, &e));
        if (!strstr(e.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
        assert_int_equal(journal_close(journal, &e), 0);
        assert_int_not_equal(access("/run/netns/roamlab-bad-plan-a", F_OK), 0);
    }
}

int main(void)
{
    struct err e = ERR_INIT;
    if (privileges_check(&e) == 0)
        driver = link_driver_choose(NULL, NULL, 0, &e);
    printf(driver ? "link driver: %s\n" : "skip: %s\n", driver ? driver->name : e.text);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips), cmocka_unit_test(rates),       cmocka_unit_test(tcp_throughput),
        cmocka_unit_test(queue_drops), cmocka_unit_test(losses),      cmocka_unit_test(further_addresses),
        cmocka_unit_test(two_at_once), cmocka_unit_test(fail_closed), cmocka_unit_test(two_machines),
        cmocka_unit_test(bad_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
