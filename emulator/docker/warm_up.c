#include "warm_up.h"
#include "mem.h"

static void finish(struct docker_warm_up *w, int status, const struct err *e)
{
    docker_container_free(&w->container);
    w->done(w, status, e);
}

static void discarded(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    (void)bytes;
    finish(container_of(job, struct docker_warm_up, job), status, e);
}

static void started(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    struct docker_warm_up *w = container_of(job, struct docker_warm_up, job);
    (void)bytes;
    if (status < 0) {
        finish(w, status, e);
        return;
    }
    job->done = discarded;
    docker_container_discard(&w->container, job, NULL, NULL);
}

void docker_warm_up_start(struct docker_warm_up *w, struct docker_daemon *d, const char *run,
                          const char *image)
{
    autofree char *name = mem_printf("roamlab-%s-warm-up", run);
    struct docker_container_options options = {.name = name, .run = run, .image = image};
    options.service =
        (struct docker_service){.address = "127.0.0.1", .memory_pages = 1, .layer_pages = 1, .window = 1};
    docker_container_init(&w->container, d, &options);
    w->job.done = started;
    docker_container_start(&w->container, &w->job, NULL);
}

void docker_warm_up_cancel(struct docker_warm_up *w)
{
    docker_job_cancel(&w->job);
    docker_container_free(&w->container);
}
