/* The packet check on captures made by hand: what stands in them where, and whether it is found. */
#include "packet_check.h"
#include "buf.h"
#include "canary.h"
#include "folder.h"
#include "json_file.h"
#include "layout.h"
#include "mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 7, PIECES_MAX = 6, ANY_LENGTH = 10000, FIRST_SEQUENCE = -20, LOOPBACK = 772, ETHERNET = 1 };
enum direction { IN = 0, OUT = 4 };

/* Bytes `from` to `to` of the row's text, in a packet. */
struct piece {
    int from, to;
    bool syn; /* a packet without bytes before them */
};

struct row {
    const char *name,
        *text; /* %n the canary's name, %i its ID, %p its password, %o the password of another seed */
    uint16_t port;
    struct piece pieces[PIECES_MAX]; /* {0, 0}: the end */
    const char *readable;
    uint64_t gaps;
    enum direction direction;
    bool loopback, udp, fragment;
};

#define WHOLE                                                                                                \
    {                                                                                                        \
        {                                                                                                    \
            0, ANY_LENGTH, false                                                                             \
        }                                                                                                    \
    }

static const struct row rows[] = {
    {.name = "nothing", .text = "nothing to be seen", .port = 2049, .pieces = WHOLE, .readable = ""},
    {.name = "a name", .text = "open %n!", .port = 2049, .pieces = WHOLE, .readable = "names"},
    {.name = "an ID", .text = "..%i..", .port = 2049, .pieces = WHOLE, .readable = "contents"},
    {.name = "a password", .text = "%p", .port = 2049, .pieces = WHOLE, .readable = "contents"},
    {.name = "all",
     .text = "%n%i\r\nAuthorization: Basic eDp5\r\n",
     .port = 5000,
     .pieces = WHOLE,
     .readable = "names, contents, credentials"},
    {.name = "a token",
     .text = "authorization: Bearer xyz",
     .port = 5000,
     .pieces = WHOLE,
     .readable = "credentials"},
    {.name = "another scheme",
     .text = "Authorization: Digest xyz",
     .port = 5000,
     .pieces = WHOLE,
     .readable = ""},
    {.name = "another seed", .text = "%o", .port = 2049, .pieces = WHOLE, .readable = ""},
    {.name = "marks that lead to nothing",
     .text = "canary-canary-canary-",
     .port = 2049,
     .pieces = WHOLE,
     .readable = ""},
    {.name = "a mark before it", .text = "canary-%p", .port = 2049, .pieces = WHOLE, .readable = "contents"},
    {.name = "in two segments",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 9, false}, {9, 28, false}},
     .readable = "names"},
    {.name = "byte by byte",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 1, false}, {1, 2, false}, {2, 3, false}, {3, 27, false}, {27, 28, false}},
     .readable = "names"},
    {.name = "in the wrong order",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 2, true}, {20, 28, false}, {11, 20, false}, {2, 11, false}},
     .readable = "names"},
    {.name = "resent and overlapping",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 9, false}, {0, 9, false}, {5, 20, false}, {2, 28, false}},
     .readable = "names"},
    {.name = "overlapping and early",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 5, false}, {10, 28, false}, {8, 15, false}, {5, 12, false}},
     .readable = "names"},
    {.name = "with a hole",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 9, false}, {10, 28, false}},
     .readable = "",
     .gaps = 1},
    {.name = "behind a hole",
     .text = "....%n",
     .port = 2049,
     .pieces = {{0, 2, false}, {4, 32, false}},
     .readable = "names",
     .gaps = 1},
    {.name = "over two connections",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 9, true}, {9, 28, true}},
     .readable = ""},
    {.name = "sent, not received",
     .text = "%n",
     .port = 2049,
     .pieces = WHOLE,
     .readable = "",
     .direction = OUT},
    {.name = "over loopback", .text = "%n", .port = 2049, .pieces = WHOLE, .readable = "", .loopback = true},
    {.name = "IAPP", .text = "%n", .port = 3517, .pieces = WHOLE, .readable = ""},
    {.name = "forwarding", .text = "%n", .port = 3518, .pieces = WHOLE, .readable = "", .udp = true},
    {.name = "a datagram", .text = "%n", .port = 2049, .pieces = WHOLE, .readable = "names", .udp = true},
    {.name = "two datagrams",
     .text = "%n",
     .port = 2049,
     .pieces = {{0, 9, false}, {9, 28, false}},
     .readable = "",
     .udp = true},
    {.name = "a later fragment",
     .text = "%n",
     .port = 2049,
     .pieces = WHOLE,
     .readable = "",
     .fragment = true},
};

