#include "world.h"
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

static void lay_parties(struct layout *l, const struct scenario *s)
{
    l->muds = mem_alloc_array((size_t)s->mud_count, sizeof *l->muds);
    l->aps = mem_alloc_array((size_t)s->ap_count, sizeof *l->aps);
    l->edges = mem_alloc_array((size_t)s->edge_count, sizeof *l->edges);
    l->mud_count = s->mud_count, l->ap_count = s->ap_count, l->edge_count = s->edge_count;
    for (int i = 0; i < s->mud_count; i++)
        l->muds[i] = (struct layout_party){device_name(s, i), s->muds[i].host, s->muds[i].reply_bytes};
    for (int i = 0; i < s->ap_count; i++)
        l->aps[i] = (struct layout_party){paper_name(s->aps[i].name, "ap", "AP"), s->aps[i].host, 0};
    for (int i = 0; i < s->edge_count; i++)
        l->edges[i] = (struct layout_party){paper_name(s->edges[i].name, "es", "ES"), s->edges[i].host, 0};
}

static uint32_t widest_window(const struct scenario *s)
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
    l->work = s->service.work;
    l->window = widest_window(s);
    l->carrier = s->migration.carrier;
    l->progress = s->timeouts.progress;
    for (int i = 0; i < OPERATIONS; i++)
        l->costs[i] = (struct layout_cost){s->costs[i].fixed, s->costs[i].per_mb};
    l->faults = mem_alloc_array((size_t)s->fault_count, sizeof *l->faults);
    l->fault_count = s->fault_count;
    for (int i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        l->faults[i] = (struct layout_fault){f->operation, f->edge, f->mud, f->times ? f->times : UINT32_MAX};
    }
}

static void fill_rules(struct rules *r, const struct scenario *s)
{
    const struct scenario_timeouts *t = &s->timeouts;
    *r = (struct rules){
        .timeouts = {.handoff = t->handoff,
                     .association_retry = t->association_retry,
                     .control_retry = t->control_retry,
                     .control_give_up = t->control_give_up,
                     .gate_drain = t->gate_drain,
                     .operation = t->operation,
                     .migration_retry = t->migration_retry,
                     .rto_min = t->rto_min,
                     .rto_max = t->rto_max,
                     .rto_initial = t->rto_initial},
        .strategy = s->migration.strategy,
        .policy = policy_of(s->migration.policy),
        .work = s->service.work,
        .hold_max = s->migration.hold_max,
        .window = widest_window(s),
        .replay_max = s->migration.replay_max,
        .retries = s->migration.retries,
    };
}

void world_init(struct world *w, const struct scenario *s, uint64_t seed,
                void (*record)(struct cast *, const struct event *), void *recorder)
{
    *w = (struct world){.scenario = s};
    w->layout.seed = seed;
    lay_hosts_and_links(&w->layout, s, seed);
    lay_parties(&w->layout, s);
    lay_service(&w->layout, s);
    fill_rules(&w->rules, s);
    w->cast = (struct cast){.muds = mem_alloc_array((size_t)s->mud_count, sizeof(struct mud *)),
                            .aps = mem_alloc_array((size_t)s->ap_count, sizeof(struct ap *)),
                            .edges = mem_alloc_array((size_t)s->edge_count, sizeof(struct edge *)),
                            .layout = &w->layout,
                            .strategy_name = s->migration.strategy->name,
                            .record = record,
                            .recorder = recorder};
    w->visits = mem_alloc_array((size_t)s->mud_count, sizeof *w->visits);
}

/* --- the cast --- */

static struct mud_visit *copy_visits(const struct scenario_mud *m)
{
    struct mud_visit *visits = mem_alloc_array((size_t)m->visit_count, sizeof *visits);
    for (int i = 0; i < m->visit_count; i++)
        visits[i] = (struct mud_visit){(uint32_t)m->visits[i].ap, m->visits[i].by_request,
                                       m->visits[i].request, m->visits[i].at};
    return visits;
}

