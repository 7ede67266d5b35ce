#include "world.h"
#include "buf.h"
#include "mem.h"
#include "world_layout.h"

#include <stdlib.h>

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
        .work = s->service.work,
        .hold_max = s->migration.hold_max,
        .window = world_layout_window(s),
        .replay_max = s->migration.replay_max,
        .command_log_max = s->migration.command_log_max,
        .snapshot_every = s->migration.snapshot_every,
        .edges = (uint32_t)s->edge_count,
        .retries = s->migration.retries,
        .supervision = s->supervision,
    };
    bool *lacks = mem_alloc_array((size_t)s->edge_count, sizeof *lacks);
    for (int i = 0; i < s->edge_count; i++)
        lacks[i] = !s->edges[i].has_base;
    r->lacks_base = lacks;
}

static void fill_reach(struct world *w)
{
    const struct layout *l = &w->layout;
    w->reach = mem_alloc_array((size_t)l->host_count * (size_t)l->edge_count, sizeof *w->reach);
    for (int host = 0; host < l->host_count; host++)
        for (int i = 0; i < l->edge_count; i++) {
            int at = l->edges[i].host;
            w->reach[host * l->edge_count + i] = host == at || l->next_hop[host * l->host_count + at] >= 0;
        }
    w->rules.reach = w->reach;
}

void world_init(struct world *w, const struct scenario *s, uint64_t seed,
                void (*record)(struct cast *, const struct event *), void *recorder)
{
    *w = (struct world){.scenario = s};
    world_layout_init(&w->layout, s, seed);
    fill_rules(&w->rules, s);
    fill_reach(w);
    surroundings_init(&w->around, s, &w->layout, &w->rules.policy);
    w->cast = (struct cast){.muds = mem_alloc_array((size_t)s->mud_count, sizeof(struct mud *)),
                            .aps = mem_alloc_array((size_t)s->ap_count, sizeof(struct ap *)),
                            .edges = mem_alloc_array((size_t)s->edge_count, sizeof(struct edge *)),
                            .layout = &w->layout,
                            .strategy_name = s->migration.strategy->name,
                            .record = record,
                            .recorder = recorder};
}

/* --- the cast --- */

static void populate_mud(struct world *w, struct port *port, int i)
{
    const struct scenario_mud *m = &w->scenario->muds[i];
    struct mud_options options = {
        .period = simtime_from_seconds(1.0 / m->requests_per_s),
        .request_bytes = m->request_bytes,
        .window = m->window,
        .until = w->scenario->duration,
        .visits = m->visits,
        .visit_count = m->visit_count,
        .history = w->layout.history,
    };
    w->cast.muds[i] = mem_alloc(sizeof *w->cast.muds[i]);
    mud_init(w->cast.muds[i], port, &w->rules, (uint32_t)i, &options);
}

static void populate_ap(struct world *w, struct port *port, int i)
{
    const struct scenario_ap *a = &w->scenario->aps[i];
    struct ap *ap = w->cast.aps[i] = mem_alloc(sizeof *ap);
    ap_init(ap, port, &w->rules, (uint32_t)i, (uint32_t)a->edge);
    ap->host = (uint32_t)a->host;
    ap->x_m = a->x_m;
    ap->y_m = a->y_m;
    ap->sites = w->around.sites[a->host];
}

static void populate_edge(struct world *w, struct port *port, int i)
{
    w->cast.edges[i] = mem_alloc(sizeof *w->cast.edges[i]);
    edge_init(w->cast.edges[i], port, &w->rules, (uint32_t)i);
}

void world_populate(struct world *w, struct port *const *ports)
{
    const struct layout *l = &w->layout;
    for (int i = 0; i < l->mud_count; i++)
        if (ports[l->muds[i].host])
            populate_mud(w, ports[l->muds[i].host], i);
    for (int i = 0; i < l->ap_count; i++)
        if (ports[l->aps[i].host])
            populate_ap(w, ports[l->aps[i].host], i);
    for (int i = 0; i < l->edge_count; i++)
        if (ports[l->edges[i].host])
            populate_edge(w, ports[l->edges[i].host], i);
}

static void free_ap(struct world *w, int i)
{
    if (w->cast.aps[i])
        ap_free(w->cast.aps[i]);
    free(w->cast.aps[i]);
    w->cast.aps[i] = NULL;
}

static void free_edge(struct world *w, int i)
{
    if (w->cast.edges[i])
        edge_free(w->cast.edges[i]);
    free(w->cast.edges[i]);
    w->cast.edges[i] = NULL;
}

void world_take_down(struct world *w, int host)
{
    const struct layout *l = &w->layout;
    for (int i = 0; i < l->ap_count; i++)
        if (l->aps[i].host == host && w->cast.aps[i]) {
            ap_silence(w->cast.aps[i]);
            free_ap(w, i);
        }
    for (int i = 0; i < l->edge_count; i++)
        if (l->edges[i].host == host && w->cast.edges[i]) {
            edge_silence(w->cast.edges[i]);
            free_edge(w, i);
        }
}

void world_bring_up(struct world *w, int host, struct port *port)
{
    const struct layout *l = &w->layout;
    for (int i = 0; i < l->ap_count; i++)
        if (l->aps[i].host == host && !w->cast.aps[i]) {
            populate_ap(w, port, i);
            w->cast.aps[i]->restarted = true;
        }
    for (int i = 0; i < l->edge_count; i++)
        if (l->edges[i].host == host && !w->cast.edges[i]) {
            populate_edge(w, port, i);
            edge_start(w->cast.edges[i]);
        }
}

void world_start(struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++)
        if (w->cast.muds[i])
            mud_start(w->cast.muds[i]);
    for (int i = 0; i < w->layout.edge_count; i++)
        if (w->cast.edges[i])
            edge_start(w->cast.edges[i]);
}

static void report_registry(struct world *w, const struct scenario_registry *r)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "registry %s holds%s", r->name, r->image_count ? "" : " nothing");
    for (int i = 0; i < r->image_count; i++)
        buf_printf(&text, "%s %s", i ? "," : "", r->images[i]);
    const struct event event = event_note(SIMTIME_ZERO, w->layout.host_names[r->host], buf_text(&text));
    w->cast.record(&w->cast, &event);
    buf_free(&text);
}

void world_report_registries(struct world *w, int host)
{
    const struct scenario *s = w->scenario;
    for (int i = 0; i < s->registry_count; i++)
        if (host < 0 || s->registries[i].host == host)
            report_registry(w, &s->registries[i]);
}

bool world_idle(const struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++)
        if (w->cast.muds[i] && w->cast.muds[i]->state != MUD_FINISHED)
            return false;
    return world_at_rest(w);
}

bool world_at_rest(const struct world *w)
{
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

static void free_cast(struct world *w)
{
    for (int i = 0; i < w->layout.mud_count; i++) {
        if (w->cast.muds[i])
            mud_free(w->cast.muds[i]);
        free(w->cast.muds[i]);
    }
    for (int i = 0; i < w->layout.ap_count; i++)
        free_ap(w, i);
    for (int i = 0; i < w->layout.edge_count; i++)
        free_edge(w, i);
    free(w->cast.muds);
    free(w->cast.aps);
    free(w->cast.edges);
}

void world_free(struct world *w)
{
    free_cast(w);
    free(w->reach);
    surroundings_free(&w->around);
    free((void *)(uintptr_t)w->rules.lacks_base);
    world_layout_free(&w->layout);
}
