/* The private registry on an agent's host: started, and filled with its catalogue before the run begins. */
#ifndef ROAMLAB_AGENT_REGISTRY_H
#define ROAMLAB_AGENT_REGISTRY_H

#include "background.h"
#include "scenario.h"
#include "transfer.h"

struct agent_registry {
    /* 0: it is there and filled; called once. Or it failed, then or later. Set before the start. */
    void (*changed)(struct agent_registry *r, int status, const struct err *e);
    /* the rest is its own */
    struct transfer_server server;
    struct background background;
    const struct transfer_settings *settings;
    struct transfer_host host;
    char address[16];
    const struct scenario *scenario;
    const struct scenario_registry *registry;
    const char *archive; /* of the service's image */
    bool filled;
    struct timer recall;
};

/* What is pointed to outlives it. The keys of settings->folder and the image for registries (registry_image.h) have been made. */
int agent_registry_start(struct agent_registry *r, const struct transfer_settings *settings,
                         const struct scenario *s, const struct scenario_registry *registry,
                         const char *archive, struct err *e);
/* Withdraws the service's image at that time of the loop. */
void agent_registry_recall(struct agent_registry *r, struct simtime at);
/* Harmless if it does not run. */
void agent_registry_stop(struct agent_registry *r);

/* The scenario's registry on that host, or NULL. */
const struct scenario_registry *agent_registry_on(const struct scenario *s, int host);

#endif
