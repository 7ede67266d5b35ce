/* The device's table, cell by cell, and how it roams. */
#include "mud_fixture.h"

/* --- the table -------------------------------------------------------------------------------------------------------------------- */

enum input { MOVE, LOST, ASSOCIATION_ALARM, ACCEPTED, REFUSED, READY, REPLY, DUE, RESEND, STRANGER, INPUTS };

static void give(struct bench *b, enum input input)
{
    struct mud *mud = &b->mud;
    enum msg_type answer = mud->sequence == 1 ? MSG_ASSOCIATION_RESPONSE : MSG_REASSOCIATION_RESPONSE;
    static const struct visit lost = {.ap = VISIT_NOWHERE};
    switch (input) {
    case LOST:
        mud->options.visits = &lost;
        mud->options.visit_count = 1;
        mud->next_visit = 0;
        fake_clear_alarm(&b->fake.port, &mud->move); /* it rings now */
        mud->move.ring(&mud->move);
        break;
    case MOVE:
        mud->move.ring(&mud->move);
        break;
    case ASSOCIATION_ALARM:
        mud->association.ring(&mud->association);
        break;
    case ACCEPTED:
        hear(b, answer, mud->ap, 0);
        break;
    case REFUSED:
        hear(b, answer, mud->ap, 1);
        break;
    case READY:
        hear_offload(b, OFFLOAD_EDGE_READY, 0, 0);
        break;
    case REPLY:
        reply(b, 0);
        break;
    case DUE:
        b->fake.now = simtime_add(b->fake.now, simtime_s(1));
        mud->generate.ring(&mud->generate);
        break;
    case RESEND:
        b->fake.now = simtime_add(b->fake.now, simtime_s(1));
        mud->resend.ring(&mud->resend);
        break;
    case STRANGER:
        hear(b, answer, (struct party){PARTY_AP, 7}, 0);
        break;
    case INPUTS:
        break;
    }
}

struct cell {
    enum mud_state state;
    enum input input;
    enum mud_state after;
    const char *did; /* "!" = not foreseen; "" = nothing, or not heard */
};

