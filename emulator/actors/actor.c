#include "actor.h"

#include <stdarg.h>
#include <stdio.h>

struct simtime actor_now(const struct actor *a)
{
    return a->port->operations->now(a->port);
}

struct simtime actor_run_time(const struct actor *a)
{
    return simtime_sub(actor_now(a), a->port->origin);
}

void actor_set_alarm(struct actor *a, struct alarm *alarm, struct simtime after)
{
    a->port->operations->set_alarm(a->port, alarm, simtime_add(actor_now(a), after));
}

void actor_clear_alarm(struct actor *a, struct alarm *alarm)
{
    a->port->operations->clear_alarm(a->port, alarm);
}

static void report(struct actor *a, struct report *r)
{
    r->reporter = a->self;
    a->port->operations->report(a->port, r);
}

/* A request is the device's and a reply the edge's, whoever carries it; the rest belongs to who sends it. */
static struct party originator(const struct msg *m)
{
    if (m->type == MSG_OFFLOAD && m->offload.type == OFFLOAD_REQUEST)
        return party_mud(m->mud);
    return m->from;
}

static void report_message(struct actor *a, const struct msg *m, enum event_direction direction)
{
    char text[64];
    if (!port_wants(a->port, EVENT_MESSAGE, m->mud))
        return;
    msg_text(m, text, sizeof text);
    struct report r = REPORT_INIT;
    r.kind = EVENT_MESSAGE;
    r.direction = direction;
    r.peer = direction == EVENT_SENT ? m->to : m->from;
    r.sender = originator(m);
    r.text = text;
    r.mud = (int32_t)m->mud;
    if (m->type == MSG_OFFLOAD) {
        if (m->offload.type == OFFLOAD_REQUEST || m->offload.type == OFFLOAD_REPLY)
            r.number = (int32_t)m->offload.number;
        r.migration = (int32_t)m->offload.migration;
    }
    report(a, &r);
}

void actor_send(struct actor *a, struct msg *m)
{
    m->from = a->self;
    report_message(a, m, EVENT_SENT);
    a->port->operations->send(a->port, m);
}

void actor_send_offload(struct actor *a, struct party to, const struct offload *o)
{
    struct msg m = {.type = MSG_OFFLOAD, .to = to, .mud = o->mud, .sequence = o->sequence, .offload = *o};
    actor_send(a, &m);
}

void actor_received(struct actor *a, const struct msg *m)
{
    report_message(a, m, EVENT_RECEIVED);
}

void actor_report_transition(struct actor *a, uint32_t mud, const char *from, const char *to, const char *event)
{
    char text[160];
    if (!port_wants(a->port, EVENT_TRANSITION, mud))
        return;
    snprintf(text, sizeof text, "%s -> %s on %s", from, to, event);
    struct report r = REPORT_INIT;
    r.kind = EVENT_TRANSITION;
    r.text = text;
    r.mud = (int32_t)mud;
    report(a, &r);
}

void actor_report_unexpected(struct actor *a, uint32_t mud, const char *state, const char *event)
{
    char text[160];
    snprintf(text, sizeof text, "%s on %s", state, event);
    struct report r = REPORT_INIT;
    r.kind = EVENT_UNEXPECTED;
    r.text = text;
    r.mud = (int32_t)mud;
    a->unexpected++;
    report(a, &r);
}

void actor_note(struct actor *a, int32_t mud, int32_t migration, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct report r = REPORT_INIT;
    r.kind = EVENT_NOTE;
    r.text = text;
    r.mud = mud;
    r.migration = migration;
    report(a, &r);
}

void actor_mark(struct actor *a, uint32_t mud, uint32_t migration, struct party peer, const char *text, int64_t value)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_MARK;
    r.peer = peer;
    r.text = text;
    r.mud = (int32_t)mud;
    r.migration = (int32_t)migration;
    r.value = value;
    report(a, &r);
}
