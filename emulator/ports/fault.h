/* What is made to go wrong in a run: container operations, messages between hosts, hosts. A scenario lists its faults (key
 * `faults`), so that what a fault search finds can be run again. Links that are cut or slow need none: they vary (key
 * `schedule` of a link).
 *
 * Operations fail, fill the disk or are slow in both worlds, everything else in virtual time only. */
#ifndef ROAMLAB_FAULT_H
#define ROAMLAB_FAULT_H

#include "port.h"

#include <stddef.h>

enum fault_effect {
    /* on a container operation */
    FAULT_FAILS,
    FAULT_DISK_FULL, /* fails with ENOSPC */
    FAULT_HANGS,     /* never ends by itself */
    FAULT_TRUNCATED, /* what it writes or sends is too short: nothing can be restored from it */
    FAULT_FLIPPED,   /* bits of what it writes or sends are turned: what is restored has another state */
    FAULT_OVERUSE,   /* what measure finds is ten times as much */
    FAULT_SLOW,      /* begins `delay` later */
    /* on containers, of a device or any, at an edge or any */
    FAULT_KILLED, /* they end by themselves, at `from` */
    /* on messages between two hosts */
    FAULT_LOST,
    FAULT_DOUBLED, /* the second comes up to `delay` later */
    FAULT_DELAYED, /* by up to `delay`, so that messages overtake each other */
    /* on a host without devices */
    FAULT_STOPPED,    /* nothing on it goes on; messages and timers wait */
    FAULT_RESTARTED,  /* its access points and edge servers end and begin anew; containers go on */
    FAULT_POWER_LOSS, /* the same, and its containers are gone; what is on the disk stays */
    /* on any host */
    FAULT_CLOCK, /* its calendar clock is set, at `from`, by `jump` */
    FAULT_EFFECTS
};

enum fault_kind { FAULT_ON_OPERATION, FAULT_ON_CONTAINERS, FAULT_ON_MESSAGES, FAULT_ON_HOST };

struct fault {
    enum fault_effect effect;
    struct simtime from, to; /* it holds from then until before then */
    /* on an operation */
    enum operation operation;
    int edge, mud;  /* -1 = any */
    uint32_t times; /* how often, 0 = always */
    /* on messages */
    int between[2]; /* hosts; -1 = any */
    int message;    /* its kind as in msg.h; -1 = any */
    double share;   /* of the messages that pass */
    struct simtime delay; /* on an operation, too */
    /* on a host */
    int host;
    struct simtime jump; /* forward, or back */
};

/* "fails", "disk-full", … as in a scenario; NULL behind the last. */
const char *fault_effect_name(int effect);
/* The effect of that name, or FAULT_EFFECTS. */
enum fault_effect fault_effect_of(const char *name);
enum fault_kind fault_kind_of(enum fault_effect effect);
/* Whether it is an event at `from` rather than what meets others from then on. */
bool fault_has_moment(enum fault_effect effect);
/* Whether the host's actors end, and others begin in their place. */
bool fault_ends_actors(enum fault_effect effect);
/* Whether it exists in the real world, too. */
bool fault_is_real(enum fault_effect effect);

/* Faults as a run meets them: counted down. */
struct faults {
    struct fault *list; /* owned */
    uint32_t *left;     /* owned: how often each may still strike; UINT32_MAX = always */
    int count;
};

void faults_init(struct faults *faults, const struct fault *list, int count);
void faults_free(struct faults *faults);
/* What strikes an operation that begins now, or NULL. Takes one off its count. */
const struct fault *faults_strike(struct faults *faults, enum operation operation, uint32_t edge,
                                  uint32_t mud, struct simtime now);
/* How much later the order begins because it is slow, which the port reports: that it would begin now. Such a fault does nothing else and
 * becomes NULL. */
struct simtime fault_delays(const struct fault **fault, struct port *port, const struct order *order);

#endif
