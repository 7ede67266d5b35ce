/* The radio between access points and devices: what power a device receives where, and whether it hears it.
 *
 *     received power (dBm) = transmitted power - path loss(distance) + shadowing(access point, place)
 *
 * Shadowing is log-normal: a zero-mean Gaussian in decibels whose values at two places that are d apart are
 * correlated by exp(-d / correlation_m) (Gudmundson 1991). It is a field, drawn for each access point from
 * the run's seed: a place has its value whoever asks and whenever, so nothing is remembered per device, and
 * devices that meet hear the same. Both directions of a link are alike; there is no fast fading, which a
 * measurement over a beacon's length averages, and no interference.
 *
 * Everything here is a pure function of options, seed and place. Powers are dBm, ratios dB, places metres. */
#ifndef ROAMLAB_RADIO_H
#define ROAMLAB_RADIO_H

#include "path_loss.h"

#include <stdint.h>

/* What is heard: -82 dBm is what a receiver must manage at 6 Mbit/s in 20 MHz (IEEE 802.11-2020, Table
 * 17-18), and 4 dB above the noise is what that figure leaves to the signal, with the noise figure of 10 dB
 * and the margin of 5 dB that stand beside it. So the noise decides in wider bands and with worse
 * receivers. */
struct radio_options {
    struct path_loss_options path_loss;
    double shadowing_db;    /* standard deviation; 0 (the default) = none. Rappaport 2002, §4.9.2: 4 to 12 */
    double correlation_m;   /* of shadowing, default 20. Gudmundson: 8 in streets, 500 in suburbs */
    double bandwidth_mhz;   /* default 20 */
    double noise_figure_db; /* of the receiver, default 7 */
    double sensitivity_dbm; /* what is weaker is not heard; default -82 */
    double least_snr_db;    /* what stands less above the noise is not heard either; default 4 */
};

/* An access point as the radio sees it: `id` names its field of shadowing, so that it keeps it when others
 * come and go. */
struct radio_ap {
    double x_m, y_m;
    double tx_power_dbm; /* with antenna gains */
    uint32_t id;
};

struct radio;

struct radio_options radio_defaults(void);

/* NULL and `e` when the options describe no radio ("shadowing_db: WHAT"). Shadowing takes some milliseconds
 * to draw and 300 KB. The options are copied. */
struct radio *radio_open(const struct radio_options *options, uint64_t seed, struct err *e);
void radio_free(struct radio *radio);

/* What is received at (x_m, y_m), heard or not. */
double radio_power_dbm(const struct radio *radio, const struct radio_ap *ap, double x_m, double y_m);

/* Thermal noise at 290 K, -174 dBm/Hz, over the bandwidth, plus the noise figure: -94 dBm by default. */
double radio_noise_dbm(const struct radio_options *options);

/* The least power that is heard. */
double radio_least_dbm(const struct radio *radio);

/* For an index over access points (cells.h): the two parts of radio_power_dbm; and the distance beyond which
 * one that sends with so much power is heard nowhere, whatever shadowing adds. */
double radio_mean_power_dbm(const struct radio *radio, const struct radio_ap *ap, double x_m, double y_m);
const struct shadowing *radio_shadowing(const struct radio *radio); /* NULL: none */
double radio_range_m(const struct radio *radio, double tx_power_dbm);

#endif
