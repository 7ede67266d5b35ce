/* The access point's table, cell by cell, and what holds in every state. */
#include "ap_fixture.h"

struct cell {
    enum ap_state state;
    enum ap_event event;
    enum ap_state after;
    const char *did; /* "!" = not foreseen; "" = nothing */
};

static const struct cell cells[] = {
    {AP_ABSENT, AP_EV_ASSOCIATE, AP_ATTACHING, "MUD1<ASSOCIATION RESPONSE, ES2<ATTACH"},
    {AP_ABSENT, AP_EV_REASSOCIATE, AP_AWAITING_TOKEN, "MUD1<REASSOCIATION RESPONSE, AP1<MOVE-notify #9"},
    {AP_ABSENT, AP_EV_DISASSOCIATE, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_MOVE_NOTIFY, AP_MOVED, "AP3<MOVE-response #9"},
    {AP_ABSENT, AP_EV_TOKEN, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_NO_TOKEN, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_REQUEST, AP_ABSENT, "!"},
    {AP_ABSENT, AP_EV_REPLY, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_ATTACHED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_READY, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_CUT, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_LOGGED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_FETCHED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_REPLAYED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_PROBED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_ACTIVATED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_FAILED, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_TICK, AP_ABSENT, "!"},
    {AP_ABSENT, AP_EV_BYE, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_DELEGATE, AP_ABSENT, ""},
    {AP_ABSENT, AP_EV_OWNED, AP_ABSENT, ""},
    {AP_ATTACHING, AP_EV_ASSOCIATE, AP_ATTACHING, "MUD1<ASSOCIATION RESPONSE"},
    {AP_ATTACHING, AP_EV_REASSOCIATE, AP_ATTACHING, "MUD1<REASSOCIATION RESPONSE"},
    {AP_ATTACHING, AP_EV_DISASSOCIATE, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_MOVE_NOTIFY, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_TOKEN, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_NO_TOKEN, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_REQUEST, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_REPLY, AP_ATTACHING, "!"},
    {AP_ATTACHING, AP_EV_ATTACHED, AP_SERVING, "MUD1<ES2-READY"},
    {AP_ATTACHING, AP_EV_READY, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_CUT, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_LOGGED, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_FETCHED, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_REPLAYED, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_PROBED, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_ACTIVATED, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_FAILED, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_TICK, AP_ATTACHING, "!"},
    {AP_ATTACHING, AP_EV_BYE, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_DELEGATE, AP_ATTACHING, ""},
    {AP_ATTACHING, AP_EV_OWNED, AP_ATTACHING, ""},
    {AP_AWAITING_TOKEN, AP_EV_ASSOCIATE, AP_AWAITING_TOKEN, "MUD1<ASSOCIATION RESPONSE, AP1<MOVE-notify #9"},
    {AP_AWAITING_TOKEN, AP_EV_REASSOCIATE, AP_AWAITING_TOKEN,
     "MUD1<REASSOCIATION RESPONSE, AP1<MOVE-notify #9"},
    {AP_AWAITING_TOKEN, AP_EV_DISASSOCIATE, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_MOVE_NOTIFY, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_TOKEN, AP_SERVING, "MUD1<ES2-READY"},
    {AP_AWAITING_TOKEN, AP_EV_NO_TOKEN, AP_MOVED, ""},
    {AP_AWAITING_TOKEN, AP_EV_REQUEST, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_REPLY, AP_AWAITING_TOKEN, "MUD1<SVCR 5"},
    {AP_AWAITING_TOKEN, AP_EV_ATTACHED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_READY, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_CUT, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_LOGGED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_FETCHED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_REPLAYED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_PROBED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_ACTIVATED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_FAILED, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_TICK, AP_AWAITING_TOKEN, "!"},
    {AP_AWAITING_TOKEN, AP_EV_BYE, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_DELEGATE, AP_AWAITING_TOKEN, ""},
    {AP_AWAITING_TOKEN, AP_EV_OWNED, AP_AWAITING_TOKEN, ""},
    {AP_SERVING, AP_EV_ASSOCIATE, AP_SERVING, "MUD1<ASSOCIATION RESPONSE, MUD1<ES2-READY"},
    {AP_SERVING, AP_EV_REASSOCIATE, AP_SERVING, "MUD1<REASSOCIATION RESPONSE, MUD1<ES2-READY"},
    {AP_SERVING, AP_EV_DISASSOCIATE, AP_SERVING, ""},
    {AP_SERVING, AP_EV_MOVE_NOTIFY, AP_MOVED, "AP3<MOVE-response #9"},
    {AP_SERVING, AP_EV_TOKEN, AP_SERVING, ""},
    {AP_SERVING, AP_EV_NO_TOKEN, AP_SERVING, ""},
    {AP_SERVING, AP_EV_REQUEST, AP_SERVING, "ES2<SVCQ 6"},
    {AP_SERVING, AP_EV_REPLY, AP_SERVING, "MUD1<SVCR 5"},
    {AP_SERVING, AP_EV_ATTACHED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_READY, AP_SERVING, ""},
    {AP_SERVING, AP_EV_CUT, AP_SERVING, ""},
    {AP_SERVING, AP_EV_LOGGED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_FETCHED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_REPLAYED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_PROBED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_ACTIVATED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_FAILED, AP_SERVING, ""},
    {AP_SERVING, AP_EV_TICK, AP_SERVING, ""}, /* the container is where the policy wants it */
    {AP_SERVING, AP_EV_BYE, AP_SERVING, "ES2<BYEE"},
    {AP_SERVING, AP_EV_DELEGATE, AP_MIGRATING, "ES2<ACK DELEGATE, ES2<MIGRATE"},
    {AP_SERVING, AP_EV_OWNED, AP_SERVING, ""},
    {AP_MIGRATING, AP_EV_ASSOCIATE, AP_MIGRATING, "MUD1<ASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_MIGRATING, AP_EV_REASSOCIATE, AP_MIGRATING, "MUD1<REASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_MIGRATING, AP_EV_DISASSOCIATE, AP_MIGRATING, ""},
    {AP_MIGRATING, AP_EV_MOVE_NOTIFY, AP_MOVED, "ES1<CANCEL, AP3<MOVE-response #9"},
    {AP_MIGRATING, AP_EV_TOKEN, AP_MIGRATING, ""},
    {AP_MIGRATING, AP_EV_NO_TOKEN, AP_MIGRATING, ""},
    {AP_MIGRATING, AP_EV_REQUEST, AP_MIGRATING, "AP1<SVCQ 6"},
    {AP_MIGRATING, AP_EV_REPLY, AP_MIGRATING, "MUD1<SVCR 5"},
    {AP_MIGRATING, AP_EV_ATTACHED, AP_MIGRATING, ""},
    {AP_MIGRATING, AP_EV_READY, AP_CATCHING_UP, "ES1<FETCH"},
    {AP_MIGRATING, AP_EV_CUT, AP_MIGRATING, "ES1<FETCH"},
    {AP_MIGRATING, AP_EV_LOGGED, AP_MIGRATING, ""},
    {AP_MIGRATING, AP_EV_FETCHED, AP_MIGRATING, ""},
    {AP_MIGRATING, AP_EV_REPLAYED, AP_MIGRATING, "!"},
    {AP_MIGRATING, AP_EV_PROBED, AP_MIGRATING, "!"},
    {AP_MIGRATING, AP_EV_ACTIVATED, AP_MIGRATING, "!"},
    {AP_MIGRATING, AP_EV_FAILED, AP_SERVING, "ES1<CANCEL status -5"},
    {AP_MIGRATING, AP_EV_TICK, AP_MIGRATING, "ES1<MIGRATE"},
    {AP_MIGRATING, AP_EV_BYE, AP_MIGRATING, "ES1<BYEE"},
    {AP_MIGRATING, AP_EV_DELEGATE, AP_MIGRATING, "ES2<ACK DELEGATE"},
    {AP_MIGRATING, AP_EV_OWNED, AP_MIGRATING, ""},
    {AP_CATCHING_UP, AP_EV_ASSOCIATE, AP_CATCHING_UP, "MUD1<ASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_CATCHING_UP, AP_EV_REASSOCIATE, AP_CATCHING_UP, "MUD1<REASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_CATCHING_UP, AP_EV_DISASSOCIATE, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_MOVE_NOTIFY, AP_MOVED, "ES1<CANCEL, AP3<MOVE-response #9"},
    {AP_CATCHING_UP, AP_EV_TOKEN, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_NO_TOKEN, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_REQUEST, AP_CATCHING_UP, "AP1<SVCQ 6"},
    {AP_CATCHING_UP, AP_EV_REPLY, AP_CATCHING_UP, "MUD1<SVCR 5"},
    {AP_CATCHING_UP, AP_EV_ATTACHED, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_READY, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_CUT, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_LOGGED, AP_CATCHING_UP, "ES2<REPLAY 5"},
    {AP_CATCHING_UP, AP_EV_FETCHED, AP_SWITCHING, "ES1<PROBE 5, ES2<PROBE 5"},
    {AP_CATCHING_UP, AP_EV_REPLAYED, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_PROBED, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_ACTIVATED, AP_CATCHING_UP, "!"},
    {AP_CATCHING_UP, AP_EV_FAILED, AP_SERVING, "ES1<CANCEL status -5"},
    {AP_CATCHING_UP, AP_EV_TICK, AP_CATCHING_UP, ""},
    {AP_CATCHING_UP, AP_EV_BYE, AP_CATCHING_UP, "ES1<BYEE"},
    {AP_CATCHING_UP, AP_EV_DELEGATE, AP_CATCHING_UP, "ES2<ACK DELEGATE"},
    {AP_CATCHING_UP, AP_EV_OWNED, AP_CATCHING_UP, ""},
    {AP_SWITCHING, AP_EV_ASSOCIATE, AP_SWITCHING, "MUD1<ASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_SWITCHING, AP_EV_REASSOCIATE, AP_SWITCHING, "MUD1<REASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_SWITCHING, AP_EV_DISASSOCIATE, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_MOVE_NOTIFY, AP_MOVED, "ES1<CANCEL, AP3<MOVE-response #9"},
    {AP_SWITCHING, AP_EV_TOKEN, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_NO_TOKEN, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_REQUEST, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_REPLY, AP_SWITCHING, "MUD1<SVCR 5"},
    {AP_SWITCHING, AP_EV_ATTACHED, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_READY, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_CUT, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_LOGGED, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_FETCHED, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_REPLAYED, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_PROBED, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_ACTIVATED, AP_SWITCHING, "!"},
    {AP_SWITCHING, AP_EV_FAILED, AP_SERVING, "ES1<CANCEL status -5"},
    {AP_SWITCHING, AP_EV_TICK, AP_SWITCHING, ""},
    {AP_SWITCHING, AP_EV_BYE, AP_SWITCHING, "ES1<BYEE"},
    {AP_SWITCHING, AP_EV_DELEGATE, AP_SWITCHING, "ES2<ACK DELEGATE"},
    {AP_SWITCHING, AP_EV_OWNED, AP_SWITCHING, ""},
    {AP_ACTIVATING, AP_EV_ASSOCIATE, AP_ACTIVATING, "MUD1<ASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_ACTIVATING, AP_EV_REASSOCIATE, AP_ACTIVATING, "MUD1<REASSOCIATION RESPONSE, MUD1<ES1-READY"},
    {AP_ACTIVATING, AP_EV_DISASSOCIATE, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_MOVE_NOTIFY, AP_MOVED, "ES1<CANCEL, AP3<MOVE-response #9"},
    {AP_ACTIVATING, AP_EV_TOKEN, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_NO_TOKEN, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_REQUEST, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_REPLY, AP_ACTIVATING, "MUD1<SVCR 5"},
    {AP_ACTIVATING, AP_EV_ATTACHED, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_READY, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_CUT, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_LOGGED, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_FETCHED, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_REPLAYED, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_PROBED, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_ACTIVATED, AP_SERVING, "migr finished, ES1<STOP"},
    {AP_ACTIVATING, AP_EV_FAILED, AP_SERVING, "ES1<CANCEL status -5"},
    {AP_ACTIVATING, AP_EV_TICK, AP_ACTIVATING, ""},
    {AP_ACTIVATING, AP_EV_BYE, AP_ACTIVATING, "ES1<BYEE"},
    {AP_ACTIVATING, AP_EV_DELEGATE, AP_ACTIVATING, "ES2<ACK DELEGATE"},
    {AP_ACTIVATING, AP_EV_OWNED, AP_ACTIVATING, ""},
    {AP_MOVED, AP_EV_ASSOCIATE, AP_AWAITING_TOKEN, "MUD1<ASSOCIATION RESPONSE, AP3<MOVE-notify #9"},
    {AP_MOVED, AP_EV_REASSOCIATE, AP_AWAITING_TOKEN, "MUD1<REASSOCIATION RESPONSE, AP3<MOVE-notify #9"},
    {AP_MOVED, AP_EV_DISASSOCIATE, AP_MOVED, ""},
    {AP_MOVED, AP_EV_MOVE_NOTIFY, AP_MOVED, "AP3<MOVE-response #3, AP3<MOVE-response status 2, other"},
    {AP_MOVED, AP_EV_TOKEN, AP_MOVED, ""},
    {AP_MOVED, AP_EV_NO_TOKEN, AP_MOVED, ""},
    {AP_MOVED, AP_EV_REQUEST, AP_MOVED, "!"},
    {AP_MOVED, AP_EV_REPLY, AP_MOVED, "AP3<SVCR 5"},
    {AP_MOVED, AP_EV_ATTACHED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_READY, AP_MOVED, ""},
    {AP_MOVED, AP_EV_CUT, AP_MOVED, ""},
    {AP_MOVED, AP_EV_LOGGED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_FETCHED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_REPLAYED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_PROBED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_ACTIVATED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_FAILED, AP_MOVED, ""},
    {AP_MOVED, AP_EV_TICK, AP_MOVED, "!"},
    {AP_MOVED, AP_EV_BYE, AP_MOVED, ""},
    {AP_MOVED, AP_EV_DELEGATE, AP_MOVED, "ES2<ACK DELEGATE, AP3<DELEGATE"},
    {AP_MOVED, AP_EV_OWNED, AP_MOVED, ""},
};

/* What goes to ES2 goes to the target. */
static char *expected(const char *did)
{
    char *text = mem_copy_string(did);
    for (char *at = text; (at = strstr(at, "ES2")); at++)
        at[2] = (char)('1' + target.index);
    return text;
}

static void every_cell(void **state)
{
    (void)state;
    bool seen[AP_STATES][AP_EVENTS] = {0};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        const struct cell *cell = &cells[i];
        struct bench b;
        struct iapp_context token = {.offloading = true, .anchor_edge = target, .sequence = 2};
        autofree char *did = expected(cell->did);
        bench_init(&b, cell->state);
        struct msg m = event_message(cell->event, &token);
        if (cell->state == AP_ABSENT && cell->event == AP_EV_ASSOCIATE)
            m.sequence = 1; /* it begins */
        ap_handle(client(&b), cell->event, &m);
        if (client(&b)->state != cell->after || strcmp(fake_did(&b.fake), did) != 0)
            fail_msg("state %d, event %d: state %d, not %d, and \"%s\", not \"%s\"", cell->state, cell->event,
                     client(&b)->state, cell->after, fake_did(&b.fake), did);
        bool unforeseen = strcmp(cell->did, "!") == 0;
        assert_int_equal(b.ap.actor.unexpected, unforeseen);
        seen[cell->state][cell->event] = true;
        bench_free(&b);
    }
    for (int s = 0; s < AP_STATES; s++)
        for (int e = 0; e < AP_EVENTS; e++)
            assert_true(seen[s][e]);
}

