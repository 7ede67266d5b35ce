/* The access point's table, cell by cell, and what no single cell shows. AP2 is wired to ES2; the device comes from AP1 and ES1, and its
 * container goes to ES2, or, if a placement says so, to ES3. */
#include "ap.h"
#include "fake_port.h"

#include <errno.h>

static const struct party ap1 = {PARTY_AP, 0}, ap2 = {PARTY_AP, 1}, ap3 = {PARTY_AP, 2},
                          es1 = {PARTY_EDGE, 0}, es2 = {PARTY_EDGE, 1}, es3 = {PARTY_EDGE, 2},
                          mud1 = {PARTY_MUD, 0};

struct bench {
    struct fake_port fake;
    struct ap ap;
};

static struct party target = {PARTY_EDGE, 1};

/* A container weighs nothing but where its data is: at ES3. */
static const struct placement_site sites[] = {{1, {40000000}, 1}, {0, {0}, 1}, {2, {90000000}, 1}};
static const struct placement_edge rooms[] = {{.data_share = 0}, {.data_share = 0}, {.data_share = 1}};

static void place_at_es3(struct bench *b)
{
    b->ap.sites = sites;
    b->fake.rules.policy.where = placement_of("weighted");
    b->fake.rules.policy.placement =
        (struct placement_rules){.edges = rooms, .edge_count = 3, .location = 1, .data = 1};
}

static struct msg message(enum msg_type type, struct party from, uint32_t sequence)
{
    return (struct msg){.type = type, .from = from, .to = ap2, .sequence = sequence};
}

static struct msg offload(uint8_t type, struct party from, uint32_t migration, uint32_t number)
{
    struct msg m = message(MSG_OFFLOAD, from, 2);
    m.offload =
        (struct offload){.type = type, .sequence = 2, .migration = migration, .number = number, .peer = ap2};
    return m;
}

static struct ap_client *client(struct bench *b)
{
    return map_get(&b->ap.clients, 0);
}

static void hear(struct bench *b, struct msg m)
{
    ap_receive(&b->ap, &m);
}

static void hear_token(struct bench *b, struct party anchor_edge, uint32_t sequence)
{
    struct iapp_context token = {.offloading = true,
                                 .anchor_edge = anchor_edge,
                                 .anchor_ap = {PARTY_AP, anchor_edge.index},
                                 .sequence = sequence};
    if (party_equal(anchor_edge, es3))
        token.anchor_ap = (struct party){0};
    struct msg m = message(MSG_MOVE_RESPONSE, ap1, sequence);
    m.token = &token;
    hear(b, m);
}

static void associate(struct bench *b, uint32_t sequence, struct party other)
{
    struct msg m = message(other.role ? MSG_REASSOCIATION_REQUEST : MSG_ASSOCIATION_REQUEST, mud1, sequence);
    m.other = other;
    hear(b, m);
}

static void hear_ack(struct bench *b, struct party from, uint8_t acked)
{
    struct msg m = offload(OFFLOAD_ACK, from, 1, 0);
    m.offload.acked = acked;
    hear(b, m);
}

static void hear_probed(struct bench *b, struct party from, uint32_t next, uint32_t last)
{
    struct msg m = offload(OFFLOAD_PROBED, from, 1, next);
    m.offload.until = last;
    m.offload.digest = 7;
    m.offload.checksum = 9;
    hear(b, m);
}

/* The shortest way into each state; from MIGRATING on, migration 1 from ES1 to ES2 with cut 5. */
static void bring_into(struct bench *b, enum ap_state state)
{
    if (state == AP_ATTACHING)
        associate(b, 1, (struct party){0});
    else if (state != AP_ABSENT)
        associate(b, 2, ap1);
    if (state == AP_SERVING || state == AP_MOVED)
        hear_token(b, target, 2);
    else if (state >= AP_MIGRATING)
        hear_token(b, es1, 2);
    if (state == AP_MOVED)
        hear(b, message(MSG_MOVE_NOTIFY, ap3, 3));
    if (state >= AP_CATCHING_UP && state <= AP_ACTIVATING)
        hear(b, offload(OFFLOAD_EDGE_READY, target, 1, 5));
    if (state == AP_SWITCHING || state == AP_ACTIVATING)
        hear_ack(b, es1, OFFLOAD_FETCH);
    if (state == AP_ACTIVATING) {
        hear_probed(b, es1, 5, 5);
        hear_probed(b, target, 5, 5);
    }
}

