/* One user's container at one edge server, and the operations on it that migrations are made of.
 *
 * Every operation is a job (job.h): it returns at once and calls job->done() later. A spool folder, given by
 * the caller, holds what one migration carries:
 *
 *     SPOOL/memory/ (CRIU's images)     SPOOL/layer.tar     SPOOL/image.tar
 *
 * Memory and layer are of one instant if, and only if, dump and take_layer (or commit) stand between freeze
 * and thaw: copying the layer of a running container gives files newer than the memory. Containers use the
 * daemon's network (network mode host, or an anchor's: users_engine.h); the caller puts their addresses there before start and
 * restore. */
#ifndef ROAMLAB_DOCKER_CONTAINER_H
#define ROAMLAB_DOCKER_CONTAINER_H

#include "job.h"

/* What the service is told; see emulator/service/main.c. */
struct docker_service {
    const char *address;
    uint16_t port;
    uint64_t seed;
    uint32_t mud, memory_pages, layer_pages, volume_pages, work_us, reply_bytes, window;
};

/* Of lazy_pages.h: what serves the container's pages at the source, or fetches them at the target. */
struct docker_pager {
    const char *name;       /* of its program */
    struct process process; /* pid 0 = none, or it has ended */
    int status;             /* with which it has ended */
    struct watch word;      /* the pipe by which it says that it is ready; no callback = it has, or never will */
    struct docker_job *job; /* that waits until it is ready, or has ended; NULL = none */
    char *log;              /* CRIU's, owned; NULL = there has never been one */
    bool keeps_faults; /* at the target, in `faults`: its descriptor of them (lazy_pages.h) */
    int faults;
    uint64_t bytes;    /* of the pages to be fetched */
    uint64_t resident; /* pages of the container, at the last look */
};

struct docker_container {
    struct docker_daemon *daemon;
    char *name, *run, *image; /* owned */
    char *volume;             /* owned; the host's folder that is its /volume, NULL = none */
    char **environment;       /* owned, NULL-terminated */
    /* Known once it has been created: */
    char *id, *upper; /* upper: the container layer's folder in overlay2 */
    char *image_id;   /* of the image that it was created from */
    /* Known while it runs: */
    pid_t pid;     /* of its first process, 0 = not running */
    char *freezer; /* the file that freezes its control group */
    bool frozen;
    struct process dumper;       /* runc and CRIU while they dump */
    struct docker_job *dump_job; /* that waits for it; NULL = called off */
    bool restoring;              /* a restore has not answered yet */
    struct docker_pager pager;
};

struct docker_container_options {
    const char *name;  /* unique at this Engine; [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
    const char *run;   /* value of the label roamlab.run */
    const char *image; /* an image that the Engine has: see image.h */
    const char *volume; /* absolute path of a folder that it finds as /volume, NULL = none */
    struct docker_service service;
};

/* Makes no container yet. The struct must be zeroed or freed before. */
void docker_container_init(struct docker_container *c, struct docker_daemon *d,
                           const struct docker_container_options *o);
/* The container itself stays; a dump that still runs is killed. */
void docker_container_free(struct docker_container *c);

/* OP_START: created from `image` (NULL: its own) and started fresh. It serves when it answers a PROBE. */
void docker_container_start(struct docker_container *c, struct docker_job *job, const char *image);
/* One of its name that another process brought: its id (NULL if there is none), and what is known while it runs. */
void docker_container_adopt(struct docker_container *c, struct docker_job *job);
/* OP_FREEZE, OP_THAW: the control group's freezer, v1 or v2. Idempotent. */
void docker_container_freeze(struct docker_container *c, struct docker_job *job);
void docker_container_thaw(struct docker_container *c, struct docker_job *job);
/* OP_DUMP: SPOOL/memory, leaving it as it was, running or frozen. Bytes: of the images. */
void docker_container_dump(struct docker_container *c, struct docker_job *job, const char *spool);
/* OP_SEED where the kernel tracks what is written (dirty_tracking.h): the same without what CRIU restores processes from, and from then on the
 * pages that are written are known. */
void docker_container_pre_dump(struct docker_container *c, struct docker_job *job, const char *spool);
/* OP_DUMP behind a pre-dump: SPOOL/memory holds only the pages written since. `parent` is the pre-dump's memory folder, as a path from SPOOL/memory. */
void docker_container_dump_since(struct docker_container *c, struct docker_job *job, const char *spool, const char *parent);
/* OP_TAKE_LAYER: SPOOL/layer.tar. */
void docker_container_take_layer(struct docker_container *c, struct docker_job *job, const char *spool);
/* OP_COMMIT: the container layer becomes the top layer of `image` ("roamlab/commit:NAME"). Bytes: of the
 * layer. */
void docker_container_commit(struct docker_container *c, struct docker_job *job, const char *image);
/* OP_SAVE: `image` with all its layers to SPOOL/image.tar. */
void docker_container_save(struct docker_container *c, struct docker_job *job, const char *image,
                           const char *spool);
/* OP_LOAD, OP_LOAD_BASE, at the target: an archive of an image, or of a layer (image_layers.h), into the Engine. */
void docker_container_load(struct docker_container *c, struct docker_job *job, const char *archive);
/* OP_CREATE, at the target: created, not started, from `image` (NULL: its own) and with SPOOL/layer.tar in
 * its layer (spool NULL: none). */
