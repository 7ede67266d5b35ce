/* An image from a registry into the Engine, and from the Engine into a registry: dockerd does it, with the user and password that it is
 * given. It trusts the registry's certificate if its authority is in daemon_options.authority.
 *
 * Bounded by progress, which is a word of the Engine's or a byte between it and the registry: an Engine waits for a registry that has
 * fallen silent for ever, and of a large layer over a slow link it says nothing for minutes. */
#ifndef ROAMLAB_DOCKER_PULL_H
#define ROAMLAB_DOCKER_PULL_H

#include "api.h"

struct image_source {
    const char *registry; /* ADDRESS:PORT */
    const char *repository, *tag;
    const char *user, *password;
};

struct image_pull {
    /* Called once, from the loop. -ETIMEDOUT: no progress, and the Engine was told to stop. */
    void (*done)(struct image_pull *pull, int status, const struct err *e);
    struct simtime patience; /* without progress */
    struct simtime work;     /* the same while the Engine works alone: it verifies and unpacks what has come, gives names */
    /* Bytes that have passed so far between the Engine and image_source.registry, as far as this host knows; may be NULL. */
    uint64_t (*moved)(const char *registry);
    /* The rest is its own. */
    struct docker_request request;
    struct docker_api *api;
    struct timer look;
    uint64_t progress;          /* at the last look that saw any */
    struct simtime progressed;  /* its time */
    char *registry, *reference; /* reference: REGISTRY/REPOSITORY */
    char *tag, *as, *as_tag, *authorisation;
};

/* Pulls it and gives it the name `as` ("NAME:TAG"), too. */
int image_pull(struct image_pull *pull, struct docker_api *api, const struct image_source *source,
               const char *as, struct err *e);
/* Gives the image `as` the name that it has in the registry, and pushes it there. */
int image_push(struct image_pull *pull, struct docker_api *api, const struct image_source *target,
               const char *as, struct err *e);
/* Forgets it; `done` is not called. What the Engine has begun it may finish. Harmless if it has ended. */
void image_pull_cancel(struct image_pull *pull);

#endif
