/* The engine: order of timers, what happens to what is cancelled meanwhile, lines over descriptors, child processes. */
#include "channel.h"
#include "interrupt.h"
#include "lateness.h"
#include "loop.h"
#include "mem.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct clock clock_used;
static struct loop *loop;

static void begin(bool virtual_time)
{
    struct err e = ERR_INIT;
    clock_used = virtual_time ? clock_virtual() : clock_wall(clock_monotonic());
    loop = loop_new(&clock_used, &e);
    assert_non_null(loop);
}

static void end(void)
{
    loop_free(steal(loop));
}

/* --- timers --- */

struct tick {
    struct timer timer;
    char name;
    struct tick *cancels, *arms; /* when it fires */
};

static char fired[64];

static void tick(struct timer *timer)
{
    struct tick *t = container_of(timer, struct tick, timer);
    size_t len = strlen(fired);
    assert_false(timer_armed(timer));
    fired[len] = t->name;
    fired[len + 1] = '\0';
    if (t->cancels)
        loop_cancel(loop, &t->cancels->timer);
    if (t->arms)
        loop_arm_after(loop, &t->arms->timer, SIMTIME_ZERO);
}

static void timers_fire_in_the_order_of_time_and_arming(void **state)
{
    (void)state;
    static const struct {
        int at_ms[6]; /* of a, b, c, …; -1 = not armed */
        int cancels, canceller, arms, armer;
        const char *order;
    } rows[] = {
        {{3, 1, 2, 1, 1, 0}, -1, -1, -1, -1, "fbdeca"}, {{5, 5, 5, 5, 5, 5}, -1, -1, -1, -1, "abcdef"},
        {{1, 2, 2, 3, -1, -1}, 2, 1, -1, -1, "abd"},   /* b cancels c, which is due at the same time */
        {{1, 2, 3, -1, -1, -1}, 0, 2, -1, -1, "abc"},  /* what has fired is cancelled without harm */
        {{1, 1, 2, -1, -1, -1}, -1, -1, 3, 0, "abdc"}, /* at once, but behind what is due already */
        {{0, 4, -1, -1, -1, -1}, -1, -1, 1, 0, "ab"},  /* an armed timer moves */
    };
    for (int wall = 0; wall < 2; wall++)
        for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
            struct tick ticks[6] = {0};
            begin(!wall);
            fired[0] = '\0';
            for (int i = 0; i < 6; i++) {
                ticks[i] = (struct tick){.timer.fire = tick, .name = (char)('a' + i)};
                if (rows[r].at_ms[i] >= 0)
                    loop_arm(loop, &ticks[i].timer, simtime_ms(rows[r].at_ms[i]));
            }
            if (rows[r].canceller >= 0)
                ticks[rows[r].canceller].cancels = &ticks[rows[r].cancels];
            if (rows[r].armer >= 0)
                ticks[rows[r].armer].arms = &ticks[rows[r].arms];
            loop_run(loop);
            assert_string_equal(fired, rows[r].order);
            end();
        }
}

/* Against a plain list, with as many cancellations and moves as there are timers. */
static void a_full_queue_stays_in_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct tick *ticks = mem_alloc_array(COUNT, sizeof *ticks);
    int64_t due[COUNT], last = -1;
    int left = 0;
    begin(true);
    srandom(5);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < COUNT; i++) {
            ticks[i].timer.fire = tick;
            due[i] = random() % 3 ? random() % 1000 : -1;
            if (due[i] >= 0)
                loop_arm(loop, &ticks[i].timer, simtime_us(due[i]));
            else
                loop_cancel(loop, &ticks[i].timer);
        }
    for (int i = 0; i < COUNT; i++)
        left += due[i] >= 0;
    for (int64_t us = 0; us < 1000; us++) {
        fired[0] = '\0';
        for (int i = 0; i < COUNT; i++)
            ticks[i].name = '.';
        loop_run_until(loop, simtime_us(us));
        int expected = 0;
        for (int i = 0; i < COUNT; i++)
            expected += due[i] == us;
        assert_int_equal(strlen(fired), expected);
        assert_true(loop_now(loop).ns > last);
        last = loop_now(loop).ns;
        left -= expected;
    }
    assert_int_equal(left, 0);
    free(ticks);
    end();
}

