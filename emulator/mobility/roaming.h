/* The roaming decision: which access point a device that has measured wants to be associated with. IEEE 802.11 leaves it
 * to the station; these are the rules that stations and the literature use.
 *
 * A row of the table says which of two access points is better; three gates, which combine freely, say when a better one
 * is worth a handoff:
 *
 *     threshold        only when the present one is weaker than threshold_dbm (as wpa_supplicant's and iwd's thresholds)
 *     hysteresis       only for one that is better by more than hysteresis_db
 *     time to trigger  only when the same one has been better for so long (as event A3 in 3GPP TS 36.331, 5.5.4.4)
 *
 *     strongest        the stronger signal
 *     load-aware       the stronger signal, less load_db for every station that would share it: what an access point tells in
 *                      its BSS Load element (IEEE 802.11-2020, 9.4.2.27)
 *     least-cost       of those not weaker than threshold_dbm, the least cost, then the stronger signal; others only if there
 *                      is nothing else. The cost is what the caller expects of going there, such as the time to migrate and the
 *                      delay of requests after it (for dense access points: Kim22's future work)
 *
 * One that is not heard any more is left at once. Pure; nothing is remembered but the caller's `struct roaming_wish`. */
#ifndef ROAMLAB_ROAMING_H
#define ROAMLAB_ROAMING_H

#include "cells.h"
#include "simtime.h"
#include "visit.h"

#include <stdbool.h>
#include <stdint.h>

struct roaming_policy;

struct roaming_options {
    const struct roaming_policy *policy;
    double threshold_dbm; /* NAN: looks for a better one all the time */
    double hysteresis_db;
    struct simtime time_to_trigger;
    double load_db; /* load-aware */
};

/* What a device knows when it decides. */
struct roaming_view {
    const struct heard *heard; /* by power, strongest first */
    uint32_t count;
    uint32_t current; /* the access point it is associated with, or VISIT_NOWHERE */
    const uint32_t
        *stations; /* load-aware: how many are associated with each access point, this device among them */
    const float *cost; /* least-cost: of each access point, in any one unit; NULL: all alike */
};

struct roaming_policy {
    const char *name, *help;
    /* Is `a` better than `b` by more than `margin_db`? */
    bool (*better)(const struct roaming_options *options, const struct roaming_view *view,
                   const struct heard *a, const struct heard *b, double margin_db);
    bool needs_stations, needs_cost;
};

/* The access point that would be better, and since when without a break. */
struct roaming_wish {
    uint32_t ap; /* VISIT_NOWHERE = none */
    struct simtime since;
};

const struct roaming_policy *roaming_policy_of(const char *name); /* NULL if there is none of that name */
const struct roaming_policy *roaming_policy_at(int i);            /* the i-th, NULL behind the last */

struct roaming_options roaming_defaults(void); /* strongest, no threshold, 4 dB, no time to trigger */

/* Where to be: the present access point, another one, or VISIT_NOWHERE if none is heard. */
uint32_t roaming_decide(const struct roaming_options *options, const struct roaming_view *view,
                        struct simtime now, struct roaming_wish *wish);

#endif
