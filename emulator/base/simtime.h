/* Time is a type: nanoseconds as an integer, a point since the start of the run or a duration between two
 * points. No floating point ever holds a time; seconds as double exist only where a human or a file reads or
 * writes them. */
#ifndef ROAMLAB_SIMTIME_H
#define ROAMLAB_SIMTIME_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct simtime {
    int64_t ns;
};

#define SIMTIME_ZERO ((struct simtime){0})
#define SIMTIME_NEVER ((struct simtime){INT64_MAX})

static inline struct simtime simtime_ns(int64_t ns)
{
    return (struct simtime){ns};
}

static inline struct simtime simtime_us(int64_t us)
{
    return (struct simtime){us * 1000};
}

static inline struct simtime simtime_ms(int64_t ms)
{
    return (struct simtime){ms * 1000000};
}

static inline struct simtime simtime_s(int64_t s)
{
    return (struct simtime){s * 1000000000};
}

/* From a human's seconds or milliseconds, rounded to the nearest nanosecond. */
static inline struct simtime simtime_from_seconds(double s)
{
    return (struct simtime){llround(s * 1e9)};
}

static inline struct simtime simtime_from_ms(double ms)
{
    return (struct simtime){llround(ms * 1e6)};
}

static inline double simtime_seconds(struct simtime t)
{
    return (double)t.ns / 1e9;
}

static inline double simtime_to_ms(struct simtime t)
{
    return (double)t.ns / 1e6;
}

static inline struct simtime simtime_add(struct simtime a, struct simtime b)
{
    return (struct simtime){a.ns + b.ns};
}

static inline struct simtime simtime_sub(struct simtime a, struct simtime b)
{
    return (struct simtime){a.ns - b.ns};
}

static inline struct simtime simtime_scale(struct simtime a, int64_t factor)
{
    return (struct simtime){a.ns * factor};
}

static inline int simtime_cmp(struct simtime a, struct simtime b)
{
    return (a.ns > b.ns) - (a.ns < b.ns);
}

static inline bool simtime_before(struct simtime a, struct simtime b)
{
    return a.ns < b.ns;
}

static inline struct simtime simtime_max(struct simtime a, struct simtime b)
{
    return a.ns > b.ns ? a : b;
}

static inline struct simtime simtime_min(struct simtime a, struct simtime b)
{
    return a.ns < b.ns ? a : b;
}

/* How long `bytes` occupy a line of `rate_bps` bits per second; zero on an unshaped line (rate 0). */
static inline struct simtime simtime_on_line(uint64_t bytes, uint64_t rate_bps)
{
    return (struct simtime){rate_bps ? (int64_t)((double)bytes * 8e9 / (double)rate_bps) : 0};
}

#endif
