#include "generator_models.h"
#include "generator_ways.h"

#include <math.h>

static int check(const struct generator_options *options, struct err *e)
{
    return generator_check_range("height_m", options->height_m, 1, 1e6, e);
}

static void aim(const struct generator_options *options, struct generator_walker *walker)
{
    walker->way.to_x = options->width_m * rng_unit(&walker->rng);
    walker->way.to_y = options->height_m * rng_unit(&walker->rng);
}

static void place(const struct generator_options *options, struct generator_walker *walker)
{
    walker->x = options->width_m * rng_unit(&walker->rng);
    walker->y = options->height_m * rng_unit(&walker->rng);
}

/* Between two random points of a rectangle (Ghosh 1951). */
static double mean_distance(double a, double b)
{
    double d = hypot(a, b);
    return (a * a * a / (b * b) + b * b * b / (a * a) + d * (3 - a * a / (b * b) - b * b / (a * a)) +
            2.5 * (b * b / a * acosh(d / b) + a * a / b * acosh(d / a))) /
           15;
}

/* A device is the more likely found on a way the longer that is, but pauses anywhere. */
static void begin(const struct generator_options *options, struct generator_walker *walker)
{
    double longest = hypot(options->width_m, options->height_m), length;
    do {
        place(options, walker);
        aim(options, walker);
        length = hypot(walker->way.to_x - walker->x, walker->way.to_y - walker->y);
    } while (rng_unit(&walker->rng) * longest >= length);
    if (generator_begin_ways(options, walker, mean_distance(options->width_m, options->height_m)))
        place(options, walker);
}

static void move(const struct generator_options *options, struct generator_walker *walker)
{
    generator_move_ways(options, walker, aim);
}

const struct generator_model generator_random_waypoint = {
    .name = "random-waypoint",
    .help = "straight to random points of the area, with pauses",
    .check = check,
    .begin = begin,
    .move = move,
};
