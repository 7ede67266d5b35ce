#include "courier.h"
#include "mem.h"

#include <stdlib.h>

struct courier_item {
    struct msg msg;
    struct simtime repeat_at, give_up_at;
    struct courier_item *next_of_mud, *earlier, *later;
};

static void ring(struct alarm *alarm);

void courier_init(struct courier *c, struct actor *actor, void (*gave_up)(struct courier *, const struct msg *))
{
    *c = (struct courier){.actor = actor, .gave_up = gave_up, .alarm.ring = ring};
}

void courier_free(struct courier *c)
{
    for (struct courier_item *item; (item = c->first);) {
        c->first = item->later;
        free(item);
    }
    map_free(&c->items);
    c->last = NULL;
    c->len = 0;
}

static void set_alarm_for_first(struct courier *c)
{
    struct simtime at = c->first ? c->first->repeat_at : SIMTIME_ZERO;
    if (at.ns == c->alarm_at.ns)
        return;
    c->alarm_at = at;
    if (c->first)
        actor_set_alarm(c->actor, &c->alarm, simtime_sub(at, actor_now(c->actor)));
    else
        actor_clear_alarm(c->actor, &c->alarm);
}

/* All wait equally long: whoever begins to wait is the last to be repeated. */
static void enqueue(struct courier *c, struct courier_item *item)
{
    item->repeat_at = simtime_add(actor_now(c->actor), c->actor->rules->timeouts.control_retry);
    item->earlier = c->last;
    item->later = NULL;
    *(c->last ? &c->last->later : &c->first) = item;
    c->last = item;
}

static void dequeue(struct courier *c, struct courier_item *item)
{
    *(item->earlier ? &item->earlier->later : &c->first) = item->later;
    *(item->later ? &item->later->earlier : &c->last) = item->earlier;
}

static bool same_key(const struct msg *a, enum msg_type type, uint8_t offload_type, uint32_t migration)
{
    return a->type == type &&
           (type != MSG_OFFLOAD || (a->offload.type == offload_type && a->offload.migration == migration));
}

/* Takes the item out of its device's list: `link` is what points to it. */
static void forget(struct courier *c, struct courier_item **link)
{
    struct courier_item *item = *link;
    *link = item->next_of_mud;
    dequeue(c, item);
    c->len--;
    free(item);
}

/* `who` NULL = anybody. */
static void forget_matching(struct courier *c, const struct party *who, enum msg_type type, uint8_t offload_type,
                            uint32_t mud, uint32_t migration)
{
    struct courier_item *head = map_get(&c->items, mud), **link = &head;
    while (*link)
        if (same_key(&(*link)->msg, type, offload_type, migration) && (!who || party_equal((*link)->msg.to, *who)))
            forget(c, link);
        else
            link = &(*link)->next_of_mud;
    map_set(&c->items, mud, head);
    set_alarm_for_first(c);
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

bool courier_carries(const struct courier *c, uint8_t offload_type, uint32_t mud, uint32_t migration)
{
    const struct courier_item *item = map_get(&c->items, mud);
    while (item && !same_key(&item->msg, MSG_OFFLOAD, offload_type, migration))
        item = item->next_of_mud;
    return item;
}

void courier_send(struct courier *c, const struct msg *m)
{
    forget_matching(c, &m->to, m->type, m->offload.type, m->mud, m->offload.migration);
    struct courier_item *item = mem_alloc(sizeof *item);
    item->msg = *m;
    item->give_up_at = simtime_add(actor_now(c->actor), c->actor->rules->timeouts.control_give_up);
    item->next_of_mud = map_get(&c->items, m->mud);
    map_set(&c->items, m->mud, item);
    enqueue(c, item);
    c->len++;
    set_alarm_for_first(c);
    struct msg copy = item->msg;
    actor_send(c->actor, &copy);
}

void courier_send_offload(struct courier *c, struct party to, const struct offload *o)
{
    struct msg m = {.type = MSG_OFFLOAD, .to = to, .mud = o->mud, .sequence = o->sequence, .offload = *o};
    courier_send(c, &m);
}

static void give_up(struct courier *c, struct courier_item *item)
{
    struct msg copy = item->msg;
    struct courier_item *head = map_get(&c->items, copy.mud), **link = &head;
    while (*link != item)
        link = &(*link)->next_of_mud;
    forget(c, link);
    map_set(&c->items, copy.mud, head);
    c->gave_up(c, &copy);
}

static void repeat(struct courier *c, struct courier_item *item)
{
    struct msg copy = item->msg;
    dequeue(c, item);
    enqueue(c, item);
    actor_send(c->actor, &copy);
}

/* One item at a time, looked up anew: sending and giving up may change the list. */
static void ring(struct alarm *alarm)
{
    struct courier *c = container_of(alarm, struct courier, alarm);
    struct simtime now = actor_now(c->actor);
    c->alarm_at = SIMTIME_ZERO;
    while (c->first && c->first->repeat_at.ns <= now.ns) {
        if (c->first->give_up_at.ns <= now.ns)
            give_up(c, c->first);
        else
            repeat(c, c->first);
    }
    set_alarm_for_first(c);
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
