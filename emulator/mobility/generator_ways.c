#include "generator_ways.h"
#include "generator_models.h"

#include <math.h>

static struct simtime pause_after(const struct generator_options *options, struct rng *rng)
{
    uint64_t span = (uint64_t)(options->pause_max.ns - options->pause_min.ns);
    return simtime_ns(options->pause_min.ns + (int64_t)(span ? rng_below(rng, span + 1) : 0));
}

static double mean_of_inverse_speed(const struct generator_options *options)
{
    double min = options->speed_min_mps, max = options->speed_max_mps;
    return max > min ? log(max / min) / (max - min) : 1 / min;
}

/* The share of time that a device pauses. */
static double pausing(const struct generator_options *options, double mean_m)
{
    double pause = simtime_seconds(simtime_add(options->pause_min, options->pause_max)) / 2;
    return pause / (pause + mean_m * mean_of_inverse_speed(options));
}

/* Found at a random time, a pause is the more likely the longer it is, and any part of it may be left. */
static struct simtime rest_of_pause(const struct generator_options *options, struct rng *rng)
{
    double min = simtime_seconds(options->pause_min), max = simtime_seconds(options->pause_max);
    double whole = sqrt(generator_between(rng, min * min, max * max));
    return simtime_from_seconds(whole * rng_unit(rng));
}

bool generator_begin_ways(const struct generator_options *options, struct generator_walker *walker,
                          double mean_m)
{
    struct rng *rng = &walker->rng;
    bool pauses = rng_unit(rng) < pausing(options, mean_m);
    if (pauses) {
        walker->phase = GENERATOR_PAUSING;
        walker->at = rest_of_pause(options, rng);
        walker->x = walker->way.to_x;
        walker->y = walker->way.to_y;
    } else {
        /* As with pauses: of ways of one length the slow ones are found more often. */
        double ratio = options->speed_max_mps / options->speed_min_mps, gone = rng_unit(rng);
        walker->phase = GENERATOR_UNDER_WAY;
        walker->way.speed = options->speed_min_mps * pow(ratio, rng_unit(rng));
        walker->x += gone * (walker->way.to_x - walker->x);
        walker->y += gone * (walker->way.to_y - walker->y);
    }
    return pauses;
}

static void arrive(struct generator_walker *walker)
{
    double dx = walker->way.to_x - walker->x, dy = walker->way.to_y - walker->y;
    walker->at = simtime_add(walker->at, simtime_from_seconds(sqrt(dx * dx + dy * dy) / walker->way.speed));
    walker->x = walker->way.to_x;
    walker->y = walker->way.to_y;
    walker->phase = GENERATOR_ARRIVED;
}

void generator_move_ways(const struct generator_options *options, struct generator_walker *walker,
                         generator_aim aim)
{
    struct simtime pause = SIMTIME_ZERO;
    switch ((enum generator_phase)walker->phase) {
    case GENERATOR_PAUSING:
        walker->phase = GENERATOR_RESTED;
        return;
    case GENERATOR_ARRIVED:
        pause = pause_after(options, &walker->rng);
        if (pause.ns) {
            walker->at = simtime_add(walker->at, pause);
            walker->phase = GENERATOR_RESTED;
            return;
        }
        /* fall through */
    case GENERATOR_RESTED:
        aim(options, walker);
        walker->way.speed = generator_between(&walker->rng, options->speed_min_mps, options->speed_max_mps);
        /* fall through */
    case GENERATOR_UNDER_WAY:
        arrive(walker);
    }
}