static void populate_mud(struct world *w, int i)
{
    const struct scenario_mud *m = &w->scenario->muds[i];
    w->visits[i] = copy_visits(m);
    struct mud_options options = {
        .period = simtime_from_seconds(1.0 / m->requests_per_s),
        .request_bytes = m->request_bytes,
        .window = m->window,
        .until = w->scenario->duration,
        .visits = w->visits[i],
        .visit_count = m->visit_count,
        .seed = w->layout.seed,
        .memory_pages = (uint32_t)(w->layout.memory_bytes / STATE_PAGE),
        .layer_pages = (uint32_t)(w->layout.layer_bytes / STATE_PAGE),
    };
    w->cast.muds[i] = mem_alloc(sizeof *w->cast.muds[i]);
    mud_init(w->cast.muds[i], w->port, &w->rules, (uint32_t)i, &options);
}

void world_populate(struct world *w, struct port *port, int host)
{
    const struct layout *l = &w->layout;
    w->port = port;
    for (int i = 0; i < l->mud_count; i++)
        if (host == WORLD_ALL_HOSTS || l->muds[i].host == host)
            populate_mud(w, i);
    for (int i = 0; i < l->ap_count; i++)
        if (host == WORLD_ALL_HOSTS || l->aps[i].host == host) {
            w->cast.aps[i] = mem_alloc(sizeof *w->cast.aps[i]);
            ap_init(w->cast.aps[i], port, &w->rules, (uint32_t)i, (uint32_t)w->scenario->aps[i].edge);
        }
    for (int i = 0; i < l->edge_count; i++)
        if (host == WORLD_ALL_HOSTS || l->edges[i].host == host) {
            w->cast.edges[i] = mem_alloc(sizeof *w->cast.edges[i]);
            edge_init(w->cast.edges[i], port, &w->rules, (uint32_t)i);
        }
}

void world_start(struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++)
        if (w->cast.muds[i])
            mud_start(w->cast.muds[i]);
}

bool world_idle(const struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++)
        if (w->cast.muds[i] && w->cast.muds[i]->state != MUD_FINISHED)
            return false;
    for (int i = 0; i < w->layout.ap_count; i++)
        if (w->cast.aps[i] && ap_busy(w->cast.aps[i]))
            return false;
    for (int i = 0; i < w->layout.edge_count; i++)
        if (w->cast.edges[i] && edge_busy(w->cast.edges[i]))
            return false;
    return true;
}

void world_give_up(struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++)
        if (w->cast.muds[i])
            mud_give_up(w->cast.muds[i]);
}

static void free_parties(struct layout_party *parties, int count)
{
    for (int i = 0; i < count; i++)
        free((char *)(uintptr_t)parties[i].name);
    free(parties);
}

static void free_cast(struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++) {
        if (w->cast.muds[i])
            mud_free(w->cast.muds[i]);
        free(w->cast.muds[i]);
        free(w->visits[i]);
    }
    for (int i = 0; i < w->layout.ap_count; i++) {
        if (w->cast.aps[i])
            ap_free(w->cast.aps[i]);
        free(w->cast.aps[i]);
    }
    for (int i = 0; i < w->layout.edge_count; i++) {
        if (w->cast.edges[i])
            edge_free(w->cast.edges[i]);
        free(w->cast.edges[i]);
    }
    free(w->cast.muds);
    free(w->cast.aps);
    free(w->cast.edges);
    free(w->visits);
}

void world_free(struct world *w)
{
    free_cast(w);
    free_parties(w->layout.muds, w->layout.mud_count);
    free_parties(w->layout.aps, w->layout.ap_count);
    free_parties(w->layout.edges, w->layout.edge_count);
    free((void *)(uintptr_t)w->layout.host_names);
    free(w->layout.links);
    free(w->layout.next_hop);
    free(w->layout.faults);
}
