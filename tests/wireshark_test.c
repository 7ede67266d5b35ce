/* Wireshark reads our frames as the 802.11 that they are, and, with tools/wireshark/roamlab.lua, our own messages field by field. */
#include "dot11.h"
#include "iapp.h"
#include "mem.h"
#include "offload.h"
#include "shell_output.h"
#include "tzsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UDP = 17, TCP = 6, OTHER_PORT = 50000, DLT_RAW = 101 };

static void add_udp(struct buf *out, uint16_t port, size_t len)
{
    buf_add_be16(out, OTHER_PORT);
    buf_add_be16(out, port);
    buf_add_be16(out, (uint16_t)(8 + len));
    buf_add_be16(out, 0);
}

static void add_tcp(struct buf *out, uint16_t port)
{
    buf_add_be16(out, OTHER_PORT);
    buf_add_be16(out, port);
    buf_add_be32(out, 1);
    buf_add_be32(out, 1);
    buf_add_be16(out, 0x5018); /* five words; PSH, ACK */
    buf_add_be16(out, 65535);
    buf_add_be32(out, 0);
}

/* The payload in an IPv4 packet, in a capture of raw IP: all that tshark needs. */
static void write_capture(const char *path, int protocol, uint16_t port, const struct buf *payload)
{
    struct buf out = BUF_INIT;
    size_t ip_len = 20 + (protocol == UDP ? 8 : 20) + payload->len;
    const uint32_t head[] = {0xa1b2c3d4,       2 << 16 | 4,     0, 0, 65535, DLT_RAW, 0, 0,
                             (uint32_t)ip_len, (uint32_t)ip_len};
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        buf_add_be32(&out, head[i]);
    buf_add_be32(&out, 0x45000000 | (uint32_t)ip_len);
    buf_add_be32(&out, 0);
    buf_add_be32(&out, 0x40000000 | (uint32_t)protocol << 16);
    buf_add_be32(&out, 0xc6120001);
    buf_add_be32(&out, 0xc6120002);
    if (protocol == UDP)
        add_udp(&out, port, payload->len);
    else
        add_tcp(&out, port);
    buf_add(&out, payload->data, payload->len);
    autofclose FILE *file = fopen(path, "we");
    assert_int_equal(fwrite(out.data, 1, out.len, file), out.len);
    buf_free(&out);
}

/* --- what goes into the captures --- */

static void a_reassociation(struct buf *out)
{
    struct dot11 f = {.kind = DOT11_REASSOCIATION_REQUEST, .sequence_number = 2748};
    struct buf frame = BUF_INIT;
    f.destination = f.bssid = mac_of((struct party){PARTY_AP, 2});
    f.source = mac_of((struct party){PARTY_MUD, 7});
    f.current_ap = mac_of((struct party){PARTY_AP, 1});
    dot11_set_cell(&f, "roamlab");
    assert_int_equal(dot11_encode(&f, &frame, NULL), 0);
    tzsp_encode(frame.data, frame.len, out);
    buf_free(&frame);
}

static struct offload a_message(void)
{
    return (struct offload){.type = OFFLOAD_REPLY,
                            .flags = OFFLOAD_CACHED | OFFLOAD_SNAPSHOT | OFFLOAD_FORGOTTEN,
                            .hops = 3,
                            .mud = 7,
                            .sequence = 2,
                            .migration = 1,
                            .number = 49,
                            .until = 50,
                            .status = -5,
                            .peer = {PARTY_AP, 2},
                            .digest = 0x1122334455667788,
                            .checksum = 0x99aabbccddeeff00,
                            .payload_len = 4};
}

static void a_datagram(struct buf *out)
{
    struct offload o = a_message();
    offload_encode(&o, 1, out);
}

static void a_data_frame(struct buf *out)
{
    struct buf message = BUF_INIT, frame = BUF_INIT;
    struct dot11 f = {.kind = DOT11_DATA_FROM_AP, .destination = mac_of((struct party){PARTY_MUD, 7})};
    a_datagram(&message);
    f.source = f.bssid = mac_of((struct party){PARTY_AP, 2});
    f.payload = (const uint8_t *)message.data;
    f.payload_len = message.len;
    assert_int_equal(dot11_encode(&f, &frame, NULL), 0);
    tzsp_encode(frame.data, frame.len, out);
    buf_free(&frame);
    buf_free(&message);
}

static void a_token(struct buf *out)
{
    struct buf block = BUF_INIT;
    struct iapp_context c = {.offloading = true,
                             .mud = 7,
                             .anchor_edge = {PARTY_EDGE, 1},
                             .anchor_ap = {PARTY_AP, 4},
                             .sequence = 65538,
                             .migration = 3,
                             .phase = 2,
                             .ask_instead = {PARTY_AP, 6},
                             .has_next = true,
                             .next_number = 50};
    iapp_context_add(&c, 48, NULL, 100);
    iapp_context_add(&c, 49, NULL, 100);
    iapp_context_encode(&c, IAPP_CONTEXT_MAX, &block);
    struct iapp p = {.command = IAPP_MOVE_RESPONSE,
                     .identifier = 258,
                     .station = mac_of((struct party){PARTY_MUD, 7}),
                     .sequence = 2,
                     .status = IAPP_STALE_MOVE,
                     .context = (const uint8_t *)block.data,
                     .context_len = block.len};
    assert_int_equal(iapp_encode(&p, out, NULL), 0);
    buf_free(&block);
    iapp_context_free(&c);
}

