/* A CRIU that is killed in the middle of a restore: what it had begun still holds runc's connection, so that runc waits, and the Engine with it.
 * Its end is seen by pidfd. If it has said in its log how it went, the Engine will say so, too; else the shim is ended, and then the Engine
 * answers. */
#include "container.h"
#include "mem.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GRACE_MS = 500 /* for an Engine that has something to say */ };

void docker_read_open_log(int fd, struct buf *log)
{
    char chunk[4096];
    ssize_t got;
    while (fd >= 0 && (got = pread(fd, chunk, sizeof chunk, (off_t)log->len)) > 0)
        buf_add(log, chunk, (size_t)got);
}

bool docker_lost_criu(const char *said)
{
    return strstr(said, "read unixpacket") != NULL;
}

static bool has_said(int log)
{
    static const char *const words[] = {"Restore finished successfully", "Restoring FAILED"};
    struct buf text = BUF_INIT;
    bool said = false;
    docker_read_open_log(log, &text);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        said |= strstr(buf_text(&text), words[i]) != NULL;
    buf_free(&text);
    return said;
}

static void grace_over(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    job->criu_fell = true;
    docker_shim_kill(job->container);
}

static void criu_ended(struct watch *watch, uint32_t epoll_events)
{
    (void)epoll_events;
    struct docker_job *job = container_of(watch, struct docker_job, criu);
    docker_restore_unwatch(job);
    if (has_said(job->log_file))
        return;
    job->timer.fire = grace_over;
    loop_arm_after(job->daemon->loop, &job->timer, simtime_ms(GRACE_MS));
}

static int find(struct background *b, struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    (void)e;
    job->criu_pid = docker_shim_find_criu(job->container);
    return 0;
}

/* Without a pidfd it is as before: whoever waits for the restore loses patience. */
static void found(struct background *b, int status, const struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    (void)status, (void)e;
    if (!job->criu_pid)
        return;
    job->criu.ready = criu_ended;
    job->criu.fd = (int)syscall(SYS_pidfd_open, job->criu_pid, 0);
    if (job->criu.fd < 0 || loop_watch(job->daemon->loop, &job->criu, EPOLLIN, NULL) < 0)
        docker_restore_unwatch(job);
}

void docker_restore_watch(struct docker_job *job)
{
    job->background.done = found;
    job->background.wake = NULL;
    background_start(job->daemon->loop, &job->background, find, NULL);
}

void docker_restore_unwatch(struct docker_job *job)
{
    if (!job->log || job->log_file < 0)
        return;
    background_cancel(&job->background);
    loop_unwatch(job->daemon->loop, &job->criu);
    mem_close_fd(&job->criu.fd);
    job->criu.fd = -1;
}