/* --- captures ------------------------------------------------------------------------------------------------------------ */

static void add_le32(struct buf *b, uint32_t value)
{
    buf_add_le16(b, (uint16_t)value);
    buf_add_le16(b, (uint16_t)(value >> 16));
}

static void add_file_header(struct buf *b, uint32_t link_type)
{
    add_le32(b, 0xa1b23c4d); /* nanoseconds */
    buf_add_le16(b, 2);
    buf_add_le16(b, 4);
    add_le32(b, 0);
    add_le32(b, 0);
    add_le32(b, 262144);
    add_le32(b, link_type);
}

static void add_cooked_header(struct buf *b, const struct row *row)
{
    buf_add_be16(b, 0x0800);
    buf_add_be16(b, 0);
    buf_add_be32(b, 1);
    buf_add_be16(b, row->loopback ? LOOPBACK : ETHERNET);
    buf_add_u8(b, (uint8_t)row->direction);
    buf_add_u8(b, 6);
    buf_add_be64(b, 0);
}

static void add_ip_header(struct buf *b, const struct row *row, size_t len)
{
    buf_add_be16(b, 0x4500);
    buf_add_be16(b, (uint16_t)(20 + len));
    buf_add_be16(b, 0);
    buf_add_be16(b, row->fragment ? 100 : 0);
    buf_add_u8(b, 64);
    buf_add_u8(b, row->udp ? 17 : 6);
    buf_add_be16(b, 0);
    buf_add_be32(b, layout_host_address(0));
    buf_add_be32(b, layout_host_address(1));
}

static void add_transport(struct buf *b, const struct row *row, uint32_t sequence, bool syn,
                          const void *bytes, size_t len)
{
    buf_add_be16(b, 40000);
    buf_add_be16(b, row->port);
    if (row->udp) {
        buf_add_be16(b, (uint16_t)(8 + len));
        buf_add_be16(b, 0);
    } else {
        buf_add_be32(b, sequence);
        buf_add_be32(b, 0);
        buf_add_be16(b, syn ? 0x6002 : 0x6010); /* with four bytes of options */
        buf_add_be16(b, 1000);
        buf_add_be32(b, 0);
        buf_add_be32(b, 0x01010101);
    }
    buf_add(b, bytes, len);
}

static void add_packet(struct buf *file, const struct row *row, uint32_t sequence, bool syn,
                       const void *bytes, size_t len)
{
    struct buf transport = BUF_INIT, frame = BUF_INIT;
    add_transport(&transport, row, sequence, syn, bytes, len);
    add_cooked_header(&frame, row);
    add_ip_header(&frame, row, transport.len);
    buf_add(&frame, transport.data, transport.len);
    add_le32(file, 1700000000);
    add_le32(file, 5);
    add_le32(file, (uint32_t)frame.len);
    add_le32(file, (uint32_t)frame.len);
    buf_add(file, frame.data, frame.len);
    buf_free(&transport);
    buf_free(&frame);
}

/* A row's text with the words in it. */
static void fill_in(const char *text, struct buf *out)
{
    struct canary own, other;
    canary_make(&own, SEED, 0);
    canary_make(&other, SEED + 1, 0);
    for (; *text; text++) {
        if (*text == '%') {
            text++;
            buf_printf(out, "%s",
                       *text == 'n'   ? own.name
                       : *text == 'i' ? own.id
                       : *text == 'p' ? own.password
                                      : other.password);
        } else {
            buf_add_u8(out, (uint8_t)*text);
        }
    }
}

static void add_row(struct buf *file, const struct row *row)
{
    struct buf text = BUF_INIT;
    fill_in(row->text, &text);
    uint32_t start = (uint32_t)FIRST_SEQUENCE; /* the numbers wrap */
    for (const struct piece *p = row->pieces; p < row->pieces + PIECES_MAX && p->to; p++) {
        size_t to = p->to < (int)text.len ? (size_t)p->to : text.len;
        if (p->syn)
            add_packet(file, row, start - 1 + (uint32_t)p->from * 1000, true, NULL, 0);
        add_packet(file, row, start + (uint32_t)p->from * (p->syn ? 1000 : 1), false, text.data + p->from,
                   to - (size_t)p->from);
    }
    buf_free(&text);
}

