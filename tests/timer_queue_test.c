/* The pending timers in their total order, whatever their times are like. Few timers, and the loop around them:
 * engine_test.c. */
#include "mem.h"
#include "rng.h"
#include "timer_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMERS = 20000, OPERATIONS = 200000 };

struct pending {
    struct timer timer;
    int64_t at_ns;
    uint64_t armed; /* the how-manieth arming; 0 = not armed */
};

static struct pending timers[TIMERS];

static int64_t at_once(struct rng *rng)
{
    (void)rng;
    return 0;
}

static int64_t few_instants(struct rng *rng)
{
    return (int64_t)rng_below(rng, 5) * 1000000;
}

static int64_t uniform(struct rng *rng)
{
    return (int64_t)rng_below(rng, 1000000000);
}

/* Delays of every size, from nanoseconds to years. */
static int64_t every_size(struct rng *rng)
{
    return (int64_t)(rng_u64(rng) >> (2 + rng_below(rng, 60))) / 1000;
}

/* Most are near, some hours away, as those that end a run. */
static int64_t near_and_far(struct rng *rng)
{
    return rng_below(rng, 50) ? (int64_t)rng_exponential(rng, 1e6)
                              : 3600000000000 + (int64_t)rng_below(rng, 10);
}

static int64_t steady(struct rng *rng)
{
    return 1000000000 + (int64_t)rng_below(rng, 2);
}

static void arm(struct timer_queue *q, struct pending *p, int64_t at_ns, uint64_t *armings)
{
    p->at_ns = at_ns;
    p->armed = ++*armings;
    timer_queue_set(q, &p->timer, simtime_ns(at_ns));
}

/* Nothing is armed for before `last`, so what comes out must never go back. */
static void take_first(struct timer_queue *q, struct pending *last)
{
    struct simtime at = timer_queue_first(q);
    struct pending *p = container_of(timer_queue_pop(q), struct pending, timer);
    assert_true(p->armed && !timer_armed(&p->timer));
    assert_int_equal(p->at_ns, at.ns);
    assert_true(p->at_ns > last->at_ns || (p->at_ns == last->at_ns && p->armed > last->armed));
    *last = *p;
    p->armed = 0;
}

static size_t armed_timers(void)
{
    size_t count = 0;
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(timer_armed(&timers[i].timer), timers[i].armed != 0);
        count += timers[i].armed != 0;
    }
    return count;
}

/* `arms` and `cancels` of ten operations; the others take the first. */
static void play(int64_t (*delay)(struct rng *), uint64_t arms, uint64_t cancels, uint64_t sequence)
{
    struct timer_queue q;
    struct rng rng;
    uint64_t armings = 0;
    struct pending last = {.at_ns = 0};
    timer_queue_init(&q);
    q.sequence = sequence;
    rng_init(&rng, 1, "timers", arms);
    for (int i = 0; i < TIMERS; i++)
        timers[i] = (struct pending){0};
    for (int i = 0; i < OPERATIONS; i++) {
        struct pending *p = &timers[rng_below(&rng, TIMERS)];
        uint64_t what = rng_below(&rng, 10);
        if (what < arms) {
            arm(&q, p, last.at_ns + delay(&rng), &armings);
        } else if (what < arms + cancels) {
            timer_queue_remove(&q, &p->timer);
            p->armed = 0;
        } else if (q.live) {
            take_first(&q, &last);
        }
    }
    assert_int_equal(q.live, armed_timers());
    while (q.live)
        take_first(&q, &last);
    assert_int_equal(armed_timers(), 0);
    assert_int_equal(timer_queue_first(&q).ns, INT64_MAX);
    timer_queue_free(&q);
}

static void test_timers_come_out_in_their_order(void **state)
{
    static const struct {
        int64_t (*delay)(struct rng *rng);
        uint64_t arms, cancels;
    } rows[] = {
        {at_once, 6, 1},    {few_instants, 6, 1}, {uniform, 5, 0},      {uniform, 6, 3}, {every_size, 6, 1},
        {every_size, 4, 0}, {near_and_far, 5, 0}, {near_and_far, 7, 1}, {steady, 5, 0},  {steady, 5, 4},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        play(rows[i].delay, rows[i].arms, rows[i].cancels, 0);
}

/* The numbers of arming end while timers are pending: their order stays. */
static void test_the_sequence_may_end(void **state)
{
    const uint64_t end = (uint64_t)1 << (64 - TIMER_SLOT_BITS);
    (void)state;
    play(few_instants, 6, 1, end - 5000);
    play(every_size, 6, 1, end - 5000);
}

static void test_the_ends_of_time_have_their_order_too(void **state)
{
    static const int64_t at_ns[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX, -1, INT64_MAX - 1, INT64_MIN, 1, 0};
    static const int order[] = {1, 6, 4, 2, 8, 7, 5, 0, 3};
    struct timer_queue q;
    (void)state;
    timer_queue_init(&q);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(at_ns); i++)
            timer_queue_set(&q, &timers[i].timer, simtime_ns(at_ns[i]));
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
            assert_ptr_equal(timer_queue_pop(&q), &timers[order[i]].timer);
    }
    timer_queue_free(&q);
}

/* More than the heap of the near ones holds, with the last instant of all among them. */
static void test_many_come_at_the_end_of_time(void **state)
{
    struct timer_queue q;
    int64_t last_ns = INT64_MIN;
    (void)state;
    timer_queue_init(&q);
    for (int i = 0; i < 40; i++)
        timer_queue_set(&q, &timers[i].timer, simtime_ns(INT64_MAX - i % 4));
    timer_queue_pop(&q);
    for (int i = 40; i < 4000; i++)
        timer_queue_set(&q, &timers[i].timer, simtime_ns(INT64_MAX - i % 3));
    while (q.live) {
        int64_t at_ns = timer_queue_first(&q).ns;
        assert_true(at_ns >= last_ns);
        last_ns = at_ns;
        timer_queue_pop(&q);
    }
    timer_queue_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_come_out_in_their_order),
        cmocka_unit_test(test_the_sequence_may_end),
        cmocka_unit_test(test_the_ends_of_time_have_their_order_too),
        cmocka_unit_test(test_many_come_at_the_end_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
