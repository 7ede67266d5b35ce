/* A private registry of the run: Debian's docker-registry (the distribution project's registry 2, the registry of KimS22) at a host's
 * address, with TLS and htpasswd (registry_keys.h).
 *
 *     FOLDER/registry/HOST.yml, HOST.log, HOST.data/      its configuration, log, contents
 *
 * It listens in the network namespace of the process that starts it. Killed, it leaves files in the run's folder and nothing else. */
#ifndef ROAMLAB_REGISTRY_SERVER_H
#define ROAMLAB_REGISTRY_SERVER_H

#include "transfer.h"

enum { REGISTRY_PORT = 5000 };

struct registry_server {
    /* 0: it accepts. Otherwise it could not start, or ended later. Set before the start. */
    void (*changed)(struct registry_server *server, int status, const struct err *e);
    void *owner;
    /* the rest is its own */
    struct loop *loop;
    struct transfer_host host;
    struct process process;
    struct timer poll;
    struct simtime deadline;
    char *log;
};

/* `host`: its name and address; the port is REGISTRY_PORT. The keys of settings->folder have been made. */
int registry_server_start(struct registry_server *server, const struct transfer_settings *settings,
                          const struct transfer_host *host, struct err *e);
/* `changed` is not called. Harmless if it does not run. */
void registry_server_stop(struct registry_server *server);

#endif