/* --- watches --- */

struct bell {
    struct watch watch;
    struct bell *silences;
    int rings;
};

static void ring(struct watch *watch, uint32_t events)
{
    struct bell *b = container_of(watch, struct bell, watch);
    (void)events;
    b->rings++;
    loop_unwatch(loop, &b->silences->watch);
    loop_unwatch(loop, &b->watch);
}

/* Both are ready in the same batch: whichever comes first silences the other. */
static void an_unwatched_descriptor_is_not_reported(void **state)
{
    (void)state;
    struct bell a = {0}, b = {0};
    begin(false);
    a = (struct bell){.watch = {ring, eventfd(1, EFD_CLOEXEC)}, .silences = &b};
    b = (struct bell){.watch = {ring, eventfd(1, EFD_CLOEXEC)}, .silences = &a};
    assert_int_equal(loop_watch(loop, &a.watch, EPOLLIN, NULL), 0);
    assert_int_equal(loop_watch(loop, &b.watch, EPOLLIN, NULL), 0);
    loop_run(loop);
    assert_int_equal(a.rings + b.rings, 1);
    close(a.watch.fd);
    close(b.watch.fd);
    end();
}

/* --- channels --- */

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
        begin(false);
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

/* --- processes --- */

struct child {
    struct process process;
    int status, calls;
};

static void child_done(struct process *process, int status)
{
    struct child *c = container_of(process, struct child, process);
    c->status = status;
    c->calls++;
}

static int start(struct child *c, const char *command, struct err *e)
{
    const char *const argv[] = {"sh", "-c", command, NULL};
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    *c = (struct child){.process.ended = child_done};
    return process_start(loop, &c->process, &o, e);
}

static void children_report_how_they_ended(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int status;
    } rows[] = {
        {"exit 0", 0}, {"exit 7", 7}, {"kill -TERM $$", 128 + SIGTERM}, {"kill -KILL $$", 128 + SIGKILL}};
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct child c;
        begin(false);
        assert_int_equal(start(&c, rows[r].command, NULL), 0);
        loop_run(loop);
        assert_int_equal(c.calls, 1);
        assert_int_equal(c.status, rows[r].status);
        assert_int_equal(c.process.pid, 0);
        end();
    }
}

static void a_killed_child_takes_its_group_along_and_calls_nobody(void **state)
{
    (void)state;
    struct child c;
    begin(false);
    assert_int_equal(start(&c, "sleep 100 & wait", NULL), 0);
    pid_t pid = c.process.pid;
    process_kill(&c.process);
    assert_int_equal(waitpid(pid, NULL, 0), -1); /* reaped already */
    for (int i = 0; i < 1000 && kill(-pid, 0) == 0; i++)
        usleep(1000);
    assert_int_equal(kill(-pid, 0), -1);
    loop_run(loop);
    assert_int_equal(c.calls, 0);
    end();
}

static void names_a_program_that_is_not_there(void **state)
{
    (void)state;
    const char *const argv[] = {"no-such-program", NULL};
    struct process_options o = PROCESS_OPTIONS_INIT;
    struct process process = {.ended = child_done};
    struct err e = ERR_INIT;
    o.argv = argv;
    begin(false);
    assert_int_equal(process_start(loop, &process, &o, &e), -ENOENT);
    assert_string_equal(e.text, "start no-such-program: No such file or directory");
    end();
}

/* Libraries open descriptors without close-on-exec (libpcap, libcurl): a child must get none of them, or the sockets of this
 * process live as long as its dockerd does. */
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

/* --- the rest --- */

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
        cmocka_unit_test(timers_fire_in_the_order_of_time_and_arming),
        cmocka_unit_test(a_full_queue_stays_in_order),
        cmocka_unit_test(an_unwatched_descriptor_is_not_reported),
        cmocka_unit_test(lines_arrive_whole),
        cmocka_unit_test(children_report_how_they_ended),
        cmocka_unit_test(a_killed_child_takes_its_group_along_and_calls_nobody),
        cmocka_unit_test(names_a_program_that_is_not_there),
        cmocka_unit_test(children_inherit_three_descriptors),
        cmocka_unit_test(lateness_is_known_within_two_per_cent),
        cmocka_unit_test(an_interrupt_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
