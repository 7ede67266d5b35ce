#include "clock.h"

#include <time.h>

struct clock clock_virtual(void)
{
    return (struct clock){.virtual_time = true};
}

struct clock clock_wall(struct simtime origin)
{
    return (struct clock){.origin = origin};
}

struct simtime clock_monotonic(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return simtime_add(simtime_s(ts.tv_sec), simtime_ns(ts.tv_nsec));
}

struct simtime clock_read(struct clock *clock)
{
    if (!clock->virtual_time)
        clock->now = simtime_sub(clock_monotonic(), clock->origin);
    return clock->now;
}
