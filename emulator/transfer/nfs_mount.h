/* A folder of an NFS server, mounted by this process itself (libnfs, NFS version 3 over TCP), on the loop: works whatever the kernel has.
 *
 * Mounting takes six round trips: mounted early and kept. A connection that breaks is opened again and what was under way is asked again
 * (NFS requests may be repeated), for as long as the owner has patience. The owner calls libnfs's *_async functions on `nfs`, then
 * nfs_mount_stir(). */
#ifndef ROAMLAB_NFS_MOUNT_H
#define ROAMLAB_NFS_MOUNT_H

#include "transfer.h"

#include <sys/time.h>

#include <nfsc/libnfs.h>

struct nfs_mount {
    /* 0: mounted. Otherwise it could not be within the connect timeout, and is closed. Set before open. */
    void (*changed)(struct nfs_mount *mount, int status, const struct err *e);
    /* It is being closed, all calls have come back: the time to close files. May be NULL. */
    void (*emptied)(struct nfs_mount *mount);
    struct nfs_context *nfs; /* NULL: closed */
    bool mounted;

    /* its own */
    struct transfer_settings settings;
    char *path;
    struct watch watch; /* an epoll of its own: libnfs changes its socket under the same number */
    struct timer tick;
    struct simtime deadline;
    struct err failure;
    uint64_t wire_bytes;
    bool attempt_ended, busy, closing;
    struct nfsfh **to_close;
    size_t to_close_count;
};

/* Begins to mount `path` (absolute, of the server) from settings->store; tries until the connect timeout. */
void nfs_mount_open(struct nfs_mount *mount, const struct transfer_settings *settings, const char *path);
/* Calls under way come back before it returns, with an error. Never from within a libnfs callback. Harmless when closed. */
void nfs_mount_close(struct nfs_mount *mount);
/* Closes a file for which no call is under way. */
void nfs_mount_close_file(struct nfs_mount *mount, struct nfsfh *file);
/* What was called since the last stir goes out. */
void nfs_mount_stir(struct nfs_mount *mount);
/* IP bytes that crossed its connection in both directions since the last call; 0 = none, or not known. */
uint64_t nfs_mount_new_wire_bytes(struct nfs_mount *mount);

#endif
