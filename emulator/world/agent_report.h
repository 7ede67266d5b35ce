/* How a host's events get from its agent to the controller: each is on the agent's disk first (event_spool.h), then sent, in their order and no
 * faster than they are taken. While the repository is away they stay there. */
#ifndef ROAMLAB_AGENT_REPORT_H
#define ROAMLAB_AGENT_REPORT_H

#include "channel.h"
#include "event.h"
#include "event_spool.h"

struct agent_report {
    /* An event could not be written; called once, from the loop. Set before opening. */
    void (*failed)(struct agent_report *report, const struct err *e);
    /* The rest is its own. */
    struct loop *loop;
    struct channel *channel;
    struct event_spool *spool;
    struct timer timer;
    struct err err;
    uint64_t count;
};

/* `path` is the spool's. channel->drained must call agent_report_go_on(). */
int agent_report_open(struct agent_report *report, struct loop *loop, struct channel *channel,
                      const char *path, struct err *e);
void agent_report_close(struct agent_report *report); /* harmless if it was not opened; the file stays */
void agent_report_add(struct agent_report *report, const struct event *event);
void agent_report_go_on(struct agent_report *report);
/* Hands all that is left to the channel at once: the end. */
void agent_report_rest(struct agent_report *report);
/* Events that were to be reported, written or not. */
uint64_t agent_report_count(const struct agent_report *report);

#endif
