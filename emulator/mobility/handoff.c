#include "handoff.h"
#include "mem.h"

#include <string.h>

static struct simtime scan_actively(const struct handoff_options *o, uint32_t busy_channels)
{
    uint32_t busy = busy_channels < o->channels ? busy_channels : o->channels;
    return simtime_add(simtime_scale(o->max_channel, busy),
                       simtime_scale(o->min_channel, o->channels - busy));
}

static struct simtime scan_neighbours(const struct handoff_options *o, uint32_t busy_channels)
{
    return simtime_scale(o->max_channel, busy_channels);
}

static struct simtime scan_passively(const struct handoff_options *o, uint32_t busy_channels)
{
    (void)busy_channels;
    return simtime_scale(o->beacon_interval, o->channels);
}

static struct simtime scan_before(const struct handoff_options *o, uint32_t busy_channels)
{
    (void)o, (void)busy_channels;
    return SIMTIME_ZERO;
}

static const struct scan_mode modes[] = {
    {"active", "probe requests on every channel", scan_actively},
    {"neighbours", "probe requests on the channels of a neighbour report", scan_neighbours},
    {"passive", "waits for beacons on every channel", scan_passively},
    {"background", "scanned before, while associated", scan_before},
};

const struct scan_mode *scan_mode_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(modes) ? &modes[i] : NULL;
}

const struct scan_mode *scan_mode_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

struct handoff_options handoff_defaults(void)
{
    return (struct handoff_options){.scan = &modes[0],
                                    .channels = 11,
                                    .min_channel = simtime_ms(20),
                                    .max_channel = simtime_ms(40),
                                    .beacon_interval = simtime_us(102400),
                                    .authentication = simtime_ms(2),
                                    .reassociation = simtime_ms(2),
                                    .spread = 0.25};
}

static struct simtime draw(struct simtime mean, double spread, struct rng *rng)
{
    return simtime_ns(llround((double)mean.ns * (1 + spread * (2 * rng_unit(rng) - 1))));
}

struct handoff_phases handoff_draw(const struct handoff_options *o, uint32_t busy_channels, struct rng *rng)
{
    struct handoff_phases phases;
    phases.probe = draw(o->scan->probe(o, busy_channels), o->spread, rng);
    phases.authentication = draw(o->authentication, o->spread, rng);
    phases.reassociation = draw(o->reassociation, o->spread, rng);
    return phases;
}
