/* C-Migr's way: the container layer becomes an image layer, the whole image a file, and the file an image
 * again. */
#include "container.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <string.h>

static int measure_layer(struct background *b, struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    return files_size(job->container->upper, &job->bytes, e);
}

static int step_measure_layer(struct docker_job *job, struct err *e)
{
    if (!job->container->upper)
        return err_set(e, ENOENT, "the container has no layer yet");
    return docker_job_background(job, measure_layer, e);
}

/* pause=0: the caller froze the container, and thaws it. */
static int step_commit(struct docker_job *job, struct err *e)
{
    const char *tag = strrchr(job->image, ':');
    if (!tag)
        return err_set(e, EINVAL, "image %s has no tag", job->image);
    return docker_job_request(job, NULL, "POST", NULL, e, "/commit?container=%s&repo=%.*s&tag=%s&pause=0",
                              job->container->name, (int)(tag - job->image), job->image, tag + 1);
}

static void transferred(struct docker_transfer *t, int status, uint64_t bytes, const struct err *e)
{
    struct docker_job *job = container_of(t, struct docker_job, transfer);
    job->bytes = bytes;
    docker_job_go(job, status, e);
}

static int step_save(struct docker_job *job, struct err *e)
{
    autofree char *archive = mem_printf("%s/image.tar", job->spool);
    job->transfer.done = transferred;
    return docker_api_download(job->daemon->api, &job->transfer, archive, e, "/images/%s/get", job->image);
}

static int step_load(struct docker_job *job, struct err *e)
{
    job->transfer.done = transferred;
    return docker_api_upload(job->daemon->api, &job->transfer, job->spool, e, "/images/load?quiet=1");
}

void docker_container_commit(struct docker_container *c, struct docker_job *job, const char *image)
{
    static const docker_step steps[] = {step_commit, step_measure_layer, NULL};
    job->image = mem_copy_string(image);
    docker_job_start(job, c, "commit", steps);
}

void docker_container_save(struct docker_container *c, struct docker_job *job, const char *image,
                           const char *spool)
{
    static const docker_step steps[] = {docker_step_make_spool, step_save, NULL};
    job->image = mem_copy_string(image);
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "save", steps);
}

void docker_container_load(struct docker_container *c, struct docker_job *job, const char *archive)
{
    static const docker_step steps[] = {step_load, NULL};
    job->spool = mem_copy_string(archive);
    docker_job_start(job, c, "load", steps);
}
