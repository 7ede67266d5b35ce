/* One NFQUEUE of the kernel (nfnetlink_queue): packets that an iptables rule sends to the queue wait in the
 * kernel, this program hears of each and says when it may go on. Only length and arrival time are copied, unless
 * whole packets are asked for. While no program listens, the kernel drops what the rule catches.
 *
 * Verdicts are gathered; nfqueue_flush sends them. */
#ifndef ROAMLAB_NFQUEUE_H
#define ROAMLAB_NFQUEUE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NFQUEUE_BATCH = 32, NFQUEUE_VERDICT_BYTES = 8192 };

struct nfqueue {
    struct mnl_socket *socket; /* owned */
    uint16_t number;
    char *buffer; /* owned: NFQUEUE_BATCH messages of message_bytes */
    size_t message_bytes;
    char verdicts[NFQUEUE_VERDICT_BYTES]; /* gathered */
    size_t verdict_bytes;
};

struct nfqueue_packet {
    uint32_t number;         /* the kernel's, growing by one a packet */
    uint32_t bytes;          /* length of the IP packet */
    int64_t arrived_ns;      /* CLOCK_REALTIME, 0 if the kernel took no stamp */
    const uint8_t *contents; /* all `bytes`, good until the next read; NULL if they were not copied */
};

/* Binds queue `number` in the namespace (NULL: the calling thread's). */
int nfqueue_open(struct nfqueue *queue, const char *netns, uint16_t number, struct err *e);
void nfqueue_close(struct nfqueue *queue); /* harmless on a zeroed one */
int nfqueue_fd(const struct nfqueue *queue);

/* Up to NFQUEUE_BATCH packets that have arrived, without waiting. Returns how many. */
int nfqueue_read(struct nfqueue *queue, struct nfqueue_packet packets[NFQUEUE_BATCH]);

/* Whether packets that arrive from now on are copied whole; then the kernel fills in their checksums first and cuts
 * super-packets up, so that their bytes can be changed. */
int nfqueue_copy_whole(struct nfqueue *queue, bool whole, struct err *e);

/* Lets all packets up to `number` go on that have had no verdict yet. */
void nfqueue_accept_up_to(struct nfqueue *queue, uint32_t number);
void nfqueue_accept(struct nfqueue *queue, uint32_t number);
/* Lets it go on with other contents. */
void nfqueue_accept_as(struct nfqueue *queue, uint32_t number, const uint8_t *contents, uint32_t len);
void nfqueue_drop(struct nfqueue *queue, uint32_t number);
void nfqueue_flush(struct nfqueue *queue);

/* A socket that makes the kernel stamp arriving packets while it is open; -1 and `e` on failure. */
int nfqueue_stamping(struct err *e);

#endif
