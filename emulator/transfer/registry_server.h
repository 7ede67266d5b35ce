/* A private registry of the run: Debian's docker-registry (the distribution project's registry 2, the registry of KimS22) at a host's
 * address, with TLS and htpasswd (registry_keys.h).
 *
 *     FOLDER/registry/HOST.yml, HOST.data/      its configuration and contents
 *     FOLDER/HOST/docker-registry.log
 *
 * It listens in the network namespace of the process that starts it. Killed, it leaves files in the run's folder and nothing else. */
#ifndef ROAMLAB_REGISTRY_SERVER_H
#define ROAMLAB_REGISTRY_SERVER_H

#include "transfer.h"

enum { REGISTRY_PORT = 5000 };

/* `host`: its name and address; the port is REGISTRY_PORT. The keys of settings->folder have been made. server_process_stop() ends it. */
int registry_server_start(struct transfer_server *server, const struct transfer_settings *settings,
                          const struct transfer_host *host, struct err *e);

#endif
