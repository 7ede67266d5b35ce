/* The silent phases of an IEEE 802.11 handoff: while it probes, authenticates and reassociates, a device
 * hears and sends no data.
 *
 * The probe phase is the scan for access points (IEEE 802.11-2020, 11.1.4). It dominates: Mishra, Shin and
 * Arbaugh ("An empirical analysis of the IEEE 802.11 MAC layer handoff process", ACM CCR 33(2), 2003)
 * measured 59 to 397 ms for whole handoffs, by pair of card and access point, and over 90 % of it was the
 * probe phase. How long it takes follows from the kind of scan and from the channels on which somebody
 * answers:
 *
 *     active      on every channel a probe request, then MinChannelTime if nobody answers, MaxChannelTime if
 *                 somebody does
 *     neighbours  the same, only where somebody answers: the old access point told (neighbour report, IEEE
 *                 802.11-2020, 11.10.10)
 *     passive     on every channel a beacon interval's wait for beacons
 *     background  none: the device scanned between frames while it was still associated
 *
 * By default 20 and 40 ms on 11 channels, so that access points on channels 1, 6 and 11 make 280 ms; 2 ms
 * each for authentication and reassociation, open system, a request and its answer. */
#ifndef ROAMLAB_HANDOFF_H
#define ROAMLAB_HANDOFF_H

#include "rng.h"
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
    uint32_t channels;                            /* that the device scans, default 11 */
    struct simtime min_channel, max_channel;      /* default 20 and 40 ms */
    struct simtime beacon_interval;               /* default 100 time units, 102.4 ms */
    struct simtime authentication, reassociation; /* means, default 2 ms each */
    double spread;                                /* 0 to 1, default 0.25 (below) */
};

const struct scan_mode *scan_mode_of(const char *name); /* NULL if there is none of that name */
const struct scan_mode *scan_mode_at(int i);            /* the i-th, NULL behind the last */

struct handoff_options handoff_defaults(void);

/* One handoff at a place where access points answer on `busy_channels` channels. Each phase is drawn evenly
 * from its mean times 1 - spread to 1 + spread; draws three numbers from `rng`, the device's own stream,
 * whatever the scan. */
struct handoff_phases handoff_draw(const struct handoff_options *options, uint32_t busy_channels,
                                   struct rng *rng);

#endif
