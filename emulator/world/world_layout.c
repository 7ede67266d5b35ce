#include "world_layout.h"
#include "base_layers.h"
#include "mem.h"
#include "model.h"
#include "variation.h"

#include <stdlib.h>
#include <string.h>

/* --- names: "ap1" is Kim22's AP-1, a name of another kind stays as it is --- */

static char *paper_name(const char *name, const char *prefix, const char *paper_prefix)
{
    size_t len = strlen(prefix);
    const char *digits = name + len;
    bool numbered = !strncmp(name, prefix, len) && *digits && strspn(digits, "0123456789") == strlen(digits);
    return numbered ? mem_printf("%s-%s", paper_prefix, digits) : mem_copy_string(name);
}

static char *device_name(const struct scenario *s, int i)
{
    return s->mud_count == 1 ? mem_copy_string("USER") : mem_printf("USER-%s", s->muds[i].name);
}

/* --- the layout --- */

_Static_assert((int)PATH_HOPS_MAX >= (int)SCENARIO_HOSTS_MAX, "the longest path has a hop less than hosts");

static void lay_hosts_and_links(struct layout *l, const struct scenario *s, uint64_t seed)
{
    const char **names = mem_alloc_array((size_t)s->host_count, sizeof *names);
    for (int i = 0; i < s->host_count; i++)
        names[i] = s->hosts[i].name;
    l->host_names = names;
    l->host_count = s->host_count;
    l->drift_ppb = mem_alloc_array((size_t)s->host_count, sizeof *l->drift_ppb);
    for (int i = 0; i < s->host_count; i++)
        l->drift_ppb[i] = llround(s->hosts[i].drift_ppm * 1000);
    l->links = mem_alloc_array((size_t)s->link_count, sizeof *l->links);
    l->link_count = s->link_count;
    for (int i = 0; i < s->link_count; i++) {
        const struct scenario_link *link = &s->links[i];
        l->links[i] = (struct layout_link){.between = {link->between[0], link->between[1]},
                                           .varies = link->schedules[0].count || link->schedules[1].count,
                                           .congestion = link->congestion};
        for (int direction = 0; direction < 2; direction++)
            l->links[i].params[direction] = variation_at(link, direction, SIMTIME_ZERO, seed);
    }
    l->next_hop = mem_alloc_array((size_t)s->host_count * (size_t)s->host_count, sizeof *l->next_hop);
    for (int from = 0; from < s->host_count; from++)
        for (int to = 0; to < s->host_count; to++) {
            int hop = -1;
            if (scenario_route(s, from, to, &hop, 1) <= 0)
                hop = -1;
            l->next_hop[from * s->host_count + to] = hop;
        }
}

/* Unless it says that the image is not there, all of it where containers start, and everywhere if the strategy counts on it or a placement may choose the edge server. */
static int base_layers(const struct scenario *s, int edge)
{
    if (!s->edges[edge].has_base)
        return (int)s->edges[edge].base_layers;
    for (int i = 0; i < s->mud_count; i++)
        if (s->muds[i].visit_count && s->aps[s->muds[i].visits[0].ap].edge == edge)
            return BASE_LAYERS;
    bool all = s->migration.strategy->needs_base || s->migration.placement->looks_around;
    return all ? BASE_LAYERS : (int)s->edges[edge].base_layers;
}

static void lay_parties(struct layout *l, const struct scenario *s)
{
    l->muds = mem_alloc_array((size_t)s->mud_count, sizeof *l->muds);
    l->aps = mem_alloc_array((size_t)s->ap_count, sizeof *l->aps);
    l->edges = mem_alloc_array((size_t)s->edge_count, sizeof *l->edges);
    l->mud_count = s->mud_count, l->ap_count = s->ap_count, l->edge_count = s->edge_count;
    for (int i = 0; i < s->mud_count; i++)
        l->muds[i] = (struct layout_party){
            .name = device_name(s, i), .host = s->muds[i].host, .reply_bytes = s->muds[i].reply_bytes};
    for (int i = 0; i < s->ap_count; i++)
        l->aps[i] = (struct layout_party){.name = paper_name(s->aps[i].name, "ap", "AP"), .host = s->aps[i].host};
    for (int i = 0; i < s->edge_count; i++)
        l->edges[i] = (struct layout_party){.name = paper_name(s->edges[i].name, "es", "ES"),
                                            .host = s->edges[i].host,
                                            .registry = s->edges[i].registry,
                                            .has_base = s->edges[i].has_base,
                                            .base_layers = base_layers(s, i)};
}

