/* The device's way from visit to visit: silence while it changes access points, outages, and the request to be taken in. */
#include "mud.h"

#include <stdio.h>

/* Until its container runs, a device names the first access point that it asked, which alone begins: others may have accepted the device
 * without ever hearing of a token, and whether the first one did nobody can tell, because its answer may be lost. */
void mud_request_association(struct mud *mud)
{
    struct party first = party_ap(mud->options.visits[0].ap);
    bool begins = !mud->ready && party_equal(mud->ap, first);
    struct msg m = {.type = begins ? MSG_ASSOCIATION_REQUEST : MSG_REASSOCIATION_REQUEST,
                    .to = mud->ap,
                    .mud = mud->actor.self.index,
                    .sequence = mud->sequence};
    if (!begins)
        m.other = mud->ready ? mud->former_ap : first;
    actor_send(&mud->actor, &m);
    actor_set_alarm(&mud->actor, &mud->association, mud->actor.rules->timeouts.association_retry);
}

void mud_wait_for_next_visit(struct mud *mud)
{
    if (mud->next_visit >= mud->options.visit_count)
        return;
    const struct visit *visit = &mud->options.visits[mud->next_visit];
    if (visit->request == 0)
        actor_set_alarm(&mud->actor, &mud->move, simtime_sub(visit->at, actor_run_time(&mud->actor)));
}

static const struct visit *take_next_visit(struct mud *mud)
{
    const struct visit *visit = &mud->options.visits[mud->next_visit++];
    mud_wait_for_next_visit(mud);
    return visit;
}

static void approach(struct mud *mud, const struct visit *visit)
{
    mud->ap = party_ap(visit->ap);
    mud->sequence++;
    mud->silent_since = actor_now(&mud->actor);
}

void mud_arrive_first(struct mud *mud, const struct msg *m)
{
    (void)m;
    approach(mud, take_next_visit(mud));
}

void mud_leave(struct mud *mud, const struct msg *m)
{
    (void)m;
    const struct visit *visit = take_next_visit(mud);
    struct simtime silence = handoff_phases_sum(&visit->phases);
    approach(mud, visit);
    actor_set_alarm(&mud->actor, &mud->association,
                    silence.ns ? silence : mud->actor.rules->timeouts.handoff);
}

void mud_associate_anew(struct mud *mud, const struct msg *m)
{
    (void)m;
    mud->sequence++;
    mud->silent_since = actor_now(&mud->actor);
    actor_clear_alarm(&mud->actor, &mud->resend);
}

void mud_lose(struct mud *mud, const struct msg *m)
{
    (void)m;
    take_next_visit(mud);
    mud->ap = (struct party){0};
    mud->silent_since = actor_now(&mud->actor);
}

/* A span of silence is over. */
static void report_silence(struct mud *mud, enum event_kind kind, struct party peer, const char *text)
{
    struct report r = REPORT_INIT;
    r.kind = kind;
    r.reporter = mud->actor.self;
    r.peer = peer;
    r.text = text;
    r.mud = (int32_t)mud->actor.self.index;
    r.number = (int32_t)mud->sequence;
    r.begin = mud->silent_since;
    mud->actor.port->operations->report(mud->actor.port, &r);
}

void mud_report_outage(struct mud *mud)
{
    report_silence(mud, EVENT_OUTAGE, mud->former_ap, "no access point heard");
}

void mud_return_into_reach(struct mud *mud, const struct msg *m)
{
    mud_report_outage(mud);
    mud_leave(mud, m);
}

void mud_report_handoff(struct mud *mud, const struct msg *m)
{
    (void)m;
    const struct handoff_phases *p = &mud->options.visits[mud->next_visit - 1].phases;
    char text[120];
    if (mud->sequence == 1)
        snprintf(text, sizeof text, "first association");
    else if (handoff_phases_sum(p).ns)
        snprintf(text, sizeof text, "probe %.3f ms, authentication %.3f ms, reassociation %.3f ms",
                 simtime_to_ms(p->probe), simtime_to_ms(p->authentication), simtime_to_ms(p->reassociation));
    else
        snprintf(text, sizeof text, "silent");
    report_silence(mud, EVENT_HANDOFF, mud->ap, text);
}
