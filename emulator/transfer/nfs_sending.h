/* A job of carrier nfs under way at its sender: the file is made in the store and written, its state announced, the receiver's receipts are
 * looked for, the file is removed. */
#ifndef ROAMLAB_NFS_SENDING_H
#define ROAMLAB_NFS_SENDING_H

#include "nfs_file.h"
#include "nfs_mount.h"
#include "nfs_slots.h"
#include "transfer.h"

struct transfer_peer {
    struct transfer_settings settings;
    struct transfer_host host;
    struct nfs_mount mount;
    struct nfs_sending *sendings;
    transfer_opened *opened;
    void *context;
    unsigned numbers;
    struct simtime heard; /* when the store last answered */
};

/* It outlives its job until all that was asked for it is answered. */
struct nfs_sending {
    struct nfs_sending *next;
    struct transfer_peer *peer;
    struct transfer_job *job; /* NULL: over */
    struct stream_content *content;
    char *name; /* in the store */
    struct nfs_file *file;
    int calls; /* under way */
    struct nfs_slots writes;
    struct nfs_offer offer; /* the latest: `available` is what the store has without holes */
    struct nfs_receipt receipt;
    uint64_t queued, announced;
    bool read_all, announcing, announced_complete, looking, creating;
    struct timer work, look, patience;
    struct err failure;
};

/* Of that job, which waits for the mount then; takes `content` and `name` over. */
struct nfs_sending *nfs_sending_add(struct transfer_peer *peer, struct transfer_job *job,
                                    struct stream_content *content, char *name, const char *remote_folder);
/* The store is mounted. */
void nfs_sending_run(struct nfs_sending *s);
/* Leaves the job as it was before send(), results aside; done() is not called. */
void nfs_sending_release(struct nfs_sending *s);
/* Calls done() from the loop. */
void nfs_sending_finish_soon(struct nfs_sending *s, const struct err *e);
void nfs_sending_close_file(struct nfs_sending *s);
/* Puts what the mount has carried since the last call down to the jobs under way, in equal parts. */
void nfs_sendings_share_wire_bytes(struct transfer_peer *peer);

#endif
