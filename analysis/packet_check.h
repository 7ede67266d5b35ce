/* What an eavesdropper on the links could have read of the containers (Byeon21's packet check): the captures of all hosts of
 * a run are searched for each container's canary (canary.h) and for credentials in HTTP headers (RFC 7617 Basic, RFC 6750
 * Bearer), where packets were received.
 *
 * Judged is what carries containers: TCP, put together to streams so that words are found across segments, and UDP, each
 * datagram by itself (of a fragmented one the first fragment), but for the ports of roamlab's own protocols, whose messages are in the clear by design
 * (MUD to AP, AP to AP). Bytes are taken as they stand on the wire: what is compressed is not unpacked, so that "not
 * readable" over a carrier without encryption may only mean compressed. */
#ifndef ROAMLAB_PACKET_CHECK_H
#define ROAMLAB_PACKET_CHECK_H

#include "scenario.h"

#include <json-c/json.h>

enum packet_secret { SECRET_NAME, SECRET_CONTENTS, SECRET_CREDENTIALS, PACKET_SECRETS };

/* Something readable, found once or several times between two ports. */
struct packet_leak {
    enum packet_secret secret;
    int mud; /* -1: credentials */
    uint32_t from, to;
    uint16_t from_port, to_port;
};

struct packet_check {
    uint64_t packets, bytes;   /* that were judged, and their payload */
    uint64_t gaps;             /* in TCP streams, for want of packets in the captures */
    struct packet_leak *leaks; /* owned */
    size_t leak_count, leak_capacity;
};

#define PACKET_CHECK_INIT                                                                                    \
    {                                                                                                        \
        0                                                                                                    \
    }

/* Reads FOLDER/HOST.pcap of every host of the scenario, of a run with that seed. */
int packet_check_run(struct packet_check *check, const char *folder, const struct scenario *s, uint64_t seed,
                     struct err *e);
/* Reads one capture. */
int packet_check_file(struct packet_check *check, const char *path, const struct scenario *s, uint64_t seed,
                      struct err *e);
void packet_check_free(struct packet_check *check);

/* What could be read, for people: "names, contents"; "" if nothing. A static text. */
const char *packet_check_readable(const struct packet_check *check);
/* {"carrier", "packets", "bytes", "gaps", "names", "contents", "credentials", "readable": [{"what", "mud", "from", "to"}]} */
json_object *packet_check_json(const struct packet_check *check, const struct scenario *s);

#endif
