/* Placements: which edge server a container shall be at, seen from a device's access point.
 *
 * `weighted` is VDNO21's choice of a site by location and load:
 *
 *     W(site)      = location × W_location + load × W_load
 *     W_location   = links × W_links + data × (share of the service's data at the site)
 *     W_links      = P(site) / largest P;  P = product over the links on the way of the share that is not in use, 1 without a link
 *     W_load       = cpu × CPU + memory × Memory + storage × Storage, each what is free at the site / the most that is free at any
 *
 * Each line's weights sum to 1. Only sites that are reachable and have what the service demands are compared, also for the largest
 * values. That the product falls with every further link is the paper's; how much of a link counts as in use when nobody says is
 * ours (PLACEMENT_LINK_USE). Among equals the container stays where it is, then comes the access point's own edge server, then
 * the first of the scenario. If no site has what is demanded, it is the own edge server, as without a placement.
 *
 * Edge servers tell every access point that can reach them how many containers they hold whenever that changes (OFFLOAD_LOAD). Two access
 * points that decide before they hear of each other's choice may both take the last place: nothing is reserved. */
#ifndef ROAMLAB_PLACEMENT_H
#define ROAMLAB_PLACEMENT_H

#include "simtime.h"

#include <stdbool.h>
#include <stdint.h>

#define PLACEMENT_NONE UINT32_MAX
#define PLACEMENT_LINK_USE 0.5

/* An edge server as seen from an access point, with the links as they are at the start of the run. */
struct placement_site {
    int hops;           /* links on the way; 0 = the same host, -1 = no way */
    struct simtime rtt; /* of the way */
    double free_links;  /* the product P */
};

enum placement_resource { PLACEMENT_CPU, PLACEMENT_MEMORY, PLACEMENT_STORAGE, PLACEMENT_RESOURCES };

/* What an edge server has for containers. */
struct placement_edge {
    double capacity[PLACEMENT_RESOURCES]; /* CPUs, megabytes, megabytes; INFINITY = never short */
    double data_share;                    /* of the service's data, 0 to 1 */
    double x_m, y_m;                      /* the middle of the access points that are wired to it */
    uint32_t *hearers; /* the access points that have a way to it, which it tells its load; none if no placement looks around */
    uint32_t hearer_count;
};

/* What an access point knows of an edge server's load. */
struct placement_load {
    uint32_t containers;
    uint32_t told; /* the number of the message that said so */
};

struct placement_rules {
    const struct placement_edge *edges;
    uint32_t edge_count;
    double demand[PLACEMENT_RESOURCES]; /* of one container */
    double location, load;              /* weights */
    double links, data;
    double resources[PLACEMENT_RESOURCES];
};

struct policy_view;

struct placement {
    const char *name, *help;
    uint32_t (*choose)(const struct policy_view *view); /* an edge server */
    bool looks_around;                                  /* needs the sites and the loads */
};

/* W(site) as above; negative if the site is out of the question. */
double placement_weight(const struct policy_view *view, uint32_t site);

const struct placement *placement_of(const char *name); /* NULL if there is none of that name */
const struct placement *placement_at(int i);            /* the i-th, NULL behind the last */

#endif
