/* The third host of carrier nfs: an NFS version 3 server (RFC 1813) of the run's own, nfs-ganesha, in the host's network namespace.
 *
 * It exports FOLDER/export, writable by root of every host that reaches it: NFS with AUTH_SYS neither encrypts nor authenticates. Its port
 * is the host's, the MOUNT protocol's is NFS_MOUNT_PORT; rpcbind, without which it does not start, listens at port 111. Both see a /run and a
 * /var/lib/nfs of their own. No locks, no quotas, no grace period. Its log is FOLDER/HOST/ganesha.log. */
#ifndef ROAMLAB_NFS_SERVER_H
#define ROAMLAB_NFS_SERVER_H

#include "transfer.h"

enum { NFS_MOUNT_PORT = 20048 };

/* FOLDER/export, and in it a folder per host, for what is sent to it. Blocking. */
int nfs_server_prepare(const char *folder, const struct transfer_host *hosts, int count, struct err *e);
/* FOLDER/export/HOST, which is also what clients mount; free() it. */
char *nfs_server_inbox(const char *folder, const char *host);
/* As serve_store of struct carrier; server_process_stop() ends it. */
int nfs_server_start(struct transfer_server *server, const struct transfer_settings *settings,
                     const struct transfer_host *host, struct err *e);

#endif
