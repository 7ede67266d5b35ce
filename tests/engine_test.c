/* The loop: order of timers against a reference, wall time, watches. */
#include "buf.h"
#include "interrupt.h"
#include "loop.h"
#include "mem.h"
#include "rng.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

/* --- timers ------------------------------------------------------------------------------------------------------------------------ */

struct named {
    struct timer timer;
    char name;
    void (*then)(struct named *named);
};

static struct loop *loop;
static struct clock test_clock;
static struct named timers[26];
static struct buf order;

static void fire_named(struct timer *timer)
{
    struct named *named = container_of(timer, struct named, timer);
    assert_false(timer_armed(timer));
    buf_printf(&order, "%c", named->name);
    if (named->then)
        named->then(named);
}

static int virtual_loop(void **state)
{
    (void)state;
    test_clock = clock_virtual();
    loop = loop_new(&test_clock, NULL);
    for (int i = 0; i < 26; i++)
        timers[i] = (struct named){.timer.fire = fire_named, .name = (char)('a' + i)};
    buf_clear(&order);
    return loop ? 0 : -1;
}

static int end_loop(void **state)
{
    (void)state;
    loop_free(loop);
    buf_free(&order);
    return 0;
}

static struct timer *timer_of(char name)
{
    return &timers[name - 'a'].timer;
}

static void arm(char name, int64_t ns)
{
    loop_arm(loop, timer_of(name), simtime_ns(ns));
}

static void timers_fire_by_time_then_by_arming(void **state)
{
    (void)state;
    static const struct {
        const char *names; /* armed in this order … */
        int64_t at[8];     /* … for these times */
        const char *fired;
    } rows[] = {
        {"abc", {3, 2, 1}, "cba"},
        {"abcd", {5, 5, 5, 5}, "abcd"},
        {"abca", {5, 5, 5, 5}, "bca"}, /* armed again: it moves behind */
        {"abcda", {1, 9, 5, 5, 5}, "cdab"},
        {"ab", {-5, 0}, "ab"},
        {"ab", {0, -5}, "ba"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&order);
        for (size_t k = 0; rows[i].names[k]; k++)
            arm(rows[i].names[k], loop_now(loop).ns + rows[i].at[k]);
        loop_run(loop);
        assert_string_equal(buf_text(&order), rows[i].fired);
    }
}

static void cancel_b(struct named *named)
{
    (void)named;
    loop_cancel(loop, timer_of('b'));
    loop_cancel(loop, timer_of('b'));
}

static void arm_b_for_now(struct named *named)
{
    (void)named;
    arm('b', loop_now(loop).ns);
}

static void arm_self(struct named *named)
{
    if (order.len < 4)
        loop_arm_after(loop, &named->timer, simtime_ns(10));
}

static void stop(struct named *named)
{
    (void)named;
    loop_stop(loop);
}

static void handlers_may_arm_cancel_and_stop(void **state)
{
    (void)state;
    static const struct {
        void (*then)(struct named *); /* of a, at 1 */
        const char *names;
        int64_t at[4];
        const char *fired;
        int64_t now;
    } rows[] = {
        {cancel_b, "abc", {1, 1, 2}, "ac", 2},
        {arm_b_for_now, "abc", {1, 5, 1}, "acb", 1},
        {arm_self, "ab", {1, 12}, "aaba", 21},
        {stop, "ab", {1, 2}, "a", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        end_loop(NULL);
        virtual_loop(NULL);
        timers[0].then = rows[i].then;
        for (size_t k = 0; rows[i].names[k]; k++)
            arm(rows[i].names[k], rows[i].at[k]);
        loop_run(loop);
        assert_string_equal(buf_text(&order), rows[i].fired);
        assert_int_equal(loop_now(loop).ns, rows[i].now);
    }
}

static void run_until_includes_its_instant(void **state)
{
    (void)state;
    arm('a', 10);
    arm('b', 11);
    loop_run_until(loop, simtime_ns(10));
    assert_string_equal(buf_text(&order), "a");
    loop_run_until(loop, simtime_ns(500));
    assert_string_equal(buf_text(&order), "ab");
    assert_int_equal(loop_now(loop).ns, 500);
    assert_int_equal(loop_dispatched(loop), 2);
    assert_int_equal(loop_lateness(loop).count, 0);
}

static void arm_self_for_now(struct named *named)
{
    arm(named->name, loop_now(loop).ns);
}

static void be_interrupted_at_five(struct named *named)
{
    if (order.len == 5)
        raise(SIGTERM);
    arm_self_for_now(named);
}

/* The last of the tests in virtual time: a signal is remembered. */
static void an_instant_without_end_has_one(void **state)
{
    (void)state;
    static const struct {
        void (*then)(struct named *);
        uint64_t limit;
    } rows[] = {{arm_self_for_now, 5}, {be_interrupted_at_five, 1000000}};
    interrupt_catch();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        end_loop(NULL);
        virtual_loop(NULL);
        timers[0].then = rows[i].then;
        arm('a', 7);
        loop_limit(loop, rows[i].limit);
        loop_run_until(loop, simtime_ns(9));
        assert_string_equal(buf_text(&order), "aaaaa");
        assert_true(loop_is_over(loop));
        loop_run(loop);
        assert_int_equal(order.len, 5);
        assert_int_equal(loop_now(loop).ns, 7);
    }
}

/* --- 100 000 random operations against a list that is searched -------------------------------------------------------------------------- */

enum { RANDOM_TIMERS = 300, RANDOM_OPERATIONS = 100000 };

struct random_timer {
    struct timer timer;
    int64_t at;
    uint64_t sequence; /* of arming; 0 = not armed */
};

static struct random_timer many[RANDOM_TIMERS];
static int fired;

