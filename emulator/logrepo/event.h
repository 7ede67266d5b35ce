/* One event of a run, as the central repository (Kim22's LogRepo) keeps it. Every role reports through this struct;
 * the stores (SQLite, text) and the metrics know nothing else. */
#ifndef ROAMLAB_EVENT_H
#define ROAMLAB_EVENT_H

#include "simtime.h"

#include <stdint.h>

enum event_kind {
    EVENT_MESSAGE,    /* a message sent or received: Kim22's log line. text = message ("SVCQ 12"), peer, sender */
    EVENT_MARK,       /* "migr begins", "migr finished": a line without direction. text, peer */
    EVENT_TRANSITION, /* an actor's state changed: text = "OLD -> NEW on EVENT" */
    EVENT_UNEXPECTED, /* an actor had no cell for an event: text = "STATE on EVENT" */
    EVENT_REQUEST,    /* reported by the MUD when answered: number, begin = first sent, at = answered, value = times sent; text = "ok" or what is wrong with the digest */
    EVENT_EXECUTED,   /* reported by the edge: its live container executed `number` for the first time in this lineage; value = container's migration id */
    EVENT_CONTAINER,  /* reported by the edge: text = "live", "standby", "halted" (cold: stopped, kept) or "gone"; migration = the one that brought it (0 = fresh) */
    EVENT_STAGE,      /* a migration's stage ended: text = stage's name, begin, bytes, value = 0 or -errno */
    EVENT_MIGRATION,  /* a migration ended: text = "finished", "failed", "superseded"; begin = "migr begins"; peer = "FROM TO" edges; sender = strategy; value = requests replayed */
    EVENT_SENT_TOTAL, /* reported by the MUD at the end: number = requests sent, value = answered */
    EVENT_NOTE,       /* anything a reader should know: text */
    EVENT_KINDS
};

enum event_direction { EVENT_NONE, EVENT_SENT, EVENT_RECEIVED };

struct event {
    struct simtime at;     /* the run's time */
    enum event_kind kind;
    enum event_direction direction;
    const char *reporter;  /* "AP-1", "ES-1", "USER" (one MUD) or "USER-m2"; never NULL */
    const char *peer;      /* a name when sent, an IPv4 address when received, or "" */
    const char *sender;    /* whose message it is, or "" */
    const char *text;      /* never NULL */
    int32_t mud;           /* index, or -1 */
    int32_t number;        /* request number, or -1 */
    int32_t migration;     /* per MUD from 1, or -1 */
    struct simtime begin;  /* of spans: REQUEST, STAGE, MIGRATION */
    int64_t bytes;         /* STAGE: bytes moved */
    int64_t value;         /* see the kind */
};

const char *event_kind_name(enum event_kind kind); /* "message", "transition", … */
/* The kind of that name, or EVENT_KINDS. */
enum event_kind event_kind_of(const char *name);

#endif
