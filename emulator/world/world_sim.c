#include "world_sim.h"
#include "interrupt.h"
#include "link_totals.h"
#include "mem.h"
#include "scenario_move.h"

#include <errno.h>
#include <stdlib.h>

enum { POLL_MS = 100 }; /* how often, in virtual time, the end of the run is looked for */

static int change_link(struct variation *base, int link, int direction, const struct link_params *params,
                       struct err *e)
{
    (void)e;
    sim_change_link(container_of(base, struct world_sim, variation)->sim, link, direction, params);
    return 0;
}

static void record_change(struct variation *base, const struct event *event)
{
    struct cast *cast = &container_of(base, struct world_sim, variation)->world.cast;
    cast->record(cast, event);
}

static void populate(struct world_sim *ws)
{
    int hosts = ws->world.layout.host_count;
    autofree struct port **ports = mem_alloc_array((size_t)hosts, sizeof *ports);
    for (int i = 0; i < hosts; i++)
        ports[i] = sim_port(ws->sim, i);
    world_populate(&ws->world, ports);
}

/* --- faults that have their moment ----------------------------------------------------------------------------------------- */

struct world_sim_fault {
    struct world_sim *ws;
    const struct fault *fault;
    struct timer begins, ends;
};

static void set_calendar(struct world_sim *ws, const struct fault *fault)
{
    autofree char *text = mem_printf("the calendar clock jumps by %+.3f s", simtime_seconds(fault->jump));
    const struct event event = event_note(loop_now(ws->loop), ws->world.layout.host_names[fault->host], text);
    sim_set_calendar(ws->sim, fault->host, fault->jump);
    ws->world.cast.record(&ws->world.cast, &event);
}

static void strike(struct timer *timer)
{
    struct world_sim_fault *f = container_of(timer, struct world_sim_fault, begins);
    const struct fault *fault = f->fault;
    if (fault->effect == FAULT_KILLED) {
        sim_kill_containers(f->ws->sim, fault->edge, fault->mud);
    } else if (fault->effect == FAULT_CLOCK) {
        set_calendar(f->ws, fault);
    } else {
        world_take_down(&f->ws->world, fault->host);
        sim_take_down(f->ws->sim, fault->host, fault->effect == FAULT_POWER_LOSS);
    }
}

/* Edges that were up already, because spans overlap, go on. */
static void come_back(struct timer *timer)
{
    struct world_sim_fault *f = container_of(timer, struct world_sim_fault, ends);
    struct world *w = &f->ws->world;
    const struct layout *l = &w->layout;
    autofree bool *up = mem_alloc_array((size_t)l->edge_count, sizeof *up);
    for (int i = 0; i < l->edge_count; i++)
        up[i] = w->cast.edges[i];
    world_bring_up(w, f->fault->host, sim_port(f->ws->sim, f->fault->host));
    for (int i = 0; i < l->edge_count; i++)
        if (!up[i] && w->cast.edges[i]) {
            sim_warm_connections(f->ws->sim, (uint32_t)i);
            sim_recover_edge(f->ws->sim, w->cast.edges[i]);
        }
}

static void plan_faults(struct world_sim *ws)
{
    const struct faults *faults = &ws->world.layout.faults;
    ws->faults = mem_alloc_array((size_t)faults->count, sizeof *ws->faults);
    for (int i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        ws->faults[i] = (struct world_sim_fault){ws, fault, {.fire = strike}, {.fire = come_back}};
        if (!fault_has_moment(fault->effect))
            continue;
        loop_arm(ws->loop, &ws->faults[i].begins, fault->from);
        if (fault_ends_actors(fault->effect))
            loop_arm(ws->loop, &ws->faults[i].ends, fault->to);
    }
}

void world_sim_calm(struct world_sim *ws)
{
    variation_stop(&ws->variation);
    for (int i = 0; i < ws->world.layout.faults.count; i++) {
        loop_cancel(ws->loop, &ws->faults[i].begins);
        loop_cancel(ws->loop, &ws->faults[i].ends);
    }
}

