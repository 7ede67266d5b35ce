/* The replay log and the courier: what all actors lean on. */
#include "courier.h"
#include "fake_port.h"
#include "replay.h"

static void add(struct replay_log *log, uint32_t number, bool answered)
{
    struct offload o = {.number = number, .payload_len = 10};
    replay_add(log, &o)->answered = answered;
}

static void numbers_stand_once_and_in_order(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {5, 3, 9, 5, 0, 3, 7};
    static const uint32_t sorted[] = {0, 3, 5, 7, 9};
    struct replay_log log = {0};
    assert_int_equal(replay_last(&log), -1);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        add(&log, numbers[i], false);
    assert_int_equal(log.len, ARRAY_LEN(sorted));
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        assert_int_equal(log.entries[i].number, sorted[i]);
    assert_int_equal(replay_last(&log), 9);
    assert_null(replay_find(&log, 4));
    replay_drop(&log, 4);
    replay_drop(&log, 9);
    assert_int_equal(replay_last(&log), 7);
    replay_free(&log);
}

static void dropping_through_and_gaps(void **state)
{
    (void)state;
    static const struct {
        uint32_t through;
        bool answered_only;
        size_t left;
        uint32_t from;
        int64_t gap; /* -1 = none */
    } rows[] = {
        {1, false, 4, 2, -1}, {2, false, 3, 3, -1}, {UINT32_MAX, false, 0, 0, -1},
        {3, true, 4, 0, 0},   {2, true, 4, 1, 2},   {0, true, 5, 1, -1},
        {3, true, 4, 1, 2},   {5, true, 3, 3, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct replay_log log = {0};
        uint32_t missing = 0;
        for (uint32_t n = 0; n < 6; n++)
            add(&log, n, n % 2 == 0); /* 0, 2 and 4 are answered */
        replay_drop_through(&log, rows[i].through, rows[i].answered_only);
        bool gap = replay_gap(&log, rows[i].from, &missing);
        if (log.len != rows[i].left || gap != (rows[i].gap >= 0) || (gap && missing != rows[i].gap))
            fail_msg("row %zu: %zu left, gap %d at %u", i, log.len, gap, missing);
        replay_free(&log);
    }
}

static int gave_ups;

static void count_give_up(struct courier *courier, const struct msg *m)
{
    (void)courier, (void)m;
    gave_ups++;
}

static void a_message_is_repeated_until_its_receiver_settles_it(void **state)
{
    (void)state;
    static const struct party es1 = {PARTY_EDGE, 0}, es2 = {PARTY_EDGE, 1};
    struct fake_port f;
    struct courier c;
    fake_init(&f, "p-migr");
    struct actor actor = {.port = &f.port, .rules = &f.rules, .self = {PARTY_AP, 0}};
    struct offload probe = {.type = OFFLOAD_PROBE, .migration = 1, .number = 5};
    courier_init(&c, &actor, count_give_up);
    fake_listen(&f);
    courier_send_offload(&c, es1, &probe);
    courier_send_offload(&c, es2, &probe);
    courier_send_offload(&c, es2, &probe); /* replaces the one before */
    assert_int_equal(c.len, 2);
    courier_settle(&c, es2, OFFLOAD_PROBE, 0, 1);
    courier_settle(&c, es1, OFFLOAD_PROBE, 0, 2);
    courier_settle(&c, es1, OFFLOAD_FETCH, 0, 1);
    assert_int_equal(c.len, 1);
    fake_listen(&f);
    fake_wait(&f, simtime_ms(2500));
    assert_string_equal(fake_did(&f), "ES1<PROBE 5, ES1<PROBE 5");
    fake_wait(&f, simtime_s(30));
    assert_int_equal(gave_ups, 1);
    assert_int_equal(c.len, 0);
    courier_free(&c);
    fake_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_once_and_in_order),
        cmocka_unit_test(dropping_through_and_gaps),
        cmocka_unit_test(a_message_is_repeated_until_its_receiver_settles_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