static const struct cell cells[] = {
    {MUD_AWAY, MOVE, MUD_ASSOCIATING, "AP1<ASSOCIATION REQUEST"},
    {MUD_AWAY, ASSOCIATION_ALARM, MUD_AWAY, "!"},
    {MUD_AWAY, ACCEPTED, MUD_AWAY, ""},
    {MUD_AWAY, REFUSED, MUD_AWAY, ""},
    {MUD_AWAY, READY, MUD_AWAY, ""},
    {MUD_AWAY, REPLY, MUD_AWAY, ""},
    {MUD_AWAY, DUE, MUD_AWAY, "!"},
    {MUD_AWAY, RESEND, MUD_AWAY, "!"},
    {MUD_AWAY, STRANGER, MUD_AWAY, ""},
    {MUD_ROAMING, MOVE, MUD_ROAMING, ""},
    {MUD_ROAMING, ASSOCIATION_ALARM, MUD_ASSOCIATING, "AP2<REASSOCIATION REQUEST"},
    {MUD_ROAMING, ACCEPTED, MUD_ROAMING, ""},
    {MUD_ROAMING, REFUSED, MUD_ROAMING, ""},
    {MUD_ROAMING, READY, MUD_ROAMING, ""},
    {MUD_ROAMING, REPLY, MUD_ROAMING, ""},
    {MUD_ROAMING, DUE, MUD_ROAMING, ""},
    {MUD_ROAMING, RESEND, MUD_ROAMING, "!"},
    {MUD_ROAMING, STRANGER, MUD_ROAMING, ""},
    {MUD_ASSOCIATING, MOVE, MUD_ROAMING, ""},
    {MUD_ASSOCIATING, ASSOCIATION_ALARM, MUD_ASSOCIATING, "AP1<ASSOCIATION REQUEST"},
    {MUD_ASSOCIATING, ACCEPTED, MUD_ASSOCIATED, ""},
    {MUD_ASSOCIATING, REFUSED, MUD_ASSOCIATING, ""},
    {MUD_ASSOCIATING, READY, MUD_ASSOCIATING, ""},
    {MUD_ASSOCIATING, REPLY, MUD_ASSOCIATING, ""},
    {MUD_ASSOCIATING, DUE, MUD_ASSOCIATING, ""},
    {MUD_ASSOCIATING, RESEND, MUD_ASSOCIATING, "!"},
    {MUD_ASSOCIATING, STRANGER, MUD_ASSOCIATING, ""},
    {MUD_ASSOCIATED, MOVE, MUD_ROAMING, ""},
    {MUD_ASSOCIATED, ASSOCIATION_ALARM, MUD_ASSOCIATED, ""},
    {MUD_ASSOCIATED, ACCEPTED, MUD_ASSOCIATED, ""},
    {MUD_ASSOCIATED, REFUSED, MUD_ASSOCIATED, ""},
    {MUD_ASSOCIATED, READY, MUD_ASSOCIATED, ""},
    {MUD_ASSOCIATED, REPLY, MUD_ASSOCIATED, "ok 0"},
    {MUD_ASSOCIATED, DUE, MUD_ASSOCIATED, "AP1<SVCQ 1"},
    {MUD_ASSOCIATED, RESEND, MUD_ASSOCIATED, "AP1<SVCQ 0"},
    {MUD_ASSOCIATED, STRANGER, MUD_ASSOCIATED, ""},
    {MUD_AWAY, LOST, MUD_AWAY, "!"},
    {MUD_ROAMING, LOST, MUD_DISCONNECTED, ""},
    {MUD_ASSOCIATING, LOST, MUD_DISCONNECTED, ""},
    {MUD_ASSOCIATED, LOST, MUD_DISCONNECTED, ""},
    {MUD_DISCONNECTED, LOST, MUD_DISCONNECTED, "!"},
    {MUD_FINISHED, LOST, MUD_FINISHED, "!"},
    {MUD_DISCONNECTED, MOVE, MUD_ROAMING, "outage"},
    {MUD_DISCONNECTED, ASSOCIATION_ALARM, MUD_DISCONNECTED, "!"},
    {MUD_DISCONNECTED, ACCEPTED, MUD_DISCONNECTED, ""},
    {MUD_DISCONNECTED, REFUSED, MUD_DISCONNECTED, ""},
    {MUD_DISCONNECTED, READY, MUD_DISCONNECTED, ""},
    {MUD_DISCONNECTED, REPLY, MUD_DISCONNECTED, ""},
    {MUD_DISCONNECTED, DUE, MUD_DISCONNECTED, ""},
    {MUD_DISCONNECTED, RESEND, MUD_DISCONNECTED, "!"},
    {MUD_DISCONNECTED, STRANGER, MUD_DISCONNECTED, ""},
    {MUD_FINISHED, MOVE, MUD_FINISHED, "!"},
    {MUD_FINISHED, ASSOCIATION_ALARM, MUD_FINISHED, "!"},
    {MUD_FINISHED, ACCEPTED, MUD_FINISHED, ""},
    {MUD_FINISHED, REFUSED, MUD_FINISHED, ""},
    {MUD_FINISHED, READY, MUD_FINISHED, ""},
    {MUD_FINISHED, REPLY, MUD_FINISHED, ""},
    {MUD_FINISHED, DUE, MUD_FINISHED, "!"},
    {MUD_FINISHED, RESEND, MUD_FINISHED, "!"},
    {MUD_FINISHED, STRANGER, MUD_FINISHED, ""},
};

