/* The way of packets through one direction of a link as link.h has it: times come in, due times go out. Pure; shared by
 * the model and our own driver. Times are nanoseconds of any clock that does not go back. */
#ifndef ROAMLAB_LINE_H
#define ROAMLAB_LINE_H

#include "impair.h"

#include <stdbool.h>
#include <stddef.h>

/* One packet, or several that travel together. */
struct line_unit {
    uint32_t packets;    /* of MTU size; each is drawn for, what happens to one happens to all */
    uint64_t line_bytes; /* all, with their Ethernet headers */
};

enum line_fate { LINE_TAKEN, LINE_LOST, LINE_FULL };

struct line_copy {
    enum line_fate fate;
    bool corrupt;
    bool overtakes; /* step 5: past the slots too */
    int64_t due_ns; /* if taken: it arrives, but for the slots */
};

struct line_waiting {
    int64_t left_ns; /* its last bit leaves the queue */
    struct line_unit unit;
};

struct line {
    struct link_params params;
    struct impair impair;
    struct line_waiting *ring; /* owned; capacity is a power of two */
    size_t capacity;
    uint64_t head, tail;     /* counts: [head, tail) wait or are being sent */
    struct line_unit queued; /* the sum of these */
    int64_t free_ns;         /* the line is free then */
    int64_t last_due_ns, last_entry_ns;
    int64_t slot_ns; /* when the present slot opens; 0 = none yet */
    uint32_t slot_packets;
    uint64_t slot_bytes; /* that have come out in it */
};

void line_init(struct line *line, const struct link_params *params, uint64_t index);
void line_change(struct line *line, const struct link_params *params);
void line_free(struct line *line);

/* A unit enters. Returns how many copies of it there are, 1 or 2; the first is the unit itself. */
int line_enter(struct line *line, int64_t at_ns, const struct line_unit *unit, struct line_copy copies[2]);

/* When a unit that is due then may come out: the opening of its slot, if the link has slots. */
int64_t line_opens(struct line *line, int64_t due_ns);
/* It has come out. */
void line_passed(struct line *line, const struct line_unit *unit);

/* How long a packet that enters now waits before its first bit leaves. */
int64_t line_backlog_ns(const struct line *line, int64_t now_ns);

#endif
