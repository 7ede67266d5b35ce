/* A device on a fake port, brought into each state. */
#ifndef ROAMLAB_MUD_FIXTURE_H
#define ROAMLAB_MUD_FIXTURE_H

#include "fake_port.h"
#include "mud.h"

static const struct party ap1 = {PARTY_AP, 0}, ap2 = {PARTY_AP, 1};

static const struct visit visits[] = {
    {.ap = 0, .at = {100000000000}}, {.ap = 1, .at = {110000000000}}, {.ap = 0, .at = {111000000000}}};
static const struct visit outage[] = {
    {.ap = 0, .at = {100000000000}},
    {.ap = VISIT_NOWHERE, .at = {110000000000}},
    {.ap = 1, .at = {130000000000}, .phases = {{50000000}, {2000000}, {3000000}}}};

struct bench {
    struct statechain_history *history;
    struct fake_port fake;
    struct mud mud;
};

static inline void hear(struct bench *b, enum msg_type type, struct party from, int32_t status)
{
    struct msg m = {.type = type, .from = from, .sequence = b->mud.sequence, .status = status};
    mud_receive(&b->mud, &m);
}

static inline void hear_offload(struct bench *b, uint8_t type, uint32_t number, uint64_t digest)
{
    struct msg m = {.type = MSG_OFFLOAD, .from = b->mud.ap, .sequence = b->mud.sequence};
    m.offload = (struct offload){.type = type, .number = number, .digest = digest, .peer = {PARTY_EDGE, 0}};
    mud_receive(&b->mud, &m);
}

static inline void reply(struct bench *b, uint32_t number)
{
    hear_offload(b, OFFLOAD_REPLY, number, b->mud.requests[number % b->mud.options.window].digest);
}

/* A request each second from t = 100 s until t = 160 s; at AP1, from 110 s at AP2, from 111 s at AP1. */
static inline void bench_options(struct bench *b, const struct visit *v, int count, double until_s)
{
    fake_init(&b->fake, "p-migr");
    struct mud_options options = {.period = simtime_s(1),
                                  .request_bytes = 100,
                                  .window = 4,
                                  .until = simtime_from_seconds(until_s),
                                  .visits = v,
                                  .visit_count = count,
                                  .history = b->history = statechain_history_new(1, &(struct state_size){{100, 100, 0}})};
    mud_init(&b->mud, &b->fake.port, &b->fake.rules, 0, &options);
    mud_start(&b->mud);
}

static inline void bring_into(struct bench *b, enum mud_state state)
{
    if (state == MUD_AWAY)
        return;
    fake_wait(&b->fake, SIMTIME_ZERO);
    if (state == MUD_ASSOCIATING)
        return;
    hear(b, MSG_ASSOCIATION_RESPONSE, ap1, 0);
    hear_offload(b, OFFLOAD_EDGE_READY, 0, 0);
    fake_wait(&b->fake, SIMTIME_ZERO);
    if (state == MUD_ROAMING || state == MUD_DISCONNECTED)
        b->mud.move.ring(&b->mud.move);
    if (state == MUD_FINISHED)
        mud_give_up(&b->mud);
}

static inline void bench_init(struct bench *b, enum mud_state state)
{
    bench_options(b, state == MUD_DISCONNECTED ? outage : visits, 3, 160);
    bring_into(b, state);
    assert_int_equal(b->mud.state, state);
    fake_listen(&b->fake);
}

static inline void bench_free(struct bench *b)
{
    mud_free(&b->mud);
    statechain_history_free(b->history);
    fake_free(&b->fake);
}

static inline void expect(struct bench *b, const char *did, enum mud_state state)
{
    assert_string_equal(fake_did(&b->fake), did);
    assert_int_equal(b->mud.state, state);
    buf_clear(&b->fake.did);
}

#endif