static void lay_registries(struct layout *l, const struct scenario *s)
{
    l->registries = mem_alloc_array((size_t)s->registry_count, sizeof *l->registries);
    l->registry_count = s->registry_count;
    l->carrier_registry = s->migration.registry;
    for (int i = 0; i < s->supervision.order_count && !l->recalls; i++) {
        l->recalls = s->supervision.orders[i].action == SUPERVISION_RECALL;
        l->recall_at = s->supervision.orders[i].at;
    }
    for (int i = 0; i < s->registry_count; i++) {
        const struct scenario_registry *r = &s->registries[i];
        l->registries[i] = (struct layout_registry){r->name, r->host, r->parent, r->has_image, r->keeps};
    }
}

uint32_t world_layout_window(const struct scenario *s)
{
    uint32_t window = 1;
    for (int i = 0; i < s->mud_count; i++)
        window = s->muds[i].window > window ? s->muds[i].window : window;
    return window;
}

static void lay_service(struct layout *l, const struct scenario *s)
{
    l->base_bytes = (uint64_t)(s->service.base_mb * 1e6);
    l->layer_bytes = (uint64_t)(s->service.layer_mb * 1e6);
    l->memory_bytes = (uint64_t)(s->service.memory_mb * 1e6);
    l->volume_bytes = (uint64_t)(s->service.volume_mb * 1e6);
    l->volume_when = s->migration.volume_when;
    l->state_size = (struct state_size){.pages = {[STATE_MEMORY] = (uint32_t)(l->memory_bytes / STATE_PAGE),
                                                  [STATE_LAYER] = (uint32_t)(l->layer_bytes / STATE_PAGE),
                                                  [STATE_VOLUME] = (uint32_t)(l->volume_bytes / STATE_PAGE)}};
    l->history = statechain_history_new(l->seed, &l->state_size);
    l->keeps_snapshots = s->migration.snapshot_every > 0 && s->migration.strategy->from_snapshot;
    l->tracks_pages = s->migration.dirty_tracking && strategy_dumps_again(s->migration.strategy);
    l->changed_share = s->service.changed_share;
    l->base_ratio = s->service.base_ratio;
    l->layer_ratio = s->service.layer_ratio;
    l->memory_ratio = s->service.memory_ratio;
    l->work = s->service.work;
    l->window = world_layout_window(s);
    l->carrier = s->migration.carrier;
    l->store = s->migration.nfs_host;
    l->pipeline = s->migration.pipeline;
    l->progress = s->timeouts.progress;
    for (int i = 0; i < OPERATIONS; i++)
        l->costs[i] = (struct layout_cost){s->costs[i].fixed, s->costs[i].per_mb};
    l->carrier_cost = (struct layout_carrier_cost){.fixed = s->carrier_cost.fixed,
                                                   .per_mb = s->carrier_cost.per_mb,
                                                   .measured = !isnan(s->carrier_cost.round_trips),
                                                   .round_trips = s->carrier_cost.round_trips};
    faults_init(&l->faults, s->faults, s->fault_count);
}

void world_layout_init(struct layout *l, const struct scenario *s, uint64_t seed)
{
    *l = (struct layout){.seed = seed};
    lay_hosts_and_links(l, s, seed);
    lay_parties(l, s);
    lay_registries(l, s);
    lay_service(l, s);
}

static void free_parties(struct layout_party *parties, int count)
{
    for (int i = 0; i < count; i++)
        free((char *)(uintptr_t)parties[i].name);
    free(parties);
}

void world_layout_free(struct layout *l)
{
    free_parties(l->muds, l->mud_count);
    free_parties(l->aps, l->ap_count);
    free_parties(l->edges, l->edge_count);
    free((void *)(uintptr_t)l->host_names);
    free(l->drift_ppb);
    free(l->registries);
    free(l->links);
    free(l->next_hop);
    faults_free(&l->faults);
    statechain_history_free(l->history);
}
