/* Messages as they travel: every type by its way, there and back, and what is refused on arrival. */
#include "codec.h"
#include "actor.h"
#include "dot11.h"
#include "mem.h"
#include "statechain.h"
#include "tzsp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 7, MUD = 3, SEQUENCE = 70001, REQUEST_BYTES = 1000 };

#define MUD_3                                                                                                \
    {                                                                                                        \
        PARTY_MUD, MUD                                                                                       \
    }
#define AP_1                                                                                                 \
    {                                                                                                        \
        PARTY_AP, 1                                                                                          \
    }
#define AP_2                                                                                                 \
    {                                                                                                        \
        PARTY_AP, 2                                                                                          \
    }
#define EDGE_1                                                                                               \
    {                                                                                                        \
        PARTY_EDGE, 1                                                                                        \
    }
#define EDGE_2                                                                                               \
    {                                                                                                        \
        PARTY_EDGE, 2                                                                                        \
    }

static void encode(const struct msg *m, struct buf *bytes)
{
    struct err e = ERR_INIT;
    if (codec_encode(m, SEED, bytes, &e) < 0)
        fail_msg("%s", e.text);
}

static void decode(enum codec_way way, struct party from, struct party to, const struct buf *bytes,
                   struct codec_received *out)
{
    struct err e = ERR_INIT;
    if (codec_decode(way, from, to, bytes->data, bytes->len, out, &e) < 0)
        fail_msg("%s", e.text);
}

static void assert_same_offload(const struct offload *a, const struct offload *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(a->flags == b->flags && a->hops == b->hops && a->acked == b->acked);
    assert_true(a->mud == b->mud && a->sequence == b->sequence && a->migration == b->migration);
    assert_true(a->number == b->number && a->until == b->until && a->status == b->status);
    assert_true(party_equal(a->peer, b->peer));
    assert_true(a->digest == b->digest && a->checksum == b->checksum);
    assert_int_equal(a->payload_len, b->payload_len);
}

static void assert_same(const struct msg *a, const struct msg *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(party_equal(a->from, b->from) && party_equal(a->to, b->to));
    assert_int_equal(a->mud, b->mud);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->status, b->status);
    assert_true(party_equal(a->other, b->other));
    assert_same_offload(&a->offload, &b->offload);
}

/* --- there and back ----------------------------------------------------------------------------------------- */

static const struct {
    enum codec_way way;
    struct msg m;
} plain[] = {
    {CODEC_AIR, {.type = MSG_ASSOCIATION_REQUEST, .from = MUD_3, .to = AP_1}},
    {CODEC_AIR, {.type = MSG_ASSOCIATION_RESPONSE, .from = AP_1, .to = MUD_3}},
    {CODEC_AIR, {.type = MSG_ASSOCIATION_RESPONSE, .from = AP_1, .to = MUD_3, .status = DOT11_REFUSED}},
    {CODEC_AIR, {.type = MSG_REASSOCIATION_REQUEST, .from = MUD_3, .to = AP_2, .other = AP_1}},
    {CODEC_AIR, {.type = MSG_REASSOCIATION_RESPONSE, .from = AP_2, .to = MUD_3}},
    {CODEC_AIR, {.type = MSG_REASSOCIATION_RESPONSE, .from = AP_2, .to = MUD_3, .status = DOT11_REFUSED}},
    {CODEC_AIR, {.type = MSG_DISASSOCIATION, .from = MUD_3, .to = AP_2}},
    {CODEC_TOKEN, {.type = MSG_MOVE_NOTIFY, .from = AP_2, .to = AP_1}},
    {CODEC_TOKEN, {.type = MSG_MOVE_RESPONSE, .from = AP_1, .to = AP_2, .status = IAPP_DENIED}},
    {CODEC_TOKEN,
     {.type = MSG_MOVE_RESPONSE,
      .from = AP_1,
      .to = AP_2,
      .status = IAPP_STALE_MOVE,
      .other = {PARTY_AP, 5}}},
};

