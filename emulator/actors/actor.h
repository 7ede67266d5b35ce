/* What all actors share: who they are, how they speak, and how they account for what happens to them.
 *
 * Every actor is a table [STATE][EVENT] of {handler, next state}: an event runs the handler, then (next ≥ 0) enters the
 * next state through the actor's one gate, which reports the transition. A cell without handler and next is an event that nobody
 * foresaw in that state: it is reported and counted, never dropped in silence. */
#ifndef ROAMLAB_ACTOR_H
#define ROAMLAB_ACTOR_H

#include "policy.h"
#include "port.h"
#include "supervision.h"

/* The protocol's waits and limits; the scenario fills them (timeouts.*, migration.*). */
struct timeouts {
    struct simtime handoff;           /* the device hears nothing while it changes APs */
    struct simtime association_retry;
    struct simtime control_retry;     /* a control message without acknowledgement is repeated */
    struct simtime control_give_up;   /* … and given up */
    struct simtime gate_drain;        /* delivered requests may finish before the freeze */
    struct simtime operation;         /* a container operation without result has failed */
    struct simtime migration_retry;   /* after a failed migration */
    struct simtime rto_min, rto_max, rto_initial; /* RFC 6298 */
};

struct rules {
    struct timeouts timeouts;
    const struct strategy *strategy;
    struct policy_rules policy;
    struct simtime work;     /* computing time of one request */
    struct simtime hold_max; /* 0 = two round trips + 10 × work */
    uint32_t window;         /* requests a MUD may have unanswered; also the service's reply cache */
    uint32_t replay_max, command_log_max;
    uint32_t snapshot_every; /* executed requests; 0 = never */
    uint32_t edges;          /* how many there are */
    const bool *reach;       /* [host * edges + edge]: there is a path; NULL = everywhere */
    uint32_t retries;        /* after failed migrations, per handoff */
    struct supervision supervision;
    const bool *lacks_base;  /* by edge server: the service's image is not there at the start; NULL = it is everywhere */
};

struct actor {
    struct port *port;
    const struct rules *rules; /* shared by all actors of a run */
    struct party self;
    uint64_t unexpected;       /* events without a cell */
};

enum { STAY = -1 };

static inline struct party party_mud(uint32_t index)
{
    return (struct party){.role = PARTY_MUD, .index = index};
}

static inline struct party party_ap(uint32_t index)
{
    return (struct party){.role = PARTY_AP, .index = index};
}

static inline struct party party_edge(uint32_t index)
{
    return (struct party){.role = PARTY_EDGE, .index = index};
}

static inline bool party_equal(struct party a, struct party b)
{
    return a.role == b.role && a.index == b.index;
}

/* By the host's own clock: for how long something takes. No other host can make anything of it, nor this one after a restart. */
struct simtime actor_now(const struct actor *a);
/* Since the run began, as far as this host's clock knows: what a scenario says about time counts from there. */
struct simtime actor_run_time(const struct actor *a);
void actor_set_alarm(struct actor *a, struct alarm *alarm, struct simtime after);
void actor_clear_alarm(struct actor *a, struct alarm *alarm);

/* Sends and reports "sent". `m->from` is filled in. */
void actor_send(struct actor *a, struct msg *m);
/* The same for an offload message. */
void actor_send_offload(struct actor *a, struct party to, const struct offload *o);
/* Reports "recvd"; every receive function calls it first. */
void actor_received(struct actor *a, const struct msg *m);

void actor_report_transition(struct actor *a, uint32_t mud, const char *from, const char *to, const char *event);
void actor_report_unexpected(struct actor *a, uint32_t mud, const char *state, const char *event);
void actor_note(struct actor *a, int32_t mud, int32_t migration, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* `value` as in EVENT_MARK. */
void actor_mark(struct actor *a, uint32_t mud, uint32_t migration, struct party peer, const char *text, int64_t value);

#endif
