#include "generator_models.h"

#include <math.h>

static int check(const struct generator_options *options, struct err *e)
{
    double step_s = simtime_seconds(options->step);
    double most_s = fmin(options->width_m, options->height_m) / options->speed_max_mps;
    int status = generator_check_range("height_m", options->height_m, 1, 1e6, e);
    if (status == 0)
        status = generator_check_range("step_s", step_s, 0.001, most_s, e);
    if (status == 0)
        status = generator_check_range("memory", options->memory, 0, 0.999999, e);
    if (status == 0)
        status = generator_check_range("speed_deviation_mps", options->speed_deviation_mps, 0, 1000, e);
    if (status == 0)
        status =
            generator_check_range("direction_deviation_deg", options->direction_deviation_deg, 0, 360, e);
    return status;
}

/* Two numbers of the standard normal distribution (Box and Muller 1958). */
static void draw_normal(struct rng *rng, double normal[2])
{
    double radius = sqrt(-2 * log1p(-rng_unit(rng))), angle = 2 * M_PI * rng_unit(rng);
    normal[0] = radius * cos(angle);
    normal[1] = radius * sin(angle);
}

/* One step of the process; with memory 0 speed and direction are drawn from their steady state. */
static void draw_motion(const struct generator_options *options, struct generator_walker *walker,
                        double memory)
{
    double normal[2], fresh = sqrt(1 - memory * memory);
    double mean_speed = (options->speed_min_mps + options->speed_max_mps) / 2;
    double deviation = options->direction_deviation_deg * M_PI / 180;
    draw_normal(&walker->rng, normal);
    double speed = memory * walker->motion.speed + (1 - memory) * mean_speed +
                   fresh * options->speed_deviation_mps * normal[0];
    walker->motion.speed = fmin(fmax(speed, options->speed_min_mps), options->speed_max_mps);
    walker->motion.direction = memory * walker->motion.direction +
                               (1 - memory) * walker->motion.mean_direction + fresh * deviation * normal[1];
}

static void begin(const struct generator_options *options, struct generator_walker *walker)
{
    walker->x = options->width_m * rng_unit(&walker->rng);
    walker->y = options->height_m * rng_unit(&walker->rng);
    walker->motion.mean_direction = 2 * M_PI * rng_unit(&walker->rng);
    draw_motion(options, walker, 0);
}

/* Back into 0 to `length`; the directions are `turn` minus what they were. A step is not longer than the area. */
static double mirror(double at, double length, double turn, struct generator_walker *walker)
{
    if (at >= 0 && at <= length)
        return at;
    walker->motion.direction = turn - walker->motion.direction;
    walker->motion.mean_direction = turn - walker->motion.mean_direction;
    return at < 0 ? -at : 2 * length - at;
}

static void move(const struct generator_options *options, struct generator_walker *walker)
{
    double way = walker->motion.speed * simtime_seconds(options->step), direction = walker->motion.direction;
    walker->at = simtime_add(walker->at, options->step);
    walker->x = mirror(walker->x + way * cos(direction), options->width_m, M_PI, walker);
    walker->y = mirror(walker->y + way * sin(direction), options->height_m, 0, walker);
    draw_motion(options, walker, options->memory);
}

const struct generator_model generator_gauss_markov = {
    .name = "gauss-markov",
    .help = "speed and direction that change a little with every step",
    .check = check,
    .begin = begin,
    .move = move,
};
