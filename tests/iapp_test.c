/* IAPP packets, their framing on a stream, and the context block that carries a MUD's token from AP to AP. */
#include "iapp.h"
#include "mem.h"
#include "spoiled_bytes.h"

#include <stdbool.h>

static struct iapp packet_of(uint8_t command)
{
    struct iapp p = {.command = command,
                     .identifier = 0x0102,
                     .station = mac_of((struct party){PARTY_MUD, 9}),
                     .sequence = 0xfffe};
    if (command == IAPP_MOVE_RESPONSE || command == IAPP_CACHE_RESPONSE)
        p.status = IAPP_DENIED;
    if (command == IAPP_CACHE_NOTIFY) {
        p.current_ap = mac_of((struct party){PARTY_AP, 4});
        p.timeout = 600;
    }
    if (command == IAPP_MOVE_NOTIFY || command == IAPP_MOVE_RESPONSE || command == IAPP_CACHE_NOTIFY) {
        p.context = (const uint8_t *)"context";
        p.context_len = 7;
    }
    return p;
}

static const struct {
    uint8_t command;
    size_t bytes;
    const char *name;
} commands[] = {
    {IAPP_ADD_NOTIFY, 16, "ADD-notify"},           {IAPP_MOVE_NOTIFY, 18 + 7, "MOVE-notify"},
    {IAPP_MOVE_RESPONSE, 18 + 7, "MOVE-response"}, {IAPP_CACHE_NOTIFY, 26 + 7, "CACHE-notify"},
    {IAPP_CACHE_RESPONSE, 16, "CACHE-response"},
};

static void packets_survive_the_wire(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct iapp in = packet_of(commands[i].command), out;
        struct buf bytes = BUF_INIT;
        assert_int_equal(iapp_encode(&in, &bytes, NULL), 0);
        assert_int_equal(bytes.len, commands[i].bytes);
        assert_int_equal(iapp_packet_bytes(bytes.data, bytes.len, NULL), bytes.len);
        assert_int_equal(iapp_decode(bytes.data, bytes.len, &out, NULL), 0);
        assert_true(out.command == in.command && out.identifier == in.identifier && out.status == in.status);
        assert_true(mac_equal(out.station, in.station) && mac_equal(out.current_ap, in.current_ap));
        assert_true(out.sequence == in.sequence && out.timeout == in.timeout);
        assert_int_equal(out.context_len, in.context_len);
        if (in.context_len)
            assert_memory_equal(out.context, in.context, in.context_len);
        assert_string_equal(iapp_command_name(in.command), commands[i].name);
        for (size_t len = 0; len < bytes.len; len++)
            assert_int_equal(iapp_decode(bytes.data, len, &out, NULL), -EPROTO);
        buf_free(&bytes);
    }
}

