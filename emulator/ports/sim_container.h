/* A container in virtual time: the service's behaviour (design: next number executed, lower answered from the
 * cache, higher waits) over the state model, and the snapshots that migrations take of it. */
#ifndef ROAMLAB_SIM_CONTAINER_H
#define ROAMLAB_SIM_CONTAINER_H

#include "layout.h"
#include "loop.h"
#include "statechain.h"

/* What migrates: the memory and file state of the service at one instant. */
struct sim_state {
    struct statechain_model model;
    uint64_t *replies; /* owned: the digest of the last `window` requests, by number */
};

struct sim_pages;

struct sim_container {
    struct loop *loop;
    const struct layout *layout;
    struct sim_container *next;    /* of the same device */
    uint32_t edge, mud, container; /* container = the migration that brought it */
    struct sim_state state;
    bool frozen;
    bool executed;       /* any request, here */
    bool volume_differs; /* it is not there, or not of the memory's instant: requests and probes show it */
    struct offload *inbox; /* owned: requests that wait for their turn, and probes for their number */
    size_t inbox_len, inbox_capacity;
    struct offload working_on;
    struct timer work; /* armed while a request is computed */
    struct timer wake; /* looks into the inbox: an answer never comes while the edge delivers */
    /* The owner's: arms one of the two, so much later as the host goes on; takes an answer. */
    void (*arm)(struct sim_container *container, struct timer *timer, struct simtime after);
    void (*says)(struct sim_container *container, const struct offload *answer);
    void *owner;
    /* How much longer request `number` takes, because pages of the memory are elsewhere; NULL: none are. */
    struct simtime (*waits)(struct sim_container *container, uint32_t number);
    struct sim_pages *pages; /* owned: which; sim_pages.c's */
};

void sim_state_init(struct sim_state *s, const struct layout *layout, uint32_t mud);
void sim_state_copy(struct sim_state *to, const struct sim_state *from, const struct layout *layout);
void sim_state_free(struct sim_state *s);

/* Takes over `state`. */
struct sim_container *sim_container_new(struct loop *loop, const struct layout *layout, uint32_t edge,
                                        uint32_t mud, uint32_t container, struct sim_state *state);
void sim_container_free(struct sim_container *c); /* NULL-safe */
void sim_container_deliver(struct sim_container *c, const struct offload *o);
void sim_container_freeze(struct sim_container *c);
void sim_container_thaw(struct sim_container *c);

#endif