void docker_container_create(struct docker_container *c, struct docker_job *job, const char *image,
                             const char *spool);
/* OP_PUT_LAYER, at the target: SPOOL/layer.tar into the layer of a container that was created without. */
void docker_container_put_layer(struct docker_container *c, struct docker_job *job, const char *spool);
/* OP_RESTORE, at the target: its processes from SPOOL/memory and, if that goes on from a pre-dump, SPOOL/parent; both stay. Errors quote CRIU's log if it can
 * be caught. */
void docker_container_restore(struct docker_container *c, struct docker_job *job, const char *spool);
/* OP_HALT: killed in the state that it is in — frozen, nothing more is executed —, files kept. */
void docker_container_halt(struct docker_container *c, struct docker_job *job);
/* OP_REVIVE: a halted container from its own SPOOL/memory. */
void docker_container_revive(struct docker_container *c, struct docker_job *job, const char *spool);
/* OP_STOP, OP_DISCARD: killed and removed, and with it the image that commit or load made (NULL: none) and
 * the spool folder (NULL: none). One that is not there is good. */
void docker_container_discard(struct docker_container *c, struct docker_job *job, const char *image,
                              const char *spool);

/* The command that unpacks a layer of the other side: GNU tar lets no name, link or hard link of an archive lead out of a folder that was empty
 * before; no option may take that away. */
enum { DOCKER_UNPACK_WORDS = 9 };
void docker_layer_unpack_words(const char *argv[DOCKER_UNPACK_WORDS], const char *archive, const char *upper);

/* Steps that several operations share. */
int docker_step_create(struct docker_job *job, struct err *e);
int docker_step_inspect(struct docker_job *job, struct err *e);
/* After inspect: it must run; finds its freezer. */
int docker_step_running(struct docker_job *job, struct err *e);
int docker_step_kill(struct docker_job *job, struct err *e);
int docker_step_make_spool(struct docker_job *job, struct err *e);

/* The same, of checkpoint.c: SPOOL/memory made anew, its list written, and checked; its files put where the Engine looks for them; the Engine's restore;
 * they are taken away again. */
int docker_step_fresh_memory(struct docker_job *job, struct err *e);
int docker_step_list_memory(struct docker_job *job, struct err *e);
int docker_step_check_memory(struct docker_job *job, struct err *e);
int docker_step_place(struct docker_job *job, struct err *e);
int docker_step_restore(struct docker_job *job, struct err *e);
int docker_step_tidy(struct docker_job *job, struct err *e);
/* Where those files are: the checkpoint folder of the Engine and, in its temporary folder, that of what its links lead to. free() them. */
char *docker_checkpoint_folder(const struct docker_container *c);
char *docker_files_folder(const struct docker_container *c);
/* checkpoint.c: removes what a restore that was called off left outside the container's own folders. */
void docker_checkpoint_forget(const struct docker_container *c);
/* The same of all containers whose pages are in folders with such names (roamlab-CONTAINER) in an Engine's temporary folder. */
void docker_checkpoint_sweep(const char *tmp, const char *prefix);

/* criu_watch.c: adds what a log that is still written to holds; -1: nothing. */
void docker_read_open_log(int fd, struct buf *log);
/* Does runc say that it has lost its connection to CRIU? */
bool docker_lost_criu(const char *said);
/* From now on, while CRIU writes the log of the job's restore, an end of it without a word in its log fails the restore, `criu_fell`
 * says so; without this the Engine would wait for ever. Uses the job's background and timer, which its owner cancels when the restore has ended. */
void docker_restore_watch(struct docker_job *job);
/* The same while the container's dumper dumps, by the job's timer. */
void docker_dump_watch(struct docker_job *job);

/* shim.c: kills the container's shim and all that it started: a restore that hangs. Blocks for
 * milliseconds. */
void docker_shim_kill(const struct docker_container *c);
/* The runc that restores the container, 0 if none is seen. Blocks for milliseconds. */
pid_t docker_shim_find_runc(const struct docker_container *c);
/* Removes the socket of the shim with that command line, as /proc shows it, which a shim that is killed leaves. Harmless if it is no shim's. */
void docker_shim_remove_socket(const struct buf *cmdline);

/* usage.c: memory of its processes without what the kernel keeps of files, and the CPU time that they have had. */
struct docker_usage {
    uint64_t memory_bytes, cpu_ns;
};
int docker_container_usage(const struct docker_container *c, struct docker_usage *u, struct err *e);

/* freezer.c: the folder of a process's control group, of a controller of version 1 or, for "", of version 2; free() it. NULL: none. */
char *docker_control_group_of(pid_t pid, const char *controller);
/* The file that freezes the process's control group, or NULL and `e`. */
char *docker_freezer_of(pid_t pid, struct err *e);
/* Writes the wish; true in *reached once all processes follow it. */
int docker_freezer_set(const char *freezer, bool frozen, struct err *e);
int docker_freezer_reached(const char *freezer, bool frozen, bool *reached, struct err *e);
/* Freezes and thaws a process in a new control group of that name, such as docker_daemon_cgroup() gives, and
 * removes both. The version of the control groups, or -errno. Blocks for milliseconds. */
int docker_freezer_try(const char *group, struct err *e);

#endif
