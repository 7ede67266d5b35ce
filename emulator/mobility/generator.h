/* Generators: devices whose tracks are drawn instead of read, each from a random stream of its own, so that a device walks
 * the same whatever others there are. Lengths in metres, speeds in metres per second; the area is 0 ≤ x ≤ width_m,
 * 0 ≤ y ≤ height_m.
 *
 *   random-waypoint  goes straight to a point drawn from the area, at a speed drawn for the way, pauses there, and so on
 *                    (Johnson and Maltz 1996; Camp, Boleng and Davies 2002, 2.2).
 *   gauss-markov     every `step` speed and direction are drawn anew around what they were and what they are on average,
 *                    s' = a s + (1 - a) mean + sqrt(1 - a²) deviation N(0, 1), with a = memory (Liang and Haas 1999;
 *                    Camp 2002, 2.5). The mean speed is the middle of speed_min_mps and speed_max_mps, which also bound it;
 *                    the mean direction is the device's own. At the area's border both directions are mirrored; the corner
 *                    which that makes within a step is cut.
 *   manhattan        streets every block_m in both directions, from 0; at a crossing it turns with turn_probability, left
 *                    and right alike, else goes straight on, and never back (ETSI TR 101 112 = UMTS 30.03, B.1.4.3). What
 *                    leads out of the area is replaced by what does not. The speed is drawn for each block.
 *   corridor         from one end to the other along x and back, on a line of its own drawn from the height, which may be 0;
 *                    the speed is drawn for each way (as the lanes of the freeway model, Bai, Sadagopan and Helmy 2003).
 *
 * Speeds are drawn evenly between speed_min_mps and speed_max_mps, pauses likewise; a pause follows every way of
 * random-waypoint and corridor and every block of manhattan. Slow ways last longer than quick ones, so the mean speed over
 * time is less than the middle: (max - min) / ln(max / min) while moving. With a least speed of 0 it would fall for ever
 * (Yoon, Liu and Noble 2003): the least speed is above 0, and devices begin in the steady state (Navidi and Camp 2004), so
 * that the first minutes need not be thrown away. (manhattan begins evenly spread over its streets, which is the steady
 * state for a turn_probability of 0.5.) */
#ifndef ROAMLAB_GENERATOR_H
#define ROAMLAB_GENERATOR_H

#include "err.h"
#include "rng.h"
#include "simtime.h"
#include "track.h"

#include <stdbool.h>
#include <stdint.h>

struct generator_model;

struct generator_options {
    const struct generator_model *model;
    double width_m, height_m;
    double speed_min_mps, speed_max_mps;
    struct simtime pause_min, pause_max; /* all but gauss-markov */
    struct simtime step;                 /* gauss-markov */
    double memory;                       /* gauss-markov: 0 = none, below 1 */
    double speed_deviation_mps;          /* gauss-markov */
    double direction_deviation_deg;      /* gauss-markov */
    double block_m;                      /* manhattan */
    double turn_probability;             /* manhattan */
};

/* Pedestrians on a square kilometre. Only the model is missing. */
#define GENERATOR_DEFAULTS                                                                                   \
    {                                                                                                        \
        .width_m = 1000, .height_m = 1000, .speed_min_mps = 0.5, .speed_max_mps = 2, .step = {1000000000},   \
        .memory = 0.85, .speed_deviation_mps = 0.25, .direction_deviation_deg = 30, .block_m = 100,          \
        .turn_probability = 0.5,                                                                             \
    }

/* Where one device is and what it does next; constant in size, owns nothing. */
struct generator_walker {
    struct rng rng;
    struct simtime at;
    double x, y;
    union {
        struct {
            double to_x, to_y, speed;
        } way;
        struct {
            double speed, direction, mean_direction;
        } motion;
    };
    uint8_t heading; /* manhattan: quarter turns from east, against the clock */
    uint8_t phase;   /* enum generator_phase; all but gauss-markov */
};

struct generator_model {
    const char *name, *help;
    int (*check)(const struct generator_options *options, struct err *e); /* what only this model asks for */
    void (*begin)(const struct generator_options *options, struct generator_walker *walker);
    void (*move)(const struct generator_options *options, struct generator_walker *walker);
};

const struct generator_model *generator_model_of(const char *name); /* NULL if there is none of that name */
const struct generator_model *generator_model_at(int i);            /* the i-th, NULL behind the last */

/* -EINVAL with "NAME_OF_THE_OPTION is …, must be …". */
int generator_check(const struct generator_options *options, struct err *e);

/* Device number `device` of the generator called `name` under the run's seed, and where it is at time 0. The options must be
 * checked, and the same in every call. */
struct track_sample generator_begin(const struct generator_options *options, const char *name, uint64_t seed,
                                    uint32_t device, struct generator_walker *walker);
/* Its next waypoint, not earlier than the one before; there is always one. */
struct track_sample generator_next(const struct generator_options *options, uint32_t device,
                                   struct generator_walker *walker);

/* The same as a source: device after device, each up to its first sample at `until` or later. It keeps copies of the options
 * and the name; its devices have no names. NULL and `e` if the options are not good. */
struct track_source *generator_open(const struct generator_options *options, const char *name, uint64_t seed,
                                    uint32_t device_count, struct simtime until, struct err *e);

#endif
