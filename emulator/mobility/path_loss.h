/* Path loss: how many decibels a signal is weaker at a distance, on average over places at that distance.
 *
 * A model is a row of a table. It turns its options into a curve: one or two pieces, each straight over the
 * logarithm of the distance, so that evaluating it costs one logarithm and finding a range costs one power.
 *
 *     log-distance  L = reference_loss + 10 exponent log10(d / reference)        Rappaport 2002, §4.9.1
 *     free-space    L = 20 log10(4 pi d f / c)                                   Friis 1946; ITU-R P.525
 *     two-ray       as free space up to the crossover 4 pi ht hr f / c, then     Rappaport 2002, §4.6
 *                   L = 40 log10(d) - 20 log10(ht hr)
 *     itu-indoor    L = 20 log10(f / MHz) + N log10(d / m) + Lf(floors) - 28     ITU-R P.1238-7 (2012), §3.1
 *
 * Distances are metres along the plane that devices move in. Closer than the curve's nearest distance (1 m;
 * log-distance: its reference) the loss stays what it is there, because no model means anything so near the
 * antenna. */
#ifndef ROAMLAB_PATH_LOSS_H
#define ROAMLAB_PATH_LOSS_H

#include "err.h"

/* The columns of P.1238's tables. */
enum indoor_environment { INDOOR_RESIDENTIAL, INDOOR_OFFICE, INDOOR_COMMERCIAL, INDOOR_ENVIRONMENTS };

/* What a value does not matter for ignores it. path_loss_defaults() fills in all. */
struct path_loss_options {
    const struct path_loss_model *model; /* default: log-distance */
    double frequency_mhz;                /* default 2437, channel 6 of 2.4 GHz */
    double exponent;    /* log-distance: default 3, between open ground (2) and buildings (4 and more) */
    double reference_m; /* log-distance: default 1 */
    double reference_loss_db;         /* log-distance; 0 (the default) = free space's at reference_m */
    double transmitter_m, receiver_m; /* two-ray: antennas over ground, default 3 and 1.5 */
    enum indoor_environment indoor;   /* itu-indoor: default office */
    int floors;                       /* itu-indoor: between the two, default 0 */
    double power_coefficient;         /* itu-indoor: N; 0 (the default) = the Recommendation's */
    double floor_loss_db;             /* itu-indoor: Lf; 0 (the default) = the Recommendation's */
};

struct path_loss {
    double nearest_m;   /* no loss is computed for less */
    double crossover_m; /* where the second piece begins; infinite if there is none */
    struct path_loss_piece {
        double at_1m_db, per_decade_db; /* L = at_1m + per_decade log10(d / 1 m) */
    } near, far;
};

struct path_loss_model {
    const char *name, *help;
    /* 0, or -EINVAL and `e` when the options hold no curve. */
    int (*curve)(const struct path_loss_options *options, struct path_loss *curve, struct err *e);
};

const struct path_loss_model *path_loss_model_of(const char *name); /* NULL if there is none of that name */
const struct path_loss_model *path_loss_model_at(int i);            /* the i-th, NULL behind the last */

const char *indoor_environment_name(enum indoor_environment environment); /* "residential", ... */
enum indoor_environment indoor_environment_of(const char *name); /* INDOOR_ENVIRONMENTS if there is none */

struct path_loss_options path_loss_defaults(void);

/* The curve of options->model. */
int path_loss_curve(const struct path_loss_options *options, struct path_loss *curve, struct err *e);

double path_loss_db(const struct path_loss *curve, double distance_m);

/* The distance at which the loss reaches `loss_db`; 0 if it does so at the nearest already. */
double path_loss_range_m(const struct path_loss *curve, double loss_db);

#endif