static int reference_first(void)
{
    int first = -1;
    for (int i = 0; i < RANDOM_TIMERS; i++)
        if (many[i].sequence && (first < 0 || many[i].at < many[first].at ||
                                 (many[i].at == many[first].at && many[i].sequence < many[first].sequence)))
            first = i;
    return first;
}

static void fire_random(struct timer *timer)
{
    fired = (int)(container_of(timer, struct random_timer, timer) - many);
    loop_stop(loop);
}

static void random_operations_agree_with_a_reference(void **state)
{
    (void)state;
    struct rng rng;
    uint64_t sequence = 0;
    int fires = 0;
    rng_init(&rng, 1, "timers", 0);
    for (int i = 0; i < RANDOM_TIMERS; i++)
        many[i] = (struct random_timer){.timer.fire = fire_random};
    for (int i = 0; i < RANDOM_OPERATIONS; i++) {
        struct random_timer *t = &many[rng_below(&rng, RANDOM_TIMERS)];
        uint64_t what = rng_below(&rng, 10);
        if (what < 5) {
            t->at = loop_now(loop).ns + (int64_t)rng_below(&rng, 50); /* few instants: many ties */
            t->sequence = ++sequence;
            loop_arm(loop, &t->timer, simtime_ns(t->at));
        } else if (what < 7) {
            t->sequence = 0;
            loop_cancel(loop, &t->timer);
        } else {
            int expected = reference_first();
            fired = -1;
            loop_run(loop);
            assert_int_equal(fired, expected);
            if (fired < 0)
                continue;
            assert_int_equal(loop_now(loop).ns, many[fired].at);
            many[fired].sequence = 0;
            fires++;
        }
        assert_int_equal(timer_armed(&t->timer), t->sequence != 0);
    }
    assert_true(fires > RANDOM_OPERATIONS / 5);
}

/* --- wall time ----------------------------------------------------------------------------------------------------------------------------- */

static int wall_loop(void **state)
{
    (void)state;
    test_clock = clock_wall(clock_monotonic());
    loop = loop_new(&test_clock, NULL);
    for (int i = 0; i < 26; i++)
        timers[i] = (struct named){.timer.fire = fire_named, .name = (char)('a' + i)};
    buf_clear(&order);
    return loop ? 0 : -1;
}

static void sleep_a_while(struct named *named)
{
    (void)named;
    usleep(30000);
}

static void wall_time_is_kept_and_lateness_recorded(void **state)
{
    (void)state;
    timers[0].then = sleep_a_while;
    arm('b', simtime_ms(25).ns);
    arm('a', simtime_ms(20).ns); /* makes b at least 25 ms late */
    loop_run(loop);
    struct lateness late = loop_lateness(loop);
    assert_string_equal(buf_text(&order), "ab");
    assert_true(loop_now(loop).ns >= simtime_ms(50).ns);
    assert_int_equal(late.count, 2);
    assert_true(late.max.ns >= simtime_ms(25).ns);
    assert_true(late.p50.ns <= late.p99.ns && late.p99.ns <= late.max.ns);
}

/* Two pipes are readable at once; who comes first takes the other off the loop. */
struct pipe_watch {
    struct watch watch;
    int write_fd, called;
    struct pipe_watch *other;
    bool removes_other;
};

static void pipe_ready(struct watch *watch, uint32_t epoll_events)
{
    struct pipe_watch *p = container_of(watch, struct pipe_watch, watch);
    char byte;
    assert_true(epoll_events & EPOLLIN);
    assert_int_equal(read(watch->fd, &byte, 1), 1);
    p->called++;
    if (p->removes_other)
        loop_unwatch(loop, &p->other->watch);
    loop_unwatch(loop, watch);
    loop_unwatch(loop, watch); /* harmless */
}

static void open_pipe(struct pipe_watch *p, struct pipe_watch *other, bool removes_other)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    *p = (struct pipe_watch){
        .watch = {pipe_ready, fds[0]}, .write_fd = fds[1], .other = other, .removes_other = removes_other};
    assert_int_equal(loop_watch(loop, &p->watch, EPOLLIN, NULL), 0);
    assert_int_equal(write(p->write_fd, "x", 1), 1);
}

static void a_watch_taken_off_in_a_batch_is_not_called(void **state)
{
    (void)state;
    for (int removes = 0; removes < 2; removes++) {
        struct pipe_watch a, b;
        open_pipe(&a, &b, removes);
        open_pipe(&b, &a, removes);
        loop_run(loop); /* ends when nothing is watched */
        assert_int_equal(a.called + b.called, removes ? 1 : 2);
        for (struct pipe_watch *p = &a; p; p = p == &a ? &b : NULL) {
            close(p->watch.fd);
            close(p->write_fd);
        }
    }
    struct watch closed = {pipe_ready, 9999};
    struct err e = ERR_INIT;
    assert_int_equal(loop_watch(loop, &closed, EPOLLIN, &e), -EBADF);
    assert_non_null(strstr(e.text, "9999"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_by_time_then_by_arming, virtual_loop, end_loop),
        cmocka_unit_test_setup_teardown(handlers_may_arm_cancel_and_stop, virtual_loop, end_loop),
        cmocka_unit_test_setup_teardown(run_until_includes_its_instant, virtual_loop, end_loop),
        cmocka_unit_test_setup_teardown(random_operations_agree_with_a_reference, virtual_loop, end_loop),
        cmocka_unit_test_setup_teardown(an_instant_without_end_has_one, virtual_loop, end_loop),
        cmocka_unit_test_setup_teardown(wall_time_is_kept_and_lateness_recorded, wall_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_watch_taken_off_in_a_batch_is_not_called, wall_loop, end_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
