/* Reliable control messages: each is repeated until it is settled (acknowledged, or answered by the message that it asks
 * for) or given up. Receivers are idempotent, so a repetition does no harm.
 *
 * A message is known by (type, MUD, migration); sending another of the same key to the same party replaces the first. */
#ifndef ROAMLAB_COURIER_H
#define ROAMLAB_COURIER_H

#include "actor.h"
#include "map.h"

struct courier_item;

struct courier {
    struct actor *actor;
    /* Called when a message was repeated for timeouts.control_give_up without being settled; it is already forgotten. */
    void (*gave_up)(struct courier *courier, const struct msg *m);
    struct alarm alarm;
    struct simtime alarm_at;
    struct map items;                  /* MUD → list of its items, owned */
    struct courier_item *first, *last; /* all of them, in the order in which they are repeated */
    size_t len;
};

void courier_init(struct courier *c, struct actor *actor, void (*gave_up)(struct courier *, const struct msg *));
void courier_free(struct courier *c);

/* Sends now and keeps repeating. The message must not carry a token; a payload is not kept. */
void courier_send(struct courier *c, const struct msg *m);
void courier_send_offload(struct courier *c, struct party to, const struct offload *o);

/* Forgets what `who` has settled: MOVE-notify by its msg type, an offload message by its offload type. */
void courier_settle_notify(struct courier *c, struct party who, uint32_t mud);
void courier_settle(struct courier *c, struct party who, uint8_t offload_type, uint32_t mud, uint32_t migration);
/* Forgets every message of that offload type, whoever it is for. */
void courier_drop(struct courier *c, uint8_t offload_type, uint32_t mud, uint32_t migration);

/* Is such a message, whoever it is for, not settled yet? */
bool courier_carries(const struct courier *c, uint8_t offload_type, uint32_t mud, uint32_t migration);

/* Acknowledges `m` to its sender. */
void courier_acknowledge(struct actor *actor, const struct msg *m);

#endif
