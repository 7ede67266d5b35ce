/* An access point that has a container follow its device: tries, the replay, the switch, and what measures and limits them. */
#include "ap_fixture.h"

static void a_device_that_comes_back_to_where_it_is_served_is_followed(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_MIGRATING);
    b.fake.rules.retries = 0;
    hear(&b, event_message(AP_EV_FAILED, NULL));
    expect(&b, "ES1<ACK FAILED, ES1<CANCEL status -5", AP_SERVING);
    associate(&b, 3, ap3);
    expect(&b, "MUD1<REASSOCIATION RESPONSE, MUD1<ES1-READY, ES1<MIGRATE", AP_MIGRATING);
    bench_free(&b);
}

static void a_failed_migration_is_tried_again_as_often_as_the_rules_say(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_MIGRATING);
    b.fake.rules.retries = 1;
    hear(&b, offload(OFFLOAD_FAILED, es1, 1, 0));
    hear_ack(&b, es1, OFFLOAD_CANCEL);
    expect(&b, "ES1<ACK FAILED, ES1<CANCEL", AP_SERVING);
    assert_true(ap_busy(&b.ap));
    fake_wait(&b.fake, simtime_ms(4900));
    expect(&b, "", AP_SERVING);
    fake_wait(&b.fake, simtime_ms(200));
    expect(&b, "ES1<MIGRATE", AP_MIGRATING);
    assert_int_equal(client(&b)->migration, 2);
    hear(&b, offload(OFFLOAD_FAILED, es1, 2, 0));
    fake_wait(&b.fake, simtime_ms(500));
    expect(&b, "ES1<ACK FAILED, ES1<CANCEL", AP_SERVING);
    assert_false(client(&b)->retry_pending);
    bench_free(&b);
    bench_init(&b, AP_MIGRATING);
    b.fake.rules.retries = 1;
    hear(&b, offload(OFFLOAD_FAILED, es1, 1, 0));
    hear_ack(&b, es1, OFFLOAD_CANCEL);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 3)); /* somebody else's to try again */
    fake_listen(&b.fake);
    fake_wait(&b.fake, simtime_s(30));
    expect(&b, "", AP_MOVED);
    assert_false(ap_busy(&b.ap));
    bench_free(&b);
}

/* With request 5 forwarded, answered by the source with digest 0 and replayed. */
static void bring_to_replay(struct bench *b)
{
    bench_init(b, AP_MIGRATING);
    hear(b, offload(OFFLOAD_REQUEST, mud1, 0, 5));
    hear(b, offload(OFFLOAD_EDGE_READY, es2, 1, 5));
    hear_ack(b, es1, OFFLOAD_FETCH);
    fake_listen(&b->fake);
}

/* What was replayed to a container that is gone must be replayed to the next. */
static void another_try_replays_everything(void **state)
{
    (void)state;
    struct bench b;
    bring_to_replay(&b);
    b.fake.rules.retries = 1;
    expect(&b, "", AP_SWITCHING);
    hear(&b, offload(OFFLOAD_REPLAYED, es2, 1, 5));
    hear(&b, offload(OFFLOAD_FAILED, es1, 1, 0));
    hear_ack(&b, es1, OFFLOAD_CANCEL);
    fake_wait(&b.fake, simtime_ms(5001));
    assert_int_equal(client(&b)->state, AP_MIGRATING);
    fake_listen(&b.fake);
    hear(&b, offload(OFFLOAD_EDGE_READY, es2, 2, 5));
    assert_non_null(strstr(fake_did(&b.fake), "ES2<REPLAY 5"));
    hear(&b, offload(OFFLOAD_REPLAYED, es2, 2, 5));
    assert_int_equal(client(&b)->sw.replays, 1);
    bench_free(&b);
}

static void a_replay_that_gives_another_digest_fails_the_migration(void **state)
{
    (void)state;
    struct bench b;
    bring_to_replay(&b);
    struct msg replayed = offload(OFFLOAD_REPLAYED, es2, 1, 5), reply = offload(OFFLOAD_REPLY, ap1, 0, 5);
    replayed.offload.digest = 8;
    hear(&b, replayed);
    hear(&b, reply);
    expect(&b, "MUD1<SVCR 5, ES1<CANCEL status -74", AP_SERVING);
    bench_free(&b);
}

static void probes_that_differ_fail_the_migration(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct bench b;
        bench_init(&b, AP_SWITCHING);
        hear_probed(&b, es1, 5, 5);
        struct msg m = offload(OFFLOAD_PROBED, es2, 1, which == 0 ? 4 : 5);
        m.offload.until = 5;
        m.offload.digest = which == 1 ? 8 : 7;
        m.offload.checksum = which == 2 ? 8 : 9;
        hear(&b, m);
        expect(&b, "ES1<CANCEL status -74", AP_SERVING);
        bench_free(&b);
    }
}