static void every_cell(void **state)
{
    (void)state;
    bool seen[MUD_STATES][INPUTS] = {0};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        struct bench b;
        bench_init(&b, cells[i].state);
        give(&b, cells[i].input);
        if (b.mud.state != cells[i].after || strcmp(fake_did(&b.fake), cells[i].did) != 0)
            fail_msg("state %d, input %d: state %d and \"%s\", not \"%s\"", cells[i].state, cells[i].input,
                     b.mud.state, fake_did(&b.fake), cells[i].did);
        assert_int_equal(b.mud.actor.unexpected, strcmp(cells[i].did, "!") == 0);
        seen[cells[i].state][cells[i].input] = true;
        bench_free(&b);
    }
    for (int s = 0; s < MUD_STATES; s++)
        for (int k = 0; k < INPUTS; k++)
            assert_true(seen[s][k]);
}

/* --- roaming ---------------------------------------------------------------------------------------------------------------------- */

static void nothing_is_sent_while_it_roams_and_all_that_is_due_after(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MUD_ASSOCIATED);
    reply(&b, 0);
    fake_wait(&b.fake, simtime_ms(9900));
    for (uint32_t n = 1; n < 5; n++)
        reply(&b, n);
    for (uint32_t n = 5; n < 10; n++)
        reply(&b, n);
    buf_clear(&b.fake.did);
    fake_wait(&b.fake, simtime_ms(150));
    expect(&b, "", MUD_ROAMING); /* request 10 was due at 110.0 s, when the visit began */
    fake_wait(&b.fake, simtime_ms(20));
    expect(&b, "AP2<REASSOCIATION REQUEST", MUD_ASSOCIATING);
    hear(&b, MSG_REASSOCIATION_RESPONSE, ap1, 0); /* of the one it left */
    expect(&b, "", MUD_ASSOCIATING);
    hear(&b, MSG_REASSOCIATION_RESPONSE, ap2, 0);
    assert_non_null(strstr(fake_did(&b.fake), "AP2<SVCQ 10"));
    assert_int_equal(b.mud.state, MUD_ASSOCIATED);
    bench_free(&b);
}

static void a_visit_by_request_keeps_that_request(void **state)
{
    (void)state;
    static const struct visit by_request[] = {{.ap = 0, .at = {100000000000}}, {.ap = 1, .request = 2}};
    struct bench b;
    bench_options(&b, by_request, 2, 160);
    b.fake.rules.timeouts.rto_min = simtime_ms(1010);
    bring_into(&b, MUD_ASSOCIATED);
    reply(&b, 0);
    fake_listen(&b.fake);
    fake_wait(
        &b.fake,
        simtime_ms(2005)); /* request 1 is unanswered: its resend must not ring while the device roams */
    expect(&b, "AP1<SVCQ 1", MUD_ROAMING);
    fake_wait(&b.fake, simtime_ms(10000));
    assert_int_equal(b.mud.actor.unexpected, 0);
    hear(&b, MSG_REASSOCIATION_RESPONSE, ap2, 0);
    assert_non_null(strstr(fake_did(&b.fake), "AP2<SVCQ 2"));
    assert_null(strstr(fake_did(&b.fake), "AP1<SVCQ 2"));
    bench_free(&b);
}

/* Whatever it was about to repeat is not repeated. */
static void out_of_reach_it_is_silent(void **state)
{
    (void)state;
    static const enum mud_state before[] = {MUD_ROAMING, MUD_ASSOCIATING, MUD_ASSOCIATED};
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct bench b;
        bench_init(&b, before[i]);
        give(&b, LOST);
        fake_wait(&b.fake, simtime_s(20));
        expect(&b, "", MUD_DISCONNECTED);
        assert_int_equal(b.mud.actor.unexpected, 0);
        bench_free(&b);
    }
}

