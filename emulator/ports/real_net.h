/* The sockets of one host's parties: per party a UDP socket for the air (MUD, AP) and one for datagrams (AP, edge), per AP a TCP listener
 * and kept connections for IAPP. All are bound to the party's own address, so that a capture shows who speaks to whom. */
#ifndef ROAMLAB_REAL_NET_H
#define ROAMLAB_REAL_NET_H

#include "cast.h"
#include "loop.h"

struct real_net;

/* Opens the sockets of all parties of `host`. What arrives goes to the cast. NULL and `e` on failure. */
struct real_net *real_net_new(struct loop *loop, struct cast *cast, int host, struct err *e);
void real_net_free(struct real_net *net); /* NULL-safe */
/* Connects every AP of this host to every other AP, so that the token's round trip finds an open connection. */
void real_net_connect(struct real_net *net);
void real_net_send(struct real_net *net, const struct msg *m);
/* Bytes that were not understood, and messages that could not be sent, so far. */
uint64_t real_net_errors(const struct real_net *net);

/* A UDP socket bound to an address (host byte order) and port, non-blocking. -errno and `e` on failure. */
int real_net_udp(uint32_t address, uint16_t port, struct err *e);

struct real_datagram {
    uint32_t from; /* host byte order */
    const uint8_t *bytes; /* until the next call */
    size_t len;
};

/* A turn of the loop takes no more of one socket, so that others get theirs. */
enum { REAL_DATAGRAMS_A_TURN = 64 };

/* The next datagram that the socket has; false if it has none now. */
bool real_net_receive(int fd, struct real_datagram *d);

#endif
