#include "job.h"
#include "container.h"
#include "lazy_pages.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { DUMP_POLL_MS = 2, DUMP_WAIT_SECONDS = 20, FROZEN_NICE = -10 };

static void release(struct docker_job *job)
{
    free(steal(job->spool));
    free(steal(job->image));
    free(steal(job->layer));
    free(steal(job->parent));
    free(steal(job->log));
    mem_close_fd(&job->log_file);
    mem_close_fd(&job->pages);
    job->log_file = job->pages = -1;
    job->steps = NULL;
}

static void finish(struct docker_job *job, int status, struct err *e)
{
    if (status < 0)
        err_wrap(e, "%s %s", job->name, job->container->name);
    release(job);
    job->done(job, status, job->bytes, e);
}

/* Runs steps until one waits, fails, or none is left. */
static void advance(struct docker_job *job)
{
    struct err e = ERR_INIT;
    int status = DOCKER_STEP_DONE;
    while (status == DOCKER_STEP_DONE && job->steps[job->step])
        status = job->steps[job->step++](job, &e);
    if (status != DOCKER_STEP_WAITS)
        finish(job, status < 0 ? status : 0, &e);
}

void docker_job_go(struct docker_job *job, int status, const struct err *e)
{
    if (status >= 0) {
        advance(job);
        return;
    }
    struct err copy = *e;
    finish(job, status, &copy);
}

/* A dump that was called off must end first; one that hangs is killed, and the container with it if it is
 * discarded. */
static void first_turn(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    struct docker_container *c = job->container;
    struct loop *loop = job->daemon->loop;
    if (!c->dumper.pid) {
        advance(job);
    } else if (simtime_before(loop_now(loop), job->give_up)) {
        loop_arm_after(loop, timer, simtime_ms(DUMP_POLL_MS));
    } else {
        process_kill(&c->dumper);
        advance(job);
    }
}

void docker_job_start(struct docker_job *job, struct docker_container *c, const char *name,
                      const docker_step *steps)
{
    job->name = name;
    job->steps = steps;
    job->step = 0;
    job->container = c;
    job->daemon = c->daemon;
    job->bytes = 0;
    job->log_file = job->pages = -1;
    job->criu_fell = false;
    job->give_up = simtime_add(loop_now(c->daemon->loop), simtime_s(DUMP_WAIT_SECONDS));
    job->timer.fire = first_turn;
    loop_arm_after(c->daemon->loop, &job->timer, SIMTIME_ZERO);
}

void docker_job_cancel(struct docker_job *job)
{
    if (!job->steps)
        return;
    loop_cancel(job->daemon->loop, &job->timer);
    if (job->container->dump_job == job)
        job->container->dump_job = NULL;
    docker_pager_leave(job->container, job);
    docker_api_cancel(&job->request);
    docker_api_cancel_transfer(&job->transfer);
    process_kill(&job->process);
    background_cancel(&job->background);
    release(job);
}

static void request_done(struct docker_request *request, int status, struct json_object *answer,
                         const struct err *e)
{
    struct docker_job *job = container_of(request, struct docker_job, request);
    struct err own = *e;
    if (job->answered)
        status = job->answered(job, status, answer, &own);
    docker_job_go(job, status, &own);
}

int docker_job_request(struct docker_job *job,
                       int (*answered)(struct docker_job *, int, struct json_object *, struct err *),
                       const char *method, struct json_object *body, struct err *e, const char *path_format,
                       ...)
{
    va_list args;
    va_start(args, path_format);
    autofree char *path = mem_vprintf(path_format, args);
    va_end(args);
    job->answered = answered;
    job->request.done = request_done;
    return docker_api_request(job->daemon->api, &job->request, method, body, e, "%s", path);
}

static void process_done(struct process *process, int status)
{
    struct docker_job *job = container_of(process, struct docker_job, process);
    struct err e = ERR_INIT;
    int result = 0;
    if (job->ended)
        result = job->ended(job, status, &e);
    else if (status)
        result = err_set(&e, EIO, "child ended with status %d", status);
    docker_job_go(job, result, &e);
}

/* While a container is frozen its user waits: what works on it then comes before what prepares the target. */
int docker_job_spawn(struct docker_job *job, struct process *process, const char *const *argv,
                     const char *log, int in_fd, int out_fd, struct err *e)
{
    autofree char *path = mem_printf("PATH=%s", job->daemon->path);
    const char *outside = job->daemon->dump_namespace;
    autofree char *home = mem_printf("HOME=%s/criu", job->daemon->root);
    const char *const environment[] = {path, home, "LC_ALL=C", NULL};
    autoclose int log_fd = log ? open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (log && log_fd < 0)
        return err_errno(e, "open %s", log);
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    o.environment = environment;
    o.net_namespace = outside ? outside : job->daemon->net_namespace;
    o.stdin_fd = in_fd;
    o.stdout_fd = out_fd < 0 ? log_fd : out_fd;
    o.stderr_fd = log_fd;
    o.nice = job->container->frozen ? FROZEN_NICE : 0;
    return process_start(job->daemon->loop, process, &o, e);
}

int docker_job_process(struct docker_job *job, int (*ended)(struct docker_job *, int, struct err *),
                       const char *const *argv, const char *log, struct err *e)
{
    job->ended = ended;
    job->process.ended = process_done;
    return docker_job_spawn(job, &job->process, argv, log, -1, -1, e);
}

static void background_done(struct background *b, int status, const struct err *e)
{
    docker_job_go(container_of(b, struct docker_job, background), status, e);
}

int docker_job_background(struct docker_job *job, int (*run)(struct background *, struct err *),
                          struct err *e)
{
    job->background.done = background_done;
    job->background.wake = NULL;
    return background_start(job->daemon->loop, &job->background, run, e);
}
