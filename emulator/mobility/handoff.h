/* The silent phases of an IEEE 802.11 handoff: while it probes, authenticates and reassociates, a device hears and sends no data.
 *
 * The probe phase is the scan for access points (IEEE 802.11-2020, 11.1.4) and dominates (Mishra, Shin and Arbaugh, "An empirical analysis of
 * the IEEE 802.11 MAC layer handoff process", ACM CCR 33(2), 2003: over 90 % of the whole, which is some 50 to 400 ms by pair of card and access
 * point). How long it takes follows from the mode and from the channels on which somebody answers:
 *
 *     active      on every channel a probe request, then MinChannelTime if nobody answers, MaxChannelTime if somebody does
 *     neighbours  the same, only on the channels where somebody answers (a neighbour report, IEEE 802.11-2020, 11.10.10)
 *     passive     on every channel one beacon interval, waiting for beacons
 *     background  none: the device scanned between frames, while it was still associated */
#ifndef ROAMLAB_HANDOFF_H
#define ROAMLAB_HANDOFF_H

#include "rng.h"
#include "simtime.h"
#include "visit.h"

#include <stdint.h>

struct handoff_options;

/* A row of the table of scans. */
struct scan_mode {
    const char *name, *help;
    /* The mean probe phase where access points answer on `busy_channels` channels. */
    struct simtime (*probe)(const struct handoff_options *options, uint32_t busy_channels);
};

struct handoff_options {
    const struct scan_mode *scan;                 /* default active */
    uint32_t channels;                            /* that the device knows; default 11 */
    struct simtime min_channel, max_channel;      /* active, neighbours */
    struct simtime beacon_interval;               /* passive: default 100 time units = 102.4 ms */
    struct simtime authentication, reassociation; /* means; a request and its answer each */
    double spread; /* each phase is drawn evenly from its mean times 1 - spread to 1 + spread */
};

const struct scan_mode *scan_mode_of(const char *name); /* NULL if there is none of that name */
const struct scan_mode *scan_mode_at(int i);            /* the i-th, NULL behind the last */

struct handoff_options handoff_defaults(void);

/* One handoff, at a place where access points answer on `busy_channels` channels. Draws three numbers from `rng`, the device's own
 * stream, whatever the mode. */
struct handoff_phases handoff_draw(const struct handoff_options *options, uint32_t busy_channels,
                                   struct rng *rng);

#endif
