/* Links in virtual time: link.h's semantics computed, not waited for: a packet that is offered now arrives then, and
 * the caller needs one event for it. */
#ifndef ROAMLAB_MODEL_H
#define ROAMLAB_MODEL_H

#include "line.h"

#include <stdbool.h>

/* One direction of a link. */
struct link_model {
    struct link_params params;
    struct line line;
    /* As struct link_counters has them: packets of MTU size and IP bytes that arrived, packets that did not. */
    uint64_t packets, bytes, dropped, lost;
};

/* Draws from stream `index` under params->seed. The parameters have passed link_params_check. */
void link_model_init(struct link_model *link, const struct link_params *params, uint64_t index);
/* For packets offered from now on. */
void link_model_change(struct link_model *link, const struct link_params *params);
void link_model_free(struct link_model *link);

struct link_arrival {
    struct simtime at; /* of the last bit */
    bool corrupt;      /* a bit is turned: checksums will tell the receiver */
};

/* Offers `bytes` (an IP packet, or several that travel together, with their Ethernet headers) at `now`, which never
 * goes back. Returns how many copies arrive, 0 to 2, and when. With slots, packets that overtake each other come out in
 * the order in which they were offered. */
int link_model_offer(struct link_model *link, struct simtime now, uint64_t bytes,
                     struct link_arrival arrivals[2]);

/* For those who take one good copy: true and its arrival, or false if none arrives. */
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