static void a_source_that_executed_more_is_caught_up_with(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_SWITCHING);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 6));
    hear_probed(&b, es1, 6, 5);
    expect(&b, "AP1<SVCQ 6, ES1<FETCH", AP_CATCHING_UP);
    hear_probed(&b, es2, 5, 5); /* late, of the first try */
    hear(&b, offload(OFFLOAD_LOGGED, es1, 1, 5));
    hear_ack(&b, es1, OFFLOAD_FETCH);
    expect(&b, "ES2<REPLAY 5, ES2<REPLAY 6, ES1<PROBE 7, ES2<PROBE 7", AP_SWITCHING);
    hear_probed(&b, es2, 5, 5); /* late, of the first try */
    hear_probed(&b, es1, 7, 7);
    expect(&b, "", AP_SWITCHING); /* the target's is still to come */
    hear(&b, offload(OFFLOAD_REPLAYED, es2, 1, 5));
    hear_probed(&b, es2, 7, 7);
    expect(&b, "ES2<ACTIVATE", AP_ACTIVATING);
    bench_free(&b);
}

static void the_commit_releases_held_requests_to_the_new_container(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_ACTIVATING);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 5));
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 4)); /* a resend of what the source has answered */
    expect(&b, "AP1<SVCQ 4", AP_ACTIVATING);
    hear_ack(&b, es2, OFFLOAD_ACTIVATE);
    expect(&b, "migr finished, ES2<SVCQ 5, ES1<STOP", AP_SERVING);
    fake_wait(&b.fake, simtime_s(60)); /* STOP is repeated until it is acknowledged, and never given up */
    assert_non_null(strstr(fake_did(&b.fake), "ES1<STOP, ES1<STOP, ES1<STOP"));
    hear_ack(&b, es1, OFFLOAD_STOP);
    assert_false(ap_busy(&b.ap));
    bench_free(&b);
}

/* The container is at ES3 now; the way there does not lead through an access point. */
static void a_container_elsewhere_is_reached_directly(void **state)
{
    (void)state;
    struct bench b;
    target = es3;
    bench_init(&b, AP_ACTIVATING);
    target = es2;
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 5));
    hear_ack(&b, es3, OFFLOAD_ACTIVATE);
    expect(&b, "migr finished, ES3<SVCQ 5, ES1<STOP", AP_SERVING);
    hear(&b, offload(OFFLOAD_REPLY, es3, 0, 5));
    expect(&b, "MUD1<SVCR 5", AP_SERVING);
    hear(&b, message(MSG_MOVE_NOTIFY, ap3, 3));
    expect(&b, "AP3<MOVE-response #3", AP_MOVED);
    assert_true(party_equal(client(&b)->granted->anchor_edge, es3));
    assert_int_equal(client(&b)->granted->anchor_ap.role, PARTY_NONE);
    bench_free(&b);
}

/* A hold is as long as the farther of the two ways: ES3 is 90 ms away, ES1 answered within 40. */
static void a_hold_counts_the_way_to_the_target(void **state)
{
    (void)state;
    struct bench b;
    target = es3;
    bench_init(&b, AP_MIGRATING);
    target = es2;
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 3));
    fake_wait(&b.fake, simtime_ms(40));
    hear(&b, offload(OFFLOAD_REPLY, ap1, 0, 3));
    assert_int_equal(ap_hold_limit(client(&b)).ns, simtime_ms(2 * 90 + 10 * 5).ns);
    b.fake.rules.hold_max = simtime_ms(80);
    hear(&b, offload(OFFLOAD_EDGE_READY, es3, 1, 5));
    hear_ack(&b, es1, OFFLOAD_FETCH);
    assert_int_equal(client(&b)->state, AP_CATCHING_UP);
    b.fake.rules.hold_max = simtime_ms(90);
    fake_wait(&b.fake, simtime_s(1));
    assert_int_equal(client(&b)->state, AP_SWITCHING);
    bench_free(&b);
}

/* The links promise 40 ms to ES1; what is measured is 80, then more and more. One say a handoff. */
static void a_policy_that_watches_judges_by_what_is_measured(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    b.ap.sites = sites;
    b.fake.rules.policy.when = policy_of("latency");
    b.fake.rules.policy.latency_max = simtime_ms(100);
    hear_token(&b, es1, 2);
    uint32_t n = 0;
    for (int ms = 80; client(&b)->state == AP_SERVING && ms < 400; ms += 20, n++) {
        hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, n));
        fake_wait(&b.fake, simtime_ms(ms));
        hear(&b, offload(OFFLOAD_REPLY, ap1, 0, n));
    }
    assert_int_equal(client(&b)->state, AP_MIGRATING);
    assert_in_range(client(&b)->forward_rtt_mean.ns, simtime_ms(100).ns + 1, simtime_ms(120).ns);
    hear(&b, offload(OFFLOAD_FAILED, es1, 1, 0));
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, n));
    fake_wait(&b.fake, simtime_ms(900));
    hear(&b, offload(OFFLOAD_REPLY, ap1, 0, n));
    assert_int_equal(client(&b)->state, AP_SERVING);
    bench_free(&b);
}

