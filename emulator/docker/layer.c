/* The container layer as a tar archive: overlay2's UpperDir, with deletions (devices) and opaque folders
 * (extended attributes). */
#include "container.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int tar_ended(struct docker_job *job, int status, struct err *e)
{
    struct buf said = BUF_INIT;
    if (status == 0 || (status == 1 && !job->container->frozen))
        return 0; /* 1: a file changed while it was read */
    files_read(job->log, 300, &said, NULL);
    bool full = strstr(buf_text(&said), "Wrote only"); /* GNU tar's words for a write of which the disk took a part */
    err_set(e, full ? ENOSPC : EIO, "tar of the container layer ended with status %d: %s%s", status, buf_text(&said),
            full ? " (no space left on device)" : "");
    buf_free(&said);
    return -e->code;
}

static int archive_size(struct docker_job *job, const char *name, struct err *e)
{
    struct stat st;
    autofree char *archive = mem_printf("%s/%s", job->spool, name);
    if (stat(archive, &st) < 0)
        return err_errno(e, "%s", archive);
    job->bytes = (uint64_t)st.st_size;
    return DOCKER_STEP_DONE;
}

static int step_size(struct docker_job *job, struct err *e)
{
    return archive_size(job, "layer.tar", e);
}

static int step_pack(struct docker_job *job, struct err *e)
{
    autofree char *archive = mem_printf("%s/layer.tar", job->spool);
    job->log = mem_printf("%s/tar.log", job->spool);
    if (!job->container->upper)
        return err_set(e, ENOENT, "the container has no layer yet");
    const char *const argv[] = {"tar",
                                "-C",
                                job->container->upper,
                                "--sparse",
                                "--xattrs",
                                "--xattrs-include=*",
                                "--numeric-owner",
                                "-cf",
                                archive,
                                ".",
                                NULL};
    return docker_job_process(job, tar_ended, argv, job->log, e);
}

void docker_layer_unpack_words(const char *argv[DOCKER_UNPACK_WORDS], const char *archive, const char *upper)
{
    const char *const words[DOCKER_UNPACK_WORDS] = {
        "tar", "-C", upper, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive, NULL};
    memcpy(argv, words, sizeof words);
}

static int step_unpack(struct docker_job *job, struct err *e)
{
    if (!job->spool)
        return DOCKER_STEP_DONE;
    int status = step_size(job, e);
    if (status < 0)
        return status;
    autofree char *archive = mem_printf("%s/layer.tar", job->spool);
    job->log = mem_printf("%s/tar.log", job->spool);
    const char *argv[DOCKER_UNPACK_WORDS];
    docker_layer_unpack_words(argv, archive, job->container->upper);
    return docker_job_process(job, tar_ended, argv, job->log, e);
}

void docker_container_take_layer(struct docker_container *c, struct docker_job *job, const char *spool)
{
    static const docker_step steps[] = {docker_step_make_spool, step_pack, step_size, NULL};
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "take layer", steps);
}

void docker_container_create(struct docker_container *c, struct docker_job *job, const char *image,
                             const char *spool)
{
    static const docker_step steps[] = {docker_step_create, docker_step_inspect, step_unpack, NULL};
    job->image = mem_copy_string(image);
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "create", steps);
}

void docker_container_put_layer(struct docker_container *c, struct docker_job *job, const char *spool)
{
    static const docker_step steps[] = {step_unpack, NULL};
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "put layer", steps);
}