static void requests_wait_during_an_outage(void **state)
{
    (void)state;
    struct bench b;
    bench_options(&b, outage, 3, 160);
    bring_into(&b, MUD_ASSOCIATED);
    fake_listen(&b.fake);
    fake_wait(&b.fake,
              simtime_ms(29990)); /* request 0 is unanswered from 100 s on, the outage begins at 110 s */
    assert_int_equal(b.mud.state, MUD_DISCONNECTED);
    assert_int_equal(b.mud.sent, 4);
    fake_listen(&b.fake);
    fake_wait(&b.fake, simtime_ms(64));
    expect(&b, "outage", MUD_ROAMING);
    fake_wait(&b.fake, simtime_ms(1)); /* 130 s and three phases of 55 ms */
    expect(&b, "AP2<REASSOCIATION REQUEST", MUD_ASSOCIATING);
    hear(&b, MSG_REASSOCIATION_RESPONSE, ap2, 0);
    expect(&b, "probe 50.000 ms, authentication 2.000 ms, reassociation 3.000 ms", MUD_ASSOCIATED);
    fake_wait(&b.fake, SIMTIME_ZERO);
    expect(&b, "AP2<SVCQ 0, AP2<SVCQ 1, AP2<SVCQ 2, AP2<SVCQ 3", MUD_ASSOCIATED);
    bench_free(&b);
}

static void out_of_reach_for_good_it_names_what_it_abandons(void **state)
{
    (void)state;
    struct bench b;
    bench_options(&b, outage, 2, 112.5);
    bring_into(&b, MUD_ASSOCIATED);
    fake_wait(&b.fake, simtime_ms(2500));
    reply(&b, 0);
    reply(&b, 2);
    fake_wait(&b.fake, simtime_ms(9500));
    fake_listen(&b.fake);
    fake_wait(&b.fake, simtime_ms(499));
    expect(&b, "", MUD_DISCONNECTED);
    fake_wait(&b.fake, simtime_ms(1)); /* the last request is generated before 112.5 s */
    expect(&b, "outage, out of reach for good 1, out of reach for good 3, out of reach for good 4, total 5",
           MUD_FINISHED);
    bench_free(&b);
}

static void without_visits_it_is_finished_at_once(void **state)
{
    (void)state;
    struct bench b;
    bench_options(&b, NULL, 0, 160);
    assert_int_equal(b.mud.state, MUD_FINISHED);
    bench_free(&b);
}

/* Whether the first access point has begun, only the first access point knows. */
static void until_its_container_runs_it_names_the_first_access_point(void **state)
{
    (void)state;
    static const char *const rows[] = {"AP2<REASSOCIATION REQUEST", "AP1<ASSOCIATION REQUEST"};
    struct bench b;
    bench_init(&b, MUD_ASSOCIATING);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        b.mud.move.ring(&b.mud.move);
        fake_wait(&b.fake, simtime_ms(60));
        expect(&b, rows[i], MUD_ASSOCIATING);
        hear(&b, MSG_REASSOCIATION_RESPONSE, b.mud.ap, 0);
        expect(&b, "", MUD_ASSOCIATED);
    }
    fake_wait(&b.fake, simtime_ms(1001)); /* no ES-READY: it asks again */
    expect(&b, "AP1<ASSOCIATION REQUEST", MUD_ASSOCIATED);
    hear_offload(&b, OFFLOAD_EDGE_READY, 0, 0);
    fake_wait(&b.fake, SIMTIME_ZERO);
    expect(&b, "AP1<SVCQ 0", MUD_ASSOCIATED);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(nothing_is_sent_while_it_roams_and_all_that_is_due_after),
        cmocka_unit_test(a_visit_by_request_keeps_that_request),
        cmocka_unit_test(out_of_reach_it_is_silent),
        cmocka_unit_test(requests_wait_during_an_outage),
        cmocka_unit_test(out_of_reach_for_good_it_names_what_it_abandons),
        cmocka_unit_test(without_visits_it_is_finished_at_once),
        cmocka_unit_test(until_its_container_runs_it_names_the_first_access_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
