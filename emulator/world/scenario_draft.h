/* A scenario that is being drawn: what its parts must know of each other, and what they draw from. The parts: scenario_draw.c, and what goes
 * wrong, scenario_draw_faults.c. */
#ifndef ROAMLAB_SCENARIO_DRAFT_H
#define ROAMLAB_SCENARIO_DRAFT_H

#include "buf.h"
#include "rng.h"
#include "strategy.h"

#include <math.h>

enum { HANDOFFS_KEPT = 64 };
struct drawn_handoff {
    int from, to; /* access points, from 0 */
    double at_s;
};

/* Which part draws from a stream of its own has a copy: what is new there changes nothing in the others. */
struct draft {
    struct rng rng;
    struct drawn_handoff handoffs[HANDOFFS_KEPT]; /* the first ones */
    int handoff_count;
    int aps, muds;
    double duration_s, calm_s; /* calm_s: nothing goes wrong any more */
    double loss;               /* between edge servers */
    bool large, long_stops, restarts;
    bool has_volume;
    struct strategy with_volume; /* the strategy then */
    struct buf *out;
};

static inline int draft_below(struct draft *d, int bound)
{
    return (int)rng_below(&d->rng, (uint64_t)bound);
}

static inline int draft_from_to(struct draft *d, int low, int high)
{
    return low + draft_below(d, high - low + 1);
}

static inline bool draft_one_in(struct draft *d, int n)
{
    return draft_below(d, n) == 0;
}

static inline double draft_any_of(struct draft *d, double low, double high)
{
    return low + (high - low) * rng_unit(&d->rng);
}

/* Spread over orders of magnitude. */
static inline double draft_any_size(struct draft *d, double low, double high)
{
    return low * pow(high / low, rng_unit(&d->rng));
}

/* --- what goes wrong, appended to an array: each from the stream of its draft --- */
/* Anything, at any time. */
void scenario_draw_faults(struct draft *d);
/* Takeovers of which the old place does not hear, with restarts. */
void scenario_draw_takeovers(struct draft *d);
/* What befalls a volume on its way, if there is one. */
void scenario_draw_volume_faults(struct draft *d);
/* Calendar clocks that jump. */
void scenario_draw_jumps(struct draft *d);

#endif
