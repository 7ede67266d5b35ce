/* What the models have in common whose devices go straight ways at speeds drawn for each way: random-waypoint, manhattan,
 * corridor. A model says where the next way leads; how fast it is gone, how long the pause after it lasts, and where in all
 * that a device is when it begins, is one matter for them all. */
#ifndef ROAMLAB_GENERATOR_WAYS_H
#define ROAMLAB_GENERATOR_WAYS_H

#include "generator.h"

#include <stdbool.h>

enum generator_phase {
    GENERATOR_PAUSING,   /* until walker->at, from the beginning on */
    GENERATOR_ARRIVED,   /* at the end of a way */
    GENERATOR_RESTED,    /* after the pause there */
    GENERATOR_UNDER_WAY, /* to (to_x, to_y), from the beginning on */
};

/* Sets (to_x, to_y) to the end of the next way from (x, y). */
typedef void (*generator_aim)(const struct generator_options *options, struct generator_walker *walker);

/* Begins in the steady state: somewhere on the way from (x, y) to (to_x, to_y), which the model drew with the probability of
 * finding a device on it, or in the pause at its end; true if in the pause. `mean_m` is the mean length of a way. */
bool generator_begin_ways(const struct generator_options *options, struct generator_walker *walker,
                          double mean_m);
/* To the end of the way, or of the pause if there is one. */
void generator_move_ways(const struct generator_options *options, struct generator_walker *walker,
                         generator_aim aim);

#endif
