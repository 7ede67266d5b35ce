/* How one direction of a link varies over a run: points in time, each with new values of some of its parameters, taken at once (a
 * step) or approached evenly from the point before (linear). Pure: asked what holds now and when it next changes.
 *
 * A linear approach is made in small steps, SCHEDULE_STEP_MS apart or a thousandth of its length if that is longer;
 * the values of a step are those of the line at its beginning. As tc-netem does, a change holds for packets that
 * enter the link after it. */
#ifndef ROAMLAB_SCHEDULE_H
#define ROAMLAB_SCHEDULE_H

#include "buf.h"
#include "err.h"
#include "link.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCHEDULE_STEP_MS = 100, SCHEDULE_POINTS_MAX = 100000 };

/* What may vary. Whole numbers: nanoseconds, bits per second (0 = not limited), probabilities in units of
 * 1 / SCHEDULE_CERTAIN. */
enum schedule_quantity {
    SCHEDULE_DELAY, /* one way */
    SCHEDULE_JITTER,
    SCHEDULE_RATE,
    SCHEDULE_LOSS,
    SCHEDULE_DUPLICATE,
    SCHEDULE_CORRUPT,
    SCHEDULE_QUANTITIES
};
#define SCHEDULE_CERTAIN INT64_C(1000000000000)

struct schedule_point {
    struct simtime at;
    bool linear;                    /* from the point before, or the start, to `at` */
    bool sets[SCHEDULE_QUANTITIES]; /* which values it has; the others stay as they were */
    int64_t values[SCHEDULE_QUANTITIES];
};

struct schedule {
    struct schedule_point *points; /* owned; times grow */
    size_t count, capacity;
    /* 0 = once. Else the points begin again whenever so much time has passed, each time from the link's own values;
     * it is the time of the last point, whose values therefore only end a linear approach. */
    struct simtime period;
};

#define SCHEDULE_INIT {0}

/* Appends. EINVAL if it is not later than the point before it, E2BIG if there are too many. */
int schedule_add(struct schedule *schedule, const struct schedule_point *point, struct err *e);
void schedule_free(struct schedule *schedule);

/* Makes it repeat. EINVAL if it would last no time. */
int schedule_repeat(struct schedule *schedule, struct err *e);

/* Fills in the values that points leave out, beginning with the link's own. To be called once, before the next two.
 * EINVAL if a linear approach begins or ends at an unlimited rate, or as link_params_check says of a point. */
int schedule_complete(struct schedule *schedule, const struct link_params *own, struct err *e);

/* The parameters at `now` (not before 0): the link's own, varied. */
struct link_params schedule_params(const struct schedule *schedule, const struct link_params *own,
                                   struct simtime now);

/* The earliest time after `now` at which they may differ, SIMTIME_NEVER if they stay as they are. */
struct simtime schedule_next(const struct schedule *schedule, struct simtime now);

/* What changed in a link's two directions, for people: "rate 80 → 10 Mbit/s, delay 20 → 50 ms"; the directions are
 * named where they differ. Writes "" if nothing did. */
void schedule_describe(const struct link_params before[2], const struct link_params after[2],
                       struct buf *out);

#endif