/* ES3 has the data, but room for one container only; the news of it come in any order. */
static void a_full_edge_is_not_chosen(void **state)
{
    static const struct {
        uint32_t containers, told;
        bool chosen;
    } rows[] = {{1, 2, false}, {0, 1, false}, {0, 3, true}, {1, 3, true}, {1, 4, false}};
    (void)state;
    struct bench b;
    bench_init(&b, AP_AWAITING_TOKEN);
    place_at_es3(&b);
    struct placement_edge edges[ARRAY_LEN(rooms)];
    memcpy(edges, rooms, sizeof rooms);
    for (size_t i = 0; i < ARRAY_LEN(edges); i++)
        edges[i].capacity[PLACEMENT_CPU] = 1;
    b.fake.rules.policy.placement.edges = edges;
    b.fake.rules.policy.placement.demand[PLACEMENT_CPU] = 1;
    assert_true(party_equal(ap_choose_edge(client(&b)), es3));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct msg m = offload(OFFLOAD_LOAD, es3, 0, rows[i].containers);
        m.offload.until = rows[i].told;
        hear(&b, m);
        assert_int_equal(party_equal(ap_choose_edge(client(&b)), es3), rows[i].chosen);
    }
    expect(&b, "", AP_AWAITING_TOKEN);
    bench_free(&b);
}

static void waits_end(void **state)
{
    (void)state;
    static const struct {
        enum ap_state state;
        int seconds;
    } rows[] = {{AP_CATCHING_UP, 22}, {AP_SWITCHING, 5}, {AP_ACTIVATING, 5}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b, rows[i].state);
        fake_wait(&b.fake, simtime_s(rows[i].seconds));
        assert_int_equal(client(&b)->state, AP_SERVING);
        assert_non_null(strstr(fake_did(&b.fake), "ES1<CANCEL status -110"));
        bench_free(&b);
    }
}

static void a_replay_log_that_does_not_shrink_fails_the_migration(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_MIGRATING);
    for (uint32_t n = 5; n < 20; n++)
        hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, n));
    hear(&b, offload(OFFLOAD_EDGE_READY, es2, 1, 5));
    hear_ack(&b, es1, OFFLOAD_FETCH);
    for (uint32_t n = 5; n < 100 && client(&b)->state == AP_CATCHING_UP; n++) {
        hear(&b, offload(OFFLOAD_REPLAYED, es2, 1, n));
        hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, n + 15));
    }
    assert_int_equal(client(&b)->state, AP_SERVING);
    assert_non_null(strstr(fake_did(&b.fake), "ES1<CANCEL status -16"));
    bench_free(&b);
}

/* The reply to 4 was lost; the device has it by another way, or asks again. The last forwarded request took long. */
static void a_lost_reply_from_before_the_cut_holds_up_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_MIGRATING);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 3));
    fake_wait(&b.fake, simtime_ms(100));
    hear(&b, offload(OFFLOAD_REPLY, ap1, 0, 3));
    client(&b)->forward_rtt = simtime_s(3);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 4));
    hear(&b, offload(OFFLOAD_EDGE_READY, es2, 1, 5));
    hear_ack(&b, es1, OFFLOAD_FETCH);
    assert_int_equal(client(&b)->state, AP_SWITCHING);
    bench_free(&b);
}

static void a_request_sent_on_twice_measures_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, AP_SERVING);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 6));
    fake_wait(&b.fake, simtime_ms(300));
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 6));
    fake_wait(&b.fake, simtime_ms(1));
    hear(&b, offload(OFFLOAD_REPLY, ap1, 0, 6));
    assert_int_equal(client(&b)->forward_rtt_min.ns, 0);
    hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 7));
    fake_wait(&b.fake, simtime_ms(200));
    hear(&b, offload(OFFLOAD_REPLY, ap1, 0, 7));
    assert_int_equal(client(&b)->forward_rtt_min.ns, simtime_ms(200).ns);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_that_comes_back_to_where_it_is_served_is_followed),
        cmocka_unit_test(a_failed_migration_is_tried_again_as_often_as_the_rules_say),
        cmocka_unit_test(another_try_replays_everything),
        cmocka_unit_test(a_replay_that_gives_another_digest_fails_the_migration),
        cmocka_unit_test(probes_that_differ_fail_the_migration),
        cmocka_unit_test(a_source_that_executed_more_is_caught_up_with),
        cmocka_unit_test(the_commit_releases_held_requests_to_the_new_container),
        cmocka_unit_test(a_container_elsewhere_is_reached_directly),
        cmocka_unit_test(a_hold_counts_the_way_to_the_target),
        cmocka_unit_test(a_policy_that_watches_judges_by_what_is_measured),
        cmocka_unit_test(a_full_edge_is_not_chosen),
        cmocka_unit_test(waits_end),
        cmocka_unit_test(a_replay_log_that_does_not_shrink_fails_the_migration),
        cmocka_unit_test(a_lost_reply_from_before_the_cut_holds_up_nothing),
        cmocka_unit_test(a_request_sent_on_twice_measures_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
