/* Before a run over several machines begins: do the machines to which this host's links lead answer through the tunnels? A firewall in between
 * would else show as requests that nobody answers. What is asked for is a connection to a port where nobody listens: the kernel there refuses
 * it (RFC 9293, 3.5.2), which is the answer.
 *
 * Links that lose packets or vary are not asked: their silence may be the scenario's. Patience is 10 s and four round trips of the slowest link. */
#ifndef ROAMLAB_AGENT_TUNNELS_H
#define ROAMLAB_AGENT_TUNNELS_H

#include "loop.h"
#include "scenario.h"

struct tunnel_trial;

/* Embedded in its owner, zeroed before; run in the host's network namespace. */
struct agent_tunnels {
    /* The owner's. */
    struct loop *loop;
    const struct scenario *scenario;
    int host;
    void (*done)(struct agent_tunnels *t, int status,
                 const struct err *e); /* once, 0 or -EHOSTUNREACH; not from within agent_tunnels_try() */
    /* Its own. */
    struct tunnel_trial *trials; /* owned */
    int count, unanswered;
    struct timer patience;
};

/* Asks. How many peers: with 0 done() is not called; or -errno and `e`, when nothing is under way. */
int agent_tunnels_try(struct agent_tunnels *t, struct err *e);
/* done() is not called. Harmless if nothing is under way. */
void agent_tunnels_cancel(struct agent_tunnels *t);

#endif
