/* IAPP's TCP connections (IEEE 802.11F, port 3517): each AP listens on its own address and keeps one outgoing connection to every AP that it
 * has spoken to. Packets travel on the sender's outgoing connection; a broken one is opened again by the next packet, and what
 * was lost is asked for again by the actors. */
#ifndef ROAMLAB_IAPP_CONNECTIONS_H
#define ROAMLAB_IAPP_CONNECTIONS_H

#include "layout.h"
#include "loop.h"

struct iapp_connections;
typedef void iapp_arrival(void *context, struct party from, struct party to, const void *packet, size_t len);

struct iapp_connections *iapp_connections_new(struct loop *loop, const struct layout *layout, iapp_arrival *arrival, void *context);
void iapp_connections_free(struct iapp_connections *c); /* NULL-safe */
/* `ap` is one of this host. */
int iapp_connections_listen(struct iapp_connections *c, struct party ap, struct err *e);
/* From every listening AP to every other AP of the layout. */
void iapp_connections_open_all(struct iapp_connections *c);
void iapp_connections_send(struct iapp_connections *c, struct party from, struct party to, const void *packet, size_t len);

#endif