static void management_and_tokens_without_a_log(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        struct msg m = plain[i].m;
        struct codec_received got;
        struct buf bytes = BUF_INIT;
        m.mud = MUD;
        m.sequence = SEQUENCE;
        assert_int_equal(codec_way_of(&m), plain[i].way);
        encode(&m, &bytes);
        decode(plain[i].way, m.from, m.to, &bytes, &got);
        assert_same(&m, &got.m);
        assert_null(got.m.token);
        codec_received_free(&got);
        buf_free(&bytes);
    }
}

/* Every type goes as a datagram; those between MUD and AP also on air. */
static const struct {
    struct party from, to;
    enum codec_way way;
} ways[] = {
    {MUD_3, AP_1, CODEC_AIR},       {AP_1, MUD_3, CODEC_AIR},       {AP_1, AP_2, CODEC_DATAGRAM},
    {AP_1, EDGE_1, CODEC_DATAGRAM}, {EDGE_1, AP_1, CODEC_DATAGRAM}, {EDGE_1, EDGE_2, CODEC_DATAGRAM},
};

static struct msg offload_of(uint8_t type, struct party from, struct party to)
{
    return (struct msg){.type = MSG_OFFLOAD,
                        .from = from,
                        .to = to,
                        .mud = MUD,
                        .sequence = SEQUENCE,
                        .offload = {.type = type,
                                    .flags = type == OFFLOAD_REPLY    ? OFFLOAD_CACHED
                                             : type == OFFLOAD_LOGGED ? OFFLOAD_EXECUTED
                                                                      : 0,
                                    .hops = 4,
                                    .acked = type == OFFLOAD_ACK ? OFFLOAD_STOP : 0,
                                    .mud = MUD,
                                    .sequence = SEQUENCE,
                                    .migration = 0x01020304,
                                    .number = 0xfffffff0,
                                    .until = 17,
                                    .status = -EIO,
                                    .peer = EDGE_2,
                                    .digest = 0x1122334455667788,
                                    .checksum = 0x99aabbccddeeff00}};
}

static void every_offload_message_on_every_way(void **unused)
{
    (void)unused;
    for (size_t w = 0; w < ARRAY_LEN(ways); w++)
        for (uint8_t type = OFFLOAD_REQUEST; type < OFFLOAD_TYPES; type++) {
            struct msg m = offload_of(type, ways[w].from, ways[w].to);
            struct codec_received got;
            struct buf bytes = BUF_INIT;
            assert_int_equal(codec_way_of(&m), ways[w].way);
            encode(&m, &bytes);
            decode(ways[w].way, m.from, m.to, &bytes, &got);
            assert_same(&m, &got.m);
            assert_null(got.m.offload.payload);
            codec_received_free(&got);
            buf_free(&bytes);
        }
}

static void payloads_arrive_as_they_were(void **unused)
{
    (void)unused;
    uint8_t expected[REQUEST_BYTES], content[REQUEST_BYTES];
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 + 1);
    for (size_t w = 0; w < ARRAY_LEN(ways); w++)
        for (int synthetic = 0; synthetic < 2; synthetic++) {
            struct msg m = offload_of(OFFLOAD_REQUEST, ways[w].from, ways[w].to);
            struct codec_received got;
            struct buf bytes = BUF_INIT;
            m.offload.payload = synthetic ? NULL : blob_new(content, sizeof content);
            m.offload.payload_len = sizeof content;
            statechain_payload(SEED, MUD, m.offload.number, expected, sizeof expected);
            encode(&m, &bytes);
            decode(ways[w].way, m.from, m.to, &bytes, &got);
            assert_same(&m, &got.m);
            assert_int_equal(got.m.offload.payload->len, sizeof content);
            assert_memory_equal(got.m.offload.payload->bytes, synthetic ? expected : content, sizeof content);
            blob_unref(m.offload.payload);
            codec_received_free(&got);
            buf_free(&bytes);
        }
}

static struct iapp_context token_of(uint32_t requests, uint32_t request_bytes)
{
    struct iapp_context token = {.offloading = true,
                                 .mud = MUD,
                                 .anchor_edge = EDGE_1,
                                 .anchor_ap = AP_1,
                                 .sequence = SEQUENCE,
                                 .migration = 9,
                                 .phase = 2,
                                 .has_next = true,
                                 .next_number = 40 + requests};
    uint8_t *content = mem_alloc(request_bytes);
    for (uint32_t i = 0; i < requests; i++) {
        memset(content, (int)i, request_bytes);
        iapp_context_add(&token, 40 + i, blob_new(content, request_bytes), request_bytes);
    }
    free(content);
    return token;
}

