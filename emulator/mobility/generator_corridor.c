#include "generator_models.h"
#include "generator_ways.h"

static int check(const struct generator_options *options, struct err *e)
{
    return generator_check_range("height_m", options->height_m, 0, 1e6, e);
}

static void aim(const struct generator_options *options, struct generator_walker *walker)
{
    walker->way.to_x = walker->x > 0 ? 0 : options->width_m;
    walker->way.to_y = walker->y;
}

static void begin(const struct generator_options *options, struct generator_walker *walker)
{
    walker->x = rng_u64(&walker->rng) >> 63 ? options->width_m : 0;
    walker->y = options->height_m * rng_unit(&walker->rng);
    aim(options, walker);
    generator_begin_ways(options, walker, options->width_m);
}

static void move(const struct generator_options *options, struct generator_walker *walker)
{
    generator_move_ways(options, walker, aim);
}

const struct generator_model generator_corridor = {
    .name = "corridor",
    .help = "from one end to the other along x and back, with pauses",
    .check = check,
    .begin = begin,
    .move = move,
};
