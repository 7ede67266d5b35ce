#include "surroundings.h"
#include "mem.h"
#include "model.h"

#include <stdlib.h>

static double free_links(const struct scenario *s, const struct layout *l, int from, int to)
{
    int hops[PATH_HOPS_MAX], count = layout_route(l, from, to, hops, PATH_HOPS_MAX);
    double product = 1;
    for (int i = 0; i < count; i++)
        product *= 1 - s->links[hops[i] / 2].use;
    return product;
}

static struct placement_site *sites_from(const struct scenario *s, const struct layout *l, int host)
{
    struct placement_site *sites = mem_alloc_array((size_t)l->edge_count, sizeof *sites);
    for (int i = 0; i < l->edge_count; i++) {
        int there = l->edges[i].host;
        struct layout_path path = layout_path(l, host, there);
        sites[i] = (struct placement_site){path.hops, path.rtt, free_links(s, l, host, there)};
    }
    return sites;
}

static void look_around(struct surroundings *around, const struct scenario *s, const struct layout *l)
{
    around->sites = mem_alloc_array((size_t)l->host_count, sizeof *around->sites);
    around->host_count = l->host_count;
    if (!s->migration.policy->looks_around && !s->migration.placement->looks_around)
        return;
    for (int i = 0; i < l->ap_count; i++) {
        int host = l->aps[i].host;
        if (!around->sites[host])
            around->sites[host] = sites_from(s, l, host);
    }
}

static struct placement_edge *edges_of(const struct scenario *s)
{
    struct placement_edge *edges = mem_alloc_array((size_t)s->edge_count, sizeof *edges);
    for (int i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        edges[i] = (struct placement_edge){.capacity = {[PLACEMENT_CPU] = e->cpus,
                                                        [PLACEMENT_MEMORY] = e->memory_mb,
                                                        [PLACEMENT_STORAGE] = e->storage_mb},
                                           .data_share = e->data_share};
    }
    return edges;
}

static void find_middles(struct placement_edge *edges, const struct scenario *s)
{
    autofree int *counts = mem_alloc_array((size_t)s->edge_count, sizeof *counts);
    for (int i = 0; i < s->ap_count; i++) {
        edges[s->aps[i].edge].x_m += s->aps[i].x_m;
        edges[s->aps[i].edge].y_m += s->aps[i].y_m;
        counts[s->aps[i].edge]++;
    }
    for (int i = 0; i < s->edge_count; i++)
        if (counts[i]) {
            edges[i].x_m /= counts[i];
            edges[i].y_m /= counts[i];
        }
}

static void find_hearers(struct placement_edge *edge, const struct surroundings *around,
                         const struct layout *l, int index)
{
    edge->hearers = mem_alloc_array((size_t)l->ap_count, sizeof *edge->hearers);
    for (int i = 0; i < l->ap_count; i++)
        if (around->sites[l->aps[i].host][index].hops >= 0)
            edge->hearers[edge->hearer_count++] = (uint32_t)i;
}

/* A base image that every edge server has already is nobody's demand. */
static double storage_demand(const struct scenario *s)
{
    return s->service.layer_mb + s->service.volume_mb + (s->migration.strategy->needs_base ? 0 : s->service.base_mb);
}

static void fill_placement(struct placement_rules *r, const struct scenario *s,
                           const struct placement_edge *edges)
{
    const struct scenario_weights *w = &s->migration.weights;
    *r = (struct placement_rules){
        .edges = edges,
        .edge_count = (uint32_t)s->edge_count,
        .demand = {[PLACEMENT_CPU] = s->service.cpus,
                   [PLACEMENT_MEMORY] = s->service.memory_mb,
                   [PLACEMENT_STORAGE] = storage_demand(s)},
        .location = w->location,
        .load = w->load,
        .links = w->links,
        .data = w->data,
        .resources = {
            [PLACEMENT_CPU] = w->cpu, [PLACEMENT_MEMORY] = w->memory, [PLACEMENT_STORAGE] = w->storage}};
}

void surroundings_init(struct surroundings *around, const struct scenario *s, const struct layout *l,
                       struct policy_rules *rules)
{
    const struct scenario_migration *m = &s->migration;
    *around = (struct surroundings){.edges = edges_of(s), .edge_count = s->edge_count};
    find_middles(around->edges, s);
    look_around(around, s, l);
    for (int i = 0; i < s->edge_count && m->placement->looks_around; i++)
        find_hearers(&around->edges[i], around, l, i);
    *rules = (struct policy_rules){.when = m->policy,
                                   .where = m->placement,
                                   .unit = m->distance.unit,
                                   .distance_max = m->distance.max,
                                   .latency_max = m->latency_max,
                                   .work = s->service.work};
    fill_placement(&rules->placement, s, around->edges);
    if (m->policy->plans)
        follow_model_init(&around->model, s, l);
    rules->plan = around->model.plan;
}

void surroundings_free(struct surroundings *around)
{
    for (int i = 0; i < around->host_count; i++)
        free(around->sites[i]);
    free(around->sites);
    for (int i = 0; i < around->edge_count; i++)
        free(around->edges[i].hearers);
    free(around->edges);
    follow_model_free(&around->model);
}
