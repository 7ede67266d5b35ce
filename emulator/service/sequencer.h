/* Which datagram is executed when, and what is answered (protocol 1): the next number is executed, a lower
 * one gets its cached reply again, a higher one waits for its predecessors, a probe waits until enough has
 * been executed.
 *
 * Pure but for the state's file: datagrams come in as messages, answers go out through `answer`. */
#ifndef ROAMLAB_SERVICE_SEQUENCER_H
#define ROAMLAB_SERVICE_SEQUENCER_H

#include "offload.h"
#include "state.h"

#include <netinet/in.h>

enum { SEQUENCER_PROBES = 8 };

struct sequencer_waiting {
    bool used;
    struct offload message; /* owns its payload */
    struct sockaddr_in from;
};

struct sequencer {
    struct service_state *state;
    uint32_t reply_bytes;                              /* payload of a REPLY */
    struct sequencer_waiting *waiting;                 /* owned; `window` places, number n at n % window */
    struct sequencer_waiting probes[SEQUENCER_PROBES]; /* a ring: the oldest gives way */
    uint32_t probe_place;
    /* Does the computing of one request, before it is executed. */
    void (*work)(struct sequencer *s);
    /* `reply` is valid during the call. */
    void (*answer)(struct sequencer *s, const struct offload *reply, const struct sockaddr_in *to);
};

/* For as long as the service lives. `state`, `work`, `answer` and `reply_bytes` are set by the caller
 * before. */
void sequencer_init(struct sequencer *s);

/* Takes over the message's payload. Other types than REQUEST, REPLAY and PROBE are ignored, as are numbers
 * that are too old for the cache or at least a window ahead. An error means that the state could not be read
 * or written: the service must end. */
int sequencer_take(struct sequencer *s, struct offload *message, const struct sockaddr_in *from,
                   struct err *e);

#endif
