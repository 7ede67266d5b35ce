#include "pace.h"

#include <stdlib.h>

enum { VAIN_FALLS = 8 };
static const double RISE = 1.05, FALL = 0.93;

void pace_start(struct pace *pace, double rate, struct simtime round_trip)
{
    *pace = (struct pace){.rate = rate, .floor = round_trip};
}

struct simtime pace_margin(struct simtime floor)
{
    return simtime_max(simtime_ms(4), simtime_min(simtime_ms(16), simtime_ns(floor.ns / 8)));
}

/* What our own burst takes on the line is no queue: without it the pace would fall for ever on a slow link. */
static struct simtime longest_without_queue(const struct pace *pace, double burst)
{
    return simtime_add(pace->floor, simtime_add(pace_margin(pace->floor), simtime_from_seconds(burst / pace->rate)));
}

static bool is_steady(const struct pace *pace, struct simtime round_trip)
{
    return llabs(round_trip.ns - pace->steady.ns) <= pace->steady.ns / 16;
}

/* While the window holds and not the pace, a fall changes nothing and tells nothing. */
static void fall(struct pace *pace, struct simtime round_trip, bool holds)
{
    if (!pace->queue)
        pace->rate_before_falls = pace->rate;
    if (!pace->queue || !holds || !is_steady(pace, round_trip)) {
        pace->vain_falls = 0;
        pace->steady = round_trip;
    }
    pace->rate *= FALL;
    pace->queue = true;
    if (++pace->vain_falls <= VAIN_FALLS)
        return;
    pace->floor = round_trip;
    pace->rate = pace->rate_before_falls;
    pace->queue = false;
}

bool pace_look(struct pace *pace, struct simtime now, struct simtime round_trip, double burst, bool holds)
{
    if (simtime_before(now, pace->next))
        return false;
    pace->next = simtime_add(now, round_trip);
    pace->floor = simtime_min(pace->floor, round_trip);
    if (simtime_before(longest_without_queue(pace, burst), round_trip)) {
        fall(pace, round_trip, holds);
        return true;
    }
    pace->queue = false;
    pace->rate *= holds ? RISE : 1;
    return true;
}
