/* What the hosts on another machine have captured, on its way to the controller: at the end the outpost reads its agents' captures (host/capture.h)
 * and sends their packets in lines of some tens of kilobytes, with times of its own monotonic clock; the controller writes them into captures of its
 * own, with times of its wall clock, as if the hosts had been on its machine. */
#ifndef ROAMLAB_OUTPOST_PACKETS_H
#define ROAMLAB_OUTPOST_PACKETS_H

#include "clock_offset.h"
#include "err.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

/* The same instant by the clock that packets' times are of (since 1970) and by the one that the controller asks for. */
struct two_clocks {
    struct simtime wall, monotonic;
};
struct two_clocks two_clocks_now(void);

/* --- the outpost --- */

struct packet_shipment {
    /* The owner's, set before; folder: of HOST.pcap. */
    const char *folder;
    const char *(*host_name)(void *context, int host); /* NULL: it has no capture here */
    void *context;
    int hosts;
    struct two_clocks begun; /* when the captures began; what drifted since is shared out evenly */
    /* Its own, zeroed before */
    struct two_clocks ended;
    FILE *file;
    int host; /* the next */
};

/* The next line, or NULL: everything has been sent. A capture ends where it is cut off. json_object_put() it. */
struct json_object *packet_shipment_next(struct packet_shipment *s);
void packet_shipment_end(struct packet_shipment *s);

/* --- the controller --- */

/* Whose line it is. */
int outpost_read_packets(struct json_object *line, int *host, struct err *e);
/* Appends its packets to the capture at `path`, which is begun if it is not there. `clock` is the outpost's. -EPROTO, and nothing is written, if
 * they are not whole. */
int outpost_take_packets(struct json_object *line, const struct clock_offset *clock, const char *path,
                         struct err *e);

#endif
