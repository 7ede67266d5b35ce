/* Messages as bytes: which of the three ways a message takes, and how it looks there.
 *
 *   air       between MUD and AP: an IEEE 802.11 frame in TZSP, UDP port 37008
 *   token     between APs, MOVE-notify and MOVE-response: IAPP over TCP, port 3517
 *   datagram  everything else: an offload message, UDP port 3518 */
#ifndef ROAMLAB_CODEC_H
#define ROAMLAB_CODEC_H

#include "msg.h"

enum codec_way { CODEC_AIR, CODEC_TOKEN, CODEC_DATAGRAM };
enum { CODEC_DATAGRAM_PORT = 3518 };

enum codec_way codec_way_of(const struct msg *m);
/* Appends the message. 0, or -EMSGSIZE when it is larger than its way allows. `seed` is for synthetic
 * payloads. */
int codec_encode(const struct msg *m, uint64_t seed, struct buf *out, struct err *e);

/* What was received. `token` backs m.token. Free it with codec_received_free. */
struct codec_received {
    struct msg m;
    struct iapp_context token;
};

/* Reads what arrived at `to` from the address of `from`. A frame whose addresses say otherwise is refused. 0
 * or -EPROTO. */
int codec_decode(enum codec_way way, struct party from, struct party to, const void *bytes, size_t len,
                 struct codec_received *received, struct err *e);
void codec_received_free(struct codec_received *received);

#endif
