#include "trial.h"
#include "end_state.h"
#include "held_back.h"
#include "interrupt.h"
#include "invariants.h"
#include "mem.h"
#include "progress.h"
#include "world_sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { QUIET_MS = 60000 }; /* no message and no timer takes so long */

struct judge {
    struct trial *trial;
    const struct world_sim *ws;
    struct invariants *invariants;
    struct situations situations;
    struct held_back held_back;
    struct progress progress;
    bool damages;
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

/* A bug, if nobody has damaged a snapshot: the migration only fails, and is tried again. */
static bool containers_differ(const char *note)
{
    return strstr(note, "the probes of the two containers differ") || strstr(note, "differs from the old one's");
}

static bool damages_snapshots(const struct scenario *s)
{
    bool damages = s->migration.strategy->gives_up & STATE_MIGRATES;
    for (int i = 0; i < s->fault_count; i++)
        damages |= s->faults[i].effect == FAULT_TRUNCATED || s->faults[i].effect == FAULT_FLIPPED;
    return damages;
}

static void hear(struct cast *cast, const struct event *event)
{
    struct judge *judge = cast->recorder;
    struct trial *trial = judge->trial;
    trial->events++;
    invariants_add(judge->invariants, event);
    situations_hear(&judge->situations, event);
    progress_hear(&judge->progress, event);
    if (event->kind == EVENT_UNEXPECTED)
        trial_complain(trial, "%.6f s: %s did not foresee %s", simtime_seconds(event->at), event->reporter,
                       event->text);
    if (event->kind == EVENT_CONTAINER && !judge->damages && !strcmp(event->text, "live"))
        end_state_judge_live(trial, judge->ws, event);
    if (event->kind == EVENT_NOTE && !judge->damages && containers_differ(event->text))
        trial_complain(trial, "%.6f s: nothing was damaged, but %s", simtime_seconds(event->at), event->text);
    if (trial->hear)
        trial->hear(trial, event);
}

static void judge_invariants(struct judge *judge)
{
    struct invariants_broken broken;
    invariants_finish(judge->invariants, &broken);
    for (size_t i = 0; i < broken.kept; i++)
        trial_complain(judge->trial, "%s", broken.sentences[i]);
    invariants_broken_free(&broken);
}

static void judge_devices(struct judge *judge, const struct world_sim *ws)
{
    for (int i = 0; i < ws->world.layout.mud_count; i++) {
        bool lost = invariants_declared_lost(judge->invariants, i);
        judge->trial->declared |= lost;
        end_state_judge(judge->trial, ws, i, lost);
        progress_finish(&judge->progress, ws, i, lost);
    }
}

/* What is still on its way arrives; nothing follows from it for ever. */
static void come_to_rest(struct trial *trial, struct world_sim *ws)
{
    struct simtime end = simtime_add(loop_now(ws->loop), simtime_ms(QUIET_MS));
    if (!world_at_rest(&ws->world))
        trial_complain(trial, "rest: something was still under way when the run's time was over");
    if (!ws->rests)
        return;
    loop_run_until(ws->loop, end);
    if (!loop_idle(ws->loop) || !world_at_rest(&ws->world))
        trial_complain(trial, "rest: %d s after everybody was done something goes on", QUIET_MS / 1000);
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
    struct judge judge = {
        .trial = trial,
        .ws = &ws,
        .damages = damages_snapshots(s),
        .invariants = invariants_new(&(struct invariants_options){.gives_up = s->migration.strategy->gives_up,
                                                                  .names = names,
                                                                  .name_count = (size_t)s->mud_count})};
    progress_init(&judge.progress, trial, s);
    world_sim_begin(&ws, s, seed, hear, &judge);
    situations_init(&judge.situations, &ws.world.cast);
    held_back_init(&judge.held_back, trial, &ws.world.cast);
    sim_watch(ws.sim, &judge.situations.watcher);
    sim_watch(ws.sim, &judge.held_back.watcher);
    progress_watch(&judge.progress, &ws);
    world_sim_play(&ws, runs_away);
    trial->end = loop_now(ws.loop);
    come_to_rest(trial, &ws);
    judge_devices(&judge, &ws);
    world_give_up(&ws.world);
    judge_invariants(&judge);
    trial->situations = judge.situations.reached;
    world_sim_end(&ws);
    situations_free(&judge.situations);
    progress_free(&judge.progress);
    invariants_free(judge.invariants);
    free(names);
}

void trial_free(struct trial *trial)
{
    for (int i = 0; i < trial->complaint_count; i++)
        free(trial->complaints[i]);
    trial->complaint_count = 0;
}
