/* Requests to the kernel's routing netlink (rtnetlink(7)) through libnl: one socket in one namespace, one
 * request at a time, each acknowledged. Messages are built by the caller with libnl's nlmsg_ and nla_
 * functions. An error carries the kernel's own sentence (extended acknowledgement) where it gives one. */
#ifndef ROAMLAB_NETLINK_H
#define ROAMLAB_NETLINK_H

#include "err.h"

#include <netlink/msg.h>
#include <stddef.h>

struct netlink;

/* A socket in the namespace bound at `netns` (NULL: the calling thread's). NULL and `e` on failure. */
struct netlink *netlink_open(const char *netns, struct err *e);
void netlink_free(struct netlink *netlink); /* NULL-safe */

/* A request of `type` (RTM_…) with `flags` (NLM_F_…; REQUEST and ACK are added) that starts with the
 * fixed `header`. */
struct nl_msg *netlink_request(int type, int flags, const void *header, size_t header_len);

/* Sends the request, waits for the acknowledgement, frees the message. `what` says in an error what was being
 * done. */
int netlink_send(struct netlink *netlink, struct nl_msg *request, const char *what, struct err *e);

/* Sends a dump request and calls `each` with every answer; frees the message. */
int netlink_dump(struct netlink *netlink, struct nl_msg *request,
                 void (*each)(struct nlmsghdr *answer, void *context), void *context, const char *what,
                 struct err *e);

/* The index of interface `name` in the socket's namespace, or -errno. */
int netlink_interface(struct netlink *netlink, const char *name, struct err *e);

/* Its flags too (IFF_UP, IFF_RUNNING, …). */
int netlink_interface_flags(struct netlink *netlink, const char *name, unsigned *flags, struct err *e);

#endif
