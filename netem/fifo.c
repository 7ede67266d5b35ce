#include "fifo.h"
#include "mem.h"
#include "segmentation.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void fifo_init(struct fifo *fifo, const struct link_params *params)
{
    *fifo = (struct fifo){.capacity = FIRST_CAPACITY, .heap_capacity = FIRST_CAPACITY};
    fifo->ring = mem_alloc_array(fifo->capacity, sizeof *fifo->ring);
    fifo->heap = mem_alloc_array(fifo->heap_capacity, sizeof *fifo->heap);
    line_init(&fifo->line, params, 0);
}

void fifo_change(struct fifo *fifo, const struct link_params *params)
{
    line_change(&fifo->line, params);
}

static struct fifo_packet *at(const struct fifo *fifo, uint64_t place)
{
    return &fifo->ring[place & (fifo->capacity - 1)];
}

void fifo_free(struct fifo *fifo)
{
    for (; fifo->head < fifo->tail; fifo->head++)
        free(at(fifo, fifo->head)->contents);
    for (size_t i = 0; i < fifo->heap_count; i++)
        free(fifo->heap[i].contents);
    free(steal(fifo->ring));
    free(steal(fifo->heap));
    line_free(&fifo->line);
}

static void grow_ring(struct fifo *fifo)
{
    struct fifo bigger = *fifo;
    bigger.capacity *= 2;
    bigger.ring = mem_alloc_array(bigger.capacity, sizeof *bigger.ring);
    for (uint64_t place = fifo->head; place < fifo->tail; place++)
        *at(&bigger, place) = *at(fifo, place);
    free(fifo->ring);
    *fifo = bigger;
}

static bool before(const struct fifo_packet *a, const struct fifo_packet *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->sequence < b->sequence;
}

static void heap_push(struct fifo *fifo, const struct fifo_packet *packet)
{
    if (fifo->heap_count == fifo->heap_capacity) {
        fifo->heap_capacity *= 2;
        fifo->heap = mem_resize(fifo->heap, fifo->heap_capacity * sizeof *fifo->heap);
    }
    size_t i = fifo->heap_count++;
    for (; i > 0 && before(packet, &fifo->heap[(i - 1) / 2]); i = (i - 1) / 2)
        fifo->heap[i] = fifo->heap[(i - 1) / 2];
    fifo->heap[i] = *packet;
}

static void heap_pop(struct fifo *fifo)
{
    struct fifo_packet last = fifo->heap[--fifo->heap_count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < fifo->heap_count) {
        if (child + 1 < fifo->heap_count && before(&fifo->heap[child + 1], &fifo->heap[child]))
            child++;
        if (!before(&fifo->heap[child], &last))
            break;
        fifo->heap[i] = fifo->heap[child];
        i = child;
    }
    fifo->heap[i] = last;
}

/* Most packets come out in order: only the others pay for the heap. */
static void hold(struct fifo *fifo, struct fifo_packet *packet)
{
    packet->sequence = fifo->sequence++;
    if (fifo->head < fifo->tail && packet->due_ns < at(fifo, fifo->tail - 1)->due_ns) {
        heap_push(fifo, packet);
        return;
    }
    if (fifo->tail - fifo->head == fifo->capacity)
        grow_ring(fifo);
    *at(fifo, fifo->tail++) = *packet;
}

static uint8_t *own_contents(struct fifo *fifo, const struct fifo_packet *packet, const uint8_t *contents)
{
    if (!contents || !(packet->copy || packet->corrupt))
        return NULL;
    uint8_t *own = mem_alloc(packet->bytes);
    memcpy(own, contents, packet->bytes);
    if (packet->corrupt) {
        uint64_t bit = rng_below(&fifo->line.impair.rng, (uint64_t)packet->bytes * 8);
        own[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return own;
}

static enum fifo_fate admit(struct fifo *fifo, const struct line_copy *copy, struct fifo_packet *packet,
                            const uint8_t *contents)
{
    if (copy->fate == LINE_LOST) {
        fifo->lost += packet->packets;
        return FIFO_LOST;
    }
    if (copy->fate == LINE_FULL) {
        fifo->full += packet->packets;
        return FIFO_FULL;
    }
    packet->due_ns = copy->due_ns;
    packet->corrupt = copy->corrupt;
    packet->overtakes = copy->overtakes;
    packet->contents = own_contents(fifo, packet, contents);
    hold(fifo, packet);
    return FIFO_TAKEN;
}

enum fifo_fate fifo_arrive(struct fifo *fifo, int64_t at_ns, uint32_t bytes, uint32_t number,
                           const uint8_t *contents)
{
    struct line_unit unit = {segmentation_packets(bytes), segmentation_line_bytes(bytes)};
    struct line_copy copies[2];
    int count = line_enter(&fifo->line, at_ns, &unit, copies);
    struct fifo_packet packet = {.number = number, .bytes = bytes, .packets = unit.packets};
    enum fifo_fate fate = admit(fifo, &copies[0], &packet, contents);
    if (count == 2) {
        struct fifo_packet copy = {.number = number, .bytes = bytes, .packets = unit.packets, .copy = true};
        admit(fifo, &copies[1], &copy, contents);
    }
    return fate;
}

static struct fifo_packet *next(const struct fifo *fifo)
{
    struct fifo_packet *first = fifo->head < fifo->tail ? at(fifo, fifo->head) : NULL;
    if (fifo->heap_count && (!first || before(&fifo->heap[0], first)))
        return &fifo->heap[0];
    return first;
}

static int64_t comes_out(struct fifo *fifo, const struct fifo_packet *packet)
{
    return packet->overtakes ? packet->due_ns : line_opens(&fifo->line, packet->due_ns);
}

int64_t fifo_due(struct fifo *fifo)
{
    const struct fifo_packet *packet = next(fifo);
    return packet ? comes_out(fifo, packet) : INT64_MAX;
}

bool fifo_take(struct fifo *fifo, int64_t now_ns, struct fifo_packet *packet)
{
    const struct fifo_packet *first = next(fifo);
    int64_t out_ns = first ? comes_out(fifo, first) : INT64_MAX;
    if (out_ns > now_ns)
        return false;
    *packet = *first;
    packet->due_ns = out_ns;
    packet->in_order = first != fifo->heap && fifo->heap_count == 0;
    if (first == fifo->heap)
        heap_pop(fifo);
    else
        fifo->head++;
    if (!packet->overtakes)
        line_passed(&fifo->line,
                    &(struct line_unit){packet->packets, segmentation_line_bytes(packet->bytes)});
    return true;
}