static void bench_init(struct bench *b, enum ap_state state)
{
    fake_init(&b->fake, "p-migr");
    ap_init(&b->ap, &b->fake.port, &b->fake.rules, 1, 1);
    if (party_equal(target, es3))
        place_at_es3(b);
    bring_into(b, state);
    if (!client(b)) { /* an absent device becomes known with its first frame */
        hear(b, message(MSG_DISASSOCIATION, mud1, 0));
    }
    assert_int_equal(client(b)->state, state);
    fake_listen(&b->fake);
}

static void bench_free(struct bench *b)
{
    ap_free(&b->ap);
    fake_free(&b->fake);
}

static struct msg event_message(enum ap_event event, const struct iapp_context *token)
{
    struct msg m;
    switch (event) {
    case AP_EV_ASSOCIATE:
        return message(MSG_ASSOCIATION_REQUEST, mud1, 9);
    case AP_EV_REASSOCIATE:
        m = message(MSG_REASSOCIATION_REQUEST, mud1, 9);
        m.other = ap1;
        return m;
    case AP_EV_DISASSOCIATE:
        return message(MSG_DISASSOCIATION, mud1, 2);
    case AP_EV_MOVE_NOTIFY:
        return message(MSG_MOVE_NOTIFY, ap3, 9);
    case AP_EV_TOKEN:
        m = message(MSG_MOVE_RESPONSE, ap1, 2);
        m.token = token;
        return m;
    case AP_EV_NO_TOKEN:
        m = message(MSG_MOVE_RESPONSE, ap1, 2);
        m.status = IAPP_STALE_MOVE;
        return m;
    case AP_EV_REQUEST:
        return offload(OFFLOAD_REQUEST, mud1, 0, 6);
    case AP_EV_REPLY:
        m = offload(OFFLOAD_REPLY, ap1, 0, 5);
        m.offload.hops = 8;
        return m;
    case AP_EV_ATTACHED:
        return offload(OFFLOAD_EDGE_READY, target, 0, 0);
    case AP_EV_READY:
        return offload(OFFLOAD_EDGE_READY, target, 1, 5);
    case AP_EV_CUT:
        return offload(OFFLOAD_CUT, es1, 1, 5);
    case AP_EV_LOGGED:
        return offload(OFFLOAD_LOGGED, es1, 1, 5);
    case AP_EV_REPLAYED:
        return offload(OFFLOAD_REPLAYED, target, 1, 5);
    case AP_EV_PROBED:
        return offload(OFFLOAD_PROBED, es1, 1, 5);
    case AP_EV_FAILED:
        m = offload(OFFLOAD_FAILED, es1, 1, 0);
        m.offload.status = -EIO;
        return m;
    case AP_EV_OWNED:
        return offload(OFFLOAD_OWNED, ap3, 0, 0);
    case AP_EV_BYE:
        return offload(OFFLOAD_BYE, mud1, 0, 0);
    case AP_EV_DELEGATE:
        m = offload(OFFLOAD_DELEGATE, target, 0, 0);
        m.offload.peer = es1;
        return m;
    case AP_EV_FETCHED:
    case AP_EV_ACTIVATED:
    case AP_EV_TICK:
    case AP_EVENTS:
        break;
    }
    return offload(OFFLOAD_ACK, event == AP_EV_ACTIVATED ? target : es1, 1, 0);
}

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
    {AP_ACTIVATING, AP_EV_ACTIVATED, AP_SERVING, "migr finished, migration finished, ES1<STOP"},
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

/* --- beyond a cell ---------------------------------------------------------------------------------------------------------- */

static void expect(struct bench *b, const char *did, enum ap_state state)
{
    assert_string_equal(fake_did(&b->fake), did);
    assert_int_equal(client(b)->state, state);
    assert_int_equal(b->ap.actor.unexpected, 0);
    fake_listen(&b->fake);
}

static void control_messages_are_acknowledged_in_every_state(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *ack;
    } rows[] = {{OFFLOAD_CUT, "ES1<ACK CUT"},
                {OFFLOAD_FAILED, "ES1<ACK FAILED, ES1<CANCEL status -104"}, /* its edge waits for a verdict that nobody knows */
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

/* --- after a restart ------------------------------------------------------------------------------------------------------------ */

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

/* --- migrations -------------------------------------------------------------------------------------------------------------- */

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
    expect(&b, "migr finished, migration finished, ES2<SVCQ 5, ES1<STOP", AP_SERVING);
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
    expect(&b, "migr finished, migration finished, ES3<SVCQ 5, ES1<STOP", AP_SERVING);
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
        cmocka_unit_test(every_cell),
        cmocka_unit_test(every_cell_with_a_target_elsewhere),
        cmocka_unit_test(control_messages_are_acknowledged_in_every_state),
        cmocka_unit_test(frames_of_a_device_that_is_not_associated_are_dropped),
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
