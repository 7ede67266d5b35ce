/* The capture of a host: what was sent in a private network namespace stands in the file, once, whole. */
#include "capture.h"
#include "lateness.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORT = 9137, MARK = 0x524c4142, IP_AND_UDP = 28 };

struct fixture {
    struct clock clock;
    struct loop *loop;
    struct capture *capture;
    char folder[64], path[96];
    int from, to;
    uint32_t sent;
    struct timer pace, patience;
    int failures;
    struct err error;
};

static void stop_loop(struct timer *timer)
{
    loop_stop(container_of(timer, struct fixture, patience)->loop);
}

static void run_for(struct fixture *f, int ms)
{
    f->patience.fire = stop_loop;
    loop_arm(f->loop, &f->patience, simtime_add(clock_read(&f->clock), simtime_ms(ms)));
    loop_run(f->loop);
}

static void capture_broke(void *context, const struct err *e)
{
    struct fixture *f = context;
    f->failures++;
    f->error = *e;
}

static int set_up(void **state)
{
    struct fixture *f = *state = mem_alloc(sizeof *f);
    struct err e = ERR_INIT;
    if (unshare(CLONE_NEWNET) < 0 || system("ip link set lo up") != 0) {
        printf("skip: a private network namespace needs root and iproute2\n");
        return 0;
    }
    f->clock = clock_wall(clock_monotonic());
    f->loop = loop_new(&f->clock, &e);
    strcpy(f->folder, "/tmp/roamlab-capture-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/pc1.pcap", f->folder);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    f->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    f->to = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->to, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(connect(f->from, (struct sockaddr *)&at, sizeof at), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->loop) {
        capture_stop(f->capture, NULL, NULL);
        unlink(f->path);
        rmdir(f->folder);
        close(f->from);
        close(f->to);
        loop_free(f->loop);
    }
    free(f);
    return 0;
}

static struct fixture *fixture_of(void **state)
{
    struct fixture *f = *state;
    if (!f->loop)
        skip();
    return f;
}

static void start(struct fixture *f)
{
    struct err e = ERR_INIT;
    assert_int_equal(capture_start(&f->capture, f->loop, f->path, capture_broke, f, &e), 0);
}

