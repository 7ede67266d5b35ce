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

struct onlookers {
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
    struct onlookers *all = cast->recorder;
    struct trial *trial = all->trial;
    trial->events++;
    invariants_add(all->invariants, event);
    situations_hear(&all->situations, event);
    progress_hear(&all->progress, event);
    judge_hear(&all->judge, all->ws, event);
    if (trial->hear)
        trial->hear(trial, event);
}

static void judge_invariants(struct onlookers *all)
{
    struct invariants_broken broken;
    invariants_finish(all->invariants, &broken);
    for (size_t i = 0; i < broken.kept; i++)
        trial_complain(all->trial, "%s", broken.sentences[i]);
    invariants_broken_free(&broken);
}

/* Nothing but this, and damage, makes the loss of a container one that may be declared. */
static bool destroys_containers(const struct scenario *s)
{
    bool destroys = s->migration.strategy->gives_up & SOURCE_SURVIVES;
    for (int i = 0; i < s->fault_count; i++)
        destroys |= s->faults[i].effect == FAULT_KILLED || s->faults[i].effect == FAULT_POWER_LOSS;
    return destroys;
}

static void judge_losses(struct onlookers *all)
{
    const struct scenario *s = all->ws->world.scenario;
    for (int i = 0; i < s->mud_count; i++) {
        const char *lost = invariants_declared_lost(all->invariants, i);
        all->trial->declared |= lost != NULL;
        if (lost && !all->judge.damages && !destroys_containers(s))
            trial_complain(all->trial, "%s, but nothing destroyed it", lost);
    }
}

static void judge_progress(struct onlookers *all)
{
    for (int i = 0; i < all->ws->world.layout.mud_count; i++) {
        bool lost = invariants_declared_lost(all->invariants, i);
        progress_finish(&all->progress, all->ws, i, lost);
    }
}

/* Nothing that is drawn takes so many timers: messages chase each other. In the middle it says nothing. */
static void judge_end(struct trial *trial, const struct loop *loop)
{
    if (interrupt_signal())
        trial_free(trial);
    else if (loop_is_over(loop))
        trial_complain(trial, "rest: after %d timers there was no end", TRIAL_TIMERS_MAX);
}

void trial_run(struct trial *trial, const struct scenario *s, uint64_t seed)
{
    struct world_sim ws;
    struct onlookers all = {.trial = trial, .ws = &ws, .invariants = invariants_new(s)};
    judge_init(&all.judge, trial, s);
    progress_init(&all.progress, trial, s);
    world_sim_begin(&ws, s, seed, hear, &all);
    situations_init(&all.situations, &ws.world.cast);
    held_back_init(&all.held_back, trial, &ws.world.cast);
    loop_limit(ws.loop, TRIAL_TIMERS_MAX);
    sim_watch(ws.sim, &all.situations.watcher);
    sim_watch(ws.sim, &all.held_back.watcher);
    progress_watch(&all.progress, &ws);
    world_sim_play(&ws);
    trial->end = loop_now(ws.loop);
    judge_rest(&all.judge, &ws);
    judge_devices(&all.judge, &ws);
    judge_losses(&all);
    judge_progress(&all);
    world_give_up(&ws.world);
    judge_invariants(&all);
    judge_end(trial, ws.loop);
    trial->situations = all.situations.reached;
    world_sim_end(&ws);
    judge_free(&all.judge);
    situations_free(&all.situations);
    progress_free(&all.progress);
    invariants_free(all.invariants);
}

void trial_free(struct trial *trial)
{
    for (int i = 0; i < trial->complaint_count; i++)
        free(trial->complaints[i]);
    trial->complaint_count = 0;
}
