#include "outpost_packets.h"
#include "agent_protocol.h"
#include "buf.h"
#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pcap/pcap.h>
#include <string.h>
#include <time.h>

/* A file of nanoseconds begins with this (draft-ietf-opsawg-pcap, section 4). */
enum { MAGIC = (int)0xa1b23c4d, PACKET_MAX = 262144, LINE_BYTES = 48 << 10, S_NS = 1000000000 };

struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t reserved[2], snap_length, link_type;
};

/* In a file: seconds and nanoseconds. In a line the two are one time in ns, high half first. */
struct packet_header {
    uint32_t high, low, captured, length;
};

/* Whoever loses the processor between the two readings reads again. */
struct two_clocks two_clocks_now(void)
{
    enum { TRIES = 20, AT_ONCE_NS = 20000 };
    struct two_clocks now = {0};
    int64_t least = INT64_MAX;
    for (int i = 0; i < TRIES && least > AT_ONCE_NS; i++) {
        struct timespec wall;
        struct simtime before = clock_monotonic();
        clock_gettime(CLOCK_REALTIME, &wall);
        int64_t took = simtime_sub(clock_monotonic(), before).ns;
        if (took < least)
            now = (struct two_clocks){simtime_ns((int64_t)wall.tv_sec * S_NS + wall.tv_nsec), before};
        least = took < least ? took : least;
    }
    return now;
}

/* --- the outpost ------------------------------------------------------------------------------------------------------------------------- */

static int64_t monotonic_at(const struct packet_shipment *s, int64_t wall_ns)
{
    int64_t since = wall_ns - s->begun.wall.ns, whole = s->ended.wall.ns - s->begun.wall.ns;
    int64_t passed = s->ended.monotonic.ns - s->begun.monotonic.ns;
    return s->begun.monotonic.ns + (whole > 0 ? (int64_t)((__int128)since * passed / whole) : since);
}

static bool open_next(struct packet_shipment *s)
{
    struct file_header header;
    const char *name = s->host_name(s->context, s->host);
    autofree char *path = name ? mem_printf("%s/%s.pcap", s->folder, name) : NULL;
    s->file = path ? fopen(path, "re") : NULL;
    return s->file && fread(&header, sizeof header, 1, s->file) == 1 && header.magic == (uint32_t)MAGIC;
}

/* False at the end, also if that is cut off. */
static bool add_packet(struct packet_shipment *s, struct buf *records)
{
    static uint8_t bytes[PACKET_MAX];
    struct packet_header header;
    if (fread(&header, sizeof header, 1, s->file) != 1 || header.captured > PACKET_MAX ||
        fread(bytes, 1, header.captured, s->file) != header.captured)
        return false;
    uint64_t at = (uint64_t)monotonic_at(s, (int64_t)header.high * S_NS + header.low);
    header.high = (uint32_t)(at >> 32);
    header.low = (uint32_t)at;
    buf_add(records, &header, sizeof header);
    buf_add(records, bytes, header.captured);
    return true;
}

static struct json_object *say_packets(int host, const struct buf *records)
{
    struct json_object *line = agent_say("packets");
    autofree char *text = mem_alloc(records->len * 4 / 3 + 8);
    EVP_EncodeBlock((unsigned char *)text, records->data, (int)records->len);
    json_object_object_add(line, "host", json_object_new_int(host));
    json_object_object_add(line, "bytes", json_object_new_int((int)records->len));
    json_object_object_add(line, "records", json_object_new_string(text));
    return line;
}

struct json_object *packet_shipment_next(struct packet_shipment *s)
{
    struct json_object *line = NULL;
    struct buf records = BUF_INIT;
    if (!s->ended.wall.ns)
        s->ended = two_clocks_now();
    while (!line && s->host < s->hosts) {
        bool begins = !s->file, more = s->file || open_next(s);
        begins = begins && more; /* a host that has heard nothing has a capture, too */
        while (more && records.len < LINE_BYTES)
            more = add_packet(s, &records);
        if (records.len || begins)
            line = say_packets(s->host, &records);
        if (!more) {
            packet_shipment_end(s);
            s->host++;
        }
    }
    buf_free(&records);
    return line;
}

void packet_shipment_end(struct packet_shipment *s)
{
    if (s->file)
        fclose(steal(s->file));
}

/* --- the controller ---------------------------------------------------------------------------------------------------------------------- */

static int no_packets(struct err *e)
{
    return err_set(e, EPROTO, "outpost's line \"packets\": no usable packets");
}

static struct json_object *member(struct json_object *line, const char *key, enum json_type type)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(line, key, &value) && json_object_is_type(value, type) ? value : NULL;
}

int outpost_read_packets(struct json_object *line, int *host, struct err *e)
{
    struct json_object *value = member(line, "host", json_type_int);
    *host = value ? json_object_get_int(value) : -1;
    return value ? 0 : no_packets(e);
}

/* Into a file's form: the time by our wall clock. */
static bool turn(uint8_t *bytes, size_t len, const struct clock_offset *clock, struct two_clocks now)
{
    struct packet_header header;
    for (size_t at = 0; at < len; at += sizeof header + header.captured) {
        if (len - at < sizeof header)
            return false;
        memcpy(&header, bytes + at, sizeof header);
        if (header.captured > len - at - sizeof header)
            return false;
        int64_t theirs = (int64_t)((uint64_t)header.high << 32 | header.low);
        if (theirs < 0 || theirs > AGENT_TIME_MAX)
            return false;
        struct simtime ours = clock_offset_ours(clock, simtime_ns(theirs));
        struct simtime wall = simtime_add(now.wall, simtime_sub(ours, now.monotonic));
        if (wall.ns < 0)
            return false;
        header.high = (uint32_t)(wall.ns / S_NS);
        header.low = (uint32_t)(wall.ns % S_NS);
        memcpy(bytes + at, &header, sizeof header);
    }
    return true;
}

static int append(const char *path, const uint8_t *bytes, size_t len, struct err *e)
{
    static const struct file_header header = {.magic = (uint32_t)MAGIC,
                                              .major = 2,
                                              .minor = 4,
                                              .snap_length = PACKET_MAX,
                                              .link_type = DLT_LINUX_SLL2};
    autofclose FILE *file = fopen(path, "ae");
    if (!file || (ftell(file) == 0 && fwrite(&header, sizeof header, 1, file) != 1) ||
        fwrite(bytes, 1, len, file) != len || fflush(file) != 0)
        return err_errno(e, "capture %s", path);
    return 0;
}

int outpost_take_packets(struct json_object *line, const struct clock_offset *clock, const char *path,
                         struct err *e)
{
    struct json_object *records = member(line, "records", json_type_string),
                       *count = member(line, "bytes", json_type_int);
    int len = records ? json_object_get_string_len(records) : 0,
        wanted = count ? json_object_get_int(count) : -1;
    if (len > LINE_BYTES * 2 + PACKET_MAX * 2)
        return no_packets(e);
    autofree uint8_t *bytes = mem_alloc((size_t)len * 3 / 4 + 4);
    int got = len ? EVP_DecodeBlock(bytes, (const unsigned char *)json_object_get_string(records), len) : 0;
    if (wanted < 0 || got < wanted || !turn(bytes, (size_t)wanted, clock, two_clocks_now()))
        return no_packets(e);
    return append(path, bytes, (size_t)wanted, e);
}
