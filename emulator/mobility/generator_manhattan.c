#include "generator_models.h"
#include "generator_ways.h"

#include <math.h>
#include <stdbool.h>

static int check(const struct generator_options *options, struct err *e)
{
    int status = generator_check_range("height_m", options->height_m, 1, 1e6, e);
    if (status == 0)
        status = generator_check_range("block_m", options->block_m, 0.1,
                                       fmin(options->width_m, options->height_m), e);
    if (status == 0)
        status = generator_check_range("turn_probability", options->turn_probability, 0, 1, e);
    return status;
}

/* The crossings of one street, counted from 0: the last one's number. */
static int64_t last_crossing(double length_m, double block_m)
{
    return (int64_t)(length_m / block_m);
}

/* Aims at the next crossing in that direction; false if that is outside of the area. */
static bool aim_at(const struct generator_options *options, struct generator_walker *walker, unsigned heading)
{
    static const int east[] = {1, 0, -1, 0}, north[] = {0, 1, 0, -1};
    heading %= 4;
    int64_t column = llround(walker->x / options->block_m) + east[heading];
    int64_t row = llround(walker->y / options->block_m) + north[heading];
    if (column < 0 || row < 0 || column > last_crossing(options->width_m, options->block_m) ||
        row > last_crossing(options->height_m, options->block_m))
        return false;
    walker->heading = (uint8_t)heading;
    walker->way.to_x = (double)column * options->block_m;
    walker->way.to_y = (double)row * options->block_m;
    return true;
}

static void aim(const struct generator_options *options, struct generator_walker *walker)
{
    enum { LEFT = 1, RIGHT = 3 };
    bool turns = rng_unit(&walker->rng) < options->turn_probability;
    unsigned side = rng_u64(&walker->rng) >> 63 ? LEFT : RIGHT;
    if (!turns && aim_at(options, walker, walker->heading))
        return;
    if (!aim_at(options, walker, walker->heading + side))
        aim_at(options, walker, walker->heading + (LEFT + RIGHT - side));
}

static void begin(const struct generator_options *options, struct generator_walker *walker)
{
    struct rng *rng = &walker->rng;
    uint64_t columns = (uint64_t)last_crossing(options->width_m, options->block_m) + 1;
    uint64_t rows = (uint64_t)last_crossing(options->height_m, options->block_m) + 1;
    do {
        walker->x = (double)rng_below(rng, columns) * options->block_m;
        walker->y = (double)rng_below(rng, rows) * options->block_m;
    } while (!aim_at(options, walker, (unsigned)rng_below(rng, 4)));
    generator_begin_ways(options, walker, options->block_m);
}

static void move(const struct generator_options *options, struct generator_walker *walker)
{
    generator_move_ways(options, walker, aim);
}

const struct generator_model generator_manhattan = {
    .name = "manhattan",
    .help = "along a grid of streets, turning at crossings",
    .check = check,
    .begin = begin,
    .move = move,
};
