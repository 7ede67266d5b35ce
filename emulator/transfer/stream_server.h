/* The receiving side of carrier stream: accepts connections that know the run's key, a thread each, and puts together what arrives.
 *
 * A job outlives the connection that it came over: the sender goes on where it stopped, over the next one. */
#ifndef ROAMLAB_STREAM_SERVER_H
#define ROAMLAB_STREAM_SERVER_H

#include "transfer.h"

struct stream_server;

/* Listens, and accepts in a thread in the caller's network namespace. NULL and `e` on failure. */
struct stream_server *stream_server_new(const struct transfer_settings *settings,
                                        const struct transfer_host *host, struct err *e);
/* Ends all connections; removes what is not complete. NULL-safe. */
void stream_server_free(struct stream_server *server);

#endif
