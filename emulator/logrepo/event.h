/* One event of a run, as the central repository (Kim22's LogRepo) keeps it. Every role reports through this
 * struct; the stores (SQLite, text) and the metrics know nothing else. */
#ifndef ROAMLAB_EVENT_H
#define ROAMLAB_EVENT_H

#include "event_kind.h"
#include "simtime.h"

#include <stdint.h>

struct event {
    struct simtime at; /* the run's time */
    enum event_kind kind;
    enum event_direction direction;
    const char *reporter; /* "AP-1", "ES-1", "USER" (one MUD) or "USER-m2"; never NULL */
    const char *peer;     /* a name when sent, an IPv4 address when received, or "" */
    const char *sender;   /* whose message it is, or "" */
    const char *text;     /* never NULL */
    int32_t mud;          /* index, or -1 */
    int32_t number;       /* request number, or -1 */
    int32_t migration;    /* per MUD from 1, or -1 */
    struct simtime begin; /* of spans: REQUEST, STAGE, MIGRATION */
    int64_t bytes;        /* STAGE: bytes moved */
    int64_t value;        /* see the kind */
};

/* A NOTE about no device; the texts stay the caller's. */
struct event event_note(struct simtime at, const char *reporter, const char *text);

const char *event_kind_name(enum event_kind kind); /* "message", "transition", … */
/* The kind of that name, or EVENT_KINDS. */
enum event_kind event_kind_of(const char *name);

#endif
