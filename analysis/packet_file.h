/* Captures read back: the IPv4 packets of a pcap file as emulator/host/capture.h writes it (link type LINUX_SLL2), with what
 * the cooked header says of each. Frames that are cut short, or of other protocols, are passed over. */
#ifndef ROAMLAB_PACKET_FILE_H
#define ROAMLAB_PACKET_FILE_H

#include "err.h"
#include "simtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet_file;

struct packet {
    struct simtime at; /* since 1970 */
    bool received;     /* by this host from another, for itself or to be forwarded; not sent, not loopback */
    uint32_t from, to; /* IPv4 addresses, in host byte order */
    uint8_t protocol;  /* of IP */
    uint16_t from_port, to_port; /* TCP and UDP; 0 otherwise, and in all fragments but the first */
    uint32_t sequence;           /* TCP */
    bool syn;                    /* TCP: the first byte is the one after `sequence` */
    const uint8_t *payload; /* behind the TCP or UDP header, else behind IP's; good until the next read */
    size_t len;
};

/* NULL and `e` on failure. */
struct packet_file *packet_file_open(const char *path, struct err *e);
/* 1: there is one; 0: no more; -EBADMSG: the file is broken from here on. */
int packet_file_next(struct packet_file *file, struct packet *packet, struct err *e);
void packet_file_close(struct packet_file *file); /* NULL-safe */

#endif
