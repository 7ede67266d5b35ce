/* The codecs: what is encoded is decoded again, what is broken is refused. */
#include "dot11.h"
#include "iapp.h"
#include "mem.h"
#include "offload.h"
#include "spoiled_bytes.h"
#include "statechain.h"
#include "tzsp.h"

#include <stdbool.h>
#include <stdlib.h>

enum { SEED = 5 };

/* --- offload messages --- */

static struct offload full_message(void)
{
    return (struct offload){.type = OFFLOAD_LOGGED,
                            .flags = OFFLOAD_EXECUTED,
                            .hops = 4,
                            .mud = 0x01020304,
                            .sequence = 5,
                            .migration = 6,
                            .number = 7,
                            .until = 8,
                            .status = -ETIMEDOUT,
                            .peer = {PARTY_AP, 0xfffffffe},
                            .digest = 0x1122334455667788,
                            .checksum = 0x99aabbccddeeff00,
                            .payload_len = 1000};
}

static void offload_survives_the_wire(void **unused)
{
    (void)unused;
    struct offload in = full_message(), out;
    struct buf bytes = BUF_INIT, again = BUF_INIT;
    uint8_t synthetic[1000];
    offload_encode(&in, SEED, &bytes);
    assert_int_equal(bytes.len, OFFLOAD_HEADER_BYTES + 1000);
    assert_int_equal(offload_decode(bytes.data, bytes.len, &out, NULL), 0);
    statechain_payload(SEED, in.mud, in.number, synthetic, sizeof synthetic);
    assert_memory_equal(out.payload->bytes, synthetic, sizeof synthetic);
    assert_true(out.type == in.type && out.flags == in.flags && out.hops == in.hops && out.mud == in.mud);
    assert_true(out.sequence == 5 && out.migration == 6 && out.number == 7 && out.until == 8);
    assert_true(out.status == -ETIMEDOUT && out.peer.role == PARTY_AP && out.peer.index == 0xfffffffe);
    assert_true(out.digest == in.digest && out.checksum == in.checksum && out.payload_len == 1000);
    offload_encode(&out, SEED + 1, &again);
    assert_memory_equal(bytes.data, again.data, bytes.len);
    blob_unref(out.payload);
    buf_free(&bytes);
    buf_free(&again);
}

