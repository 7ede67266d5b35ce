/* A job: one asynchronous operation on a container, as a list of steps. Each step starts one thing — a
 * request to the Engine, a child process, background work, a wait — and the job goes on when that has ended.
 *
 * The struct is embedded in its owner and zeroed before its first use. One job runs at a time in one struct,
 * and one per container, but for dump beside take_layer or commit; done() may start the next one. Nothing in a job holds the loop for more than a few
 * milliseconds. */
#ifndef ROAMLAB_DOCKER_JOB_H
#define ROAMLAB_DOCKER_JOB_H

#include "daemon.h"

struct docker_job;
struct docker_container;

enum { DOCKER_STEP_WAITS = 0, DOCKER_STEP_DONE = 1 };
/* DOCKER_STEP_WAITS: something was started that will call docker_job_go(). DOCKER_STEP_DONE: go on at once.
 * Else -errno. */
typedef int (*docker_step)(struct docker_job *job, struct err *e);

struct docker_job {
    /* Called once, from the loop, never from within the call that started the job. `status` is 0 or -errno
     * (`e` says what and where), `bytes` what the operation handled: size of the files written, read or
     * unpacked. */
    void (*done)(struct docker_job *job, int status, uint64_t bytes, const struct err *e);
    /* The rest is the job's own. */
    const char *name;
    const docker_step *steps; /* NULL-terminated; NULL = no job runs */
    int step;
    struct docker_container *container;
    struct docker_daemon *daemon;
    uint64_t bytes;
    char *spool, *image, *layer, *parent; /* arguments of the operation, owned */
    uint16_t port;
    int pages; /* an argument, too, owned; dump state: the process's memory; -1 = none */
    struct docker_request request;
    struct docker_transfer transfer;
    struct process process;
    struct background background;
    struct timer timer;
    struct simtime give_up; /* when waits of the job end: 20 s after its start */
    /* For the owner of a step: what to do with the Engine's answer before going on. */
    int (*answered)(struct docker_job *job, int status, struct json_object *answer, struct err *e);
    /* For the owner of a step: judges a child's exit status. */
    int (*ended)(struct docker_job *job, int status, struct err *e);
    char *log;    /* CRIU's log: path; owned */
    int log_file; /* its descriptor while a restore runs, -1 = not open */
    pid_t runc_pid;  /* that dumps or restores, watched as container.h says */
    pid_t criu_pid;  /* its child, seen ended, while runc waits for it; 0 = none */
    bool criu_fell;
    bool refused; /* by the Engine, which is at work on the container (409) */
};

/* Starts the steps on the next turn of the loop. Arguments have been set by the operation; `name` is put
 * before errors. */
void docker_job_start(struct docker_job *job, struct docker_container *c, const char *name,
                      const docker_step *steps);
/* Calls the job off: children are killed, requests dropped; done() is not called. What the Engine already
 * does it may finish; discard the container afterwards. Harmless if no job runs. */
void docker_job_cancel(struct docker_job *job);

/* For steps: the current step ended. */
void docker_job_go(struct docker_job *job, int status, const struct err *e);
/* For steps: a request whose answer goes to `answered` (NULL: only its status counts). */
int docker_job_request(struct docker_job *job,
                       int (*answered)(struct docker_job *, int, struct json_object *, struct err *),
                       const char *method, struct json_object *body, struct err *e, const char *path_format,
                       ...) __attribute__((format(printf, 6, 7)));
/* For steps: a child process; `ended` (NULL: status 0 is good) judges its status. Its stderr goes to the file
 * `log` if not NULL. */
int docker_job_process(struct docker_job *job, int (*ended)(struct docker_job *, int, struct err *),
                       const char *const *argv, const char *log, struct err *e);
/* The same for a process whose end the caller handles, with its standard input (-1: none), and its standard output (-1: to the log). */
int docker_job_spawn(struct docker_job *job, struct process *process, const char *const *argv,
                     const char *log, int in_fd, int out_fd, struct err *e);
/* For steps: background work; finds the job by container_of(b, struct docker_job, background). */
int docker_job_background(struct docker_job *job, int (*run)(struct background *, struct err *),
                          struct err *e);

#endif