void world_sim_begin(struct world_sim *ws, const struct scenario *s, uint64_t seed,
                     void (*record)(struct cast *, const struct event *), void *recorder)
{
    *ws = (struct world_sim){.clock = clock_virtual(),
                             .variation = {.apply = change_link, .record = record_change}};
    ws->loop = loop_new(&ws->clock, NULL);
    world_init(&ws->world, s, seed, record, recorder);
    ws->sim = sim_new(ws->loop, &ws->world.layout, &ws->world.cast);
    sim_choose_reports(ws->sim, log_unwanted(&s->log), s->log.mode == LOG_SAMPLED ? s->log.every : 0);
    populate(ws);
    variation_start(&ws->variation, s, ws->loop, SIMTIME_ZERO, seed);
    plan_faults(ws);
    for (int i = 0; i < ws->world.layout.edge_count; i++)
        sim_warm_connections(ws->sim, (uint32_t)i);
    world_report_registries(&ws->world, -1);
    world_start(&ws->world);
}

void world_sim_play(struct world_sim *ws)
{
    const struct scenario *s = ws->world.scenario;
    struct simtime end = simtime_add(s->duration, s->timeouts.drain), now = SIMTIME_ZERO;
    while (!ws->rests && now.ns < end.ns && !loop_is_over(ws->loop)) {
        now = simtime_min(end, simtime_add(now, simtime_ms(POLL_MS)));
        loop_run_until(ws->loop, now);
        ws->rests = now.ns >= s->duration.ns && !loop_is_over(ws->loop) && world_idle(&ws->world);
    }
}

void world_sim_end(struct world_sim *ws)
{
    world_sim_calm(ws);
    free(ws->faults);
    sim_free(ws->sim);
    world_free(&ws->world);
    loop_free(ws->loop);
}

/* --- into a repository --------------------------------------------------------------------------------------------------- */

struct recorder {
    struct logrepo *repo;
    struct world_sim_witness *witness; /* NULL: nobody looks on */
    bool over;                         /* nothing more is recorded */
    struct err err;
    int status;
};

/* A run that cannot be kept is over. */
static void record(struct cast *cast, const struct event *event)
{
    const struct world_sim *ws = container_of(cast, struct world_sim, world.cast);
    struct recorder *r = cast->recorder;
    if (r->witness)
        r->witness->hears(r->witness, ws, event);
    if (r->status == 0 && !r->over)
        r->status = logrepo_add(r->repo, event, &r->err);
    if (r->status < 0)
        loop_limit(ws->loop, 0);
}

struct sim_totals {
    struct link_totals base;
    const struct sim *sim;
    struct world *world;
};

static void record_total(struct link_totals *base, const struct event *event)
{
    struct world *w = container_of(base, struct sim_totals, base)->world;
    record(&w->cast, event);
}

static bool count_link(struct link_totals *base, int link, int direction, struct link_counters *counters)
{
    *counters = sim_count_link(container_of(base, struct sim_totals, base)->sim, link, direction);
    return true;
}

static void describe_effort(struct logrepo *repo, const struct loop *loop)
{
    autofree char *text = mem_printf("%llu", (unsigned long long)loop_dispatched(loop));
    logrepo_describe(repo, "timers_fired", text, NULL);
}

int world_sim_run(struct scenario *s, uint64_t seed, struct logrepo *repo, struct world_sim_witness *witness, struct err *e)
{
    struct recorder recorder = {.repo = repo, .witness = witness};
    struct world_sim ws;
    if (scenario_move(s, seed, e) < 0)
        return -e->code;
    world_sim_begin(&ws, s, seed, record, &recorder);
    world_sim_play(&ws);
    world_give_up(&ws.world);
    struct sim_totals totals = {.base = {count_link, record_total}, .sim = ws.sim, .world = &ws.world};
    link_totals_report(&totals.base, s, loop_now(ws.loop));
    describe_effort(repo, ws.loop);
    recorder.over = true;
    if (witness && !loop_is_over(ws.loop))
        witness->sees_the_end(witness, &ws);
    world_sim_end(&ws);
    if (recorder.status < 0)
        *e = recorder.err;
    return interrupt_signal() ? err_set(e, EINTR, "interrupted") : recorder.status;
}
