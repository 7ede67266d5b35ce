/* The two clocks: virtual time jumps, wall time sleeps. The loop never asks which one it has.
 *
 * Times are relative to the run's start. For the wall clock that is an instant of CLOCK_MONOTONIC, which all
 * processes of one machine share, so that the agents of one run agree on it to the nanosecond. */
#ifndef ROAMLAB_CLOCK_H
#define ROAMLAB_CLOCK_H

#include "simtime.h"

struct clock {
    bool virtual_time;
    struct simtime now;    /* virtual: the current instant; wall: the last reading */
    struct simtime origin; /* wall: the run's start on CLOCK_MONOTONIC */
};

struct clock clock_virtual(void);
/* `origin` as clock_monotonic() gave it, in this process or another of the same machine. */
struct clock clock_wall(struct simtime origin);
struct simtime clock_monotonic(void);

/* Virtual: the instant last jumped to. Wall: a fresh reading, which may be negative before the run's
 * start. */
struct simtime clock_read(struct clock *clock);

#endif
