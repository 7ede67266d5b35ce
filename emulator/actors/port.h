/* The port: the only way in which an actor touches the world. One implementation turns every promise into a timer
 * (ports/sim.c), the other into a socket, a link or a Docker call (ports/real.c); the actors do not know which.
 *
 * Nothing returns a result here: answers come back as messages (mud_receive, ap_receive, edge_receive), as container
 * replies (edge_container_says) or as finished operations (edge_operation_done). */
#ifndef ROAMLAB_PORT_H
#define ROAMLAB_PORT_H

#include "event_kind.h"
#include "msg.h"
#include "owner.h"
#include "replay.h"
#include "simtime.h"
#include "strategy.h"

struct port;

/* A timer that lives inside its owner. `ring` is the owner's; the rest is the port's. Zero-initialised = not set. */
struct alarm {
    void (*ring)(struct alarm *alarm);
    void *reserved[2];
};

/* A container operation that an edge asks for. */
struct order {
    enum operation operation;
    struct party edge;       /* who asks, and where it happens */
    uint32_t mud;
    uint32_t migration;      /* the one that the operation belongs to; 0 = none (START, PULL ahead) */
    uint32_t container;      /* the migration that brought the container meant (0 = the fresh one) */
    struct party peer;       /* SEND_*: the target edge; PULL ahead: the edge that announced it */
    const struct replay_log *log; /* TAKE_LOG: what is to be written; valid during the call */
};

struct order_result {
    int32_t status;          /* 0 or -errno */
    int64_t bytes;           /* moved or written; MEASURE: of memory in use */
    int64_t cpu_ns;          /* MEASURE: CPU time that the container has had so far */
    const char *reason;      /* when status < 0: what went wrong; valid during the call */
    const char *source;      /* PULL: the registry that the image came from, NULL = it was there by then; valid during the call */
    const struct replay_log *log; /* REPLAY_LOG: what has come; valid during the call */
};

/* Something to report; the port adds names, addresses and the time. */
struct report {
    enum event_kind kind;
    enum event_direction direction;
    struct party reporter, peer, sender; /* PARTY_NONE where not applicable */
    const char *text;
    int32_t mud, number, migration;      /* -1 where not applicable */
    struct simtime begin;
    int64_t bytes, value;
};

#define REPORT_INIT {.mud = -1, .number = -1, .migration = -1}

/* A stage of a migration that began then and is over now; bytes and value are for the caller to add. */
static inline struct report report_of_stage(struct party reporter, enum operation operation, uint32_t mud, uint32_t migration,
                                            struct simtime begin)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_STAGE;
    r.reporter = reporter;
    r.text = operation_name(operation);
    r.mud = (int32_t)mud;
    r.migration = (int32_t)migration;
    r.begin = begin;
    return r;
}

/* `connections` of an edge server's carrier have been warmed, by that many IP bytes. */
static inline struct report report_of_warming(uint32_t edge, int connections, uint64_t bytes)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_WARMED;
    r.reporter = (struct party){PARTY_EDGE, edge};
    r.text = "";
    r.number = connections;
    r.bytes = (int64_t)bytes;
    return r;
}

struct port_operations {
    /* By the host's own clock, which only runs forward; other hosts' may show anything. */
    struct simtime (*now)(struct port *port);
    void (*set_alarm)(struct port *port, struct alarm *alarm, struct simtime at);
    void (*clear_alarm)(struct port *port, struct alarm *alarm);
    /* Copies the message, taking references; may lose it. */
    void (*send)(struct port *port, const struct msg *m);
    /* Hands a REQUEST, REPLAY or PROBE to the MUD's container at this edge; may lose it. The answer comes later, never during the call. */
    void (*deliver)(struct port *port, struct party edge, uint32_t container, const struct offload *o);
    /* Starts a container operation; edge_operation_done follows exactly once, later. A RESTORE or REVIVE that succeeds uses the snapshot's
     * files up: they are the port's to remove. */
    void (*operate)(struct port *port, const struct order *order);
    /* Ends running operations of (edge, mud, migration) early; each still reports, with -ECANCELED. */
    void (*cancel_operations)(struct port *port, struct party edge, uint32_t mud, uint32_t migration);
    void (*report)(struct port *port, const struct report *report);
    /* Keeps the record in place of the one before, on the edge's disk; NULL if the port keeps none. */
    void (*keep_owner)(struct port *port, struct party edge, const struct owner_record *record);
};

struct port {
    const struct port_operations *operations;
    /* A set of event_kind (1 << kind each) that nobody asks for, but about every so-manieth device (0 = none): they
     * need not be reported. */
    uint32_t unwanted, wanted_every;
    bool keeps_owners; /* what keep_owner() is told may be asked for again: somebody may restart */
    struct simtime origin; /* when the run began, by the clock that now() reads */
};

static inline bool port_wants(const struct port *port, enum event_kind kind, uint32_t mud)
{
    return !(port->unwanted >> kind & 1) || (port->wanted_every && mud % port->wanted_every == 0);
}

#endif
