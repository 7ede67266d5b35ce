#include "all_clients.h"
#include "mem.h"

#include <stdlib.h>

struct all_clients {
    const struct world *world;
    enum party_role role;
    size_t *first;     /* owned: where each device's begin, and where the last one's end */
    const void **list; /* owned */
};

static const struct map *clients_of(const struct all_clients *all, int i)
{
    const struct ap *ap = all->role == PARTY_AP ? all->world->cast.aps[i] : NULL;
    const struct edge *edge = all->role == PARTY_EDGE ? all->world->cast.edges[i] : NULL;
    return ap ? &ap->clients : edge ? &edge->clients : NULL;
}

static uint32_t device_of(const struct all_clients *all, const void *client)
{
    const struct ap_client *at_ap = client;
    const struct edge_client *at_edge = client;
    return all->role == PARTY_AP ? at_ap->mud : at_edge->mud;
}

/* Counts each client in its device's place, or, once there is a list, puts it there and moves the place on. */
static void walk(struct all_clients *all, size_t *places)
{
    const struct layout *l = &all->world->layout;
    int count = all->role == PARTY_AP ? l->ap_count : l->edge_count;
    for (int i = 0; i < count; i++) {
        const struct map *map = clients_of(all, i);
        const void *client;
        for (size_t k = 0; map && (client = map_next(map, &k));) {
            size_t *place = &places[device_of(all, client)];
            if (all->list)
                all->list[*place] = client;
            ++*place;
        }
    }
}

/* A counting sort: the counts stand two places behind their device's, so that sums make them the begins of the device behind it, and what is put
 * there moves these to its own. */
struct all_clients *all_clients_sort(const struct world *w, enum party_role role)
{
    struct all_clients *all = mem_alloc(sizeof *all);
    size_t muds = (size_t)w->layout.mud_count;
    *all = (struct all_clients){
        .world = w, .role = role, .first = mem_alloc_array(muds + 2, sizeof *all->first)};
    walk(all, all->first + 2);
    for (size_t i = 2; i < muds + 2; i++)
        all->first[i] += all->first[i - 1];
    all->list = mem_alloc_array(all->first[muds + 1] + 1, sizeof *all->list);
    walk(all, all->first + 1);
    return all;
}

struct device_clients all_clients_of(const struct all_clients *all, int mud)
{
    const size_t *first = &all->first[mud];
    return (struct device_clients){.list = all->list + first[0], .count = first[1] - first[0]};
}

void all_clients_free(struct all_clients *all)
{
    free(all->first);
    free((void *)(uintptr_t)all->list);
    free(all);
}
