/* An access point without the device's token, or with one that is worth nothing: it asks who has it, and claims the container after a restart. */
#include "ap_fixture.h"

static void hear_owned(struct bench *b, struct party edge, int32_t status, uint32_t next, uint32_t container)
{
    struct msg m = offload(OFFLOAD_OWNED, edge, 0, next);
    m.sequence = m.offload.sequence = client(b)->sequence;
    m.offload.status = status;
    m.offload.until = container;
    m.offload.digest = container;
    hear(b, m);
}

/* Its own former access point is the one that the device names: the token was here. */
static void begin_claim(struct bench *b)
{
    bench_init(b, AP_ABSENT);
    associate(b, 5, (struct party){PARTY_AP, 1});
    assert_string_equal(fake_did(&b->fake), "MUD1<REASSOCIATION RESPONSE, ES1<CLAIM, ES2<CLAIM, ES3<CLAIM");
    fake_listen(&b->fake);
}

/* An edge server knows of a claim that is newer than the token. */
static void a_void_token_is_replaced_by_a_claim(void **state)
{
    (void)state;
    for (uint32_t claimed = 2; claimed <= 3; claimed++) {
        struct bench b;
        bench_init(&b, AP_SERVING);
        struct msg m = offload(OFFLOAD_OWNED, target, 0, claimed);
        m.offload.status = -ESTALE;
        hear(&b, m);
        if (claimed == 2)
            expect(&b, "", AP_SERVING);
        else
            expect(&b, "ES1<CLAIM, ES2<CLAIM, ES3<CLAIM", AP_AWAITING_TOKEN);
        bench_free(&b);
    }
}

/* What another access point forwarded before may be answered at once. */
static void a_reply_to_another_gives_no_round_trip(void **state)
{
    static const struct party forwarders[] = {{PARTY_AP, 1}, {PARTY_AP, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forwarders); i++) {
        struct bench b;
        bench_init(&b, AP_SERVING);
        hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 6));
        b.fake.now = simtime_add(b.fake.now, simtime_ms(40));
        struct msg reply = offload(OFFLOAD_REPLY, ap1, 0, 6);
        reply.offload.peer = forwarders[i];
        hear(&b, reply);
        assert_int_equal(client(&b)->forward_rtt.ns, i == 0 ? simtime_ms(40).ns : 0);
        bench_free(&b);
    }
}

struct claim_row {
    const char *label;
    struct {
        int32_t status;
        uint32_t next, container;
    } edges[3];
    const char *did;
    enum ap_state after;
};

static const struct claim_row claim_rows[] = {
    {"nobody has it", {{-2, 0, 0}, {-2, 0, 0}, {-2, 0, 0}}, "ES2<ATTACH", AP_ATTACHING},
    {"it is here", {{-2, 0, 0}, {0, 7, 4}, {-2, 0, 0}}, "MUD1<ES2-READY", AP_SERVING},
    {"it is elsewhere", {{0, 7, 4}, {-2, 0, 0}, {-2, 0, 0}}, "MUD1<ES1-READY, ES1<MIGRATE", AP_MIGRATING},
    {"two are live: who has executed more has served since",
     {{0, 7, 4}, {0, 9, 3}, {-2, 0, 0}},
     "ES1<REMOVE, MUD1<ES2-READY",
     AP_SERVING},
    {"two are live and equal: the newer one", {{0, 7, 4}, {0, 7, 5}, {-2, 0, 0}}, "ES1<STOP, MUD1<ES2-READY", AP_SERVING},
    {"it was lost", {{-2, 0, 0}, {-130, 0, 0}, {-2, 0, 0}}, "MUD1<ES2-READY", AP_SERVING},
    {"what took over was lost", {{0, 7, 4}, {-130, 0, 5}, {-2, 0, 0}}, "ES1<STOP, MUD1<ES2-READY", AP_SERVING},
};

static void a_claim_finds_the_container(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(claim_rows); i++) {
        const struct claim_row *row = &claim_rows[i];
        struct bench b;
        begin_claim(&b);
        for (uint32_t k = 0; k < 3; k++)
            hear_owned(&b, (struct party){PARTY_EDGE, k}, row->edges[k].status, row->edges[k].next, row->edges[k].container);
        if (strcmp(fake_did(&b.fake), row->did) != 0 || client(&b)->state != row->after)
            fail_msg("%s: \"%s\", state %d", row->label, fake_did(&b.fake), client(&b)->state);
        bench_free(&b);
    }
}

