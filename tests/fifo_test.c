/* The emulator's line against link.h, packet by packet, in exact nanoseconds. */
#include "fifo.h"
#include "held.h"
#include "mem.h"
#include "segmentation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MS = 1000000 };

/* At 8 Mbit/s a byte takes 1000 ns: a full packet 1,514,000. */
static const struct link_params slow = {.delay = {10 * MS}, .rate_bps = 8000000, .queue_packets = 3};
static const struct link_params only_delay = {.delay = {10 * MS}};
static const struct link_params lossy = {.rate_bps = 8000000, .queue_packets = 3, .loss = 1};

static void arrivals(void **state)
{
    static const struct {
        const char *name;
        const struct link_params *params;
        int64_t at[6];
        uint32_t bytes[6];
        enum fifo_fate fates[6];
        int64_t due[6]; /* of the taken ones, in order */
        int packets;
    } rows[] = {
        {"one", &slow, {5}, {1500}, {FIFO_TAKEN}, {5 + 1514000 + 10 * MS}, 1},
        {"behind each other",
         &slow,
         {0, 1},
         {1500, 100},
         {FIFO_TAKEN, FIFO_TAKEN},
         {1514000 + 10 * MS, 1514000 + 114000 + 10 * MS},
         2},
        {"idle in between",
         &slow,
         {0, 5 * MS},
         {1500, 1500},
         {FIFO_TAKEN, FIFO_TAKEN},
         {1514000 + 10 * MS, 5 * MS + 1514000 + 10 * MS},
         2},
        {"the fourth finds three",
         &slow,
         {0, 0, 0, 0},
         {100, 100, 100, 100},
         {FIFO_TAKEN, FIFO_TAKEN, FIFO_TAKEN, FIFO_FULL},
         {114000 + 10 * MS, 228000 + 10 * MS, 342000 + 10 * MS},
         4},
        {"those in flight do not count",
         &slow,
         {0, 0, 0, 114000},
         {100, 100, 100, 100},
         {FIFO_TAKEN, FIFO_TAKEN, FIFO_TAKEN, FIFO_TAKEN},
         {114000 + 10 * MS, 228000 + 10 * MS, 342000 + 10 * MS, 456000 + 10 * MS},
         4},
        {"no rate, no queue",
         &only_delay,
         {0, 0, 0, 0, 0},
         {9, 9, 9, 9, 9},
         {FIFO_TAKEN, FIFO_TAKEN, FIFO_TAKEN, FIFO_TAKEN, FIFO_TAKEN},
         {10 * MS, 10 * MS, 10 * MS, 10 * MS, 10 * MS},
         5},
        {"a clock set back keeps the order",
         &only_delay,
         {5 * MS, 1 * MS},
         {9, 9},
         {FIFO_TAKEN, FIFO_TAKEN},
         {15 * MS, 15 * MS},
         2},
        {"lost ones never enter the queue",
         &lossy,
         {0, 0, 0, 0},
         {100, 100, 100, 100},
         {FIFO_LOST, FIFO_LOST, FIFO_LOST, FIFO_LOST},
         {0},
         4},
    };
    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct fifo fifo;
        struct fifo_packet packet;
        fifo_init(&fifo, rows[r].params);
        for (int i = 0; i < rows[r].packets; i++)
            if (fifo_arrive(&fifo, rows[r].at[i], rows[r].bytes[i], (uint32_t)i, NULL) != rows[r].fates[i])
                fail_msg("%s: packet %d", rows[r].name, i);
        int taken = 0;
        for (; fifo_take(&fifo, INT64_MAX - 1, &packet); taken++)
            if (packet.due_ns != rows[r].due[taken])
                fail_msg("%s: delivery %d is due at %lld", rows[r].name, taken, (long long)packet.due_ns);
        int expected = 0;
        for (int i = 0; i < rows[r].packets; i++)
            expected += rows[r].fates[i] == FIFO_TAKEN;
        assert_int_equal(taken, expected);
        fifo_free(&fifo);
    }
}

/* Nothing is delivered before it is due, and the ring keeps order while it grows. */
static void many(void **state)
{
    struct link_params params = {.delay = {10 * MS}, .rate_bps = 8000000, .queue_packets = 100000};
    struct fifo fifo;
    struct fifo_packet packet;
    uint32_t next = 0;
    (void)state;
    fifo_init(&fifo, &params);
    assert_true(fifo_due(&fifo) == INT64_MAX);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(fifo_arrive(&fifo, i * 1000, 986, i, NULL), FIFO_TAKEN); /* 1 ms each on the line */
        if (i % 7 == 0)
            while (fifo_take(&fifo, i * 1000, &packet))
                assert_int_equal(packet.number, next++);
    }
    while (next < 5000) {
        int64_t due = fifo_due(&fifo);
        assert_true(due == (int64_t)(next + 1) * MS + 10 * MS);
        assert_false(fifo_take(&fifo, due - 1, &packet));
        assert_true(fifo_take(&fifo, due, &packet));
        assert_int_equal(packet.number, next++);
    }
    assert_true(fifo_due(&fifo) == INT64_MAX);
    fifo_free(&fifo);
}

/* The seed decides which packets are lost. */
static void seeds(void **state)
{
    static const uint64_t seeds[] = {1, 1, 2};
    uint64_t fates[ARRAY_LEN(seeds)] = {0};
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(seeds); s++) {
        struct link_params params = {.loss = 0.5, .seed = seeds[s]};
        struct fifo fifo;
        fifo_init(&fifo, &params);
        for (uint32_t i = 0; i < 64; i++)
            fates[s] = fates[s] << 1 | (fifo_arrive(&fifo, i, 100, i, NULL) == FIFO_LOST);
        fifo_free(&fifo);
    }
    assert_true(fates[0] == fates[1] && fates[0] != fates[2]);
}

/* A super-packet stands for the packets that it would have been. */
static void super_packets(void **state)
{
    static const struct {
        uint32_t ip_bytes, packets;
        uint64_t line_bytes;
    } rows[] = {
        {40, 1, 54},
        {1500, 1, 1514},
        {52 + 2 * 1448, 2, 2 * 1514},
        {52 + 2 * 1448 + 1, 3, 2 * 1514 + 52 + 1 + 14},
        {52 + 45 * 1448, 45, 45 * 1514},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(segmentation_packets(rows[i].ip_bytes), rows[i].packets);
        assert_int_equal(segmentation_line_bytes(rows[i].ip_bytes), rows[i].line_bytes);
    }
}

/* The calendar clock is at 1000 s where the monotonic one is at 50 s; the queue was empty at 49 s. */
static void stamps(void **state)
{
    static const struct {
        const char *name;
        int64_t stamp_ms, arrival_ms;
    } rows[] = {
        {"just now", 1000000, 50000},
        {"a while ago", 999700, 49700},
        {"when the queue was empty", 999000, 49000},
        {"the clock was set forward since", 999000 - 3600000, 49000},
        {"the clock was set back since", 1000000 + 3600000, 50000},
        {"no stamp", 0, 50000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t at = held_arrival(rows[i].stamp_ms * MS, 1000000 * (int64_t)MS, 50000 * (int64_t)MS, 49000 * (int64_t)MS);
        if (at != rows[i].arrival_ms * MS)
            fail_msg("%s: %lld ns", rows[i].name, (long long)at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arrivals), cmocka_unit_test(many),
                                       cmocka_unit_test(seeds), cmocka_unit_test(super_packets),
                                       cmocka_unit_test(stamps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
