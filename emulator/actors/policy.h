/* Policies: when a container shall move. Placements (placement.h) say where to; both are rows of tables and pure functions of one view.
 *
 * The access point that holds a device's token decides: when the token arrives, that is at every handoff, and, for a policy that watches
 * the round trip, at every reply, until that has led to a migration. */
#ifndef ROAMLAB_POLICY_H
#define ROAMLAB_POLICY_H

#include "placement.h"
#include "simtime.h"

#include <stdbool.h>
#include <stdint.h>

/* Of distances: links on the way, its round trip in milliseconds, or metres from the access point to the middle of those that are wired
 * to the container's edge server. */
enum policy_unit { POLICY_HOPS, POLICY_MS, POLICY_METRES, POLICY_UNITS };

/* Where the policy `mdp` migrates: [kind * distances + distance in links], and the kind of each device. A greater distance counts as the
 * last. */
struct policy_plan {
    const bool *migrate;
    int distances;
    const uint32_t *kind_of_mud;
};

/* What the scenario says about decisions; shared by all access points of a run. */
struct policy_rules {
    const struct policy *when;
    const struct placement *where;
    enum policy_unit unit;
    double distance_max;        /* policy `distance`, in `unit` */
    struct simtime latency_max; /* policy `latency` */
    struct simtime work;        /* computing time of a request */
    struct policy_plan plan;    /* policy `mdp` */
    struct placement_rules placement;
};

/* One decision. Edge servers go by their indices. */
struct policy_view {
    const struct policy_rules *rules;
    /* Every edge server as seen from the device's access point; NULL if neither policy nor placement looks around. */
    const struct placement_site *sites;
    const struct placement_load *loads; /* of every edge server, NULL = nothing is known */
    double x_m, y_m;                    /* where the access point is */
    uint32_t mud;
    uint32_t own;              /* the edge server that the access point is wired to */
    uint32_t anchor;           /* where the container is, or PLACEMENT_NONE: it is to be started */
    struct simtime round_trip; /* measured from the access point to the container and back, 0 = not yet */
};

struct policy {
    const char *name, *help;
    /* `target` is where the container would go, another edge server than its own. */
    bool (*migrate)(const struct policy_view *view, uint32_t target);
    bool looks_around; /* needs the sites */
    bool plans;        /* needs the plan */
    bool watches;      /* judges again with every round trip that is measured */
};

/* The edge server where the container shall be: its anchor, or the one to migrate to, or to start at. */
uint32_t policy_decide(const struct policy_view *view);

const struct policy *policy_of(const char *name); /* NULL if there is none of that name */
const struct policy *policy_at(int i);            /* the i-th, NULL behind the last */
const char *policy_unit_at(int i);                /* "hops", "ms", "m", NULL */

#endif
