#include "courier.h"
#include "mem.h"

#include <stdlib.h>

struct courier_item {
    struct msg msg;
    struct simtime repeat_at, give_up_at;
};

static void ring(struct alarm *alarm);

void courier_init(struct courier *c, struct actor *actor, void (*gave_up)(struct courier *, const struct msg *))
{
    *c = (struct courier){.actor = actor, .gave_up = gave_up, .alarm.ring = ring};
}

void courier_free(struct courier *c)
{
    free(c->items);
    c->items = NULL;
    c->len = c->capacity = 0;
}

static void set_alarm_for_earliest(struct courier *c)
{
    if (!c->len) {
        actor_clear_alarm(c->actor, &c->alarm);
        return;
    }
    struct simtime earliest = SIMTIME_NEVER;
    for (size_t i = 0; i < c->len; i++)
        earliest = simtime_min(earliest, c->items[i].repeat_at);
    actor_set_alarm(c->actor, &c->alarm, simtime_sub(earliest, actor_now(c->actor)));
}

static bool same_key(const struct msg *a, enum msg_type type, uint8_t offload_type, uint32_t mud, uint32_t migration)
{
    return a->type == type && a->mud == mud &&
           (type != MSG_OFFLOAD || (a->offload.type == offload_type && a->offload.migration == migration));
}

static void forget(struct courier *c, size_t i)
{
    for (; i + 1 < c->len; i++)
        c->items[i] = c->items[i + 1];
    c->len--;
}

/* `who` NULL = anybody. */
static void forget_matching(struct courier *c, const struct party *who, enum msg_type type, uint8_t offload_type,
                            uint32_t mud, uint32_t migration)
{
    for (size_t i = c->len; i-- > 0;)
        if (same_key(&c->items[i].msg, type, offload_type, mud, migration) &&
            (!who || party_equal(c->items[i].msg.to, *who)))
            forget(c, i);
    set_alarm_for_earliest(c);
}

void courier_settle_notify(struct courier *c, struct party who, uint32_t mud)
{
    forget_matching(c, &who, MSG_MOVE_NOTIFY, 0, mud, 0);
}

void courier_settle(struct courier *c, struct party who, uint8_t offload_type, uint32_t mud, uint32_t migration)
{
    forget_matching(c, &who, MSG_OFFLOAD, offload_type, mud, migration);
}

void courier_drop(struct courier *c, uint8_t offload_type, uint32_t mud, uint32_t migration)
{
    forget_matching(c, NULL, MSG_OFFLOAD, offload_type, mud, migration);
}

void courier_send(struct courier *c, const struct msg *m)
{
    forget_matching(c, &m->to, m->type, m->offload.type, m->mud, m->offload.migration);
    if (c->len == c->capacity) {
        c->capacity = c->capacity ? 2 * c->capacity : 4;
        c->items = mem_resize(c->items, c->capacity * sizeof *c->items);
    }
    struct simtime now = actor_now(c->actor);
    const struct timeouts *t = &c->actor->rules->timeouts;
    c->items[c->len] = (struct courier_item){*m, simtime_add(now, t->control_retry), simtime_add(now, t->control_give_up)};
    struct msg copy = c->items[c->len++].msg;
    set_alarm_for_earliest(c);
    actor_send(c->actor, &copy);
}

void courier_send_offload(struct courier *c, struct party to, const struct offload *o)
{
    struct msg m = {.type = MSG_OFFLOAD, .to = to, .mud = o->mud, .sequence = o->sequence, .offload = *o};
    courier_send(c, &m);
}

/* One item at a time, looked up anew: sending and giving up may change the list. */
static struct courier_item *due_item(struct courier *c, struct simtime now)
{
    for (size_t i = 0; i < c->len; i++)
        if (c->items[i].repeat_at.ns <= now.ns)
            return &c->items[i];
    return NULL;
}

static void ring(struct alarm *alarm)
{
    struct courier *c = container_of(alarm, struct courier, alarm);
    struct simtime now = actor_now(c->actor);
    struct courier_item *item;
    while ((item = due_item(c, now))) {
        struct msg copy = item->msg;
        if (item->give_up_at.ns <= now.ns) {
            forget(c, (size_t)(item - c->items));
            c->gave_up(c, &copy);
            continue;
        }
        item->repeat_at = simtime_add(now, c->actor->rules->timeouts.control_retry);
        actor_send(c->actor, &copy);
    }
    set_alarm_for_earliest(c);
}

void courier_acknowledge(struct actor *actor, const struct msg *m)
{
    struct offload ack = {.type = OFFLOAD_ACK,
                          .acked = m->offload.type,
                          .mud = m->mud,
                          .sequence = m->offload.sequence,
                          .migration = m->offload.migration,
                          .number = m->offload.number};
    actor_send_offload(actor, m->from, &ack);
}