static void every_flag_survives_the_wire(void **unused)
{
    (void)unused;
    for (unsigned flag = 1; flag < OFFLOAD_FLAGS_END; flag <<= 1) {
        struct offload in = {.type = OFFLOAD_CANCEL, .flags = (uint8_t)flag}, out;
        struct err e = ERR_INIT;
        struct buf bytes = BUF_INIT;
        offload_encode(&in, SEED, &bytes);
        if (offload_decode(bytes.data, bytes.len, &out, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(out.flags, flag);
        blob_unref(out.payload);
        buf_free(&bytes);
    }
}

static int decode_offload(const void *bytes, size_t len, struct err *e)
{
    struct offload out;
    return offload_decode(bytes, len, &out, e);
}

static void broken_offload_is_refused(void **unused)
{
    (void)unused;
    static const struct spoiled_byte rows[] = {
        {0, 'X', "\"RL\""},         {2, 2, "version 2"},        {3, 0, "type 0"},
        {3, OFFLOAD_TYPES, "type"}, {4, OFFLOAD_FLAGS_END, "flags 0x40"}, {6, OFFLOAD_CUT, "acknowledges"},
        {7, 4, "party 4"},          {7, PARTY_NONE, "party 0"}, {3, OFFLOAD_ACK, "acknowledges type 0"},
        {55, 0, "announces"},       {52, 1, "announces"},
    };
    struct offload in = full_message(), out;
    struct buf bytes = BUF_INIT;
    offload_encode(&in, SEED, &bytes);
    assert_spoiled_refused(&bytes, rows, ARRAY_LEN(rows), decode_offload);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(offload_decode(bytes.data, len, &out, NULL), -EPROTO);
    buf_add_u8(&bytes, 0);
    assert_int_equal(offload_decode(bytes.data, bytes.len, &out, NULL), -EPROTO);
    buf_free(&bytes);
}

static void every_type_has_a_name(void **unused)
{
    (void)unused;
    for (uint8_t type = 1; type < OFFLOAD_TYPES; type++)
        assert_string_not_equal(offload_type_name(type), "?");
    assert_string_equal(offload_type_name(OFFLOAD_REQUEST), "SVCQ");
    assert_string_equal(offload_type_name(0), "?");
    assert_string_equal(offload_type_name(OFFLOAD_TYPES), "?");
}

static void addresses_name_parties(void **unused)
{
    (void)unused;
    char text[MAC_TEXT];
    for (uint8_t role = PARTY_MUD; role <= PARTY_EDGE; role++) {
        struct party party = mac_party(mac_of((struct party){role, 0x80000000u + role}));
        assert_true(party.role == role && party.index == 0x80000000u + role);
    }
    assert_string_equal(mac_text(mac_of((struct party){PARTY_MUD, 3}), text), "02:51:00:00:00:03");
    assert_int_equal(mac_party((struct mac){{0x00, 0x51}}).role, PARTY_NONE);
    assert_int_equal(mac_party((struct mac){{0x02, 0x54}}).role, PARTY_NONE);
    assert_int_equal(mac_party(mac_of((struct party){0})).role, PARTY_NONE);
}

/* --- 802.11 --- */

static struct mac ap(uint32_t index)
{
    return mac_of((struct party){PARTY_AP, index});
}

static struct mac mud(uint32_t index)
{
    return mac_of((struct party){PARTY_MUD, index});
}

static struct dot11 frame_of(enum dot11_kind kind)
{
    bool up = kind == DOT11_ASSOCIATION_REQUEST || kind == DOT11_REASSOCIATION_REQUEST ||
              kind == DOT11_DISASSOCIATION || kind == DOT11_DATA_TO_AP;
    struct dot11 f = {.kind = kind,
                      .retry = true,
                      .duration = 314,
                      .sequence_number = 0xabc,
                      .destination = up ? ap(2) : mud(7),
                      .source = up ? mud(7) : ap(2),
                      .bssid = ap(2)};
    if (kind >= DOT11_DATA_TO_AP) {
        f.payload = (const uint8_t *)"offload message";
        f.payload_len = 15;
        f.source = up ? mud(7) : mac_of((struct party){PARTY_EDGE, 1});
        return f;
    }
    f.facts = (struct dot11_facts){true, true, 7, 0x10002};
    if (kind == DOT11_DISASSOCIATION) {
        f.reason = DOT11_REASON_LEAVING_BSS;
        return f;
    }
    f.capability = DOT11_CAPABILITY_ESS;
    dot11_set_cell(&f, "roamlab");
    if (up) {
        f.listen_interval = 10;
    } else {
        f.status = DOT11_SUCCESS;
        f.aid = 2007;
        f.ssid_len = 0;
        memset(f.ssid, 0, sizeof f.ssid);
    }
    if (kind == DOT11_REASSOCIATION_REQUEST)
        f.current_ap = ap(1);
    return f;
}

static void assert_frames_equal(const struct dot11 *a, const struct dot11 *b)
{
    assert_true(a->kind == b->kind && a->retry == b->retry && a->duration == b->duration);
    assert_true(a->sequence_number == b->sequence_number && mac_equal(a->destination, b->destination));
    assert_true(mac_equal(a->source, b->source) && mac_equal(a->bssid, b->bssid));
    assert_true(a->capability == b->capability && a->listen_interval == b->listen_interval);
    assert_true(mac_equal(a->current_ap, b->current_ap) && a->status == b->status && a->aid == b->aid);
    assert_true(a->reason == b->reason && a->ssid_len == b->ssid_len && a->rate_count == b->rate_count);
    assert_memory_equal(a->ssid, b->ssid, sizeof a->ssid);
    assert_memory_equal(a->rates, b->rates, sizeof a->rates);
    assert_true(a->facts.present == b->facts.present && a->facts.offloading == b->facts.offloading);
    assert_true(a->facts.mud == b->facts.mud && a->facts.sequence == b->facts.sequence);
    assert_int_equal(a->payload_len, b->payload_len);
    if (a->payload_len)
        assert_memory_equal(a->payload, b->payload, a->payload_len);
}

static void frames_survive_the_air(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < DOT11_KINDS; kind++) {
        struct dot11 in = frame_of((enum dot11_kind)kind), out;
        struct buf bytes = BUF_INIT;
        assert_int_equal(dot11_encode(&in, &bytes, NULL), 0);
        assert_int_equal(dot11_decode(bytes.data, bytes.len, &out, NULL), 0);
        assert_frames_equal(&in, &out);
        for (size_t len = 0; len < DOT11_HEADER_BYTES + 2; len++)
            assert_int_equal(dot11_decode(bytes.data, len, &out, NULL), -EPROTO);
        buf_free(&bytes);
    }
}

/* Frame control and fixed fields as the standard has them. */
static void frames_byte_by_byte(void **unused)
{
    (void)unused;
    static const struct {
        enum dot11_kind kind;
        uint8_t control[2], fixed[8];
    } rows[] = {
        {DOT11_ASSOCIATION_REQUEST, {0x00, 0x08}, {1, 0, 10, 0, 0, 7, 'r', 'o'}},
        {DOT11_ASSOCIATION_RESPONSE, {0x10, 0x08}, {1, 0, 0, 0, 0xd7, 0xc7, 1, 8}},
        {DOT11_REASSOCIATION_REQUEST, {0x20, 0x08}, {1, 0, 10, 0, 0x02, 0x52, 0, 0}},
        {DOT11_REASSOCIATION_RESPONSE, {0x30, 0x08}, {1, 0, 0, 0, 0xd7, 0xc7, 1, 8}},
        {DOT11_DISASSOCIATION, {0xa0, 0x08}, {8, 0, 221, 14, 0x02, 0x52, 0x4c, 1}},
        {DOT11_DATA_TO_AP, {0x08, 0x09}, {0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xb5}},
        {DOT11_DATA_FROM_AP, {0x08, 0x0a}, {0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xb5}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dot11 f = frame_of(rows[i].kind);
        struct buf bytes = BUF_INIT;
        dot11_encode(&f, &bytes, NULL);
        assert_memory_equal(bytes.data, rows[i].control, 2);
        assert_memory_equal(bytes.data + 2, ((uint8_t[]){0x3a, 0x01}), 2);
        assert_memory_equal(bytes.data + 22, ((uint8_t[]){0xc0, 0xab}), 2);
        assert_memory_equal(bytes.data + DOT11_HEADER_BYTES, rows[i].fixed, sizeof rows[i].fixed);
        buf_free(&bytes);
    }
}

static int decode_dot11(const void *bytes, size_t len, struct err *e)
{
    struct dot11 out;
    return dot11_decode(bytes, len, &out, e);
}

static void broken_frames_are_refused(void **unused)
{
    (void)unused;
    enum { FIXED = DOT11_HEADER_BYTES + 10 }; /* where a reassociation request's elements begin */
    static const struct spoiled_byte rows[] = {
        {0, 0x21, "none of ours"}, {0, 0x40, "none of ours"},        {0, 0x88, "none of ours"},
        {1, 0x01, "none of ours"}, {1, 0x04, "fragmented"},          {1, 0x40, "protected"},
        {1, 0x80, "ordered"},      {22, 0x01, "fragments"},          {FIXED + 1, 33, "SSID"},
        {FIXED + 10, 60, "rates"}, {FIXED + 10, 250, "ends behind"},
    };
    struct dot11 in = frame_of(DOT11_REASSOCIATION_REQUEST), out;
    struct buf bytes = BUF_INIT;
    dot11_encode(&in, &bytes, NULL);
    buf_add(&bytes, (uint8_t[]){221, 60}, 2);
    buf_add(&bytes, (uint8_t[60]){0}, 60);
    assert_int_equal(dot11_decode(bytes.data, bytes.len, &out, NULL), 0);
    assert_frames_equal(&in, &out);
    assert_spoiled_refused(&bytes, rows, ARRAY_LEN(rows), decode_dot11);
    buf_free(&bytes);
}

static void an_msdu_has_an_end(void **unused)
{
    (void)unused;
    static uint8_t payload[DOT11_PAYLOAD_MAX + 1];
    struct dot11 f = frame_of(DOT11_DATA_TO_AP), out;
    struct buf bytes = BUF_INIT;
    f.payload = payload;
    f.payload_len = DOT11_PAYLOAD_MAX + 1;
    assert_int_equal(dot11_encode(&f, &bytes, NULL), -EMSGSIZE);
    assert_int_equal(bytes.len, 0);
    f.payload_len = DOT11_PAYLOAD_MAX;
    assert_int_equal(dot11_encode(&f, &bytes, NULL), 0);
    assert_int_equal(bytes.len, DOT11_HEADER_BYTES + 2304);
    assert_int_equal(dot11_decode(bytes.data, bytes.len, &out, NULL), 0);
    buf_add_u8(&bytes, 0);
    assert_int_equal(dot11_decode(bytes.data, bytes.len, &out, NULL), -EPROTO);
    buf_free(&bytes);
}

/* --- TZSP --- */

static void tzsp_tags_are_skipped(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t len;
        int status, frame_at;
    } rows[] = {
        {"\1\0\0\x12\1FRAME", 10, 0, 5},
        {"\1\1\0\x12\1FRAME", 10, 0, 5},
        {"\1\0\0\x12\0\x0a\1\xc4\x12\1\6\1FRAME", 17, 0, 12},
        {"\1\0\0\x12\1", 5, 0, 5},
        {"\1\0\0\x12", 4, -EPROTO, 0},
        {"\1\0\0\x12\0\0", 6, -EPROTO, 0},
        {"\1\0\0\x12\x0a\5\1\1", 8, -EPROTO, 0},
        {"\1\0\0\1\1FRAME", 10, -EPROTO, 0},
        {"\2\0\0\x12\1FRAME", 10, -EPROTO, 0},
        {"\1\4\0\x12\1FRAME", 10, -EPROTO, 0},
        {"", 0, -EPROTO, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const uint8_t *frame, *bytes = (const uint8_t *)rows[i].bytes;
        size_t len;
        assert_int_equal(tzsp_decode(bytes, rows[i].len, &frame, &len, NULL), rows[i].status);
        if (rows[i].status == 0)
            assert_true(frame == bytes + rows[i].frame_at && len == rows[i].len - (size_t)rows[i].frame_at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offload_survives_the_wire), cmocka_unit_test(every_flag_survives_the_wire),
        cmocka_unit_test(broken_offload_is_refused),
        cmocka_unit_test(every_type_has_a_name),     cmocka_unit_test(addresses_name_parties),
        cmocka_unit_test(frames_survive_the_air),    cmocka_unit_test(frames_byte_by_byte),
        cmocka_unit_test(broken_frames_are_refused), cmocka_unit_test(an_msdu_has_an_end),
        cmocka_unit_test(tzsp_tags_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
