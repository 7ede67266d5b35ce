/* Who speaks NFS version 3 (RFC 1813) for carrier nfs, and what it is asked: one row of a table per client, one file each. The kernel's, where
 * it has one, or libnfs in this process. nfs_mount.h stands before them; its users do not know which one answers.
 *
 * Files live in one folder of the server, without folders in it. All clients read and write past every cache: what one host has written,
 * another reads at once. */
#ifndef ROAMLAB_NFS_CLIENT_H
#define ROAMLAB_NFS_CLIENT_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

struct nfs_mount;
struct nfs_file; /* an open one: the client's */

enum nfs_op {
    NFS_OPEN,   /* name; to read and write */
    NFS_CREATE, /* name, which must be new; open, then */
    NFS_READ,   /* file, offset, len: fewer bytes only at its end */
    NFS_WRITE,  /* file, offset, len, bytes: copied before the call returns */
    NFS_CLOSE,  /* file, for which no call is under way */
    NFS_REMOVE, /* name */
    NFS_LIST,   /* the folder's names, each ended by NUL, an empty one behind the last */
};

struct nfs_call {
    enum nfs_op op;
    const char *name;
    struct nfs_file *file;
    uint64_t offset;
    size_t len; /* at most NFS_SLOT_BYTES */
    const void *bytes;
};

/* `status`: bytes read or written, 0, or -errno. `data`, valid during the call: the file, the bytes that were read, the names, or words for
 * what went wrong, which may be NULL. */
typedef void nfs_answer(int status, void *data, void *context);

struct nfs_client {
    const char *name;
    const char *help;
    /* 0, or why this machine has none. Blocking, short. */
    int (*attempt)(struct err *e);
    /* Begins to mount, and tries again and again: nfs_mount_stands(), nfs_mount_refused(). */
    void (*open)(struct nfs_mount *mount);
    /* Calls under way are answered with an error, then mount->emptied is called, before it returns. */
    void (*close)(struct nfs_mount *mount);
    /* `answered` may be NULL; it may be called before this returns, if the call fails at once. */
    void (*call)(struct nfs_mount *mount, const struct nfs_call *call, nfs_answer *answered, void *context);
    /* IP bytes that have crossed its connection in both directions, those of other mounts that share it included. A new connection counts from
     * zero: what the last one moved since it was last asked is lost. 0 = not known. */
    uint64_t (*wire_bytes)(struct nfs_mount *mount);
};

/* The i-th, or NULL behind the last. The first that this machine has is taken where nobody chooses. */
const struct nfs_client *nfs_client_at(int i);
/* NULL if there is none of that name. */
const struct nfs_client *nfs_client_of(const char *name);
/* `wanted`, or, if it is NULL, the first that this machine has. */
const struct nfs_client *nfs_client_choose(const struct nfs_client *wanted);

/* --- for the clients: what has become of a mount --- */

void nfs_mount_stands(struct nfs_mount *mount);
/* An attempt failed, by that -errno; words may be NULL. There are more until the connect timeout. */
void nfs_mount_refused(struct nfs_mount *mount, int status, const char *words);
/* The client itself has ended, or could not begin: the mount is closed, soon. */
void nfs_mount_lost(struct nfs_mount *mount, const struct err *e);

extern const struct nfs_client nfs_client_kernel, nfs_client_libnfs;

#endif