/* A numbered datagram of `len` bytes. */
static void send_numbered(struct fixture *f, size_t len)
{
    static uint8_t bytes[65536];
    const uint32_t head[2] = {MARK, f->sent++};
    memcpy(bytes, head, sizeof head);
    assert_int_equal(send(f->from, bytes, len, 0), len);
    while (recv(f->to, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

/* Counts the datagrams in the file, which must be numbered without gap or repetition, and whole. */
static uint32_t read_back(const char *path, size_t expected_len)
{
    char text[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    uint32_t seen = 0;
    pcap_t *file = pcap_open_offline(path, text);
    assert_non_null(file);
    assert_int_equal(pcap_datalink(file), DLT_LINUX_SLL2);
    while (pcap_next_ex(file, &header, &bytes) == 1) {
        uint32_t head[2];
        assert_int_equal(header->caplen, header->len);
        if (header->caplen < SLL2_HDR_LEN + IP_AND_UDP + sizeof head)
            continue;
        memcpy(head, bytes + SLL2_HDR_LEN + IP_AND_UDP, sizeof head);
        if (head[0] != MARK)
            continue;
        assert_int_equal(head[1], seen++);
        assert_int_equal(header->len, SLL2_HDR_LEN + IP_AND_UDP + expected_len);
    }
    pcap_close(file);
    return seen;
}

static void every_length(void **state)
{
    static const size_t lengths[] = {8, 1000, 1472, 1473, 9000, 65507};
    struct fixture *f = fixture_of(state);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct capture_counts counts;
        struct err e = ERR_INIT;
        f->sent = 0;
        start(f);
        for (int n = 0; n < 20; n++)
            send_numbered(f, lengths[i]);
        assert_int_equal(capture_stop(steal(f->capture), &counts, &e), 0);
        assert_int_equal(read_back(f->path, lengths[i]), 20);
        assert_int_equal(counts.packets, 20);
        assert_int_equal(counts.bytes, 20 * (lengths[i] + IP_AND_UDP));
        assert_int_equal(counts.dropped, 0);
    }
}

/* 80 Mbit/s of full packets for two seconds, sent from the same loop, like an agent that is busy. */
static void send_batch(struct timer *timer)
{
    struct fixture *f = container_of(timer, struct fixture, pace);
    for (int i = 0; i < 7; i++)
        send_numbered(f, 1400);
    loop_arm_after(f->loop, timer, simtime_ms(1));
}

static void under_load(void **state)
{
    struct fixture *f = fixture_of(state);
    struct capture_counts counts;
    struct err e = ERR_INIT;
    start(f);
    f->pace.fire = send_batch;
    loop_arm(f->loop, &f->pace, clock_read(&f->clock)); /* opening the buffer took some 10 ms */
    run_for(f, 2000);
    loop_cancel(f->loop, &f->pace);
    struct lateness late = loop_lateness(f->loop);
    assert_int_equal(capture_stop(steal(f->capture), &counts, &e), 0);
    print_message("%u packets, late p50 %.3f p99 %.3f max %.3f ms\n", f->sent, simtime_to_ms(late.p50),
                  simtime_to_ms(late.p99), simtime_to_ms(late.max));
    assert_true(f->sent > 2000);
    assert_int_equal(counts.dropped, 0);
    assert_int_equal(read_back(f->path, 1400), f->sent);
    assert_true(simtime_to_ms(late.p50) < 5);
}

/* Without anyone stopping it, as when the process is killed, the file is whole a second later. */
static void flushed_while_it_runs(void **state)
{
    struct fixture *f = fixture_of(state);
    start(f);
    assert_int_equal(read_back(f->path, 0), 0);
    for (int n = 0; n < 50; n++)
        send_numbered(f, 500);
    run_for(f, 1500);
    assert_int_equal(read_back(f->path, 500), 50);
}

/* More than the kernel's buffer at once, the loop not running: the loss is counted. */
static void counts_what_is_lost(void **state)
{
    struct fixture *f = fixture_of(state);
    struct capture_counts counts;
    struct err e = ERR_INIT;
    start(f);
    for (int n = 0; n < 2000; n++)
        send_numbered(f, 60000);
    assert_int_equal(capture_stop(steal(f->capture), &counts, &e), 0);
    assert_true(counts.dropped > 0);
    assert_int_equal(2 * counts.packets + counts.dropped, 2 * f->sent); /* on loopback: out and in */
}

static void new_interface(void **state)
{
    struct fixture *f = fixture_of(state);
    struct capture_counts counts;
    struct err e = ERR_INIT;
    start(f);
    run_for(f, 50);
    assert_int_equal(system("ip link add left type veth peer name right && ip link set left up && "
                            "ip link set right up && ip addr add 198.18.0.1/24 dev left && "
                            "ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:02 dev left"),
                     0);
    struct sockaddr_in away = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "198.18.0.2", &away.sin_addr);
    close(f->from); /* bound to loopback by its first connect */
    f->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(f->from, (struct sockaddr *)&away, sizeof away), 0);
    send_numbered(f, 700);
    assert_int_equal(capture_stop(steal(f->capture), &counts, &e), 0);
    assert_true(counts.packets >= 2); /* out of the one, into the other; and what IPv6 says on its own */
}

static void errors_name_the_file(void **state)
{
    struct fixture *f = fixture_of(state);
    struct err e = ERR_INIT;
    assert_int_equal(capture_start(&f->capture, f->loop, "/nonexistent/x.pcap", NULL, NULL, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/x.pcap"));
    assert_true(capture_start(&f->capture, f->loop, "/dev/full", NULL, NULL, &e) < 0);
    assert_non_null(strstr(e.text, "/dev/full: No space left"));
}

static void disk_fills(void **state)
{
    struct fixture *f = fixture_of(state);
    struct err e = ERR_INIT;
    char command[256];
    snprintf(command, sizeof command, "mount -t tmpfs -o size=1m tmpfs %s", f->folder);
    if (unshare(CLONE_NEWNS) < 0 || system("mount --make-rprivate /") || system(command)) {
        printf("skip: mounting a small tmpfs is not allowed\n");
        skip();
    }
    start(f);
    for (int n = 0; n < 100; n++)
        send_numbered(f, 60000);
    for (int tries = 0; tries < 600 && f->failures == 0; tries++)
        run_for(f, 100);
    assert_int_equal(f->failures, 1);
    assert_non_null(strstr(f->error.text, "No space left"));
    assert_true(capture_stop(steal(f->capture), NULL, &e) < 0);
    snprintf(command, sizeof command, "umount %s", f->folder);
    assert_int_equal(system(command), 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(every_length),        ROW(under_load),    ROW(flushed_while_it_runs),
        ROW(counts_what_is_lost), ROW(new_interface), ROW(errors_name_the_file),
        ROW(disk_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
