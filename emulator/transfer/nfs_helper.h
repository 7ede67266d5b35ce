/* The process in which the kernel's NFS client is used for carrier nfs: calls to a server that is silent block, which must hold nobody else.
 *
 * The export is mounted in a mount namespace of the process's own, which has nothing else: nobody sees it, and it goes with the process. Files
 * are opened with O_DIRECT, and names are asked for anew each time: nothing stays in caches, neither old bytes of another host's nor bytes
 * that have not been written yet. When the owner closes its end of the socket, or dies, what waits for the server is called off
 * (MNT_FORCE of umount(2)) and the process ends, whatever the server does. */
#ifndef ROAMLAB_NFS_HELPER_H
#define ROAMLAB_NFS_HELPER_H

#include "nfs_client.h"
#include "nfs_slots.h"

#include <limits.h>
#include <sys/types.h>

/* Calls at a time: enough for a job's slots and what the sides say. */
enum { NFS_LANES = 32 };

/* A call, in memory that both processes see: it is of the process that was told its number last. */
struct nfs_lane {
    enum nfs_op op;
    int file; /* the helper's descriptor; of OPEN and CREATE the answer's */
    uint64_t offset;
    size_t len;
    int status; /* bytes, 0, or -errno */
    char name[NAME_MAX + 1];
    uint8_t bytes[NFS_SLOT_BYTES];
};

/* To the helper: the number of a lane with a call. From it: of one with its answer, or NFS_MOUNT and how an attempt ended. */
struct nfs_word {
    int lane, status;
};
enum { NFS_MOUNT = -1 };

struct nfs_export {
    const char *address, *path;
    uint16_t port, mount_port; /* of NFS, and of the MOUNT protocol */
    const char *folder;        /* of this machine: any that is there */
};

#define NFS_HELPER "roamlab-nfs" /* its name */

/* Starts it, in a process group of its own, in this process's network namespace. It has `socket` (SOCK_SEQPACKET, words) and no other descriptor:
 * the caller closes it. */
int nfs_helper_start(const struct nfs_export *to, int socket, struct nfs_lane *lanes, pid_t *pid,
                     struct err *e);

/* Whether the kernel has an NFS client of version 3: it is asked to mount from a port of this machine where nobody answers. */
int nfs_helper_attempt(struct err *e);

#endif
