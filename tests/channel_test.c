/* The engine's channels, its interrupts and lateness, and what children inherit. */
#include "channel.h"
#include "interrupt.h"
#include "lateness.h"
#include "loop.h"
#include "mem.h"
#include "process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct clock clock_used;
static struct loop *loop;

static void begin(void)
{
    clock_used = clock_wall(clock_monotonic());
    loop = loop_new(&clock_used, NULL);
    assert_non_null(loop);
}

static void end(void)
{
    loop_free(steal(loop));
}

struct listener {
    struct channel channel;
    char heard[256];
    int closed;
};

static void hear(struct channel *channel, char *text, size_t len)
{
    struct listener *l = container_of(channel, struct listener, channel);
    assert_int_equal(strlen(text), len);
    strcat(strcat(l->heard, text), "|");
    if (!strcmp(text, "enough"))
        channel_close(channel);
}

static void heard_out(struct channel *channel, const struct err *e)
{
    struct listener *l = container_of(channel, struct listener, channel);
    assert_null(e);
    l->closed++;
}

static void lines_arrive_whole(void **state)
{
    (void)state;
    static const struct {
        const char *parts[3];
        const char *heard;
        int closed;
    } rows[] = {
        {{"one\ntwo\n", "", ""}, "one|two|", 1},
        {{"o", "ne\n\nt", "wo\n"}, "one||two|", 1},
        {{"one\nrest", "", ""}, "one|", 1},
        {{"one\nenough\nmore\n", "", ""}, "one|enough|", 0},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        int in[2], out[2];
        begin();
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        struct listener l = {.channel = {.line = hear, .closed = heard_out}};
        assert_int_equal(channel_open(&l.channel, loop, in[0], out[1], NULL), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows[r].parts); i++) {
            const char *part = rows[r].parts[i];
            assert_int_equal(write(in[1], part, strlen(part)), strlen(part));
        }
        close(in[1]);
        loop_run(loop);
        assert_string_equal(l.heard, rows[r].heard);
        assert_int_equal(l.closed, rows[r].closed);
        close(out[0]);
        end();
    }
}

struct pausing {
    struct listener listener;
    struct timer later;
};

static void go_on(struct timer *timer)
{
    struct pausing *p = container_of(timer, struct pausing, later);
    assert_string_equal(p->listener.heard, "");
    channel_pause(&p->listener.channel, false);
}

static void a_paused_channel_hears_later(void **state)
{
    (void)state;
    int in[2], out[2];
    begin();
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    struct pausing p = {.listener.channel = {.line = hear, .closed = heard_out}, .later.fire = go_on};
    assert_int_equal(channel_open(&p.listener.channel, loop, in[0], out[1], NULL), 0);
    channel_pause(&p.listener.channel, true);
    channel_pause(&p.listener.channel, true);
    assert_int_equal(write(in[1], "one\ntwo\n", 8), 8);
    close(in[1]);
    loop_arm_after(loop, &p.later, simtime_ms(20));
    loop_run(loop);
    assert_string_equal(p.listener.heard, "one|two|");
    assert_int_equal(p.listener.closed, 1);
    close(out[0]);
    end();
}

/* Libraries open descriptors without close-on-exec (libpcap, libcurl): a child must get none of them, or the
 * sockets of this process live as long as its dockerd does. */
static void children_inherit_three_descriptors(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "! test -e /proc/$$/fd/77", NULL};
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    assert_int_equal(dup2(STDIN_FILENO, 77), 77);
    assert_int_equal(process_run(&o, NULL, NULL), 0);
    close(77);
}

/* As under su and cron: root's programs are found all the same. */
static void finds_programs_that_path_leaves_out(void **state)
{
    (void)state;
    const char *const argv[] = {"chroot", "--version", NULL};
    struct process_options o = PROCESS_OPTIONS_INIT;
    autofree char *path = mem_copy_string(getenv("PATH"));
    struct err e = ERR_INIT;
    o.argv = argv;
    setenv("PATH", "/nonexistent", 1);
    int status = process_run(&o, NULL, &e);
    setenv("PATH", path, 1);
    assert_int_equal(status, 0);
}

static void lateness_is_known_within_two_per_cent(void **state)
{
    (void)state;
    struct lateness_histogram *h = mem_alloc(sizeof *h);
    for (int us = 1; us <= 10000; us++)
        lateness_record(h, simtime_us(us));
    struct lateness l = lateness_summary(h);
    assert_int_equal(l.count, 10000);
    assert_in_range(l.p50.ns, 4900000, 5100000);
    assert_in_range(l.p99.ns, 9700000, 10000000);
    assert_int_equal(l.max.ns, 10000000);
    free(h);
}

static void an_interrupt_is_remembered(void **state)
{
    (void)state;
    char byte;
    interrupt_catch();
    assert_int_equal(interrupt_signal(), 0);
    raise(SIGTERM);
    raise(SIGINT);
    assert_int_equal(interrupt_signal(), SIGTERM);
    assert_int_equal(read(interrupt_fd(), &byte, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_arrive_whole),
        cmocka_unit_test(a_paused_channel_hears_later),
        cmocka_unit_test(children_inherit_three_descriptors),
        cmocka_unit_test(finds_programs_that_path_leaves_out),
        cmocka_unit_test(lateness_is_known_within_two_per_cent),
        cmocka_unit_test(an_interrupt_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
