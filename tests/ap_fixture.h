/* An access point whose port writes down what it does, brought into each state. AP2 is wired to ES2; the device comes from AP1 and ES1, and its
 * container goes to ES2, or, if a placement says so, to ES3. */
#ifndef ROAMLAB_AP_FIXTURE_H
#define ROAMLAB_AP_FIXTURE_H

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

static inline void place_at_es3(struct bench *b)
{
    b->ap.sites = sites;
    b->fake.rules.policy.where = placement_of("weighted");
    b->fake.rules.policy.placement =
        (struct placement_rules){.edges = rooms, .edge_count = 3, .location = 1, .data = 1};
}

static inline struct msg message(enum msg_type type, struct party from, uint32_t sequence)
{
    return (struct msg){.type = type, .from = from, .to = ap2, .sequence = sequence};
}

static inline struct msg offload(uint8_t type, struct party from, uint32_t migration, uint32_t number)
{
    struct msg m = message(MSG_OFFLOAD, from, 2);
    m.offload =
        (struct offload){.type = type, .sequence = 2, .migration = migration, .number = number, .peer = ap2};
    return m;
}

static inline struct ap_client *client(struct bench *b)
{
    return map_get(&b->ap.clients, 0);
}

static inline void hear(struct bench *b, struct msg m)
{
    ap_receive(&b->ap, &m);
}

static inline void hear_token(struct bench *b, struct party anchor_edge, uint32_t sequence)
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

static inline void associate(struct bench *b, uint32_t sequence, struct party other)
{
    struct msg m = message(other.role ? MSG_REASSOCIATION_REQUEST : MSG_ASSOCIATION_REQUEST, mud1, sequence);
    m.other = other;
    hear(b, m);
}

static inline void hear_ack(struct bench *b, struct party from, uint8_t acked)
{
    struct msg m = offload(OFFLOAD_ACK, from, 1, 0);
    m.offload.acked = acked;
    hear(b, m);
}

static inline void hear_probed(struct bench *b, struct party from, uint32_t next, uint32_t last)
{
    struct msg m = offload(OFFLOAD_PROBED, from, 1, next);
    m.offload.until = last;
    m.offload.digest = 7;
    m.offload.checksum = 9;
    hear(b, m);
}

/* The shortest way into each state; from MIGRATING on, migration 1 from ES1 to ES2 with cut 5. */
static inline void bring_into(struct bench *b, enum ap_state state)
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

static inline void bench_init(struct bench *b, enum ap_state state)
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

static inline void bench_free(struct bench *b)
{
    ap_free(&b->ap);
    fake_free(&b->fake);
}

/* The message by which an event comes; the token is that of TOKEN. */
static inline struct msg event_message(enum ap_event event, const struct iapp_context *token)
{
    static const struct {
        enum msg_type type;
        const struct party *from; /* NULL = it is an offload message */
        uint32_t sequence;
    } frames[AP_EVENTS] = {
        [AP_EV_ASSOCIATE] = {MSG_ASSOCIATION_REQUEST, &mud1, 9},
        [AP_EV_REASSOCIATE] = {MSG_REASSOCIATION_REQUEST, &mud1, 9},
        [AP_EV_DISASSOCIATE] = {MSG_DISASSOCIATION, &mud1, 2},
        [AP_EV_MOVE_NOTIFY] = {MSG_MOVE_NOTIFY, &ap3, 9},
        [AP_EV_TOKEN] = {MSG_MOVE_RESPONSE, &ap1, 2},
        [AP_EV_NO_TOKEN] = {MSG_MOVE_RESPONSE, &ap1, 2},
    };
    static const struct {
        uint8_t type;
        const struct party *from;
        uint32_t migration, number;
    } offloads[AP_EVENTS] = {
        [AP_EV_REQUEST] = {OFFLOAD_REQUEST, &mud1, 0, 6},       [AP_EV_REPLY] = {OFFLOAD_REPLY, &ap1, 0, 5},
        [AP_EV_ATTACHED] = {OFFLOAD_EDGE_READY, &target, 0, 0}, [AP_EV_READY] = {OFFLOAD_EDGE_READY, &target, 1, 5},
        [AP_EV_CUT] = {OFFLOAD_CUT, &es1, 1, 5},                [AP_EV_LOGGED] = {OFFLOAD_LOGGED, &es1, 1, 5},
        [AP_EV_REPLAYED] = {OFFLOAD_REPLAYED, &target, 1, 5},   [AP_EV_PROBED] = {OFFLOAD_PROBED, &es1, 1, 5},
        [AP_EV_FAILED] = {OFFLOAD_FAILED, &es1, 1, 0},          [AP_EV_OWNED] = {OFFLOAD_OWNED, &ap3, 0, 0},
        [AP_EV_BYE] = {OFFLOAD_BYE, &mud1, 0, 0},               [AP_EV_DELEGATE] = {OFFLOAD_DELEGATE, &target, 0, 0},
        [AP_EV_FETCHED] = {OFFLOAD_ACK, &es1, 1, 0},            [AP_EV_ACTIVATED] = {OFFLOAD_ACK, &target, 1, 0},
        [AP_EV_TICK] = {OFFLOAD_ACK, &es1, 1, 0},
    };
    struct msg m = frames[event].from ? message(frames[event].type, *frames[event].from, frames[event].sequence)
                                      : offload(offloads[event].type, *offloads[event].from, offloads[event].migration,
                                                offloads[event].number);
    if (event == AP_EV_REASSOCIATE)
        m.other = ap1;
    if (event == AP_EV_TOKEN)
        m.token = token;
    if (event == AP_EV_NO_TOKEN)
        m.status = IAPP_STALE_MOVE;
    if (event == AP_EV_REPLY)
        m.offload.hops = 8;
    if (event == AP_EV_FAILED)
        m.offload.status = -EIO;
    if (event == AP_EV_DELEGATE)
        m.offload.peer = es1;
    return m;
}

static inline void expect(struct bench *b, const char *did, enum ap_state state)
{
    assert_string_equal(fake_did(&b->fake), did);
    assert_int_equal(client(b)->state, state);
    assert_int_equal(b->ap.actor.unexpected, 0);
    fake_listen(&b->fake);
}

#endif
