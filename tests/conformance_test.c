/* One table of cases against all three link drivers: the model by itself, our own in namespaces, and the kernel's netem
 * inside User Mode Linux, which this program boots with itself as init (its kernel has netem whatever this one has). A
 * link is changed in place from case to case. */
#include "conformance_rows.h"
#include "link_fixture.h"
#include "model.h"
#include "privileges.h"
#include "process.h"
#include "rule.h"
#include "standstill.h"
#include "testbed.h"
#include "uml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <time.h>

static struct outcome outcome; /* large */

/* --- the model ------------------------------------------------------------------------------------------- */

static int64_t sending_ns(const struct conformance_row *row, int packet)
{
    return (int64_t)(packet / row->batch) * row->gap_us * 1000;
}

static bool changes(const struct conformance_row *row)
{
    return row->check == CHECK_CHANGE || row->check == CHECK_QUEUED;
}

static void play(struct link_model *link, const struct conformance_row *row)
{
    outcome = (struct outcome){.count = row->count};
    for (int i = 0; i < row->count; i++) {
        struct link_arrival arrivals[2];
        struct simtime now = simtime_ns(sending_ns(row, i));
        if (changes(row) && i == row->count / 2)
            link_model_change(link, &row->then);
        int copies = link_model_offer(link, now, (uint64_t)row->bytes + LINK_ETHERNET, arrivals);
        outcome.sent[i] = simtime_to_ms(now);
        outcome.arrived[i] = copies ? simtime_to_ms(arrivals[0].at) : -1;
        outcome.copies[i] = copies;
        outcome.corrupt += copies && arrivals[0].corrupt;
    }
    outcome.bits = outcome.corrupt;
}

static void model_conforms(void **state)
{
    static const struct precision exact = {.late_ms = 0};
    int failed = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(conformance_rows); i++) {
        const struct conformance_row *row = &conformance_rows[i];
        struct link_model link;
        struct err e = ERR_INIT;
        if (link_params_check(&row->params, &e) < 0)
            fail_msg("%s: %s", row->name, e.text);
        link_model_init(&link, &row->params, 0);
        play(&link, row);
        failed += !conformance_judge("model", row, &outcome, &exact);
        link_model_free(&link);
    }
    assert_int_equal(failed, 0);
}

/* --- real packets ---------------------------------------------------------------------------------------- */

struct bed {
    struct journal *journal;
    struct testbed *testbed;
    struct place a, b;
};

static void bed_build(struct bed *bed, const struct link_driver *driver)
{
    static struct in_addr ips[2];
    ips[0].s_addr = htonl(0xc6120001);
    ips[1].s_addr = htonl(0xc6120002);
    struct testbed_host hosts[2] = {{"a", &ips[0], 1, false, {0}}, {"b", &ips[1], 1, false, {0}}};
    struct testbed_link link = {.between = {0, 1}, .varies = true};
    struct err e = ERR_INIT;
    autofree char *name = mem_printf("conformance-%d", getpid());
    bed->journal = journal_open(uml_inside() ? "/run/runs" : NULL, name, NULL, &e);
    must(bed->journal != NULL, e.text);
    bed->testbed =
        testbed_build(&(struct testbed_plan){hosts, &link, NULL, 2, 1, 0}, driver, bed->journal, &e);
    must(bed->testbed != NULL, e.text);
    bed->a = (struct place){testbed_namespace(bed->testbed, 0), "198.18.0.1"};
    bed->b = (struct place){testbed_namespace(bed->testbed, 1), "198.18.0.2"};
}

static void bed_free(struct bed *bed)
{
    struct err e = ERR_INIT;
    testbed_free(bed->testbed);
    must(journal_close(bed->journal, &e) == 0, e.text);
}

enum { PATTERN = 0x5a, HEADERS = 28, SENDER_PRIORITY = 4, RECEIVER_PRIORITY = 5 };

struct receiver {
    int fd;
    atomic_bool stopping;
    int64_t start_ns;
};

static int turned_bits(const uint8_t *bytes, size_t len)
{
    int bits = 0;
    for (size_t i = sizeof(uint32_t); i < len; i++)
        bits += __builtin_popcount(bytes[i] ^ PATTERN);
    return bits;
}

/* The number of a packet stands in four bytes; one turned in there makes it another packet, or none. */
static void account(const uint8_t *bytes, size_t len, int64_t at_ns)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    int bits = turned_bits(bytes, len);
    if (number >= (uint32_t)outcome.count)
        return;
    outcome.corrupt += bits > 0;
    outcome.bits += bits;
    if (outcome.copies[number]++ == 0)
        outcome.arrived[number] = (double)at_ns / 1e6;
}

