#include "packet_file.h"
#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROTOCOL_IPV4 = 0x0800,
    SLL2_KIND = 8,       /* where the cooked header has the interface's kind, */
    SLL2_DIRECTION = 10, /* and the packet's direction */
    IP_HEADER = 20,
    IP_OFFSET = 0x1fff,
    TCP_HEADER = 20,
    TCP_SYN = 0x02,
};

struct packet_file {
    pcap_t *handle;
    char *path;
};

struct packet_file *packet_file_open(const char *path, struct err *e)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_t *handle = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
    if (!handle) {
        err_set(e, EBADMSG, "capture %s: %s", path, text);
        return NULL;
    }
    if (pcap_datalink(handle) != DLT_LINUX_SLL2) {
        pcap_close(handle);
        err_set(e, EBADMSG, "capture %s: its link type is not LINUX_SLL2", path);
        return NULL;
    }
    struct packet_file *file = mem_alloc(sizeof *file);
    file->handle = handle;
    file->path = mem_copy_string(path);
    return file;
}

void packet_file_close(struct packet_file *file)
{
    if (!file)
        return;
    pcap_close(file->handle);
    free(file->path);
    free(file);
}

static bool take_udp(struct reader *r, struct packet *packet)
{
    packet->from_port = reader_be16(r);
    packet->to_port = reader_be16(r);
    reader_take(r, 4);
    return !r->short_read;
}

/* RFC 9293, 3.1. */
static bool take_tcp(struct reader *r, struct packet *packet)
{
    packet->from_port = reader_be16(r);
    packet->to_port = reader_be16(r);
    packet->sequence = reader_be32(r);
    reader_be32(r);
    size_t header = (size_t)(reader_u8(r) >> 4) * 4;
    packet->syn = reader_u8(r) & TCP_SYN;
    reader_take(r, 6);
    if (r->short_read || header < TCP_HEADER)
        return false;
    return reader_take(r, header - TCP_HEADER) != NULL;
}

/* RFC 791, 3.1. A length of 0 is a super-packet's that the field has no room for. */
static bool take_ip(struct reader *r, struct packet *packet)
{
    struct reader whole = *r;
    uint8_t version_and_length = reader_u8(r);
    size_t header = (size_t)(version_and_length & 15) * 4;
    reader_u8(r);
    size_t length = reader_be16(r);
    reader_be16(r);
    uint16_t fragment = reader_be16(r);
    reader_u8(r);
    packet->protocol = reader_u8(r);
    reader_be16(r);
    packet->from = reader_be32(r);
    packet->to = reader_be32(r);
    length = length ? length : reader_left(&whole);
    if (r->short_read || version_and_length >> 4 != 4 || header < IP_HEADER || length < header ||
        length > reader_left(&whole))
        return false;
    *r = reader_over(whole.at + header, length - header);
    if (fragment & IP_OFFSET)
        return true;
    return packet->protocol == IPPROTO_TCP   ? take_tcp(r, packet)
           : packet->protocol == IPPROTO_UDP ? take_udp(r, packet)
                                             : true;
}

static bool decode(const struct pcap_pkthdr *header, const uint8_t *bytes, struct packet *packet)
{
    struct reader r = reader_over(bytes, header->caplen);
    const uint8_t *cooked = reader_take(&r, SLL2_HDR_LEN);
    if (!cooked || (cooked[0] << 8 | cooked[1]) != PROTOCOL_IPV4)
        return false;
    *packet =
        (struct packet){.at = simtime_add(simtime_s(header->ts.tv_sec), simtime_ns(header->ts.tv_usec)),
                        .received = cooked[SLL2_DIRECTION] == LINUX_SLL_HOST &&
                                    (cooked[SLL2_KIND] << 8 | cooked[SLL2_KIND + 1]) != ARPHRD_LOOPBACK};
    if (!take_ip(&r, packet))
        return false;
    packet->payload = r.at;
    packet->len = reader_left(&r);
    return true;
}

int packet_file_next(struct packet_file *file, struct packet *packet, struct err *e)
{
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    int status;
    while ((status = pcap_next_ex(file->handle, &header, &bytes)) == 1)
        if (decode(header, bytes, packet))
            return 1;
    return status == PCAP_ERROR_BREAK
               ? 0
               : err_set(e, EBADMSG, "capture %s: %s", file->path, pcap_geterr(file->handle));
}
