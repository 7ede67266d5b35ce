#include "progress.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct progress_device {
    struct simtime roamed;   /* when an access point accepted it last */
    int32_t migration;       /* the last that began, */
    struct simtime begun;    /* when, */
    bool roamed_since;       /* and whether it has roamed meanwhile */
    struct simtime hindered; /* the end of the last migration that began before the calm */
    bool failed;             /* the last one, as it may */
};

static struct simtime end_of_fault(const struct fault *f)
{
    return fault_kind_of(f->effect) == FAULT_ON_CONTAINERS ? f->from : f->to;
}

static bool loses(const struct link_params *params)
{
    return params->loss > 0 || params->loss_model != LINK_LOSS_RANDOM;
}

static struct simtime calm_of_link(const struct scenario_link *link)
{
    struct simtime calm = SIMTIME_ZERO;
    for (int direction = 0; direction < 2; direction++) {
        const struct schedule *schedule = &link->schedules[direction];
        if (schedule->period.ns || loses(&link->params[direction]))
            return SIMTIME_NEVER;
        if (schedule->count)
            calm = simtime_max(calm, schedule->points[schedule->count - 1].at);
    }
    return calm;
}

/* What was lost before has been repeated by then. */
static struct simtime calm_from(const struct scenario *s)
{
    struct simtime calm = SIMTIME_ZERO;
    for (int i = 0; i < s->fault_count; i++)
        calm = simtime_max(calm, end_of_fault(&s->faults[i]));
    for (int i = 0; i < s->link_count; i++)
        calm = simtime_max(calm, calm_of_link(&s->links[i]));
    return calm.ns == INT64_MAX || calm.ns == 0 ? calm : simtime_add(calm, s->timeouts.control_give_up);
}

void progress_init(struct progress *p, struct trial *trial, const struct scenario *s)
{
    *p = (struct progress){.trial = trial, .scenario = s, .calm = calm_from(s)};
    p->devices = mem_alloc_array((size_t)s->mud_count, sizeof *p->devices);
}

void progress_free(struct progress *p)
{
    free(p->devices);
}

/* The container cannot keep up with the device, so that nothing can catch up with the container. */
static bool is_overloaded(const struct scenario *s, int mud)
{
    return s->muds[mud].requests_per_s * simtime_seconds(s->service.work) > 0.7;
}

/* §6: a replay log that passes its limit or does not shrink; a container that never finishes what it was given. */
static bool may_fail_so(int64_t status)
{
    return status == -ENOBUFS || status == -EBUSY;
}

static void see_end(struct progress *p, struct progress_device *d, const struct event *event)
{
    if (event->migration != d->migration || d->begun.ns < p->calm.ns) {
        d->hindered = event->at;
        return;
    }
    if (d->roamed_since)
        return;
    d->failed = !strcmp(event->text, "failed");
    if (d->failed && !is_overloaded(p->scenario, event->mud) && !may_fail_so(event->value))
        trial_complain(
            p->trial,
            "progress: %s: migration %d began at %.6f s, when nothing hindered it, and failed at %.6f s",
            p->scenario->muds[event->mud].name, event->migration, simtime_seconds(d->begun),
            simtime_seconds(event->at));
}

void progress_hear(struct progress *p, const struct event *event)
{
    if (event->mud < 0)
        return;
    struct progress_device *d = &p->devices[event->mud];
    if (event->kind == EVENT_HANDOFF) {
        d->roamed = event->at;
        d->roamed_since = true;
        d->failed = false;
    } else if (event->kind == EVENT_MARK && !strcmp(event->text, "migr begins")) {
        d->begun = event->at;
        d->migration = event->migration;
        d->roamed_since = false;
    } else if (event->kind == EVENT_MIGRATION) {
        see_end(p, d, event);
    }
}

static const struct ap_client *holder_of(const struct world_sim *ws, const struct mud *mud)
{
    const struct ap *ap = mud->former_ap.role == PARTY_AP ? ws->world.cast.aps[mud->former_ap.index] : NULL;
    const struct ap_client *client = ap ? map_get(&ap->clients, mud->actor.self.index) : NULL;
    return client && client->state == AP_SERVING ? client : NULL;
}

/* Verdicts about what was hindered have arrived some time later. */
static bool could_follow(const struct progress *p, const struct progress_device *d)
{
    struct simtime hindered = simtime_max(p->calm, d->hindered),
                   settle = p->scenario->timeouts.control_give_up;
    return p->calm.ns != INT64_MAX && d->roamed.ns > simtime_add(hindered, settle).ns;
}

void progress_finish(struct progress *p, const struct world_sim *ws, int mud, bool lost)
{
    const struct progress_device *d = &p->devices[mud];
    const char *name = p->scenario->muds[mud].name;
    const struct ap_client *holder = holder_of(ws, ws->world.cast.muds[mud]);
    if (!holder || lost || !ws->world.rules.strategy->migrates || !could_follow(p, d))
        return;
    struct party wanted = ap_choose_edge(holder);
    if (!party_equal(wanted, holder->anchor_edge) && !d->failed)
        trial_complain(p->trial, "progress: %s: its container stays at es%u although it should be at es%u",
                       name, holder->anchor_edge.index + 1, wanted.index + 1);
}
