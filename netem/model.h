/* Links in virtual time: link.h's semantics computed, not waited for. A FIFO with a known service rate needs
 * no event per packet: when the line is free again says how much is queued. */
#ifndef ROAMLAB_MODEL_H
#define ROAMLAB_MODEL_H

#include "link.h"
#include "rng.h"

#include <stdbool.h>

/* One direction of a link. */
struct link_model {
    struct link_params params;
    struct simtime free_at; /* the last accepted bit leaves then */
    struct rng rng;
    uint64_t packets, dropped, lost, bytes;
};

/* The loss draws from the stream of link `index` under params->seed. */
void link_model_init(struct link_model *link, const struct link_params *params, uint64_t index);

/* Offers `bytes` (an IP packet, or several that travel together, with their Ethernet headers) at `now`. True
 * and the arrival time of the last bit; false if the queue is full or the link loses it. */
bool link_model_send(struct link_model *link, struct simtime now, uint64_t bytes, struct simtime *arrival);

/* How long a packet that is offered now waits before its first bit leaves. */
struct simtime link_model_backlog(const struct link_model *link, struct simtime now);

/* A way through several links, in order. The links stay the caller's. */
enum { PATH_HOPS_MAX = 200 };
struct link_path {
    struct link_model *hops[PATH_HOPS_MAX];
    int hop_count;
};

/* The sum of the delays, without queues and serialisation. */
struct simtime link_path_delay(const struct link_path *path);

#endif
