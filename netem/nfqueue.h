/* One NFQUEUE of the kernel (nfnetlink_queue): packets that an iptables rule sends to the queue wait in the
 * kernel, this program hears of each and says when it may go on. Only length and arrival time are copied.
 * While no program listens, the kernel drops what the rule catches. */
#ifndef ROAMLAB_NFQUEUE_H
#define ROAMLAB_NFQUEUE_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct nfqueue {
    struct mnl_socket *socket; /* owned */
    uint16_t number;
};

struct nfqueue_packet {
    uint32_t number;    /* the kernel's, growing by one a packet */
    uint32_t bytes;     /* length of the IP packet */
    int64_t arrived_ns; /* CLOCK_REALTIME, 0 if the kernel took no stamp */
};

enum { NFQUEUE_BATCH = 32 };

/* Binds queue `number` in the namespace (NULL: the calling thread's). */
int nfqueue_open(struct nfqueue *queue, const char *netns, uint16_t number, struct err *e);
void nfqueue_close(struct nfqueue *queue); /* harmless on a zeroed one */
int nfqueue_fd(const struct nfqueue *queue);

/* Up to NFQUEUE_BATCH packets that have arrived, without waiting. Returns how many. */
int nfqueue_read(struct nfqueue *queue, struct nfqueue_packet packets[NFQUEUE_BATCH]);

/* Lets all packets up to `number` go on that have had no verdict yet. */
void nfqueue_accept_up_to(struct nfqueue *queue, uint32_t number);
void nfqueue_drop(struct nfqueue *queue, uint32_t number);

/* Sends the interface's incoming IPv4 packets to the queue, in the namespace (NULL: the calling thread's). */
int nfqueue_rule(const char *netns, const char *interface, uint16_t number, struct err *e);

/* A socket that makes the kernel stamp arriving packets while it is open; -1 and `e` on failure. */
int nfqueue_stamping(struct err *e);

#endif
