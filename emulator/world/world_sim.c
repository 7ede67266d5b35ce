#include "world_sim.h"
#include "interrupt.h"
#include "link_totals.h"
#include "mem.h"
#include "scenario_move.h"
#include "sim.h"
#include "variation.h"
#include "world.h"

#include <errno.h>

enum { POLL_MS = 100 }; /* how often, in virtual time, the end of the run is looked for */

struct recorder {
    struct logrepo *repo;
    struct err err;
    int status;
};

static void record(struct cast *cast, const struct event *event)
{
    struct recorder *r = cast->recorder;
    if (r->status == 0)
        r->status = logrepo_add(r->repo, event, &r->err);
}

/* Runs on in steps until all is done, or the time for it is over. */
static void play(struct world *w, struct loop *loop, const struct recorder *r)
{
    struct simtime end = simtime_add(w->scenario->duration, w->scenario->timeouts.drain), now = SIMTIME_ZERO;
    while (r->status == 0 && !interrupt_signal() && now.ns < end.ns) {
        now = simtime_min(end, simtime_add(now, simtime_ms(POLL_MS)));
        loop_run_until(loop, now);
        if (now.ns >= w->scenario->duration.ns && world_idle(w))
            break;
    }
    world_give_up(w);
}

struct sim_variation {
    struct variation base;
    struct sim *sim;
    struct world *world;
};

static int change_link(struct variation *base, int link, int direction, const struct link_params *params,
                       struct err *e)
{
    (void)e;
    sim_change_link(container_of(base, struct sim_variation, base)->sim, link, direction, params);
    return 0;
}

static void record_change(struct variation *base, const struct event *event)
{
    struct world *w = container_of(base, struct sim_variation, base)->world;
    record(&w->cast, event);
}

struct sim_totals {
    struct link_totals base;
    const struct sim *sim;
};

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

int world_sim_run(struct scenario *s, uint64_t seed, struct logrepo *repo, struct err *e)
{
    struct clock clock = clock_virtual();
    struct loop *loop = loop_new(&clock, e);
    struct recorder recorder = {.repo = repo};
    struct world w;
    if (scenario_move(s, seed, e) < 0) {
        loop_free(loop);
        return -e->code;
    }
    world_init(&w, s, seed, record, &recorder);
    struct sim *sim = sim_new(loop, &w.layout, &w.cast);
    sim_port(sim)->unwanted = log_unwanted(&s->log);
    sim_port(sim)->wanted_every = s->log.mode == LOG_SAMPLED ? s->log.every : 0;
    world_populate(&w, sim_port(sim), WORLD_ALL_HOSTS);
    struct sim_variation variation = {
        .base = {.apply = change_link, .record = record_change}, .sim = sim, .world = &w};
    variation_start(&variation.base, s, loop, SIMTIME_ZERO, seed);
    world_start(&w);
    play(&w, loop, &recorder);
    variation_stop(&variation.base);
    struct sim_totals totals = {.base.count = count_link, .sim = sim};
    if (recorder.status == 0)
        recorder.status = link_totals_report(&totals.base, s, loop_now(loop), repo, &recorder.err);
    describe_effort(repo, loop);
    sim_free(sim);
    world_free(&w);
    loop_free(loop);
    if (recorder.status < 0)
        *e = recorder.err;
    return interrupt_signal() ? err_set(e, EINTR, "interrupted") : recorder.status;
}
