/* What the TCP connections to a server have moved, also those that the kernel itself has made, such as its NFS client's: from the kernel's list of
 * sockets (NETLINK_SOCK_DIAG, sock_diag(7)). */
#ifndef ROAMLAB_TCP_DIAG_H
#define ROAMLAB_TCP_DIAG_H

#include "transfer.h"

struct mnl_socket;

/* For the network namespace that this thread is in now. NULL: not to be had. */
struct mnl_socket *tcp_diag_open(void);
void tcp_diag_close(struct mnl_socket *diag); /* NULL-safe */
/* Of all connections that stand to the host's port: IP bytes in both directions. 0 = there is none, or it is not known. */
uint64_t tcp_diag_wire_bytes(struct mnl_socket *diag, const struct transfer_host *to);
/* The same: payload that has come or was acknowledged, which changes as long as the peer does something. */
uint64_t tcp_diag_progress(struct mnl_socket *diag, const struct transfer_host *to);

#endif
