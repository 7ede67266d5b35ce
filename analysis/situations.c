#include "situations.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_KEPT = 16, PARTITION_MS = 1000 };

static const char *const texts[SITUATIONS] = {
    [SITUATION_REPLY_LOST_IN_GAP] = "a reply is lost in the radio gap of a handoff",
    [SITUATION_RESEND_THROUGH_ANOTHER] = "a request is resent through another access point",
    [SITUATION_RETURN_BEFORE_TOKEN] = "a device is back before its token has left",
    [SITUATION_LATE_READY] = "READY comes after its migration was called off",
    [SITUATION_STOP_LOST] = "STOP is lost",
    [SITUATION_HEALED_AFTER_TAKEOVER] =
        "a partition heals after a takeover: STOP comes a second late or more",
    [SITUATION_NEVER_CAUGHT_UP] = "a replay never catches up",
    [SITUATION_CLOCK_JUMPED] = "a calendar clock jumps while a migration runs",
    [SITUATION_CLAIMED_IN_MIGRATION] = "a lost token is claimed while the container's migration runs",
    [SITUATION_CLAIM_MEETS_TWO] = "a claim of a lost token meets two live containers",
    [SITUATION_VOLUME_EARLY] = "a volume comes early",
    [SITUATION_VOLUME_ON_ARRIVAL] = "a volume comes to a container that waits for it",
    [SITUATION_VOLUME_BROKEN_OFF] = "a migration fails or is called off while its volume is on its way",
};

struct device {
    struct {
        uint32_t number, ap;
    } requests[REQUESTS_KEPT]; /* where each was sent last; ap 0 = none, else 1 + index */
    uint32_t stop_lost;        /* the migration whose STOP was lost, 0 = none */
    struct simtime stop_lost_at;
    uint32_t owned;     /* the claim, by its association, that an edge has answered last */
    struct party owner; /* that edge: its container is live */
    int32_t volume_of;  /* the migration whose volume is on its way, 0 = none */
};

const char *situation_text(enum situation situation)
{
    return texts[situation];
}

static void reach(struct situations *s, enum situation situation)
{
    s->reached |= 1u << situation;
}

static bool is_offload(const struct msg *m, uint8_t type)
{
    return m->type == MSG_OFFLOAD && m->offload.type == type;
}

static void see_reply(struct situations *s, const struct msg *m)
{
    const struct mud *mud = s->cast->muds[m->to.index];
    if (mud->state != MUD_ASSOCIATED || !party_equal(mud->ap, m->from))
        reach(s, SITUATION_REPLY_LOST_IN_GAP);
}

static void see_request(struct situations *s, const struct msg *m)
{
    struct device *d = &s->devices[m->mud];
    uint32_t number = m->offload.number, slot = number % REQUESTS_KEPT, ap = m->to.index + 1;
    if (d->requests[slot].ap && d->requests[slot].number == number && d->requests[slot].ap != ap)
        reach(s, SITUATION_RESEND_THROUGH_ANOTHER);
    d->requests[slot].number = number;
    d->requests[slot].ap = ap;
}

static const struct ap_client *client_at(const struct situations *s, const struct msg *m)
{
    const struct ap *ap = m->to.role == PARTY_AP ? s->cast->aps[m->to.index] : NULL;
    return ap ? map_get(&ap->clients, m->mud) : NULL;
}

static void see_reassociation(struct situations *s, const struct msg *m)
{
    const struct ap_client *client = client_at(s, m);
    if (client && client->state != AP_ABSENT && client->state != AP_MOVED && m->sequence > client->sequence)
        reach(s, SITUATION_RETURN_BEFORE_TOKEN);
}

static void see_ready(struct situations *s, const struct msg *m)
{
    const struct ap_client *client = client_at(s, m);
    if (client && m->offload.migration &&
        (!ap_migration_runs(client) || client->migration != m->offload.migration) &&
        !party_equal(client->anchor_edge, m->from))
        reach(s, SITUATION_LATE_READY);
}

static struct simtime now(const struct situations *s, const struct msg *m)
{
    const struct ap *ap = s->cast->aps[m->from.index];
    return ap ? actor_run_time(&ap->actor) : SIMTIME_ZERO;
}

static void see_stop(struct situations *s, const struct msg *m)
{
    struct device *d = &s->devices[m->mud];
    if (d->stop_lost != m->offload.migration)
        return;
    if (simtime_sub(now(s, m), d->stop_lost_at).ns >= simtime_ms(PARTITION_MS).ns)
        reach(s, SITUATION_HEALED_AFTER_TAKEOVER);
    d->stop_lost = 0;
}

