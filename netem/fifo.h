/* What our own driver holds back: packets on a line (line.h) in the order in which they come out. Pure: times come in,
 * due times go out; it holds no packet, only the number under which the kernel keeps it, and the bytes of those
 * that differ from what the kernel keeps (copies, and packets with a bit turned). Times are nanoseconds of
 * CLOCK_MONOTONIC. */
#ifndef ROAMLAB_FIFO_H
#define ROAMLAB_FIFO_H

#include "line.h"

enum fifo_fate { FIFO_TAKEN, FIFO_FULL, FIFO_LOST };

struct fifo_packet {
    int64_t due_ns;    /* it arrives, but for the slots */
    uint64_t sequence; /* breaks ties */
    uint32_t number;   /* the kernel's */
    uint32_t bytes;    /* of IP */
    uint32_t packets;  /* of MTU size that it stands for */
    bool copy;         /* the kernel has none of it */
    bool corrupt, overtakes;
    bool in_order; /* fifo_take: the kernel's packets with lower numbers are all gone */
    uint8_t
        *contents; /* `bytes` of them if copy or corrupt, NULL otherwise; whoever takes the packet frees it */
};

struct fifo {
    struct line line;
    struct fifo_packet *ring; /* owned, due times grow; capacity is a power of two */
    size_t capacity;
    uint64_t head, tail;
    struct fifo_packet *heap; /* owned: those due before the ring's last one when they came */
    size_t heap_count, heap_capacity;
    uint64_t sequence;
    uint64_t lost, full; /* MTU-size packets and copies that were dropped */
};

void fifo_init(struct fifo *fifo, const struct link_params *params);
/* What is held keeps its times. */
void fifo_change(struct fifo *fifo, const struct link_params *params);
void fifo_free(struct fifo *fifo);

/* A packet of `bytes` of IP arrives. TAKEN: it is due later. FULL, LOST: the caller drops it now. `contents` are all
 * its bytes; NULL (and then neither copies nor turned bits) is good unless the parameters have duplicate
 * or corrupt. */
enum fifo_fate fifo_arrive(struct fifo *fifo, int64_t at_ns, uint32_t bytes, uint32_t number,
                           const uint8_t *contents);

/* When the next packet comes out, INT64_MAX if there is none. */
int64_t fifo_due(struct fifo *fifo);

/* Takes the next packet that comes out by `now_ns` into *packet. False if there is none. */
bool fifo_take(struct fifo *fifo, int64_t now_ns, struct fifo_packet *packet);

#endif
