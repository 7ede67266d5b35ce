#include "line.h"
#include "mem.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void line_init(struct line *line, const struct link_params *params, uint64_t index)
{
    *line = (struct line){.params = *params};
    impair_init(&line->impair, params, index);
}

void line_change(struct line *line, const struct link_params *params)
{
    line->params = *params;
    impair_change(&line->impair, params);
    if (!link_has_slots(params))
        line->slot_ns = 0;
}

void line_free(struct line *line)
{
    free(line->ring);
    line->ring = NULL;
}

static struct line_waiting *at(const struct line *line, uint64_t place)
{
    return &line->ring[place & (line->capacity - 1)];
}

static void grow(struct line *line)
{
    struct line bigger = *line;
    bigger.capacity = line->capacity ? line->capacity * 2 : FIRST_CAPACITY;
    bigger.ring = mem_alloc_array(bigger.capacity, sizeof *bigger.ring);
    for (uint64_t place = line->head; place < line->tail; place++)
        *at(&bigger, place) = *at(line, place);
    free(line->ring);
    *line = bigger;
}

/* What has left by now no longer waits. */
static void leave(struct line *line, int64_t now_ns)
{
    for (; line->head < line->tail && at(line, line->head)->left_ns <= now_ns; line->head++) {
        line->queued.packets -= at(line, line->head)->unit.packets;
        line->queued.line_bytes -= at(line, line->head)->unit.line_bytes;
    }
}

static bool is_full(const struct line *line, const struct line_unit *unit)
{
    const struct link_params *p = &line->params;
    return line->queued.packets >= link_queue_packets(p) ||
           (p->queue_bytes && line->queued.line_bytes + unit->line_bytes > p->queue_bytes);
}

static void queue(struct line *line, const struct line_unit *unit, int64_t left_ns)
{
    if (line->tail - line->head == line->capacity)
        grow(line);
    *at(line, line->tail++) = (struct line_waiting){left_ns, *unit};
    line->queued.packets += unit->packets;
    line->queued.line_bytes += unit->line_bytes;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Steps 6 and 7. */
static int64_t arrival(struct line *line, int64_t at_ns, const struct line_unit *unit)
{
    int64_t due = at_ns + impair_delay_ns(&line->impair);
    if (!line->params.rate_bps)
        return due;
    int64_t on_line = link_line_ns(&line->params, unit->line_bytes, unit->packets);
    line->free_ns = later(at_ns, line->free_ns) + on_line;
    queue(line, unit, line->free_ns);
    return line->last_due_ns = later(due, line->last_due_ns) + on_line;
}

static bool any_lost(struct line *line, const struct line_unit *unit)
{
    bool lost = false;
    for (uint32_t i = 0; i < unit->packets; i++)
        lost |= impair_loses(&line->impair);
    return lost;
}

static struct line_copy pass(struct line *line, int64_t at_ns, const struct line_unit *unit)
{
    struct line_copy copy = {.fate = LINE_TAKEN, .corrupt = impair_corrupts(&line->impair)};
    if (line->params.rate_bps && is_full(line, unit))
        copy.fate = LINE_FULL;
    else if ((copy.overtakes = impair_reorders(&line->impair)))
        copy.due_ns = at_ns;
    else
        copy.due_ns = arrival(line, at_ns, unit);
    return copy;
}

int line_enter(struct line *line, int64_t at_ns, const struct line_unit *unit, struct line_copy copies[2])
{
    at_ns = line->last_entry_ns = later(at_ns, line->last_entry_ns);
    leave(line, at_ns);
    const struct line_copy gone = {.fate = LINE_LOST};
    bool doubled = impair_duplicates(&line->impair), lost = any_lost(line, unit);
    if (lost && !doubled) {
        copies[0] = gone;
        return 1;
    }
    copies[0] = pass(line, at_ns, unit);
    if (lost || !doubled)
        return 1;
    copies[1] = any_lost(line, unit) ? gone : pass(line, at_ns, unit);
    return 2;
}

static void open_slot(struct line *line, int64_t from_ns)
{
    line->slot_ns = from_ns + impair_slot_ns(&line->impair);
    line->slot_packets = 0;
    line->slot_bytes = 0;
}

int64_t line_opens(struct line *line, int64_t due_ns)
{
    const struct link_params *p = &line->params;
    if (!link_has_slots(p))
        return due_ns;
    if (!line->slot_ns || line->slot_ns < due_ns)
        open_slot(line, due_ns);
    else if ((p->slot.packets && line->slot_packets >= p->slot.packets) ||
             (p->slot.bytes && line->slot_bytes >= p->slot.bytes))
        open_slot(line, line->slot_ns);
    return line->slot_ns;
}

void line_passed(struct line *line, const struct line_unit *unit)
{
    line->slot_packets += unit->packets;
    line->slot_bytes += unit->line_bytes;
}

int64_t line_backlog_ns(const struct line *line, int64_t now_ns)
{
    return later(0, line->free_ns - now_ns);
}