/* The bytes of a MOVE-notify as IEEE 802.11F lays them out. */
static void a_move_notify_byte_by_byte(void **unused)
{
    (void)unused;
    static const uint8_t expected[] = {0, 1,    1,    2, 0, 25,  6,   0,   2,   0x51, 0,   0,  0,
                                       9, 0xff, 0xfe, 0, 7, 'c', 'o', 'n', 't', 'e',  'x', 't'};
    struct iapp p = packet_of(IAPP_MOVE_NOTIFY);
    struct buf bytes = BUF_INIT;
    iapp_encode(&p, &bytes, NULL);
    assert_int_equal(bytes.len, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    buf_free(&bytes);
}

static int decode_iapp(const void *bytes, size_t len, struct err *e)
{
    struct iapp out;
    return iapp_decode(bytes, len, &out, e);
}

static void broken_packets_are_refused(void **unused)
{
    (void)unused;
    static const struct spoiled_byte rows[] = {
        {0, 1, "version 1"},       {1, 3, "command 3"},
        {1, 7, "command 7"},       {1, IAPP_CACHE_RESPONSE, "do not match"},
        {5, 24, "says it has 24"}, {5, 5, "shorter than its header"},
        {4, 1, "says it has"},     {6, 8, "addresses of 8"},
        {17, 6, "do not match"},   {17, 8, "do not match"},
    };
    struct iapp p = packet_of(IAPP_MOVE_NOTIFY);
    struct buf bytes = BUF_INIT;
    iapp_encode(&p, &bytes, NULL);
    assert_spoiled_refused(&bytes, rows, ARRAY_LEN(rows), decode_iapp);
    buf_free(&bytes);
}

static void a_stream_is_cut_into_packets(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t len;
        int result;
    } rows[] = {
        {"", 0, 0},
        {"\0\1\0\0\0", 5, 0},
        {"\0\1\0\0\0\x12", 6, 18},
        {"\0\1\0\0\xff\xff", 6, 65535},
        {"\0\0\0\0\0\x10\6\0ABCDEF\0\0\0\1", 18, 16},
        {"\1\1\0\0\0\x12", 6, -EPROTO},
        {"\0\1\0\0\0\5", 6, -EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(iapp_packet_bytes(rows[i].bytes, rows[i].len, NULL), rows[i].result);
}

static void a_packet_has_an_end(void **unused)
{
    (void)unused;
    static uint8_t context[IAPP_CONTEXT_MAX + 1];
    struct iapp p = packet_of(IAPP_CACHE_NOTIFY), out;
    struct buf bytes = BUF_INIT;
    p.context = context;
    p.context_len = IAPP_CONTEXT_MAX + 1;
    assert_int_equal(iapp_encode(&p, &bytes, NULL), -EMSGSIZE);
    assert_int_equal(bytes.len, 0);
    p.context_len = IAPP_CONTEXT_MAX;
    assert_int_equal(iapp_encode(&p, &bytes, NULL), 0);
    assert_int_equal(bytes.len, IAPP_PACKET_MAX);
    assert_int_equal(iapp_decode(bytes.data, bytes.len, &out, NULL), 0);
    p.command = 4;
    assert_int_equal(iapp_encode(&p, &bytes, NULL), -EINVAL);
    buf_free(&bytes);
}

/* --- context --- */

static struct iapp_context full_context(void)
{
    struct iapp_context c = {.offloading = true,
                             .mud = 9,
                             .anchor_edge = {PARTY_EDGE, 1},
                             .anchor_ap = {PARTY_AP, 2},
                             .sequence = 0x1fffe,
                             .migration = 3,
                             .phase = 4,
                             .ask_instead = {PARTY_AP, 6},
                             .has_next = true,
                             .next_number = 61};
    iapp_context_add(&c, 51, blob_new("fifty-one", 9), 9);
    iapp_context_add(&c, 52, NULL, 1000);
    iapp_context_add(&c, 53, NULL, 0);
    iapp_context_add(&c, 57, blob_new("57", 2), 2);
    return c;
}

static void context_survives_the_wire(void **unused)
{
    (void)unused;
    struct iapp_context in = full_context(), out;
    struct buf bytes = BUF_INIT;
    assert_int_equal(iapp_context_encode(&in, IAPP_CONTEXT_MAX, &bytes), 4);
    assert_int_equal(iapp_context_decode(bytes.data, bytes.len, &out, NULL), 0);
    assert_true(out.offloading && out.mud == 9 && out.sequence == 0x1fffe);
    assert_true(out.anchor_edge.role == PARTY_EDGE && out.anchor_edge.index == 1);
    assert_true(out.anchor_ap.role == PARTY_AP && out.anchor_ap.index == 2);
    assert_true(out.ask_instead.role == PARTY_AP && out.ask_instead.index == 6);
    assert_true(out.migration == 3 && out.phase == 4 && out.has_next && out.next_number == 61);
    assert_false(out.log_cut_short);
    assert_int_equal(out.request_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct iapp_request *a = &in.requests[i], *b = &out.requests[i];
        assert_true(a->number == b->number && a->payload_len == b->payload_len);
        assert_true(!a->payload == !b->payload);
        if (a->payload)
            assert_memory_equal(a->payload->bytes, b->payload->bytes, a->payload_len);
    }
    iapp_context_free(&in);
    iapp_context_free(&out);
    buf_free(&bytes);
}

/* A log that does not fit loses its tail and says so; what arrives begins where the log began. */
static void a_long_log_is_cut_short(void **unused)
{
    (void)unused;
    enum { REQUESTS = 100, BYTES = 1000 };
    static const size_t rooms[] = {
        0, 100, 1060, 1061, 1064, 1065, 1066, 2077, 5000, 20000, IAPP_CONTEXT_MAX, 101261, 200000};
    static const uint8_t payload[BYTES];
    struct iapp_context in = {.offloading = true, .has_next = true};
    for (uint32_t number = 0; number < REQUESTS; number++)
        iapp_context_add(&in, number, blob_new(payload, BYTES), BYTES);
    for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
        struct iapp_context out;
        struct buf bytes = BUF_INIT;
        size_t fitted = iapp_context_encode(&in, rooms[i], &bytes);
        assert_true(bytes.len <= rooms[i] || (rooms[i] < 100 && bytes.len <= 100));
        assert_true(fitted == REQUESTS || rooms[i] < 100 || bytes.len + 12 + BYTES > rooms[i]);
        assert_int_equal(iapp_context_decode(bytes.data, bytes.len, &out, NULL), 0);
        assert_int_equal(out.request_count, fitted);
        assert_int_equal(out.log_cut_short, fitted < REQUESTS);
        assert_true(fitted == 0 || out.requests[fitted - 1].number == fitted - 1);
        iapp_context_free(&out);
        buf_free(&bytes);
    }
    iapp_context_free(&in);
}

#define ROW(bytes, status, says)                                                                             \
    {                                                                                                        \
        bytes, sizeof bytes - 1, status, says                                                                \
    }
static void contexts_are_judged(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t len;
        int status;
        const char *says;
    } rows[] = {
        ROW("", 0, ""),
        ROW("\0\1\0\1\1", 0, ""),
        ROW("\0\1\0\1\1\0\x63\0\2??", 0, ""),
        ROW("\0\1\0\2\1?", 0, ""),
        ROW("\0\1\0\1\2", -EPROTO, "version 2"),
        ROW("\0\2\0\x09\1\0\0\0\0\0\0\0\0", -EPROTO, "where the version"),
        ROW("\0\1\0\1\1\0\x63\0\3??", -EPROTO, "ends behind"),
        ROW("\0\1\0\1\1\0", -EPROTO, "ends behind"),
        ROW("\0\1\0\1\1\0\2\0\3\1\0\0", -EPROTO, "only 3 bytes"),
        ROW("\0\1\0\1\1\0\3\0\x0a\2\0\0\0\0\2\0\0\0\0", -EPROTO, "roles 2 and 2"),
        ROW("\0\1\0\1\1\0\x08\0\5\1\0\0\0\1", -EPROTO, "no AP to ask"),
        ROW("\0\1\0\1\1\0\6\0\x0a\0\0\0\1\0\0\0\3AB", -EPROTO, "announces 3 bytes, has 2"),
        ROW("\0\1\0\1\1\0\6\0\x0a\0\0\0\1\0\0\0\2AB\0\6\0\x08\0\0\0\1\0\0\0\2", -EPROTO, "out of order"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct iapp_context out;
        struct err e = ERR_INIT;
        assert_int_equal(iapp_context_decode(rows[i].bytes, rows[i].len, &out, &e), rows[i].status);
        if (!strstr(e.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
        assert_true(out.request_count == 0 && out.requests == NULL);
    }
    struct iapp_context none;
    assert_int_equal(iapp_context_decode(NULL, 0, &none, NULL), 0);
    assert_false(none.offloading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_survive_the_wire),   cmocka_unit_test(a_move_notify_byte_by_byte),
        cmocka_unit_test(broken_packets_are_refused), cmocka_unit_test(a_stream_is_cut_into_packets),
        cmocka_unit_test(a_packet_has_an_end),        cmocka_unit_test(context_survives_the_wire),
        cmocka_unit_test(a_long_log_is_cut_short),    cmocka_unit_test(contexts_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