static void a_claim_waits_for_every_edge(void **state)
{
    (void)state;
    struct bench b;
    begin_claim(&b);
    hear_owned(&b, es1, -2, 0, 0);
    hear_owned(&b, es1, -2, 0, 0);
    hear_owned(&b, es2, 0, 7, 4);
    expect(&b, "", AP_AWAITING_TOKEN);
    fake_wait(&b.fake, simtime_ms(1001));
    expect(&b, "ES3<CLAIM", AP_AWAITING_TOKEN);
    bench_free(&b);
}

/* The device has moved on: an edge knows of a newer association. */
static void an_older_claim_is_given_up(void **state)
{
    (void)state;
    struct bench b;
    begin_claim(&b);
    struct msg m = offload(OFFLOAD_OWNED, es1, 0, 7);
    m.offload.sequence = 6;
    m.offload.peer = ap3;
    hear(&b, m);
    expect(&b, "", AP_MOVED);
    assert_int_equal(client(&b)->next_ap.index, ap3.index);
    assert_int_equal(b.ap.courier.len, 0);
    bench_free(&b);
}

static void a_token_that_was_lost_is_given_again(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_MOVED);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 3));
    expect(&b, "AP3<MOVE-response #3", AP_MOVED);
    hear(&b, message(MSG_MOVE_NOTIFY, ap1, 4));
    expect(&b, "AP1<MOVE-response status 2, other", AP_MOVED);
    hear(&b, message(MSG_MOVE_NOTIFY, ap1, 2)); /* the device has moved on */
    expect(&b, "AP1<MOVE-response status 2", AP_MOVED);
    associate(&b, 5, ap3); /* the device is back before AP3 has it: it comes back from there */
    expect(&b, "MUD1<REASSOCIATION RESPONSE, AP3<MOVE-notify #5", AP_AWAITING_TOKEN);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 3));
    expect(&b, "AP3<MOVE-response #3", AP_AWAITING_TOKEN);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 4)); /* it has been there again: if he has had that token, nobody has it */
    expect(&b, "AP3<MOVE-response #3, AP3<MOVE-response status 2", AP_AWAITING_TOKEN);
    bench_free(&b);
}

static void a_copy_of_an_old_token_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_MOVED);
    associate(&b, 4, ap3);
    fake_listen(&b.fake);
    hear_token(&b, es1, 2); /* held before */
    hear_token(&b, es1, 3); /* given away */
    expect(&b, "", AP_AWAITING_TOKEN);
    hear_token(&b, es2, 4);
    expect(&b, "MUD1<ES2-READY", AP_SERVING);
    bench_free(&b);
}

static void a_token_asked_for_twice_is_taken(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    associate(&b, 4, ap3);
    fake_listen(&b.fake);
    hear_token(&b, es2, 4);
    expect(&b, "MUD1<ES2-READY", AP_SERVING);
    bench_free(&b);
}

/* Nothing is known of the association that it was meant for: it may have been used up before a restart. */
static void a_first_token_of_an_earlier_association_is_not_trusted(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    associate(&b, 4, ap3);
    fake_listen(&b.fake);
    hear_token(&b, es2, 2);
    expect(&b, "ES1<CLAIM, ES2<CLAIM, ES3<CLAIM", AP_AWAITING_TOKEN);
    bench_free(&b);
}

static void a_token_is_passed_on_to_who_asked_before_it_came(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 6));
    hear(&b, message(MSG_MOVE_NOTIFY, ap1, 5)); /* older */
    expect(&b, "", AP_AWAITING_TOKEN);
    hear_token(&b, es1, 2);
    expect(&b, "AP3<MOVE-response #6", AP_MOVED);
    bench_free(&b);
    bench_init(&b, AP_ATTACHING);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 3));
    associate(&b, 4, ap3); /* and back: AP3 gets nothing */
    fake_listen(&b.fake);
    hear(&b, offload(OFFLOAD_EDGE_READY, es2, 0, 0));
    expect(&b, "MUD1<ES2-READY", AP_SERVING);
    bench_free(&b);
}

