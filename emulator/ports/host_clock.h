/* The clocks of a host in virtual time, as a real host has them; no two hosts have the same.
 *
 * The monotonic one (CLOCK_MONOTONIC) counts from when the host was started, some days before the run, runs a little fast or slow, and
 * begins anew when the host loses its power. Actors read no other. The calendar clock (CLOCK_REALTIME) may be set at any moment: it jumps;
 * all that asks it is whether a certificate is valid. */
#ifndef ROAMLAB_HOST_CLOCK_H
#define ROAMLAB_HOST_CLOCK_H

#include "simtime.h"

struct host_clock {
    struct simtime started;        /* the run's time when the monotonic clock showed zero */
    int64_t drift_ppb;             /* it gains so many nanoseconds a second; above -10^9 */
    struct simtime calendar_ahead; /* the calendar clock, of what it should show */
};

/* What the monotonic clock shows at an instant of the run, not before it was started. */
struct simtime host_clock_read(const struct host_clock *c, struct simtime at);
/* The first instant of the run at which it shows as much. */
struct simtime host_clock_when(const struct host_clock *c, struct simtime reading);

#endif