static void assert_same_token(const struct iapp_context *a, const struct iapp_context *b)
{
    assert_true(b->offloading && a->mud == b->mud && a->sequence == b->sequence);
    assert_true(party_equal(a->anchor_edge, b->anchor_edge) && party_equal(a->anchor_ap, b->anchor_ap));
    assert_true(a->migration == b->migration && a->phase == b->phase);
    assert_true(a->has_next == b->has_next && a->next_number == b->next_number);
    for (size_t i = 0; i < b->request_count; i++) {
        assert_int_equal(a->requests[i].number, b->requests[i].number);
        assert_int_equal(a->requests[i].payload_len, b->requests[i].payload_len);
        assert_memory_equal(a->requests[i].payload->bytes, b->requests[i].payload->bytes,
                            a->requests[i].payload_len);
    }
}

/* The log that does not fit is cut short and says so; the rest of the token arrives whole. */
static void tokens_bring_their_log(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t requests, bytes;
        bool fits;
    } rows[] = {{0, 1, true},     {1, 1000, true},   {16, 1000, true},
                {64, 1000, true}, {70, 1000, false}, {2, 60000, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct iapp_context token = token_of(rows[i].requests, rows[i].bytes);
        struct msg m = {.type = MSG_MOVE_RESPONSE,
                        .from = AP_1,
                        .to = AP_2,
                        .mud = MUD,
                        .sequence = SEQUENCE,
                        .token = &token};
        struct codec_received got;
        struct buf bytes = BUF_INIT;
        encode(&m, &bytes);
        assert_true(bytes.len <= IAPP_PACKET_MAX);
        decode(CODEC_TOKEN, m.from, m.to, &bytes, &got);
        assert_same(&m, &got.m);
        assert_ptr_equal(got.m.token, &got.token);
        assert_same_token(&token, &got.token);
        assert_int_equal(got.token.request_count == rows[i].requests, rows[i].fits);
        assert_int_equal(got.token.log_cut_short, !rows[i].fits);
        codec_received_free(&got);
        iapp_context_free(&token);
        buf_free(&bytes);
    }
}

static void what_no_frame_can_carry(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t payload;
        int status;
    } rows[] = {{DOT11_OFFLOAD_PAYLOAD_MAX, 0}, {DOT11_OFFLOAD_PAYLOAD_MAX + 1, -EMSGSIZE}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct msg m = offload_of(OFFLOAD_REQUEST, party_mud(MUD), party_ap(1));
        struct buf bytes = BUF_INIT;
        m.offload.payload_len = rows[i].payload;
        assert_int_equal(codec_encode(&m, SEED, &bytes, NULL), rows[i].status);
        assert_int_equal(bytes.len > 0, rows[i].status == 0);
        buf_free(&bytes);
    }
}

/* --- refusals ------------------------------------------------------------------------------------------------ */

static void assert_refused(enum codec_way way, struct party from, struct party to, const struct buf *bytes,
                           const char *why)
{
    struct codec_received got;
    struct err e = ERR_INIT;
    assert_int_equal(codec_decode(way, from, to, bytes->data, bytes->len, &got, &e), -EPROTO);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" instead of \"%s\"", e.text, why);
    codec_received_free(&got);
}

