/* Each invariant broken once, and named. */
#include "invariants.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static struct synthetic_run run; /* too large for the stack */

static struct event *append(enum event_kind kind, double at_s, const char *text)
{
    return synthetic_add(&run, kind, at_s, "ES-1", text);
}

static void sound(void)
{
}

static void lost_one(void)
{
    synthetic_forget(&run, EVENT_REQUEST, 3);
}

static void abandoned_one(void)
{
    synthetic_forget(&run, EVENT_REQUEST, 5);
    append(EVENT_ABANDONED, 7, "out of reach for good")->number = 5;
}

static void abandoned_another(void)
{
    lost_one();
    append(EVENT_ABANDONED, 7, "out of reach for good")->number = 5;
}

static void answered_twice(void)
{
    struct event *ev = append(EVENT_REQUEST, 6.4, "ok");
    ev->number = 4;
    ev->begin = simtime_ms(4500);
}

static void wrong_digest(void)
{
    synthetic_find(&run, EVENT_REQUEST, NULL, 2)->text = "expected 1, got 2";
}

static void never_told(void)
{
    synthetic_forget(&run, EVENT_SENT_TOTAL, -1);
}

static void executed_twice(void)
{
    struct event *ev = append(EVENT_EXECUTED, 6.0, "");
    ev->number = 5;
    ev->value = 1;
}

static void left_out(void)
{
    synthetic_forget(&run, EVENT_EXECUTED, 3);
}

static void old_one_executes(void)
{
    synthetic_find(&run, EVENT_EXECUTED, NULL, 5)->value = 0;
}

static void gone_too_early(void)
{
    synthetic_find(&run, EVENT_CONTAINER, "gone", -1)->at = simtime_s(3);
    qsort(run.events, (size_t)run.count, sizeof *run.events, synthetic_order);
}

static void one_is_left(void)
{
    synthetic_take_out(&run, synthetic_find(&run, EVENT_STAGE, "stop", -1));
    synthetic_take_out(&run, synthetic_find(&run, EVENT_CONTAINER, "gone", -1));
}

static void last_one_halted(void)
{
    synthetic_container(&run, 6.1, "ES-2", 1, "halted");
}

static void all_gone_at_the_end(void)
{
    synthetic_container(&run, 6.9, "ES-2", 1, "gone"); /* after the device said that it is done */
}

static void unknown_state(void)
{
    synthetic_container(&run, 6.1, "ES-2", 1, "asleep");
}

static void never_ended(void)
{
    synthetic_forget(&run, EVENT_MIGRATION, -1);
}

static void ended_twice(void)
{
    struct event copy = *synthetic_find(&run, EVENT_MIGRATION, NULL, -1);
    copy.text = "failed";
    run.events[run.count++] = copy;
}

static void committed_twice(void)
{
    struct event copy = *synthetic_find(&run, EVENT_MARK, "migr finished", -1);
    run.events[run.count++] = copy;
}

/* By an access point that restarted before anybody had acted on the first commit. */
static void committed_anew(void)
{
    committed_twice();
    qsort(run.events, (size_t)run.count, sizeof *run.events, synthetic_order);
}

static void committed_and_called_off(void)
{
    synthetic_find(&run, EVENT_MIGRATION, NULL, -1)->text = "superseded";
}

static void never_live(void)
{
    synthetic_forget(&run, EVENT_CONTAINER, -1);
}

static void check_broken(void (*spoil)(void), unsigned gives_up, const char *const *expected)
{
    const struct strategy strategy = {.gives_up = gives_up};
    struct scenario s = synthetic_scenario("p-migr");
    struct invariants_broken broken;
    s.migration.strategy = &strategy;
    synthetic_fill(&run, &synthetic_small);
    spoil();
    struct invariants *inv = invariants_new(&s);
    for (int i = 0; i < run.count; i++)
        invariants_add(inv, &run.events[i]);
    invariants_finish(inv, &broken);
    size_t count = 0;
    while (expected[count])
        count++;
    for (size_t i = 0; i < broken.kept; i++)
        if (i >= count || strcmp(broken.sentences[i], expected[i]) != 0)
            fail_msg("\"%s\" instead of \"%s\"", broken.sentences[i], i < count ? expected[i] : "nothing");
    assert_int_equal(broken.count, count);
    invariants_broken_free(&broken);
    invariants_free(inv);
}

static void test_each_invariant_broken_once(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(void);
        unsigned gives_up;
        const char *expected[4];
    } rows[] = {
        {sound, 0, {NULL}},
        {all_gone_at_the_end, 0, {NULL}},
        {lost_one,
         0,
         {"m1: 6 requests were sent, 5 were answered", "m1: request 3 was not answered", NULL}},
        {abandoned_one, 0, {NULL}},
        {abandoned_another, 0, {"m1: request 3 was not answered", NULL}},
        {answered_twice, 0, {"m1: request 4 was answered 2 times", NULL}},
        {wrong_digest, 0, {"m1: request 2: wrong digest: expected 1, got 2", NULL}},
        {never_told, 0, {"m1: it never said how many requests it sent", NULL}},
        {executed_twice, 0, {"m1: request 5 was executed 2 times", NULL}},
        {left_out,
         0,
         {"m1: request 3 was left out: 4 was executed without it",
          "m1: request 3 was answered but no container executed it", NULL}},
        {old_one_executes,
         0,
         {"m1: request 5 was executed by the container of migration 0 after that of migration 1 had executed",
          NULL}},
        {gone_too_early,
         0,
         {"m1: no container was live from 3.000000 s, when the one at ES-1 became gone", NULL}},
        {gone_too_early, ALWAYS_LIVE, {NULL}},
        {one_is_left,
         0,
         {"m1: 2 containers are left at the end: one at ES-1, brought by migration 0, is live",
          "m1: 2 containers are left at the end: one at ES-2, brought by migration 1, is live", NULL}},
        {last_one_halted,
         0,
         {"m1: no container was live from 6.100000 s, when the one at ES-2 became halted",
          "m1: the container that is left at the end is not live", NULL}},
        {last_one_halted, ALWAYS_LIVE, {"m1: the container that is left at the end is not live", NULL}},
        {unknown_state, 0, {"m1: a container at ES-2 is in the unknown state \"asleep\"", NULL}},
        {never_ended,
         0,
         {"m1: migration 1, begun at 2.250000 s, had not ended when the run's time was over "
          "(give it more: duration_s or timeouts.drain_ms)",
          NULL}},
        {ended_twice, 0, {"m1: migration 1 ended 2 times", NULL}},
        {committed_twice, 0, {"m1: migration 1 was committed 2 times", NULL}},
        {committed_anew, 0, {NULL}},
        {committed_and_called_off, 0, {"m1: migration 1 was committed and used, and called off", NULL}},
        {never_live, 0, {"m1: no container was ever live", NULL}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_broken(rows[i].spoil, rows[i].gives_up, rows[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_invariant_broken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
