#include "judge.h"
#include "end_state.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum { QUIET_MS = 60000 }; /* no message and no timer takes so long */

/* A bug, if nobody has damaged a snapshot: the migration only fails, and is tried again. */
static bool containers_differ(const char *note)
{
    return strstr(note, "the probes of the two containers differ") ||
           strstr(note, "differs from the old one's");
}

static bool damages_snapshots(const struct scenario *s)
{
    bool damages = s->migration.strategy->gives_up & STATE_MIGRATES;
    for (int i = 0; i < s->fault_count; i++)
        damages |= s->faults[i].effect == FAULT_TRUNCATED || s->faults[i].effect == FAULT_FLIPPED;
    return damages;
}

void judge_hear(struct judge *j, const struct world_sim *ws, const struct event *event)
{
    if (event->kind == EVENT_UNEXPECTED)
        trial_complain(j->trial, "%.6f s: %s did not foresee %s", simtime_seconds(event->at), event->reporter,
                       event->text);
    if (event->kind == EVENT_CONTAINER && (!strcmp(event->text, "lost") || !strcmp(event->text, "stopped")))
        j->gone[event->mud] = true;
    if (event->kind == EVENT_CONTAINER && !j->damages && !strcmp(event->text, "live"))
        end_state_judge_live(j->trial, ws, event);
    if (event->kind == EVENT_NOTE && !j->damages && containers_differ(event->text))
        trial_complain(j->trial, "%.6f s: nothing was damaged, but %s", simtime_seconds(event->at),
                       event->text);
}

/* What is still on its way arrives. */
static void let_settle(struct world_sim *ws)
{
    loop_run_until(ws->loop, simtime_add(loop_now(ws->loop), simtime_ms(QUIET_MS)));
}

void judge_rest(struct judge *j, struct world_sim *ws)
{
    if (!world_at_rest(&ws->world))
        trial_complain(j->trial, "rest: something was still under way when the run's time was over");
    if (!ws->rests)
        return;
    let_settle(ws);
    if (!loop_idle(ws->loop) || !world_at_rest(&ws->world))
        trial_complain(j->trial, "rest: %d s after everybody was done something goes on", QUIET_MS / 1000);
}

void judge_devices(struct judge *j, const struct world_sim *ws)
{
    end_state_judge(j->trial, ws, j->gone);
}

/* --- as a witness ------------------------------------------------------------------------------------------------------------ */

static void hears(struct world_sim_witness *witness, const struct world_sim *ws, const struct event *event)
{
    judge_hear(container_of(witness, struct judge, witness), ws, event);
}

/* What is on a host that never came up again cannot be told. */
static bool everybody_is_up(const struct world *w)
{
    bool up = true;
    for (int i = 0; i < w->layout.ap_count; i++)
        up &= w->cast.aps[i] != NULL;
    for (int i = 0; i < w->layout.edge_count; i++)
        up &= w->cast.edges[i] != NULL;
    return up;
}

static void judge_removals(struct judge *j, const struct world_sim *ws)
{
    const struct edge_client *client;
    for (int i = 0; i < ws->world.layout.edge_count; i++)
        for (size_t at = 0; (client = map_next(&ws->world.cast.edges[i]->clients, &at));)
            if (client->state == EDGE_REMOVING)
                trial_complain(
                    j->trial,
                    "left behind: %s: es%d had not removed its container when the run's time was over (give it more: timeouts.drain_ms)",
                    ws->world.scenario->muds[client->mud].name, i + 1);
}

/* Of a run whose time was over before all were done, the invariants say whether that was in order; but they do not know of files. */
static void sees_the_end(struct world_sim_witness *witness, struct world_sim *ws)
{
    struct judge *j = container_of(witness, struct judge, witness);
    if (!everybody_is_up(&ws->world))
        return;
    if (!ws->rests) {
        judge_removals(j, ws);
        return;
    }
    world_sim_calm(ws);
    let_settle(ws);
    judge_devices(j, ws);
}

void judge_init(struct judge *j, struct trial *trial, const struct scenario *s)
{
    *j = (struct judge){.witness = {hears, sees_the_end},
                        .trial = trial,
                        .damages = damages_snapshots(s),
                        .gone = mem_alloc_array((size_t)s->mud_count, sizeof *j->gone)};
}

void judge_free(struct judge *j)
{
    free(j->gone);
}
