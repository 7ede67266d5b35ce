/* What all access points, or all edge servers, know about each device: their clients, sorted by device. Who would ask each of ten thousand access
 * points for each of a million devices were never done. */
#ifndef ROAMLAB_ALL_CLIENTS_H
#define ROAMLAB_ALL_CLIENTS_H

#include "world.h"

struct all_clients;

/* One device's, in the order of their access points (struct ap_client) or edge servers (struct edge_client). */
struct device_clients {
    const void *const *list;
    size_t count;
};

/* `role`: PARTY_AP or PARTY_EDGE. As they are now: good until one comes or goes. */
struct all_clients *all_clients_sort(const struct world *w, enum party_role role);
struct device_clients all_clients_of(const struct all_clients *all, int mud);
void all_clients_free(struct all_clients *all);

#endif
