/* Links that vary, on the run's clock: one timer plays the schedules of all links, the world applies what they say.
 * The same in both worlds; each change is an event (EVENT_LINK) at the time at which it was made. */
#ifndef ROAMLAB_VARIATION_H
#define ROAMLAB_VARIATION_H

#include "event.h"
#include "loop.h"
#include "scenario.h"

struct variation {
    /* Makes the change; a failure ends the variation and is told to `failed`. */
    int (*apply)(struct variation *v, int link, int direction, const struct link_params *params,
                 struct err *e);
    void (*record)(struct variation *v, const struct event *event);
    void (*failed)(struct variation *v, const struct err *e);

    const struct scenario *scenario;
    struct loop *loop;
    struct simtime origin; /* the run's start on the loop's clock */
    uint64_t seed;
    struct timer timer;
    struct simtime due; /* in the run's time */
    int *links;         /* owned: those that vary */
    int link_count;
    struct link_params (*present)[2]; /* owned: their parameters, by place in `links` */
};

/* The callbacks are set before; the scenario and the loop outlive it. Links begin as variation_at says for time 0. */
void variation_start(struct variation *v, const struct scenario *s, struct loop *loop, struct simtime origin,
                     uint64_t seed);
/* Harmless on a zeroed one. */
void variation_stop(struct variation *v);

/* A direction's parameters at a time of the run. */
struct link_params variation_at(const struct scenario_link *link, int direction, struct simtime at,
                                uint64_t seed);

#endif
