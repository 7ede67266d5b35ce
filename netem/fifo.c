#include "fifo.h"
#include "mem.h"
#include "segmentation.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void fifo_init(struct fifo *fifo, const struct link_params *params)
{
    *fifo = (struct fifo){.params = *params, .capacity = FIRST_CAPACITY};
    fifo->params.queue_packets = params->queue_packets ? params->queue_packets : LINK_QUEUE_DEFAULT;
    fifo->ring = mem_alloc_array(fifo->capacity, sizeof *fifo->ring);
    rng_init(&fifo->rng, params->seed, "link loss", 0);
}

void fifo_free(struct fifo *fifo)
{
    free(fifo->ring);
    fifo->ring = NULL;
}

static struct fifo_packet *at(const struct fifo *fifo, uint64_t place)
{
    return &fifo->ring[place & (fifo->capacity - 1)];
}

static void grow(struct fifo *fifo)
{
    struct fifo bigger = *fifo;
    bigger.capacity *= 2;
    bigger.ring = mem_alloc_array(bigger.capacity, sizeof *bigger.ring);
    for (uint64_t place = fifo->head; place < fifo->tail; place++)
        *at(&bigger, place) = *at(fifo, place);
    free(fifo->ring);
    *fifo = bigger;
}

/* What has left the line by now no longer waits. */
static void advance(struct fifo *fifo, int64_t now_ns)
{
    while (fifo->queued < fifo->tail && at(fifo, fifo->queued)->left_ns <= now_ns)
        fifo->waiting -= at(fifo, fifo->queued++)->packets;
}

enum fifo_fate fifo_arrive(struct fifo *fifo, int64_t at_ns, uint32_t bytes, uint32_t number)
{
    const struct link_params *p = &fifo->params;
    if (at_ns < fifo->last_arrival_ns) /* the wall clock behind the stamps was set back */
        at_ns = fifo->last_arrival_ns;
    fifo->last_arrival_ns = at_ns;
    advance(fifo, at_ns);
    if (fifo->waiting >= p->queue_packets)
        return FIFO_FULL;
    int64_t start = at_ns > fifo->free_ns ? at_ns : fifo->free_ns;
    fifo->free_ns = start + simtime_on_line(segmentation_line_bytes(bytes), p->rate_bps).ns;
    struct fifo_packet packet = {
        .left_ns = fifo->free_ns, .due_ns = fifo->free_ns + p->delay.ns, .number = number, .bytes = bytes};
    packet.packets = segmentation_packets(bytes);
    packet.lost = p->loss > 0 && rng_unit(&fifo->rng) < p->loss;
    if (fifo->tail - fifo->head == fifo->capacity)
        grow(fifo);
    *at(fifo, fifo->tail++) = packet;
    fifo->waiting += packet.packets;
    return packet.lost ? FIFO_LOST : FIFO_TAKEN;
}

/* Lost packets stay in the ring for their place in the queue and are passed over here. */
static void skip_lost(struct fifo *fifo, int64_t now_ns)
{
    advance(fifo, now_ns);
    while (fifo->head < fifo->queued && at(fifo, fifo->head)->lost)
        fifo->head++;
}

int64_t fifo_due(const struct fifo *fifo)
{
    return fifo->head < fifo->tail ? at(fifo, fifo->head)->due_ns : INT64_MAX;
}

bool fifo_take(struct fifo *fifo, int64_t now_ns, struct fifo_packet *packet)
{
    skip_lost(fifo, now_ns);
    if (fifo_due(fifo) > now_ns)
        return false;
    *packet = *at(fifo, fifo->head++);
    return true;
}