static char *write_capture(const char *folder, const char *name, const struct buf *file)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(file->data, 1, file->len, out), file->len);
    fclose(out);
    return path;
}

/* --- tests --------------------------------------------------------------------------------------------------------------- */

static struct scenario two_hosts(void)
{
    static char first[] = "pc1", second[] = "pc2";
    static struct scenario_host hosts[] = {{.name = first}, {.name = second}};
    static struct scenario_mud mud = {.name = "m1"};
    struct scenario s = {.hosts = hosts, .host_count = 2, .muds = &mud, .mud_count = 1};
    strcpy(s.migration.carrier, "nfs");
    return s;
}

static void test_rows(void **state)
{
    const struct scenario s = two_hosts();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct packet_check check = PACKET_CHECK_INIT;
        struct buf file = BUF_INIT;
        struct err e = ERR_INIT;
        add_file_header(&file, 276);
        add_row(&file, &rows[i]);
        autofree char *path = write_capture(*state, "row.pcap", &file);
        if (packet_check_file(&check, path, &s, SEED, &e) < 0)
            fail_msg("%s: %s", rows[i].name, e.text);
        if (strcmp(packet_check_readable(&check), rows[i].readable) != 0 || check.gaps != rows[i].gaps)
            fail_msg("%s: readable \"%s\", %d gaps", rows[i].name, packet_check_readable(&check),
                     (int)check.gaps);
        packet_check_free(&check);
        buf_free(&file);
    }
}

/* All hosts' captures, each leak once, with who sent it to whom. */
static void test_a_run(void **state)
{
    const struct scenario s = two_hosts();
    struct packet_check check = PACKET_CHECK_INIT;
    struct buf file = BUF_INIT;
    struct err e = ERR_INIT;
    add_file_header(&file, 276);
    free(write_capture(*state, "pc1.pcap", &file));
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if (rows[i].udp)
                add_row(&file, &rows[i]);
    free(write_capture(*state, "pc2.pcap", &file));
    assert_int_equal(packet_check_run(&check, *state, &s, SEED, &e), 0);
    json_object *o = packet_check_json(&check, &s);
    assert_string_equal(json_text_at(o, "carrier"), "nfs");
    assert_true(json_number_at(o, "packets") == 6);
    assert_true(json_number_at(o, "names") == 1 && json_number_at(o, "contents") == 0);
    assert_int_equal(json_object_array_length(json_at(o, "readable")), 1);
    assert_string_equal(json_text_at(o, "readable.0.what"), "names");
    assert_string_equal(json_text_at(o, "readable.0.mud"), "m1");
    assert_string_equal(json_text_at(o, "readable.0.from"), "pc1:40000");
    assert_string_equal(json_text_at(o, "readable.0.to"), "pc2:2049");
    json_object_put(o);
    packet_check_free(&check);
    buf_free(&file);
}

static void test_files_that_are_none(void **state)
{
    static const struct {
        uint32_t link_type;
        int cut; /* bytes that are missing at the end */
        const char *says;
    } bad[] = {{1, 0, "LINUX_SLL2"}, {276, 1, "truncated"}, {276, 1000, "truncated"}};
    const struct scenario s = two_hosts();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct packet_check check = PACKET_CHECK_INIT;
        struct buf file = BUF_INIT;
        struct err e = ERR_INIT;
        add_file_header(&file, bad[i].link_type);
        add_row(&file, &rows[0]);
        file.len -= (size_t)bad[i].cut < file.len - 10 ? (size_t)bad[i].cut : file.len - 10;
        autofree char *path = write_capture(*state, "bad.pcap", &file);
        assert_int_equal(packet_check_file(&check, path, &s, SEED, &e), -EBADMSG);
        if (!strstr(e.text, bad[i].says) || !strstr(e.text, path))
            fail_msg("\"%s\" does not say \"%s\"", e.text, bad[i].says);
        packet_check_free(&check);
        buf_free(&file);
    }
    struct err e = ERR_INIT;
    assert_true(packet_check_run(&(struct packet_check)PACKET_CHECK_INIT, "/nonexistent", &s, SEED, &e) < 0);
    assert_non_null(strstr(e.text, "/nonexistent/pc1.pcap"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_rows),
        IN_FOLDER(test_a_run),
        IN_FOLDER(test_files_that_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
