/* Captures of another machine's hosts on their way to the controller: packets arrive as they were, with times of the controller's wall clock. */
#include "clock.h"
#include "folder.h"
#include "outpost_packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

enum { S = 1000000000, PACKETS = 3000, BYTES = 100 };

static const char *name_of(void *context, int host)
{
    static const char *const names[] = {"pc1", NULL, "silent", "pc4"};
    (void)context;
    return names[host];
}

/* One packet a millisecond, the last one cut off. */
static void write_capture(const char *folder, const char *name, struct simtime first, int count)
{
    autofree char *path = mem_printf("%s/%s.pcap", folder, name);
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(DLT_LINUX_SLL2, 262144, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *file = pcap_dump_open(pcap, path);
    for (int i = 0; i < count; i++) {
        uint8_t bytes[BYTES];
        int64_t at = first.ns + (int64_t)i * 1000000;
        memset(bytes, i, sizeof bytes);
        struct pcap_pkthdr header = {.ts = {at / S, at % S}, .caplen = BYTES, .len = BYTES + 7};
        pcap_dump((u_char *)file, &header, bytes);
    }
    pcap_dump_close(file);
    pcap_close(pcap);
    if (count)
        assert_int_equal(truncate(path, 24 + count * (16 + BYTES) - 1), 0);
}

static void assert_capture(const char *folder, const char *name, struct simtime first, int count)
{
    char text[PCAP_ERRBUF_SIZE];
    autofree char *path = mem_printf("%s/%s.pcap", folder, name);
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    int seen = 0;
    if (!pcap)
        fail_msg("%s", text);
    assert_int_equal(pcap_datalink(pcap), DLT_LINUX_SLL2);
    for (; pcap_next_ex(pcap, &header, &bytes) == 1; seen++) {
        int64_t late =
            (int64_t)header->ts.tv_sec * S + header->ts.tv_usec - first.ns - (int64_t)seen * 1000000;
        assert_int_equal(header->caplen, BYTES);
        assert_int_equal(header->len, BYTES + 7);
        assert_int_equal(bytes[BYTES - 1], (uint8_t)seen);
        if (late < -100000000 || late > 100000000) /* both wall clocks are read at different instants */
            fail_msg("packet %d is %lld ns late", seen, (long long)late);
    }
    assert_int_equal(seen, count);
    pcap_close(pcap);
}

/* The other machine's monotonic clock is 1000 s ahead, its wall clock is an hour behind. */
static void they_arrive_as_they_were(void **state)
{
    (void)state;
    char *from = folder_make(), *to = folder_make();
    struct two_clocks now = two_clocks_now(), theirs = {simtime_sub(now.wall, simtime_s(3600)),
                                                        simtime_add(now.monotonic, simtime_s(1000))};
    struct clock_offset clock = CLOCK_OFFSET_INIT;
    clock_offset_add(&clock, now.monotonic, theirs.monotonic, now.monotonic);
    write_capture(from, "pc1", theirs.wall, PACKETS);
    write_capture(from, "silent", theirs.wall, 0);
    struct packet_shipment shipment = {
        .folder = from,
        .host_name = name_of,
        .hosts = 4,
        .begun = theirs,
        .ended = {simtime_add(theirs.wall, simtime_s(60)), simtime_add(theirs.monotonic, simtime_s(60))}};
    struct json_object *line;
    int lines = 0;
    while ((line = packet_shipment_next(&shipment))) {
        struct err e = ERR_INIT;
        int host;
        assert_int_equal(outpost_read_packets(line, &host, &e), 0);
        autofree char *path = mem_printf("%s/%s.pcap", to, name_of(NULL, host));
        if (outpost_take_packets(line, &clock, path, &e) < 0)
            fail_msg("%s", e.text);
        json_object_put(line);
        lines++;
    }
    packet_shipment_end(&shipment);
    assert_true(lines > 3);
    assert_capture(to, "pc1", now.wall, PACKETS - 1);
    assert_capture(to, "silent", now.wall, 0);
    folder_remove(from);
    folder_remove(to);
}

/* What drifted between the two clocks during the capture is shared out over it. */
static void drift_is_shared_out(void **state)
{
    (void)state;
    char *from = folder_make(), *to = folder_make();
    struct two_clocks now = two_clocks_now();
    struct clock_offset clock = CLOCK_OFFSET_INIT;
    write_capture(from, "pc1", simtime_add(now.wall, simtime_s(50)), 2);
    struct packet_shipment shipment = {
        .folder = from,
        .host_name = name_of,
        .hosts = 1,
        .begun = now,
        .ended = {simtime_add(now.wall, simtime_s(100)), simtime_add(now.monotonic, simtime_s(200))}};
    struct json_object *line = packet_shipment_next(&shipment);
    autofree char *path = mem_printf("%s/pc1.pcap", to);
    assert_int_equal(outpost_take_packets(line, &clock, path, NULL), 0);
    assert_capture(to, "pc1", simtime_add(now.wall, simtime_s(100)), 1);
    json_object_put(line);
    packet_shipment_end(&shipment);
    folder_remove(from);
    folder_remove(to);
}

static void what_is_not_whole_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{}",
        "{\"records\": 7, \"bytes\": 3}",
        "{\"records\": \"####\", \"bytes\": 3}",
        "{\"records\": \"AAAA\"}",
        "{\"records\": \"AAAA\", \"bytes\": 3}",
        "{\"records\": \"AAAA\", \"bytes\": 4}",
        "{\"records\": \"AAAA\", \"bytes\": -1}",
        /* A header that promises more than follows. */
        "{\"records\": \"AAAAAAAAAAAAAAABAAAAAQ==\", \"bytes\": 16}",
        /* A time that cannot be added to others. */
        "{\"records\": \"AAAAQAAAAAAAAAAAAAAAAA==\", \"bytes\": 16}",
    };
    char *folder = folder_make();
    autofree char *path = mem_printf("%s/pc1.pcap", folder);
    const struct clock_offset clock = CLOCK_OFFSET_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_object *line = json_tokener_parse(rows[i]);
        struct err e = ERR_INIT;
        if (outpost_take_packets(line, &clock, path, &e) != -EPROTO || access(path, F_OK) == 0)
            fail_msg("%s was taken", rows[i]);
        json_object_put(line);
    }
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_arrive_as_they_were),
        cmocka_unit_test(drift_is_shared_out),
        cmocka_unit_test(what_is_not_whole_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