static void see_claim(struct situations *s, const struct msg *m)
{
    const struct edge *edge = s->cast->edges[m->to.index];
    const struct edge_client *client = edge ? map_get(&edge->clients, m->mud) : NULL;
    if (client && migration_runs(&client->out))
        reach(s, SITUATION_CLAIMED_IN_MIGRATION);
}

static void see_owned(struct situations *s, const struct msg *m)
{
    struct device *d = &s->devices[m->mud];
    if (m->offload.status)
        return;
    if (d->owned == m->offload.sequence && !party_equal(d->owner, m->from))
        reach(s, SITUATION_CLAIM_MEETS_TWO);
    d->owned = m->offload.sequence;
    d->owner = m->from;
}

static void arrives(struct sim_watcher *watcher, const struct msg *m)
{
    struct situations *s = container_of(watcher, struct situations, watcher);
    if (m->to.role == PARTY_MUD && is_offload(m, OFFLOAD_REPLY))
        see_reply(s, m);
    else if (m->from.role == PARTY_MUD && is_offload(m, OFFLOAD_REQUEST))
        see_request(s, m);
    else if (m->type == MSG_REASSOCIATION_REQUEST)
        see_reassociation(s, m);
    else if (is_offload(m, OFFLOAD_EDGE_READY))
        see_ready(s, m);
    else if (is_offload(m, OFFLOAD_STOP))
        see_stop(s, m);
    else if (is_offload(m, OFFLOAD_CLAIM))
        see_claim(s, m);
    else if (is_offload(m, OFFLOAD_OWNED))
        see_owned(s, m);
}

static void lost(struct sim_watcher *watcher, const struct msg *m)
{
    struct situations *s = container_of(watcher, struct situations, watcher);
    struct device *d = &s->devices[m->mud];
    if (!is_offload(m, OFFLOAD_STOP) || d->stop_lost == m->offload.migration)
        return;
    reach(s, SITUATION_STOP_LOST);
    d->stop_lost = m->offload.migration;
    d->stop_lost_at = now(s, m);
}

static bool any_migration_runs(const struct situations *s)
{
    for (int i = 0; i < s->cast->layout->ap_count; i++) {
        const struct ap *ap = s->cast->aps[i];
        size_t at = 0;
        for (const struct ap_client *client; ap && (client = map_next(&ap->clients, &at));)
            if (ap_migration_runs(client))
                return true;
    }
    return false;
}

static void hear_stage(struct situations *s, const struct event *event)
{
    enum operation operation = operation_of(event->text);
    int32_t *volume_of = &s->devices[event->mud].volume_of;
    if (event->value)
        return;
    if (operation == OP_COPY_VOLUME || operation == OP_TAKE_VOLUME)
        *volume_of = event->migration;
    if (operation != OP_PUT_VOLUME)
        return;
    *volume_of = 0;
    reach(s, s->cast->layout->volume_when == VOLUME_EARLY ? SITUATION_VOLUME_EARLY : SITUATION_VOLUME_ON_ARRIVAL);
}

static void hear_end(struct situations *s, const struct event *event)
{
    if (s->devices[event->mud].volume_of == event->migration && strcmp(event->text, "finished"))
        reach(s, SITUATION_VOLUME_BROKEN_OFF);
}

static void hear_note(struct situations *s, const struct event *event)
{
    if (strstr(event->text, "the replay log"))
        reach(s, SITUATION_NEVER_CAUGHT_UP);
    if (strstr(event->text, "the calendar clock jumps") && any_migration_runs(s))
        reach(s, SITUATION_CLOCK_JUMPED);
}

void situations_hear(struct situations *s, const struct event *event)
{
    if (event->kind == EVENT_STAGE)
        hear_stage(s, event);
    else if (event->kind == EVENT_MIGRATION)
        hear_end(s, event);
    else if (event->kind == EVENT_NOTE)
        hear_note(s, event);
}

void situations_init(struct situations *s, const struct cast *cast)
{
    *s = (struct situations){.watcher = {.arrives = arrives, .lost = lost}, .cast = cast};
    s->devices = mem_alloc_array((size_t)cast->layout->mud_count, sizeof *s->devices);
}

void situations_free(struct situations *s)
{
    free(s->devices);
}