static void two_packets(struct buf *out)
{
    struct iapp p = {
        .command = IAPP_CACHE_NOTIFY, .station = mac_of((struct party){PARTY_MUD, 7}), .timeout = 600};
    a_token(out);
    p.current_ap = mac_of((struct party){PARTY_AP, 4});
    assert_int_equal(iapp_encode(&p, out, NULL), 0);
}

static void a_broken_context(struct buf *out)
{
    struct iapp p = {.command = IAPP_MOVE_NOTIFY,
                     .station = mac_of((struct party){PARTY_MUD, 7}),
                     .context = (const uint8_t *)"\0\2\0\7ab",
                     .context_len = 6};
    assert_int_equal(iapp_encode(&p, out, NULL), 0);
}

static void a_short_message(struct buf *out)
{
    buf_add(out, "RL\1\2short", 9);
}

#define MESSAGE_FIELDS                                                                                       \
    "roamlab.type roamlab.flags.cached roamlab.flags.executed roamlab.flags.anew roamlab.flags.snapshot "    \
    "roamlab.flags.brief roamlab.flags.forgotten roamlab.hops roamlab.mud roamlab.sequence "                 \
    "roamlab.migration roamlab.number roamlab.until roamlab.status roamlab.peer.role roamlab.peer.index "    \
    "roamlab.digest roamlab.checksum roamlab.payload_len _ws.malformed"
#define MESSAGE_SAYS "2;1;0;0;1;0;1;3;7;2;1;49;50;-5;2;2;0x1122334455667788;0x99aabbccddeeff00;4;"

static const struct {
    void (*payload)(struct buf *out);
    int protocol;
    uint16_t port;
    const char *fields, *says;
} rows[] = {
    {a_reassociation, UDP, TZSP_PORT,
     "tzsp.encap wlan.fc.type_subtype wlan.da wlan.sa wlan.bssid wlan.fixed.current_ap wlan.seq wlan.ssid _ws.malformed",
     "18;0x0002;02:52:00:00:00:02;02:51:00:00:00:07;02:52:00:00:00:02;02:52:00:00:00:01;2748;726f616d6c6162;"},
    {a_datagram, UDP, 9999, MESSAGE_FIELDS, MESSAGE_SAYS},
    {a_data_frame, UDP, TZSP_PORT, MESSAGE_FIELDS, MESSAGE_SAYS},
    {a_token, TCP, IAPP_PORT,
     "roamlab_iapp.command roamlab_iapp.identifier roamlab_iapp.status roamlab_iapp.station roamlab_iapp.sequence "
     "roamlab_iapp.offloading roamlab_iapp.mud roamlab_iapp.association roamlab_iapp.anchor.edge roamlab_iapp.anchor.ap "
     "roamlab_iapp.migration roamlab_iapp.phase roamlab_iapp.next roamlab_iapp.request roamlab_iapp.ask_instead _ws.malformed",
     "2;258;2;02:51:00:00:00:07;2;1;7;65538;1;4;3;2;50;48,49;6;"},
    {two_packets, TCP, IAPP_PORT, "roamlab_iapp.command roamlab_iapp.current_ap roamlab_iapp.timeout",
     "2,5;02:52:00:00:00:04;600"},
    {a_broken_context, TCP, IAPP_PORT, "roamlab_iapp.element roamlab_iapp.short roamlab_iapp.mud", "2;1;"},
    {a_short_message, UDP, 9999, "roamlab.type _ws.malformed", ";"},
};

static void wireshark_reads_our_messages(void **unused)
{
    (void)unused;
    if (system("command -v tshark >/dev/null 2>&1") != 0) {
        print_message("skip: tshark is not installed\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[] = "/tmp/roamlab-wireshark-XXXXXX";
        int status;
        autoclose int fd = mkstemp(path);
        assert_true(fd >= 0);
        struct buf payload = BUF_INIT;
        rows[i].payload(&payload);
        write_capture(path, rows[i].protocol, rows[i].port, &payload);
        buf_free(&payload);
        autofree char *command =
            mem_printf("tshark -X lua_script:tools/wireshark/roamlab.lua -r %s -T fields -E 'separator=;' "
                       "$(printf -- ' -e %%s' %s) 2>/dev/null",
                       path, rows[i].fields);
        autofree char *line = shell_output(".", command, &status);
        unlink(path);
        line[strcspn(line, "\n")] = '\0';
        assert_int_equal(status, 0);
        if (strcmp(line, rows[i].says) != 0)
            fail_msg("row %zu: %s, not %s", i, line, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wireshark_reads_our_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