static void *receive(void *argument)
{
    struct receiver *receiver = argument;
    uint8_t bytes[2048];
    while (!atomic_load(&receiver->stopping)) {
        ssize_t len = recv(receiver->fd, bytes, sizeof bytes, 0);
        int64_t now_ns = clock_monotonic().ns - receiver->start_ns;
        if (len >= (ssize_t)sizeof(uint32_t))
            account(bytes, (size_t)len, now_ns);
    }
    return NULL;
}

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {at_ns / 1000000000, at_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void send_all(const struct conformance_row *row, struct bed *bed, int fd, int64_t start_ns)
{
    uint8_t bytes[2048];
    struct err e = ERR_INIT;
    memset(bytes, PATTERN, sizeof bytes);
    for (int i = 0; i < row->count; i++) {
        if (i % row->batch == 0 && row->gap_us)
            sleep_until(start_ns + sending_ns(row, i));
        if (changes(row) && i == row->count / 2)
            must(testbed_change(bed->testbed, 0, 0, &row->then, &e) == 0, e.text);
        memcpy(bytes, &(uint32_t){(uint32_t)i}, sizeof(uint32_t));
        outcome.sent[i] = (double)(clock_monotonic().ns - start_ns) / 1e6;
        send_from(fd, &bed->b, bytes, (size_t)(row->bytes - HEADERS));
    }
}

/* Whoever takes times is not to be kept waiting by what else this machine does. */
static void go_ahead(pthread_t thread, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    pthread_setschedparam(thread, priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

static void run_row(const struct conformance_row *row, struct bed *bed)
{
    struct receiver receiver = {.fd = socket_at(&bed->b, SOCK_DGRAM, 50), .start_ns = clock_monotonic().ns};
    int fd = socket_at(&bed->a, SOCK_DGRAM, 1000), one = 1;
    pthread_t thread;
    outcome = (struct outcome){.count = row->count};
    for (int i = 0; i < row->count; i++)
        outcome.arrived[i] = -1;
    /* Without a checksum, packets with turned bits arrive. */
    must(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one) == 0, "SO_NO_CHECK");
    must(pthread_create(&thread, NULL, receive, &receiver) == 0, "thread");
    go_ahead(thread, RECEIVER_PRIORITY);
    if (!uml_inside()) /* in there it is alone, and has one processor, which must not be kept from the packets */
        go_ahead(pthread_self(), SENDER_PRIORITY);
    send_all(row, bed, fd, receiver.start_ns);
    go_ahead(pthread_self(), 0);
    const struct link_params *p = &row->params;
    int64_t on_line = link_line_ns(p, (uint64_t)row->bytes + LINK_ETHERNET, 1) * row->count;
    sleep_until(clock_monotonic().ns + on_line + p->delay.ns + 5 * p->jitter.ns + row->then.delay.ns +
                200000000);
    atomic_store(&receiver.stopping, true);
    pthread_join(thread, NULL);
    close(fd);
    close(receiver.fd);
}

/* What the kernel has no words for is refused, and judged no further. */
static bool is_refused(const struct conformance_row *row, struct bed *bed, const struct link_driver *driver)
{
    struct err e = ERR_INIT;
    int status = testbed_change(bed->testbed, 0, 0, &row->params, &e);
    if (status == -EOPNOTSUPP && driver == &link_driver_kernel && (row->params.queue_bytes || row->params.jitter_correlation > 0)) {
        printf("%s: %s: refused: %s\n", driver->name, row->name, e.text);
        return true;
    }
    must(status == 0, e.text);
    return false;
}

/* A row that fails while the machine stands still says nothing about the driver and is tried again; one that fails twice on a machine that
 * does not, or as often as that on one that always does, does not conform. */
static bool row_conforms(const struct conformance_row *row, struct bed *bed, const struct link_driver *driver,
                         const struct precision *precision)
{
    enum { FAILURES = 2, DISTURBED = 6, STANDSTILL_MS = 1 };
    for (int failures = 0, disturbed = 0; failures < FAILURES && disturbed < DISTURBED;) {
        struct standstill standstill;
        if (is_refused(row, bed, driver))
            return true;
        standstill_begin(&standstill);
        run_row(row, bed);
        double stood_ms = standstill_end(&standstill);
        if (conformance_judge(driver->name, row, &outcome, precision))
            return true;
        printf("%s: %s: meanwhile the machine stood still for up to %.1f ms\n", driver->name, row->name, stood_ms);
        if (stood_ms > STANDSTILL_MS)
            disturbed++;
        else
            failures++;
    }
    return false;
}

static int rows_fail(const struct link_driver *driver, const struct precision *precision)
{
    struct bed bed;
    int failed = 0;
    bed_build(&bed, driver);
    for (size_t i = 0; i < ARRAY_LEN(conformance_rows); i++)
        failed += !row_conforms(&conformance_rows[i], &bed, driver, precision);
    struct link_counters counters;
    struct err e = ERR_INIT;
    must(testbed_count(bed.testbed, 0, 0, &counters, &e) == 0, e.text);
    printf("%s: %llu packets delivered, %llu dropped, %llu lost%s\n", driver->name,
           (unsigned long long)counters.packets, (unsigned long long)counters.dropped,
           (unsigned long long)counters.lost, counters.seeded ? "" : "; the seed does not count");
    bed_free(&bed);
    return failed;
}

static void own_driver_conforms(void **state)
{
    static const struct precision loose = {.late_ms = 2, .ks = 0.03};
    struct err e = ERR_INIT;
    (void)state;
    if (privileges_check(&e) < 0 || link_driver_userspace.probe(&e) < 0) {
        printf("skip: %s\n", e.text);
        skip();
    }
    assert_int_equal(rows_fail(&link_driver_userspace, &loose), 0);
}

/* Only what comes from one of two addresses is delayed. */
static void own_driver_tells_peers_apart(void **state)
{
    struct err e = ERR_INIT;
    struct link_shaper *shaper;
    struct bed bed;
    (void)state;
    if (privileges_check(&e) < 0 || link_driver_userspace.probe(&e) < 0) {
        printf("skip: %s\n", e.text);
        skip();
    }
    bed_build(&bed, &link_driver_userspace);
    struct in_addr other = {htonl(0xc6120101)};
    must(testbed_address_add(bed.testbed, 0, other, &e) == 0, e.text);
    must(testbed_route_set(bed.testbed, &(struct testbed_route){1, other, 0}, &e) == 0, e.text);
    must(rule_clear(bed.b.namespace, "link0", &e) == 0, e.text);
    struct link_drive *drive = link_drive_start(&link_driver_userspace, &e);
    struct link_ends ends = {.to_namespace = bed.b.namespace,
                             .to_interface = "link0",
                             .from_peer = {htonl(0xc6120100)},
                             .peer_prefix = 24};
    struct link_params params = {.delay = simtime_ms(30)};
    must(link_shape(drive, &ends, &params, &shaper, &e) == 0, e.text);
    struct place from_other = {bed.a.namespace, "198.18.1.1"};
    double plain_ms = round_trip_ms(&bed.a, &bed.b, 5), slow_ms = round_trip_ms(&from_other, &bed.b, 5);
    must(link_driver_userspace.clear(bed.b.namespace, "link0", &e) == 0, e.text);
    double cleared_ms = round_trip_ms(&from_other, &bed.b, 5);
    link_drive_stop(drive);
    bed_free(&bed);
    printf("userspace: round trips %.3f, from the peer %.3f, cleared %.3f ms\n", plain_ms, slow_ms,
           cleared_ms);
    assert_true(plain_ms >= 0 && plain_ms < 10 && cleared_ms >= 0 && cleared_ms < 10);
    assert_true(slow_ms >= 30 && slow_ms < 40);
}

/* --- the kernel's ---------------------------------------------------------------------------------------- */

#include "kernel_rows.h"

static void inside(void *context)
{
    static const struct precision loose = {.late_ms = 3, .ks = 0.04};
    struct err e = ERR_INIT;
    (void)context;
    must(uml_module("drivers/net/veth", &e) == 0, e.text);
    must(!link_driver_choose(NULL, NULL, 0, &e), "a link driver without its module");
    printf("guest: without modules: %s (%s)\n", e.text, e.hint);
    e = (struct err)ERR_INIT;
    static const char *const modules[] = {"net/sched/sch_netem", "net/sched/sch_htb", "net/sched/cls_u32",
                                          "net/sched/sch_tbf"};
    for (size_t i = 0; i < ARRAY_LEN(modules); i++)
        must(uml_module(modules[i], &e) == 0, e.text);
    must(link_driver_choose(NULL, NULL, 0, &e) == &link_driver_kernel, "the kernel driver is not chosen");
    int failed = rows_fail(&link_driver_kernel, &loose) + kernel_rows_fail();
    printf("guest: %s\n", failed ? "not good" : "all good");
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void kernel_conforms(void **state)
{
    struct err e = ERR_INIT;
    autofree char *output = NULL;
    (void)state;
    if (SANITIZED || uml_available(&e) < 0) {
        printf("skip: %s%s%s\n",
               SANITIZED ? "the sanitizer's shadow memory does not fit into User Mode Linux" : e.text,
               e.hint[0] ? ": " : "", e.hint);
        skip();
    }
    static const char *const none[] = {NULL};
    if (uml_run(none, 600, true, &output, &e) < 0)
        fail_msg("%s", e.text);
    printf("%s\n", output);
    assert_non_null(strstr(output, "guest: all good"));
    assert_non_null(strstr(output, "guest: without modules: no link driver will do: kernel: the kernel has no sch_netem; userspace: "));
}

/* Two humps, as no built-in distribution has them, in the form of a user's file. */
static struct link_table *humps(void)
{
    char text[8192] = "# a table of one's own\n";
    struct err e = ERR_INIT;
    size_t len = strlen(text);
    for (int i = 0; i < 512; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%d\n", (i < 256 ? -8192 : 4096) + i * 16);
    struct link_table *table = table_parse("humps", text, len, &e);
    must(table != NULL, e.text);
    return table;
}

int main(void)
{
    autofree struct link_table *table = humps();
    for (size_t i = 0; i < ARRAY_LEN(conformance_rows); i++)
        if (conformance_rows[i].params.distribution == LINK_TABLE)
            conformance_rows[i].params.table = table;
    if (uml_inside())
        uml_serve(inside, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(model_conforms),
                                       cmocka_unit_test(own_driver_conforms),
                                       cmocka_unit_test(own_driver_tells_peers_apart),
                                       cmocka_unit_test(kernel_conforms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