/* A frame says who sent it and for whom it is; the addresses that it came with must agree. */
static void frames_of_others(void **unused)
{
    (void)unused;
    static const struct {
        struct party from, to;
        uint32_t mud; /* in the message itself */
        const char *why;
    } rows[] = {
        {{PARTY_MUD, MUD + 1}, AP_1, MUD, "addresses of others"},
        {MUD_3, AP_2, MUD, "addresses of others"},
        {AP_1, MUD_3, MUD, "addresses of others"},
        {EDGE_1, AP_1, MUD, "addresses of others"},
        {MUD_3, AP_1, MUD + 1, "about another device"},
    };
    static const enum msg_type types[] = {MSG_ASSOCIATION_REQUEST, MSG_REASSOCIATION_REQUEST,
                                          MSG_DISASSOCIATION, MSG_OFFLOAD};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t t = 0; t < ARRAY_LEN(types); t++) {
            struct msg m = offload_of(OFFLOAD_REQUEST, party_mud(MUD), party_ap(1));
            struct buf bytes = BUF_INIT;
            m.type = types[t];
            m.mud = m.offload.mud = rows[i].mud;
            encode(&m, &bytes);
            assert_refused(CODEC_AIR, rows[i].from, rows[i].to, &bytes, rows[i].why);
            buf_free(&bytes);
        }
}

static void add_iapp(const struct iapp *packet, struct buf *out)
{
    assert_int_equal(iapp_encode(packet, out, NULL), 0);
}

static void tokens_that_are_none(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t command;
        struct party station;
        const char *context, *why;
    } rows[] = {
        {IAPP_ADD_NOTIFY, MUD_3, "", "ADD-notify is not expected"},
        {IAPP_CACHE_NOTIFY, MUD_3, "", "CACHE-notify is not expected"},
        {IAPP_CACHE_RESPONSE, MUD_3, "", "CACHE-response is not expected"},
        {IAPP_MOVE_NOTIFY, MUD_3, "?", ""},
        {IAPP_MOVE_NOTIFY, MUD_3, "", "no offloading user"},
        {IAPP_MOVE_NOTIFY, AP_1, NULL, "about another device"},
        {IAPP_MOVE_RESPONSE, {PARTY_MUD, MUD + 1}, NULL, "about another device"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct iapp_context token = token_of(1, 10);
        struct buf bytes = BUF_INIT, context = BUF_INIT;
        if (rows[i].context)
            buf_add(&context, rows[i].context, strlen(rows[i].context));
        else
            iapp_context_encode(&token, IAPP_CONTEXT_MAX, &context);
        add_iapp(&(struct iapp){.command = rows[i].command,
                                .station = mac_of(rows[i].station),
                                .context = context.data,
                                .context_len = context.len},
                 &bytes);
        assert_refused(CODEC_TOKEN, party_ap(2), party_ap(1), &bytes, rows[i].why);
        iapp_context_free(&token);
        buf_free(&context);
        buf_free(&bytes);
    }
}

/* Cut off anywhere, or on the wrong way, nothing is a message. */
static void pieces_and_wrong_ways(void **unused)
{
    (void)unused;
    struct iapp_context token = token_of(2, 100);
    const struct msg messages[] = {
        offload_of(OFFLOAD_REPLY, party_mud(MUD), party_ap(1)),
        {.type = MSG_REASSOCIATION_REQUEST, .from = MUD_3, .to = AP_1, .mud = MUD, .other = AP_2},
        {.type = MSG_MOVE_RESPONSE,
         .from = AP_1,
         .to = AP_2,
         .mud = MUD,
         .sequence = SEQUENCE,
         .token = &token},
        offload_of(OFFLOAD_CUT, party_edge(1), party_ap(1)),
    };
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        const struct msg *m = &messages[i];
        struct buf bytes = BUF_INIT;
        encode(m, &bytes);
        for (int way = CODEC_AIR; way <= CODEC_DATAGRAM; way++)
            if ((enum codec_way)way != codec_way_of(m))
                assert_refused((enum codec_way)way, m->from, m->to, &bytes, "");
        while (bytes.len > 0) {
            bytes.len--;
            assert_refused(codec_way_of(m), m->from, m->to, &bytes, "");
        }
        buf_free(&bytes);
    }
    iapp_context_free(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(management_and_tokens_without_a_log),
        cmocka_unit_test(every_offload_message_on_every_way),
        cmocka_unit_test(payloads_arrive_as_they_were),
        cmocka_unit_test(tokens_bring_their_log),
        cmocka_unit_test(what_no_frame_can_carry),
        cmocka_unit_test(frames_of_others),
        cmocka_unit_test(tokens_that_are_none),
        cmocka_unit_test(pieces_and_wrong_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
