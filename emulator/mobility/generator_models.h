/* The models of generator.h, a file each, and what they share. */
#ifndef ROAMLAB_GENERATOR_MODELS_H
#define ROAMLAB_GENERATOR_MODELS_H

#include "generator.h"

extern const struct generator_model generator_random_waypoint, generator_gauss_markov, generator_manhattan,
    generator_corridor;

/* -EINVAL "WHAT is VALUE, must be MIN to MAX" if it is not. */
int generator_check_range(const char *what, double value, double min, double max, struct err *e);

/* Drawn evenly. */
static inline double generator_between(struct rng *rng, double min, double max)
{
    return min + (max - min) * rng_unit(rng);
}

#endif
