#include "host_clock.h"

static const int64_t billion = 1000000000;

/* In two parts, so that a year's nanoseconds times the drift fit. */
static int64_t shown_after(int64_t elapsed, int64_t ppb)
{
    return elapsed + elapsed / billion * ppb + elapsed % billion * ppb / billion;
}

struct simtime host_clock_read(const struct host_clock *c, struct simtime at)
{
    return simtime_ns(shown_after(at.ns - c->started.ns, c->drift_ppb));
}

/* Rounding leaves the quotient a few nanoseconds off. */
struct simtime host_clock_when(const struct host_clock *c, struct simtime reading)
{
    int64_t rate = billion + c->drift_ppb;
    int64_t elapsed = reading.ns / rate * billion + reading.ns % rate * billion / rate;
    while (shown_after(elapsed, c->drift_ppb) < reading.ns)
        elapsed++;
    while (shown_after(elapsed - 1, c->drift_ppb) >= reading.ns)
        elapsed--;
    return simtime_ns(c->started.ns + elapsed);
}
