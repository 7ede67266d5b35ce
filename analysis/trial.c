#include "trial.h"
#include "held_back.h"
#include "interrupt.h"
#include "invariants.h"
#include "judge.h"
#include "mem.h"
#include "progress.h"
#include "world_sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* All who look on. */
struct bench {
    struct trial *trial;
    const struct world_sim *ws;
    struct judge judge;
    struct invariants *invariants;
    struct situations situations;
    struct held_back held_back;
    struct progress progress;
};

void trial_complain(struct trial *trial, const char *format, ...)
{
    char text[500];
    va_list args;
    if (trial->complaint_count == TRIAL_COMPLAINTS_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trial->complaints[trial->complaint_count++] = mem_copy_string(text);
}

static void hear(struct cast *cast, const struct event *event)
{
    struct bench *bench = cast->recorder;
    struct trial *trial = bench->trial;
    trial->events++;
    invariants_add(bench->invariants, event);
    situations_hear(&bench->situations, event);
    progress_hear(&bench->progress, event);
    judge_hear(&bench->judge, bench->ws, event);
    if (trial->hear)
        trial->hear(trial, event);
}

static void judge_invariants(struct bench *bench)
{
    struct invariants_broken broken;
    invariants_finish(bench->invariants, &broken);
    for (size_t i = 0; i < broken.kept; i++)
        trial_complain(bench->trial, "%s", broken.sentences[i]);
    invariants_broken_free(&broken);
}

static void judge_progress(struct bench *bench)
{
    for (int i = 0; i < bench->ws->world.layout.mud_count; i++) {
        bool lost = invariants_declared_lost(bench->invariants, i);
        bench->trial->declared |= lost;
        progress_finish(&bench->progress, bench->ws, i, lost);
    }
}

static const char **names_of(const struct scenario *s)
{
    const char **names = mem_alloc_array((size_t)s->mud_count, sizeof *names);
    for (int i = 0; i < s->mud_count; i++)
        names[i] = s->muds[i].name;
    return names;
}

/* Nothing that is drawn takes so many: messages chase each other. */
static bool runs_away(const struct world_sim *ws)
{
    return loop_dispatched(ws->loop) > TRIAL_TIMERS_MAX || interrupt_signal();
}

void trial_run(struct trial *trial, const struct scenario *s, uint64_t seed)
{
    const char **names = names_of(s);
    struct world_sim ws;
    struct bench bench = {
        .trial = trial,
        .ws = &ws,
        .invariants = invariants_new(&(struct invariants_options){.gives_up = s->migration.strategy->gives_up,
                                                                  .names = names,
                                                                  .name_count = (size_t)s->mud_count})};
    judge_init(&bench.judge, trial, s);
    progress_init(&bench.progress, trial, s);
    world_sim_begin(&ws, s, seed, hear, &bench);
    situations_init(&bench.situations, &ws.world.cast);
    held_back_init(&bench.held_back, trial, &ws.world.cast);
    sim_watch(ws.sim, &bench.situations.watcher);
    sim_watch(ws.sim, &bench.held_back.watcher);
    progress_watch(&bench.progress, &ws);
    world_sim_play(&ws, runs_away);
    trial->end = loop_now(ws.loop);
    judge_rest(&bench.judge, &ws);
    judge_devices(&bench.judge, &ws);
    judge_progress(&bench);
    world_give_up(&ws.world);
    judge_invariants(&bench);
    trial->situations = bench.situations.reached;
    world_sim_end(&ws);
    judge_free(&bench.judge);
    situations_free(&bench.situations);
    progress_free(&bench.progress);
    invariants_free(bench.invariants);
    free(names);
}

void trial_free(struct trial *trial)
{
    for (int i = 0; i < trial->complaint_count; i++)
        free(trial->complaints[i]);
    trial->complaint_count = 0;
}
