/* An edge server on a fake port: ES2 has a device's container, or gets it from ES1; AP2 decides. */
#ifndef ROAMLAB_EDGE_FIXTURE_H
#define ROAMLAB_EDGE_FIXTURE_H

#include "edge.h"
#include "fake_port.h"

#include <errno.h>

static const struct party ap2 = {PARTY_AP, 1}, ap3 = {PARTY_AP, 2}, es1 = {PARTY_EDGE, 0},
                          es2 = {PARTY_EDGE, 1}, es3 = {PARTY_EDGE, 2};

struct bench {
    struct fake_port fake;
    struct edge edge;
};

static inline struct msg offload(uint8_t type, struct party from, uint32_t migration, uint32_t number)
{
    struct msg m = {.type = MSG_OFFLOAD, .from = from, .to = es2, .sequence = 2};
    m.offload = (struct offload){
        .type = type, .sequence = 2, .migration = migration, .number = number, .until = number, .peer = ap2};
    if (type == OFFLOAD_MIGRATE)
        m.offload.peer = es3;
    if (type == OFFLOAD_MIGRATE || type == OFFLOAD_REQUEST)
        m.offload.until = 2; /* the token is as old as the association */
    return m;
}

static inline struct edge_client *client(struct bench *b)
{
    return map_get(&b->edge.clients, 0);
}

static inline void hear(struct bench *b, struct msg m)
{
    edge_receive(&b->edge, &m);
}

/* The operation that was ordered last is done. */
static inline void finish(struct bench *b, int32_t status)
{
    struct order order = b->fake.order;
    struct order_result result = {.status = status, .reason = status ? "why" : NULL};
    assert_true(b->fake.ordered);
    b->fake.ordered = false;
    edge_operation_done(&b->edge, &order, &result);
}

/* An operation under way ends, whichever was ordered last. */
static inline void finish_one(struct bench *b, enum operation operation, int32_t status)
{
    b->fake.order.operation = operation;
    b->fake.ordered = true;
    finish(b, status);
}

static inline void answer(struct bench *b, uint8_t type, uint32_t number)
{
    struct offload o = {
        .type = type, .sequence = 2, .number = number, .peer = ap2, .migration = client(b)->in.id};
    edge_container_says(&b->edge, client(b)->container, &o);
}

/* What the container says to this edge's own probe before it is halted. */
static inline void answer_probe(struct bench *b, uint32_t migration, uint32_t next)
{
    struct offload o = {
        .type = OFFLOAD_PROBED, .sequence = 2, .number = next, .peer = es2, .migration = migration};
    edge_container_says(&b->edge, client(b)->container, &o);
}

/* The shortest way into each state; containers of INSTALLING and STANDBY come by migration 3 with cut 5. */
static inline void bring_into(struct bench *b, enum edge_state state)
{
    if (state == EDGE_STARTING || state == EDGE_LIVE || state == EDGE_REMOVING)
        hear(b, offload(OFFLOAD_ATTACH, ap2, 0, 0));
    if (state == EDGE_LIVE || state == EDGE_REMOVING)
        finish(b, 0);
    if (state == EDGE_REMOVING)
        hear(b, offload(OFFLOAD_STOP, ap2, 3, 0));
    if (state == EDGE_INSTALLING || state == EDGE_STANDBY)
        hear(b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    if (state == EDGE_STANDBY) {
        finish(b, 0);
        finish(b, 0);
    }
    if (state == EDGE_EMPTY)
        hear(b, offload(OFFLOAD_STOP, ap2, 0, 0));
}

static inline void bench_init(struct bench *b, enum edge_state state, const char *strategy)
{
    fake_init(&b->fake, strategy);
    edge_init(&b->edge, &b->fake.port, &b->fake.rules, 1);
    bring_into(b, state);
    assert_int_equal(client(b)->state, state);
    bool ordered = b->fake.ordered;
    fake_listen(&b->fake);
    b->fake.ordered = ordered;
}

/* Migration 1 begins, to ES3. */
static inline void bench_migrate(struct bench *b, const char *strategy)
{
    bench_init(b, EDGE_LIVE, strategy);
    hear(b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    if (client(b)->out.state == MIGRATION_PROBING)
        answer_probe(b, 1, 0);
}

static inline void bench_free(struct bench *b)
{
    edge_free(&b->edge);
    fake_free(&b->fake);
}

static inline void expect(struct bench *b, const char *did, enum edge_state state)
{
    assert_string_equal(fake_did(&b->fake), did);
    assert_int_equal(client(b)->state, state);
    assert_int_equal(b->edge.actor.unexpected, 0);
    buf_clear(&b->fake.did);
}

#endif
