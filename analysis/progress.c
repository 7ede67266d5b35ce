#include "progress.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET_BITS = 1514 * 8 };

struct progress_device {
    struct simtime roamed;   /* when an access point accepted it last */
    int32_t migration;       /* the last that began, */
    struct simtime begun;    /* when, */
    bool roamed_since;       /* and whether it has roamed meanwhile */
    struct simtime missed;   /* what of its messages was lost last has been repeated by then */
    struct simtime hindered; /* the end of the last migration that began before the calm */
};

/* What hangs is called off some time later, what is slow begins then. */
static struct simtime end_of_fault(const struct fault *f, const struct scenario_timeouts *t)
{
    if (f->effect == FAULT_SLOW && f->to.ns != INT64_MAX)
        return simtime_add(f->to, f->delay);
    if (f->effect == FAULT_HANGS && f->to.ns != INT64_MAX)
        return simtime_add(f->to, simtime_max(t->operation, t->progress));
    if (f->effect == FAULT_CLOCK)
        return SIMTIME_ZERO; /* nothing is hindered by it */
    return fault_kind_of(f->effect) == FAULT_ON_CONTAINERS ? f->from : f->to;
}

static bool loses(const struct link_params *params)
{
    return params->loss > 0 || params->loss_model != LINK_LOSS_RANDOM;
}

/* Packets that have entered at a low rate leave at it: a queue of them is still full when the rate is back. */
static struct simtime time_to_empty(const struct link_params *params, const struct schedule *schedule)
{
    struct simtime longest = SIMTIME_ZERO;
    for (size_t i = 0; i < schedule->count; i++) {
        int64_t rate_bps = schedule->points[i].values[SCHEDULE_RATE];
        double bits =
            (double)(params->queue_packets ? params->queue_packets : LINK_QUEUE_DEFAULT) * PACKET_BITS;
        if (schedule->points[i].sets[SCHEDULE_RATE] && rate_bps)
            longest = simtime_max(longest, simtime_from_seconds(bits / (double)rate_bps));
    }
    return longest;
}

/* Nothing but a device's messages crosses it, and which of these are lost is seen. */
static bool is_air(const struct scenario *s, const struct scenario_link *link)
{
    return !s->hosts[link->between[0]].forwards || !s->hosts[link->between[1]].forwards;
}

/* Nobody says how long a transfer takes that loses packets. */
static struct simtime calm_of_link(const struct scenario *s, const struct scenario_link *link)
{
    struct simtime calm = SIMTIME_ZERO;
    for (int direction = 0; direction < 2; direction++) {
        const struct schedule *schedule = &link->schedules[direction];
        if (schedule->period.ns || (loses(&link->params[direction]) && !is_air(s, link)))
            return SIMTIME_NEVER;
        if (schedule->count)
            calm = simtime_max(calm, simtime_add(schedule->points[schedule->count - 1].at,
                                                 time_to_empty(&link->params[direction], schedule)));
    }
    return calm;
}

static bool has_lossy_air(const struct scenario *s)
{
    bool found = false;
    for (int i = 0; i < s->link_count; i++)
        found |= is_air(s, &s->links[i]) && (loses(&s->links[i].params[0]) || loses(&s->links[i].params[1]));
    return found;
}

/* What was lost has been repeated by then, by access points, edge servers and devices. */
static struct simtime time_to_repeat(const struct scenario *s)
{
    return simtime_max(s->timeouts.control_give_up, s->timeouts.rto_max);
}

static struct simtime calm_from(const struct scenario *s)
{
    struct simtime calm = SIMTIME_ZERO;
    for (int i = 0; i < s->fault_count; i++)
        calm = simtime_max(calm, end_of_fault(&s->faults[i], &s->timeouts));
    for (int i = 0; i < s->link_count; i++)
        calm = simtime_max(calm, calm_of_link(s, &s->links[i]));
    return calm.ns == INT64_MAX || calm.ns == 0 ? calm : simtime_add(calm, time_to_repeat(s));
}

void progress_init(struct progress *p, struct trial *trial, const struct scenario *s)
{
    *p = (struct progress){.trial = trial, .scenario = s, .calm = calm_from(s)};
    p->devices = mem_alloc_array((size_t)s->mud_count, sizeof *p->devices);
}

static void arrives(struct sim_watcher *watcher, const struct msg *m)
{
    (void)watcher, (void)m;
}

static void is_lost(struct sim_watcher *watcher, const struct msg *m)
{
    struct progress *p = container_of(watcher, struct progress, watcher);
    p->devices[m->mud].missed = simtime_add(loop_now(p->loop), time_to_repeat(p->scenario));
}

void progress_watch(struct progress *p, const struct world_sim *ws)
{
    if (!has_lossy_air(p->scenario))
        return; /* what a full queue drops hinders nothing for long */
    p->loop = ws->loop;
    p->watcher = (struct sim_watcher){.arrives = arrives, .lost = is_lost};
    sim_watch(ws->sim, &p->watcher);
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

/* What the migrations of the other devices carry, all at once: base image, seed or volume, and what has changed since. */
static double bits_of_others(const struct scenario *s)
{
    double each_mb = s->service.base_mb + 2 * (s->service.layer_mb + s->service.memory_mb + s->service.volume_mb);
    return (s->mud_count - 1) * each_mb * 8e6;
}

/* They fill a link for so long that a transfer need not get a byte through in time, nor the probe of a switch an answer. */
static bool is_crowded(const struct scenario *s)
{
    const struct scenario_timeouts *t = &s->timeouts;
    double patience_s = simtime_seconds(simtime_min(t->progress, simtime_scale(t->control_retry, 3)));
    for (int i = 0; i < s->link_count; i++)
        for (int direction = 0; direction < 2; direction++) {
            uint64_t rate_bps = s->links[i].params[direction].rate_bps;
            if (rate_bps && bits_of_others(s) / (double)rate_bps > patience_s)
                return true;
        }
    return false;
}

/* §6: a replay log that passes its limit or does not shrink; a container that never finishes what it was given. */
static bool may_fail_so(const struct scenario *s, int mud, int64_t status)
{
    return status == -ENOBUFS || status == -EBUSY || is_overloaded(s, mud) || (status == -ETIMEDOUT && is_crowded(s));
}

static void see_end(struct progress *p, struct progress_device *d, const struct event *event)
{
    bool failed = !strcmp(event->text, "failed"), finished = !strcmp(event->text, "finished");
    if (finished && event->migration != d->migration)
        return; /* its source hears late of the commit */
    if (event->migration != d->migration || d->begun.ns < p->calm.ns)
        d->hindered = event->at;
    else if (failed && d->missed.ns < d->begun.ns && !d->roamed_since && !may_fail_so(p->scenario, event->mud, event->value))
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

/* The source need not have begun it: what fails while it waits there for the last one's end fails at the access point alone. */
static bool failed_as_it_may(const struct progress *p, int mud, const struct ap_client *holder)
{
    return holder->judged && holder->failure && may_fail_so(p->scenario, mud, holder->failure);
}

/* Verdicts about what was hindered have arrived some time later. */
static bool could_follow(const struct progress *p, const struct progress_device *d)
{
    struct simtime hindered = simtime_max(p->calm, simtime_max(d->hindered, d->missed)),
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
    if (!party_equal(wanted, holder->anchor_edge) && !failed_as_it_may(p, mud, holder))
        trial_complain(p->trial, "progress: %s: its container stays at es%u although it should be at es%u",
                       name, holder->anchor_edge.index + 1, wanted.index + 1);
}