static void every_cell_with_a_target_elsewhere(void **state)
{
    target = es3;
    every_cell(state);
    target = es2;
}

static void control_messages_are_acknowledged_in_every_state(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *ack;
    } rows[] = {{OFFLOAD_CUT, "ES1<ACK CUT, ES1<CANCEL status -104"}, /* its edge waits for a verdict that nobody knows */
                {OFFLOAD_FAILED, "ES1<ACK FAILED, ES1<CANCEL status -104"},
                {OFFLOAD_EDGE_READY, "ES1<ACK ES-READY"}};
    for (int s = AP_ABSENT; s < AP_STATES; s++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct bench b;
            bench_init(&b, (enum ap_state)s);
            hear(&b, offload(rows[i].type, es1, 77, 5)); /* of a migration long gone */
            expect(&b, rows[i].ack, (enum ap_state)s);
            bench_free(&b);
        }
}

static void frames_of_a_device_that_is_not_associated_are_dropped(void **state)
{
    (void)state;
    for (int s = AP_ABSENT; s < AP_STATES; s++) {
        struct bench b;
        bench_init(&b, (enum ap_state)s);
        hear(&b, message(MSG_DISASSOCIATION, mud1, 2));
        hear(&b, offload(OFFLOAD_REQUEST, mud1, 0, 6));
        expect(&b, s == AP_ABSENT ? "MUD1<DISASSOCIATION" : "", (enum ap_state)s);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(every_cell_with_a_target_elsewhere),
        cmocka_unit_test(control_messages_are_acknowledged_in_every_state),
        cmocka_unit_test(frames_of_a_device_that_is_not_associated_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
