/* The receiving side of carrier registry: told by the sender (STREAM_FETCH) what lies where, it pulls that from the registry.
 *
 *     ADDRESS LF DIGEST LF FOLDER       the registry's address, the manifest's digest, where it shall land */
#ifndef ROAMLAB_REGISTRY_FETCH_H
#define ROAMLAB_REGISTRY_FETCH_H

#include "registry_client.h"

/* Keeps the connection to the last registry; zeroed before its first use. */
struct registry_fetch {
    struct registry_client client;
    char address[64];
};

void registry_fetch_order(struct buf *out, const char *address, const char *digest, const char *folder);
/* Carries the order out. Blocking, as registry_client.h. */
int registry_fetch(struct registry_fetch *f, const struct transfer_settings *settings, const char *order,
                   int stop_fd, struct err *e);
void registry_fetch_close(struct registry_fetch *f);

#endif
