/* How far another machine's clock is ahead of ours, and how it drifts, from round trips: we ask, it answers with its clock. After Cristian
 * (Probabilistic clock synchronization, 1989): the answer was given between asking and hearing, so half the round trip bounds the error, and the
 * shortest round trips say most.
 *
 * Of each second the shortest round trip is kept; a line through those of the last minute, weighted by what they say, is the offset. Times are
 * absolute readings of each side's own clock. */
#ifndef ROAMLAB_CLOCK_OFFSET_H
#define ROAMLAB_CLOCK_OFFSET_H

#include "simtime.h"

#include <stdbool.h>

enum { CLOCK_OFFSET_KEPT = 60 };

struct clock_sample {
    struct simtime at;     /* our clock, half-way */
    struct simtime offset; /* theirs less ours, give or take … */
    struct simtime half;   /* … half the round trip */
};

struct clock_offset {
    struct clock_sample kept[CLOCK_OFFSET_KEPT]; /* a ring; `count` are used, the latest is kept[latest] */
    int count, latest;
    /* theirs = ours + offset + drift × (ours − base) */
    struct simtime base, offset;
    double drift;
    struct simtime since; /* clock_offset_watch()'s latest sample: earlier ones shape the line, and say nothing of its error now */
    struct simtime worst; /* the largest uncertainty since clock_offset_watch(), and the largest error that a sample has shown */
    bool rests;
};

#define CLOCK_OFFSET_INIT                                                                                    \
    {                                                                                                        \
        .latest = -1, .since = {INT64_MIN}                                                                   \
    }

/* A round trip: asked at `sent` and heard at `received` by our clock, answered at `theirs` by theirs. */
void clock_offset_add(struct clock_offset *c, struct simtime sent, struct simtime theirs,
                      struct simtime received);
/* Both ways. Without a sample the clocks are taken as one. */
struct simtime clock_offset_theirs(const struct clock_offset *c, struct simtime ours);
struct simtime clock_offset_ours(const struct clock_offset *c, struct simtime theirs);
/* The line is within that of the true offset at each kept instant since clock_offset_watch(): the largest of half a round trip and how far the line is from its
 * middle. SIMTIME_NEVER without a sample. */
struct simtime clock_offset_uncertainty(const struct clock_offset *c);
/* Begins to remember the worst; and leaves it at that: what comes later, when nothing is measured any more, shapes the line alone. */
void clock_offset_watch(struct clock_offset *c);
void clock_offset_rest(struct clock_offset *c);

#endif
