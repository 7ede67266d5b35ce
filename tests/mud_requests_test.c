/* A device's requests: window, resends, round-trip times, digests. */
#include "mud_fixture.h"

static void no_more_than_a_window_is_unanswered(void **state)
{
    (void)state;
    static const struct visit one[] = {{.ap = 0, .at = {100000000000}}};
    struct bench b;
    bench_options(&b, one, 1, 160);
    bring_into(&b, MUD_ASSOCIATED);
    fake_wait(&b.fake, simtime_s(6));
    assert_int_equal(b.mud.sent, 4);
    reply(&b, 1); /* a hole at 0 keeps the window where it is */
    assert_int_equal(b.mud.sent, 4);
    fake_listen(&b.fake);
    reply(&b, 0);
    expect(&b, "ok 0, AP1<SVCQ 4, AP1<SVCQ 5", MUD_ASSOCIATED);
    reply(&b, 0); /* an answer to a resend */
    expect(&b, "", MUD_ASSOCIATED);
    bench_free(&b);
}

static void resends_back_off(void **state)
{
    (void)state;
    static const struct visit one[] = {{.ap = 0, .at = {100000000000}}};
    static const int resends_at_ms[] = {1000, 3000, 7000, 15000, 31000, 63000, 123000, 183000};
    struct bench b;
    bench_options(&b, one, 1, 100.5);
    bring_into(&b, MUD_ASSOCIATED);
    fake_listen(&b.fake);
    int passed_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(resends_at_ms); i++) {
        fake_wait(&b.fake, simtime_ms(resends_at_ms[i] - 1 - passed_ms));
        expect(&b, "", MUD_ASSOCIATED);
        fake_wait(&b.fake, simtime_ms(1));
        expect(&b, "AP1<SVCQ 0", MUD_ASSOCIATED);
        passed_ms = resends_at_ms[i];
    }
    assert_false(b.mud.rtt_measured);
    reply(&b, 0); /* Karn: sent more than once, it measures nothing */
    assert_false(b.mud.rtt_measured);
    expect(&b, "ok 0, AP1<BYEE, AP1<DISASSOCIATION, total 1", MUD_FINISHED);
    bench_free(&b);
}

/* Of four requests within the first time-out, the reply to the first is lost: known when the third after it has come. */
static void what_others_overtake_is_sent_again(void **state)
{
    (void)state;
    static const struct visit one[] = {{.ap = 0, .at = {100000000000}}};
    struct bench b;
    bench_options(&b, one, 1, 160);
    b.mud.options.period = simtime_ms(10);
    bring_into(&b, MUD_ASSOCIATED);
    fake_wait(&b.fake, simtime_ms(35));
    assert_int_equal(b.mud.sent, 4);
    fake_listen(&b.fake);
    reply(&b, 1);
    reply(&b, 2);
    expect(&b, "ok 1, ok 2", MUD_ASSOCIATED);
    reply(&b, 3);
    expect(&b, "ok 3, AP1<SVCQ 0", MUD_ASSOCIATED);
    fake_wait(&b.fake, simtime_ms(900));
    expect(&b, "", MUD_ASSOCIATED);
    bench_free(&b);
}

/* The only request was sent at 100, 101, 103 and 107 s and would be sent again at 115 s. */
static void a_handoff_ends_the_back_off(void **state)
{
    (void)state;
    static const struct {
        int passed_ms;
        const char *expected;
    } rows[] = {{999, ""}, {1, "AP2<SVCQ 0"}, {1999, ""}, {1, "AP2<SVCQ 0"}, {3999, ""}, {1, "AP2<SVCQ 0"}};
    static const struct visit two[] = {{.ap = 0, .at = {100000000000}}, {.ap = 1, .at = {109000000000}}};
    struct bench b;
    bench_options(&b, two, 2, 100.5);
    bring_into(&b, MUD_ASSOCIATED);
    fake_wait(&b.fake, simtime_ms(9100));
    hear(&b, MSG_REASSOCIATION_RESPONSE, ap2, 0);
    fake_listen(&b.fake);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_wait(&b.fake, simtime_ms(rows[i].passed_ms));
        expect(&b, rows[i].expected, MUD_ASSOCIATED);
    }
    bench_free(&b);
}

/* RFC 6298, 2.2 and 2.3, with G = 0. */
static void round_trips_set_the_time_out(void **state)
{
    (void)state;
    static const struct visit one[] = {{.ap = 0, .at = {100000000000}}};
    static const struct {
        int rtt_ms;
        double srtt_ms, rttvar_ms, rto_ms;
    } rows[] = {{400, 400, 200, 1200},
                {800, 450, 250, 1450},
                {450, 450, 187.5, 1200},
                {450, 450, 140.625, 1012.5},
                {450, 450, 105.46875, 1000}};
    struct bench b;
    bench_options(&b, one, 1, 160);
    bring_into(&b, MUD_ASSOCIATED);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_wait(&b.fake, simtime_ms(rows[i].rtt_ms));
        reply(&b, (uint32_t)i);
        assert_float_equal(simtime_to_ms(b.mud.srtt), rows[i].srtt_ms, 0.001);
        assert_float_equal(simtime_to_ms(b.mud.rttvar), rows[i].rttvar_ms, 0.001);
        assert_float_equal(simtime_to_ms(b.mud.rto), rows[i].rto_ms, 0.001);
        fake_wait(&b.fake, simtime_ms(1000 - rows[i].rtt_ms));
    }
    bench_free(&b);
}

static void a_wrong_digest_is_reported(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MUD_ASSOCIATED);
    hear_offload(&b, OFFLOAD_REPLY, 0, 12345);
    expect(&b, "digest differs 0", MUD_ASSOCIATED);
    bench_free(&b);
}

static void it_finishes_when_all_is_answered_and_every_visit_made(void **state)
{
    (void)state;
    struct bench b;
    bench_options(&b, visits, ARRAY_LEN(visits), 102.5);
    bring_into(&b, MUD_ASSOCIATED);
    for (uint32_t n = 0; n < 3; n++) {
        reply(&b, n);
        fake_wait(&b.fake, simtime_s(1));
    }
    assert_int_equal(b.mud.state, MUD_ASSOCIATED); /* two visits are left */
    fake_wait(&b.fake, simtime_s(10));
    fake_listen(&b.fake);
    hear(&b, MSG_REASSOCIATION_RESPONSE, ap1, 0);
    expect(&b, "AP1<BYEE, AP1<DISASSOCIATION, total 3", MUD_FINISHED);
    fake_wait(&b.fake, simtime_s(100));
    expect(&b, "", MUD_FINISHED);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_a_window_is_unanswered),
        cmocka_unit_test(resends_back_off),
        cmocka_unit_test(what_others_overtake_is_sent_again),
        cmocka_unit_test(a_handoff_ends_the_back_off),
        cmocka_unit_test(round_trips_set_the_time_out),
        cmocka_unit_test(a_wrong_digest_is_reported),
        cmocka_unit_test(it_finishes_when_all_is_answered_and_every_visit_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
