/* A port that does nothing but write down: what an actor sends, delivers, orders and reports becomes a line of text to compare
 * with a row, "AP1<MOVE-notify, do freeze, container live". */
#ifndef ROAMLAB_FAKE_PORT_H
#define ROAMLAB_FAKE_PORT_H

#include "actor.h"
#include "buf.h"
#include "mem.h"
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAKE_ALARMS = 64 };

struct fake_port {
    struct port port;
    struct simtime now;
    struct buf did;     /* since fake_did() */
    bool listening;     /* false: nothing is written down */
    struct order order; /* the last one asked for */
    bool ordered;
    int unexpected;
    char note[200];   /* the last one */
    struct buf owner; /* the last record */
    struct alarm *alarms[FAKE_ALARMS];
    struct simtime due[FAKE_ALARMS];
    struct rules rules;
};

static inline struct fake_port *fake_of(struct port *port)
{
    return container_of(port, struct fake_port, port);
}

__attribute__((format(printf, 2, 3))) static inline void fake_write(struct fake_port *f, const char *format,
                                                                    ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (f->listening)
        buf_printf(&f->did, "%s%s", f->did.len ? ", " : "", text);
}

static inline struct simtime fake_now(struct port *port)
{
    return fake_of(port)->now;
}

static inline void fake_clear_alarm(struct port *port, struct alarm *alarm)
{
    for (int i = 0; i < FAKE_ALARMS; i++)
        if (fake_of(port)->alarms[i] == alarm)
            fake_of(port)->alarms[i] = NULL;
}

static inline void fake_set_alarm(struct port *port, struct alarm *alarm, struct simtime at)
{
    struct fake_port *f = fake_of(port);
    int i = 0;
    fake_clear_alarm(port, alarm);
    while (f->alarms[i])
        assert_true(++i < FAKE_ALARMS);
    f->alarms[i] = alarm;
    f->due[i] = at;
}

static inline const char *fake_name(struct party p, char out[16])
{
    static const char *const roles[] = {"nobody", "MUD", "AP", "ES"};
    snprintf(out, 16, "%s%u", roles[p.role], p.role ? p.index + 1 : 0);
    return out;
}

/* Shows what distinguishes a message from another of its kind. */
static inline void fake_send(struct port *port, const struct msg *m)
{
    char to[16], text[64], more[64] = "";
    msg_text(m, text, sizeof text);
    if (m->type == MSG_MOVE_RESPONSE && m->status)
        snprintf(more, sizeof more, " status %d%s", m->status, m->other.role ? ", other" : "");
    else if (m->type == MSG_MOVE_RESPONSE || m->type == MSG_MOVE_NOTIFY)
        snprintf(more, sizeof more, " #%u", m->sequence);
    else if (m->type == MSG_OFFLOAD && m->offload.status)
        snprintf(more, sizeof more, " status %d", m->offload.status);
    fake_write(fake_of(port), "%s<%s%s", fake_name(m->to, to), text, more);
}

static inline void fake_deliver(struct port *port, struct party edge, uint32_t container,
                                const struct offload *o)
{
    (void)edge;
    fake_write(fake_of(port), "CT%u<%s %u", container, offload_type_name(o->type), o->number);
}

static inline void fake_operate(struct port *port, const struct order *order)
{
    fake_of(port)->order = *order;
    fake_of(port)->ordered = true;
    fake_write(fake_of(port), "do %s", operation_name(order->operation));
}

static inline void fake_cancel(struct port *port, struct party edge, uint32_t mud, uint32_t migration)
{
    (void)edge, (void)mud, (void)migration;
    fake_write(fake_of(port), "cancel");
}

static inline void fake_report(struct port *port, const struct report *r)
{
    struct fake_port *f = fake_of(port);
    assert_true(r->text != NULL && r->reporter.role != PARTY_NONE);
    if (r->kind == EVENT_UNEXPECTED) {
        f->unexpected++;
        fake_write(f, "!");
    } else if (r->kind == EVENT_NOTE) {
        snprintf(f->note, sizeof f->note, "%s", r->text);
    } else if (r->kind == EVENT_CONTAINER) {
        fake_write(f, "container %s", r->text);
    } else if (r->kind == EVENT_MIGRATION) {
        fake_write(f, "migration %s", r->text);
    } else if (r->kind == EVENT_MARK) {
        fake_write(f, "%s", r->text);
    } else if (r->kind == EVENT_OUTAGE) {
        fake_write(f, "outage");
    } else if (r->kind == EVENT_HANDOFF && strncmp(r->text, "probe", 5) == 0) {
        fake_write(f, "%s", r->text);
    } else if (r->kind == EVENT_REQUEST || r->kind == EVENT_ABANDONED || r->kind == EVENT_SENT_TOTAL) {
        fake_write(f, "%s %d", r->kind == EVENT_SENT_TOTAL ? "total" : r->text, r->number);
    }
}

static inline void fake_keep_owner(struct port *port, struct party edge, const struct owner_record *record)
{
    (void)edge;
    buf_clear(&fake_of(port)->owner);
    owner_write(record, &fake_of(port)->owner);
}

static const struct port_operations fake_operations = {
    .now = fake_now,
    .set_alarm = fake_set_alarm,
    .clear_alarm = fake_clear_alarm,
    .send = fake_send,
    .deliver = fake_deliver,
    .operate = fake_operate,
    .cancel_operations = fake_cancel,
    .report = fake_report,
    .keep_owner = fake_keep_owner,
};

static inline void fake_init(struct fake_port *f, const char *strategy)
{
    *f = (struct fake_port){.port.operations = &fake_operations, .now = simtime_s(100)};
    f->rules = (struct rules){.timeouts = {.handoff = simtime_ms(60),
                                           .association_retry = simtime_ms(200),
                                           .control_retry = simtime_s(1),
                                           .control_give_up = simtime_s(20),
                                           .gate_drain = simtime_s(1),
                                           .operation = simtime_s(120),
                                           .migration_retry = simtime_s(5),
                                           .rto_min = simtime_s(1),
                                           .rto_max = simtime_s(60),
                                           .rto_initial = simtime_s(1)},
                              .strategy = strategy_of(strategy),
                              .policy = {.when = policy_of("follow"), .where = placement_of("own")},
                              .edges = 3,
                              .work = simtime_ms(5),
                              .window = 4,
                              .replay_max = 100};
}

static inline void fake_free(struct fake_port *f)
{
    buf_free(&f->did);
    buf_free(&f->owner);
}

static inline void fake_listen(struct fake_port *f)
{
    buf_clear(&f->did);
    f->listening = true;
    f->ordered = false;
}

static inline const char *fake_did(struct fake_port *f)
{
    return f->did.len ? buf_text(&f->did) : "";
}

/* Time passes; what is due rings, the earliest first. */
static inline void fake_wait(struct fake_port *f, struct simtime time)
{
    struct simtime until = simtime_add(f->now, time);
    for (;;) {
        int first = -1;
        for (int i = 0; i < FAKE_ALARMS; i++)
            if (f->alarms[i] && f->due[i].ns <= until.ns && (first < 0 || f->due[i].ns < f->due[first].ns))
                first = i;
        if (first < 0)
            break;
        struct alarm *alarm = f->alarms[first];
        f->now = simtime_max(f->now, f->due[first]);
        f->alarms[first] = NULL;
        alarm->ring(alarm);
    }
    f->now = until;
}

#endif
