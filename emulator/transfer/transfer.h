/* Carriers: how the files of a migration get from one host to another. One row of a const table per carrier,
 * one file each.
 *
 * The controller calls prepare() once per run. Every host that receives runs a server (serve), every host
 * that sends opens a connection to each of its peers early (open) and keeps it, because setting one up costs
 * many round trips. Everything but prepare() is asynchronous on the loop; the structs of the owner carry the
 * state. Wall time only.
 *
 * What arrives: `local` (an absolute path) lands as `remote_folder`/<last component of local>. The remote
 * folder must exist. Regular files and folders only: special files, owners, links and times of a container
 * layer travel inside an archive, so a link, device or socket anywhere in `local`, or a name with a line
 * break, is refused before a byte is sent. Every file costs round trips of its own: where they are long, many
 * small files are better sent as one archive. What a failed or cancelled job has left at the peer stays there
 * until the receiving host discards it. */
#ifndef ROAMLAB_TRANSFER_H
#define ROAMLAB_TRANSFER_H

#include "process.h"

#include <limits.h>

/* A host as carriers see it. `name` serves as file name and in errors; `port` is the server's. */
struct transfer_host {
    const char *name;
    const char *address; /* numeric, the one that peers connect to; one host each */
    uint16_t port;
    const char *registry; /* carrier registry: address of the one that its files go through; NULL = one of its own, beside it */
};

struct transfer_settings {
    struct loop *loop;
    const char *folder;              /* as given to prepare(), absolute; shared by the hosts of a run */
    const char *self;                /* this host's name */
    const char *inbox;               /* absolute: the only folder that peers may fill here; NULL = this host takes no files */
    struct transfer_host store;      /* of carriers that have one: the third host; its port is the store's */
    const struct nfs_client *nfs_client; /* of carrier nfs (nfs_client.h); NULL = the first that this machine has */
    bool pipeline;                   /* what goes through a store is read there while it is still written */
    struct simtime connect_timeout;  /* a connection or server that does not stand by then has failed */
    struct simtime progress_timeout; /* a job without a byte for so long has failed */
};

/* The receiving side of one host; embedded in its owner, zeroed, `changed` set before serve(). */
struct transfer_server {
    /* 0: ready, its port accepts. Otherwise it could not start, or ended later: nothing runs any more. */
    void (*changed)(struct transfer_server *server, int status, const struct err *e);

    /* the carrier's own */
    struct transfer_host host;
    const char *program;
    char log[PATH_MAX];
    struct loop *loop;
    struct process process;
    struct timer poll;
    struct simtime deadline;
    bool ready;
    struct stream_server *stream;
    struct nfs_inbox *nfs;
};

struct transfer_peer; /* a kept connection to one host: made by open(), freed by close() */

/* Called with the outcome of every attempt to connect: the early one of open(), later ones that a send
 * needed. */
typedef void transfer_opened(void *context, int status, const struct err *e);

/* How a folder that is sent while it is still written comes to be whole. Names are those of the subfolder in which that happens. */
struct transfer_growth {
    const char *folder; /* the only one in the folder that is sent */
    const char *last;   /* the file that appears, whole, when all is there */
    const char *grows;  /* files whose names begin so change at their ends alone, by growing: what is there of them goes at once, all else at last */
};

enum transfer_state {
    TRANSFER_IDLE,
    TRANSFER_WAITING /* for the connection */,
    TRANSFER_RUNNING,
    TRANSFER_FAILING
};

/* One thing to send; embedded in its owner, zeroed before its first use, `done` set before send(). Reusable
 * after done. */
struct transfer_job {
    /* Called once, never from within send() or cancel(). It may send again, cancel other jobs and close the
     * peer. */
    void (*done)(struct transfer_job *job, int status, const struct err *e);
    /* Carrier nfs without `pipeline`: all of it is on the third host, and the receiver begins to read. Called at most once, before done(); may be
     * NULL, and is after the call. */
    void (*stored)(struct transfer_job *job);
    void *context;    /* the owner's, as it pleases */
    const void *lane; /* of jobs that share one (not NULL), carrier stream sends one behind the other; the others' order is not known */
    const struct transfer_growth *growth; /* of carriers that follow, others NULL: of a folder that is still written, or will be; NULL = it is whole */

