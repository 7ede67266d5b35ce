/* The window of lazy pages that are asked for ahead: alone, and in a closed loop over a modelled link. */
#include "page_window.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { REQUEST = 16 };

static void an_answer_moves_it(void **state)
{
    static const struct {
        uint64_t before, pages, under_way;
        int shortest_ms, took_ms;
        uint64_t after;
    } rows[] = {
        {64, 16, 64, 0, 100, 80},   /* the first answer is the shortest */
        {64, 16, 64, 100, 100, 80}, /* nothing queues */
        {64, 1, 64, 100, 100, 65},  /* by what has come */
        {64, 16, 64, 100, 145, 80}, /* a quarter more and the slack are allowed */
        {64, 16, 64, 100, 400, 48}, /* a queue */
        {40, 16, 40, 100, 400, 32}, /* not below two requests */
        {4090, 16, 4090, 100, 100, 4096},
        {64, 16, 4, 100, 100, 48}, /* few were asked for: nobody knows whether more would have come as fast */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct page_window w = {rows[i].before, simtime_ms(rows[i].shortest_ms)};
        page_window_adapt(&w, rows[i].pages, rows[i].under_way, simtime_ms(rows[i].took_ms));
        assert_int_equal(w.pages, rows[i].after);
    }
}

/* A source behind a link, one request behind the other; times in microseconds. */
struct loop_back {
    int64_t begin[PAGE_WINDOW_MAX / REQUEST], answer[PAGE_WINDOW_MAX / REQUEST];
    uint64_t under_way[PAGE_WINDOW_MAX / REQUEST];
    unsigned first, count;
    int64_t link_free, busy;
};

static void ask(struct loop_back *l, int64_t now, int64_t rtt_us, int64_t page_us)
{
    unsigned i = (l->first + l->count++) % ARRAY_LEN(l->begin);
    int64_t at = now + rtt_us / 2 > l->link_free ? now + rtt_us / 2 : l->link_free;
    l->begin[i] = now;
    l->under_way[i] = (uint64_t)l->count * REQUEST;
    l->link_free = at + REQUEST * page_us;
    l->answer[i] = l->link_free + rtt_us / 2;
    l->busy += REQUEST * page_us;
}

/* Without a slow start: the kernel's is none of the window's. */
static void it_fills_a_link_and_queues_little(void **state)
{
    static const struct {
        int rtt_ms;
        int64_t page_us;
    } rows[] = {{0, 800}, {20, 8000}, {20, 800}, {80, 800}, {80, 8000}, {200, 400}, {5, 50}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loop_back l = {0};
        struct page_window w = PAGE_WINDOW_INIT;
        int64_t now = 0, rtt_us = rows[i].rtt_ms * 1000, busy = 0, since = 0, longest = 0;
        for (int answers = 0; answers < 2000; answers++) {
            while (l.count * REQUEST < w.pages)
                ask(&l, now, rtt_us, rows[i].page_us);
            now = l.answer[l.first];
            int64_t took = now - l.begin[l.first];
            page_window_adapt(&w, REQUEST, l.under_way[l.first], simtime_us(took));
            l.first = (l.first + 1) % ARRAY_LEN(l.begin);
            l.count--;
            if (answers == 1000) /* it has settled */
                busy = l.busy, since = now;
            longest = answers > 1000 && took > longest ? took : longest;
        }
        assert_true((l.busy - busy) * 100 >= (now - since) * 95);
        int64_t own = REQUEST * rows[i].page_us, allowed = page_window_allowed(w.shortest).ns / 1000;
        assert_true(longest <= allowed + 3 * own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_moves_it),
        cmocka_unit_test(it_fills_a_link_and_queues_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
