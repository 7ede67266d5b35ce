/* A folder of an NFS server, mounted early and kept, because mounting takes many round trips; on the loop. Which client does it, this file's users
 * do not know (nfs_client.h).
 *
 * A connection that breaks is made again, and what was under way is asked again (NFS requests may be repeated), for as long as the owner has
 * patience. */
#ifndef ROAMLAB_NFS_MOUNT_H
#define ROAMLAB_NFS_MOUNT_H

#include "nfs_client.h"
#include "transfer.h"

struct nfs_mount {
    /* 0: mounted. Otherwise it could not be within the connect timeout, or its client has ended, and it is closed. Set before open. */
    void (*changed)(struct nfs_mount *mount, int status, const struct err *e);
    /* It is being closed, all calls have come back: the time to close files. May be NULL. */
    void (*emptied)(struct nfs_mount *mount);
    bool mounted;

    /* its own */
    struct transfer_settings settings;
    const struct nfs_client *client;
    struct nfs_session *session; /* the client's; NULL: closed */
    char *path;                  /* NULL: closed */
    struct timer deadline;
    struct err failure; /* of the latest attempt */
    uint64_t wire_bytes;
};

/* Begins to mount `path` (absolute, of the server) from settings->store; tries until the connect timeout. */
void nfs_mount_open(struct nfs_mount *mount, const struct transfer_settings *settings, const char *path);
/* Calls under way come back before it returns, with an error. Never from within an answer. Harmless when closed. */
void nfs_mount_close(struct nfs_mount *mount);
/* Of a mount that stands; of one that is closed it is answered at once, with an error. `answered` may be NULL. */
void nfs_mount_call(struct nfs_mount *mount, const struct nfs_call *call, nfs_answer *answered,
                    void *context);
/* IP bytes that crossed its connection in both directions since the last call; 0 = none, or not known. */
uint64_t nfs_mount_new_wire_bytes(struct nfs_mount *mount);

#endif
