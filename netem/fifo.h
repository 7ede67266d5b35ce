/* The emulator's line: a FIFO in front of a rate, then a delay, as link.h says. Pure: times come in, due
 * times go out; it holds no packet, only the number under which the kernel keeps it. Times are nanoseconds of
 * CLOCK_MONOTONIC. */
#ifndef ROAMLAB_FIFO_H
#define ROAMLAB_FIFO_H

#include "link.h"
#include "rng.h"

#include <stdbool.h>
#include <stddef.h>

enum fifo_fate { FIFO_TAKEN, FIFO_FULL, FIFO_LOST };

struct fifo_packet {
    int64_t left_ns;  /* its last bit left the queue */
    int64_t due_ns;   /* it arrives */
    uint32_t number;  /* the kernel's */
    uint32_t bytes;   /* of IP */
    uint32_t packets; /* of MTU size that it stands for */
    bool lost;
};

struct fifo {
    struct link_params params;
    struct rng rng;
    struct fifo_packet *ring; /* owned; capacity is a power of two */
    size_t capacity;
    uint64_t head, queued, tail; /* counts: [head, queued) have left, [queued, tail) wait or are being sent */
    uint32_t waiting;            /* MTU-size packets in [queued, tail) */
    int64_t free_ns;             /* when the line is free */
    int64_t last_arrival_ns;
};

void fifo_init(struct fifo *fifo, const struct link_params *params);
void fifo_free(struct fifo *fifo);

/* A packet of `bytes` of IP arrives. TAKEN: it is due later. FULL, LOST: the caller drops it now (a lost one
 * has used the line). */
enum fifo_fate fifo_arrive(struct fifo *fifo, int64_t at_ns, uint32_t bytes, uint32_t number);

/* When the earliest packet is due, INT64_MAX if there is none. */
int64_t fifo_due(const struct fifo *fifo);

/* Takes the earliest packet that is due by `now_ns` into *packet. False if there is none. */
bool fifo_take(struct fifo *fifo, int64_t now_ns, struct fifo_packet *packet);

#endif
