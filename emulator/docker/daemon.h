/* One Docker Engine per edge server, all of it below one root folder and in the edge server's network
 * namespace.
 *
 *     ROOT/data          images, containers (--data-root)
 *     ROOT/exec          state of dockerd, containerd, shims, runc (--exec-root)
 *     ROOT/tmp           TMPDIR
 *     ROOT/criu          HOME of CRIU, with its configuration; the runc that the Engine finds first, and the /tmp that this gives to CRIU
 *     ROOT/docker.sock   the API
 *     ROOT/daemon.json, containerd.toml, docker.pid, dockerd.log, containerd.log
 *
 * The dockerd and the containerd that are installed are used; the machine's own Engine, its containerd, its
 * folders and its containers are never touched. Containers live in a control group named after ROOT, so that
 * what a crash left can be found again. ROOT must be short enough for Unix sockets (at most 60 bytes) and lie
 * on a file system that overlay2 can use (ext4, xfs), and not in /tmp. */
#ifndef ROAMLAB_DOCKER_DAEMON_H
#define ROAMLAB_DOCKER_DAEMON_H

#include "api.h"
#include "places.h"
#include "process.h"

enum { DAEMON_ROOT_MAX = 60, DAEMON_START_SECONDS = 180 }; /* one that ends by itself is noticed at once */

/* How the memory of its containers comes page by page, or goes (lazy_pages.h): by TLS between hosts that share a key and trust nothing else. */
struct docker_paging {
    const char *address; /* numeric: where this host serves pages */
    const char *keys;    /* KEYS.pem and KEYS.key, the certificate that all hosts of the run show and want to see */
    struct simtime patience; /* pages that do not come for so long never will */
};

struct daemon_options {
    const char *root;          /* made if absent */
    const char *net_namespace; /* path such as /run/netns/NAME, NULL = this process's */
    const char *authority;     /* file of the certificates of registries that it trusts; NULL = the machine's */
    const char *criu_folder;   /* put first in PATH; NULL or "" = the CRIU that PATH finds (runtime.h) */
    bool outlive;              /* it stays when this process is killed, for docker_daemon_adopt() */
    /* Another network namespace than its containers', where dumps are made: CRIU then takes the containers' for a foreign one, that it neither
     * stores nor locks, and they can be restored into any. NULL: made inside, and good for Engines inside only. */
    const char *dump_namespace;
    const struct docker_paging *paging; /* NULL: all of a container's memory goes and comes with its checkpoint */
};

struct docker_daemon {
    struct loop *loop;
    struct docker_api *api;            /* valid between start and free */
    char *root, *net_namespace, *authority, *path; /* path: its PATH, also for runc */
    char *dump_namespace;
    char *criu;      /* its CRIU, as a path or a name in PATH */
    char *page_keys; /* struct docker_paging's, NULL = none */
    struct simtime paging_patience;
    char *network; /* NetworkMode of its containers */
    struct docker_places places;
    char version[64];            /* of the user's */
    struct docker_users_engine *users_engine; /* users_engine.h; NULL = an Engine of ours */
    struct process process;            /* dockerd */
    struct process containerd;
    struct docker_request request;
    struct timer timer;
    struct background background;
    struct simtime give_up;
    /* `done` is called once per start or stop. */
    void (*done)(struct docker_daemon *d, int status, const struct err *e);
    /* dockerd or containerd ended by itself later than that; may be NULL. */
    void (*died)(struct docker_daemon *d, const struct err *e);
    bool starting, stopping, keep_data, outlive;
    struct err err;
};

/* Starts both and calls done() when dockerd answers /_ping. On failure nothing keeps running, and the error
 * quotes the last error in the log. `done` and `died` are set before; the options are copied. */
int docker_daemon_start(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                        struct err *e);
/* Takes over an Engine that has outlived the process that started it with these options, with its images and containers; then as start. */
int docker_daemon_adopt(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                        struct err *e);
/* Ends everything below the root in the right order and calls done(). Images and containers stay if
 * `keep_data`; otherwise the root is removed. Also right after a failed start. Requests of others must have
 * been cancelled before. */
void docker_daemon_stop(struct docker_daemon *d, bool keep_data);
/* Frees what the struct owns; a dockerd that still runs is killed, and docker_daemon_clean() has to
 * follow. */
void docker_daemon_free(struct docker_daemon *d);

/* Blocking, without a struct: ends every process that belongs to `root` (its dockerd, containerd, shims,
 * runc, criu and containers, found by /proc/PID/cmdline and control group), unmounts what is mounted below
 * it, removes its control groups and shim sockets, and the folder unless keep_data. Works when everything was
 * killed by SIGKILL and when nothing is left. Refuses a non-empty folder that no dockerd of roamlab was
 * started in. */
int docker_daemon_clean(const char *root, bool keep_data, struct err *e);

/* Of that, only the processes: those of an Engine, CRIU and the service that name `root`, and all in its control groups. Blocks. */
int docker_end_processes(const char *root, struct err *e);

/* Ends the CRIU that dumps the process or serves its pages, by whoever's order: the process goes on as it was. Says whether one
 * did: it may take a moment to be gone. */
bool docker_end_dump(pid_t pid);

/* The process of that program of an Engine, "dockerd" or "containerd", that names `root`; 0 if there is none. */
pid_t docker_find_program(const char *root, const char *program);

void docker_sha256_hex(const char *text, char out[65]);

/* The control group of a root's containers, below each controller's mount: "/roamlab-HASH". free() it. */
char *docker_daemon_cgroup(const char *root);

#endif