static void who_gives_up_knows_who_knows_better(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 6));
    struct msg stale = message(MSG_MOVE_RESPONSE, ap1, 2);
    stale.status = IAPP_STALE_MOVE;
    hear(&b, stale);
    expect(&b, "AP3<MOVE-response status 2, other", AP_MOVED);
    assert_true(party_equal(client(&b)->next_ap, ap1));
    assert_false(ap_busy(&b.ap));
    bench_free(&b);
}

/* It has been elsewhere, and its container may be there. */
static void a_device_that_is_back_after_a_restart_is_looked_for(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_ABSENT);
    associate(&b, 3, (struct party){0});
    expect(&b, "MUD1<ASSOCIATION RESPONSE, ES1<CLAIM, ES2<CLAIM, ES3<CLAIM", AP_AWAITING_TOKEN);
    bench_free(&b);
}

static void who_is_referred_in_a_circle_looks_for_the_container(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    for (int i = 0; i < 20 && !client(&b)->claim; i++) {
        struct msg stale = message(MSG_MOVE_RESPONSE, i % 2 ? ap3 : ap1, 2);
        stale.status = IAPP_STALE_MOVE;
        stale.other = i % 2 ? ap1 : ap3;
        buf_clear(&b.fake.did);
        hear(&b, stale);
    }
    expect(&b, "ES1<CLAIM, ES2<CLAIM, ES3<CLAIM", AP_AWAITING_TOKEN);
    bench_free(&b);
}

static void a_token_without_anchor_is_looked_for(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    hear_token(&b, (struct party){0}, 2);
    expect(&b, "ES1<CLAIM, ES2<CLAIM, ES3<CLAIM", AP_AWAITING_TOKEN);
    bench_free(&b);
}

static void held_requests_follow_the_token(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 6));
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 7));
    expect(&b, "", AP_AWAITING_TOKEN);
    hear_token(&b, es1, 2);
    expect(&b, "MUD1<ES1-READY, ES1<MIGRATE, AP1<SVCQ 6, AP1<SVCQ 7", AP_MIGRATING);
    bench_free(&b);
}

static void the_edge_hears_what_another_access_point_forwards(void **state)
{
    (void)state;
    static const struct {
        uint8_t hops;
        const char *did;
    } rows[] = {{3, "ES2<SVCQ 6"}, {1, "ES2<SVCQ 6"}, {0, ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b, AP_SERVING);
        struct msg m = offload(OFFLOAD_REQUEST, ap3, 0, 6);
        m.offload.hops = rows[i].hops;
        hear(&b, m);
        expect(&b, rows[i].did, AP_SERVING);
        bench_free(&b);
    }
    struct bench b;
    bench_init(&b, AP_MOVED);
    struct msg reply = offload(OFFLOAD_REPLY, es2, 0, 6);
    reply.offload.peer = ap1;
    hear(&b, reply);
    expect(&b, "AP1<SVCR 6", AP_MOVED);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_that_was_lost_is_given_again),
        cmocka_unit_test(a_copy_of_an_old_token_is_refused),
        cmocka_unit_test(a_token_asked_for_twice_is_taken),
        cmocka_unit_test(a_first_token_of_an_earlier_association_is_not_trusted),
        cmocka_unit_test(a_claim_finds_the_container),
        cmocka_unit_test(a_void_token_is_replaced_by_a_claim),
        cmocka_unit_test(a_reply_to_another_gives_no_round_trip),
        cmocka_unit_test(a_claim_waits_for_every_edge),
        cmocka_unit_test(an_older_claim_is_given_up),
        cmocka_unit_test(a_token_is_passed_on_to_who_asked_before_it_came),
        cmocka_unit_test(who_gives_up_knows_who_knows_better),
        cmocka_unit_test(a_token_without_anchor_is_looked_for),
        cmocka_unit_test(a_device_that_is_back_after_a_restart_is_looked_for),
        cmocka_unit_test(who_is_referred_in_a_circle_looks_for_the_container),
        cmocka_unit_test(held_requests_follow_the_token),
        cmocka_unit_test(the_edge_hears_what_another_access_point_forwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