    /* results, valid in done(); begin from send() on */
    struct simtime begin, end; /* the loop's time at send() and at the end */
    uint64_t bytes;            /* contents of the files to send; of what grows valid in done() alone */
    /* IP bytes that the sender put on the wire, resends included; jobs that overlap on one connection share
     * its bytes equally. The kernel's NFS client has one connection for all its mounts of a store: a job over it
     * also counts what this host moves there meanwhile to and from other hosts. 0 = not known on this machine. */
    uint64_t wire_bytes;

    /* the carrier's own */
    enum transfer_state state;
    struct transfer_peer *peer;
    struct transfer_job *next;
    struct process process;
    struct timer tick;
    struct simtime last_progress;
    uint64_t progress;
    uint64_t acknowledged; /* of its connection, at the last look */
    int cuts;              /* in a row */
    int messages_fd; /* what the program says on stderr */
    char *local, *remote;
    struct err failure;
};

/* Connections that a peer has warmed so far, and the IP bytes that this took, handshakes included, also of those that were cut. */
struct transfer_warming {
    int connections;
    uint64_t bytes;
};

struct carrier {
    const char *name;
    const char *help;
    bool arrives_whole; /* at the peer the name of a file appears when all of it is there, checked */
    bool takes_folders; /* a folder appears whole, too, and its files cost no more than one file */
    bool follows;       /* takes a folder that is still written (transfer_growth) */
    /* Makes `folder` and in it what a run needs (keys, known hosts). Blocking; parent folders must exist. */
    int (*prepare)(const char *folder, const struct transfer_host *hosts, int count, struct err *e);
    /* Starts the receiving side in this process's network namespace; `host` is copied, its strings are
     * not. */
    int (*serve)(struct transfer_server *server, const struct transfer_settings *settings,
                 const struct transfer_host *host, struct err *e);
    /* Carriers whose files go through a third host, others NULL: as serve(), of that host. The receiving side waits for it. */
    int (*serve_store)(struct transfer_server *server, const struct transfer_settings *settings,
                       const struct transfer_host *host, struct err *e);
    /* Ends either server and every session in it; `changed` is not called. Harmless if it does not run. */
    void (*stop)(struct transfer_server *server);
    /* Starts to connect. `opened` may be NULL. The strings of `settings` and `host` must outlive the peer. */
    int (*open)(struct transfer_peer **peer, const struct transfer_settings *settings,
                const struct transfer_host *host, transfer_opened *opened, void *context, struct err *e);
    /* NULL: its connections are not warmed. What the peer's `opened` tells of is counted by then. */
    struct transfer_warming (*warming)(const struct transfer_peer *peer);
    /* Ends the connection; running jobs are forgotten without done(). NULL-safe. */
    void (*close)(struct transfer_peer *peer);
    /* Sends over the kept connection, or over a new one if it has broken: one attempt per send. */
    int (*send)(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                const char *remote_folder, struct err *e);
    /* Ends the job at once; done() is not called. Harmless on an idle job. What is in flight (2 MB at most, 8 by nfs)
     * still passes the link. */
    void (*cancel)(struct transfer_job *job);
};

/* NULL if there is none of that name. */
const struct carrier *carrier_of(const char *name);
/* The i-th, or NULL behind the last. */
const struct carrier *carrier_at(int i);

/* The bytes of the regular files in `path`. -EINVAL naming the first thing that is neither a file nor a
 * folder, or whose name has a line break. */
int transfer_measure(const char *path, uint64_t *bytes, struct err *e);

/* -EACCES if the folder that a peer names is another than the one that peers may fill here. */
int transfer_admits(const struct transfer_settings *settings, const char *folder, struct err *e);

/* Whether something accepts at a host's address and port; for an address of this very host, whose connections stand or are refused at
 * once. */
bool transfer_accepts(const struct transfer_host *host);

extern const struct carrier carrier_scp, carrier_rsync, carrier_stream, carrier_nfs, carrier_registry;

#endif
