/* Visits: where a device is when, as a list in the order of time. A scenario writes them down, or radio and roaming
 * decisions yield them (itinerary.h); the device plays them (mud.h), the same in both worlds. */
#ifndef ROAMLAB_VISIT_H
#define ROAMLAB_VISIT_H

#include "simtime.h"

/* What a device spends in silence on its way to an access point, one after the other (Mishra, Shin and Arbaugh 2003,
 * "An empirical analysis of the IEEE 802.11 MAC layer handoff process", their terms). */
struct handoff_phases {
    struct simtime probe, authentication, reassociation;
};

#define VISIT_NOWHERE UINT32_MAX

struct visit {
    uint32_t ap;      /* its index; VISIT_NOWHERE: no access point is heard until the next visit, an outage */
    uint32_t request; /* above 0: begins when the request of this number is due; 0: at `at` */
    struct simtime at;
    struct handoff_phases phases; /* all zero: as long as timeouts.handoff says */
};

static inline struct simtime handoff_phases_sum(const struct handoff_phases *p)
{
    return simtime_add(p->probe, simtime_add(p->authentication, p->reassociation));
}

#endif
