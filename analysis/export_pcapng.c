#include "export_pcapng.h"
#include "buf.h"
#include "mem.h"
#include "version.h"

#include <dirent.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

enum block { INTERFACE_DESCRIPTION = 1, ENHANCED_PACKET = 6, SECTION_HEADER = 0x0a0d0d0a };
enum option { END_OF_OPTIONS = 0, INTERFACE_NAME = 2, TIME_RESOLUTION = 9, APPLICATION = 4 };
enum { BYTE_ORDER_MAGIC = 0x1a2b3c4d, NANOSECONDS = 9 };

static const char suffix[] = ".pcap";

/* One host's capture, and the packet that comes next from it. */
struct source {
    pcap_t *file;
    char *host;
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    bool more;
};

/* --- blocks: in this machine's byte order, as the section header says ---------------------------------------------- */

static void add_u16(struct buf *b, uint16_t value)
{
    buf_add(b, &value, sizeof value);
}

static void add_u32(struct buf *b, uint32_t value)
{
    buf_add(b, &value, sizeof value);
}

static void add_padded(struct buf *b, const void *bytes, size_t len)
{
    buf_add(b, bytes, len);
    buf_add(b, "\0\0\0", -len & 3);
}

static void add_option(struct buf *b, enum option code, const void *value, size_t len)
{
    add_u16(b, (uint16_t)code);
    add_u16(b, (uint16_t)len);
    add_padded(b, value, len);
}

static void write_block(FILE *out, enum block type, struct buf *body)
{
    uint32_t len = (uint32_t)body->len + 12, head[2] = {(uint32_t)type, len};
    fwrite(head, sizeof head, 1, out);
    fwrite(body->data, 1, body->len, out);
    fwrite(&len, sizeof len, 1, out);
    buf_free(body);
}

static void write_section(FILE *out)
{
    static const char application[] = "roamlab " ROAMLAB_VERSION;
    struct buf b = BUF_INIT;
    add_u32(&b, BYTE_ORDER_MAGIC);
    add_u16(&b, 1);
    add_u16(&b, 0);
    buf_add(&b, "\xff\xff\xff\xff\xff\xff\xff\xff", 8); /* its length: not said */
    add_option(&b, APPLICATION, application, strlen(application));
    add_option(&b, END_OF_OPTIONS, "", 0);
    write_block(out, SECTION_HEADER, &b);
}

static void write_interface(FILE *out, const struct source *s)
{
    struct buf b = BUF_INIT;
    add_u16(&b, (uint16_t)pcap_datalink(s->file));
    add_u16(&b, 0);
    add_u32(&b, (uint32_t)pcap_snapshot(s->file));
    add_option(&b, INTERFACE_NAME, s->host, strlen(s->host));
    add_option(&b, TIME_RESOLUTION, &(uint8_t){NANOSECONDS}, 1);
    add_option(&b, END_OF_OPTIONS, "", 0);
    write_block(out, INTERFACE_DESCRIPTION, &b);
}

/* The files are opened with nanoseconds: tv_usec holds them. */
static uint64_t time_of(const struct source *s)
{
    return (uint64_t)s->header->ts.tv_sec * 1000000000 + (uint64_t)s->header->ts.tv_usec;
}

static void write_packet(FILE *out, uint32_t interface, const struct source *s)
{
    uint64_t ns = time_of(s);
    struct buf b = BUF_INIT;
    add_u32(&b, interface);
    add_u32(&b, (uint32_t)(ns >> 32));
    add_u32(&b, (uint32_t)ns);
    add_u32(&b, s->header->caplen);
    add_u32(&b, s->header->len);
    add_padded(&b, s->bytes, s->header->caplen);
    write_block(out, ENHANCED_PACKET, &b);
}

/* --- merging ------------------------------------------------------------------------------------------------------ */

static void advance(struct source *s)
{
    s->more = pcap_next_ex(s->file, &s->header, &s->bytes) == 1;
}

static int open_source(struct source *s, const char *folder, const char *name, struct err *e)
{
    char text[PCAP_ERRBUF_SIZE];
    autofree char *path = mem_printf("%s/%s", folder, name);
    s->file = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
    if (!s->file)
        return err_set(e, EINVAL, "%s: %s", path, text);
    s->host = mem_printf("%.*s", (int)(strlen(name) - strlen(suffix)), name);
    advance(s);
    return 0;
}

static struct source *earliest(struct source *sources, size_t count)
{
    struct source *first = NULL;
    for (size_t i = 0; i < count; i++)
        if (sources[i].more && (!first || time_of(&sources[i]) < time_of(first)))
            first = &sources[i];
    return first;
}

static int write_all(struct source *sources, size_t count, const char *path, struct err *e)
{
    autofclose FILE *out = fopen(path, "we");
    if (!out)
        return err_errno(e, "%s", path);
    write_section(out);
    for (size_t i = 0; i < count; i++)
        write_interface(out, &sources[i]);
    for (struct source *s; (s = earliest(sources, count)); advance(s))
        write_packet(out, (uint32_t)(s - sources), s);
    return fflush(out) || ferror(out) ? err_errno(e, "%s", path) : 0;
}

static int is_capture(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > strlen(suffix) && strcmp(entry->d_name + len - strlen(suffix), suffix) == 0;
}

static int no_captures(const char *folder, struct err *e)
{
    err_set(e, ENOENT, "%s: no captures", folder);
    return err_hint(e, "run --world real --capture makes them");
}

int export_pcapng(const char *folder, const char *out, struct err *e)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_capture, alphasort), status = 0;
    if (count <= 0) {
        free(names);
        return count < 0 ? err_errno(e, "%s", folder) : no_captures(folder, e);
    }
    struct source *sources = mem_alloc_array((size_t)count, sizeof *sources);
    for (int i = 0; i < count && status == 0; i++)
        status = open_source(&sources[i], folder, names[i]->d_name, e);
    if (status == 0)
        status = write_all(sources, (size_t)count, out, e);
    for (int i = 0; i < count; i++) {
        if (sources[i].file)
            pcap_close(sources[i].file);
        free(sources[i].host);
        free(names[i]);
    }
    free(names);
    free(sources);
    return status;
}
