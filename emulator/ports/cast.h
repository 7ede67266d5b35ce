/* The cast of a run: the actors of this process, and how what happens reaches them and the repository. In
 * virtual time one process plays everybody; in the real world each agent plays the roles of its host, the
 * others are NULL here. */
#ifndef ROAMLAB_CAST_H
#define ROAMLAB_CAST_H

#include "ap.h"
#include "edge.h"
#include "event.h"
#include "layout.h"
#include "mud.h"

struct cast {
    struct mud **muds; /* [layout->mud_count], NULL = played elsewhere; and so on */
    struct ap **aps;
    struct edge **edges;
    const struct layout *layout;
    const char *strategy_name;
    /* Where events go; the strings are valid during the call. */
    void (*record)(struct cast *cast, const struct event *event);
    void *recorder; /* record's own */
};

/* Gives the message to the actor it is addressed to; nobody here = nothing happens. */
void cast_receive(struct cast *cast, const struct msg *m);
/* Translates a report: names, addresses, the time. */
void cast_report(struct cast *cast, const struct report *r, struct simtime now);

#endif
