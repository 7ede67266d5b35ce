/* A CRIU that is killed: a process that it had begun still holds runc's connection, so that runc waits for it, and the Engine in a restore.
 * If CRIU has said in its log how it went, they will say so, too; else who waits in vain is ended. */
#include "container.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GRACE_MS = 500 /* for runc or an Engine that has something to say */, LOOK_MS = 50 };

void docker_read_open_log(int fd, struct buf *log)
{
    char chunk[4096];
    ssize_t got;
    while (fd >= 0 && (got = pread(fd, chunk, sizeof chunk, (off_t)log->len)) > 0)
        buf_add(log, chunk, (size_t)got);
}

bool docker_lost_criu(const char *said)
{
    return strstr(said, "unixpacket") || strstr(said, "criu-xprt-cln");
}

static bool has_said(int log)
{
    static const char *const words[] = {" finished successfully", "ing FAILED"};
    struct buf text = BUF_INIT;
    bool said = false;
    docker_read_open_log(log, &text);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        said |= strstr(buf_text(&text), words[i]) != NULL;
    buf_free(&text);
    return said;
}

/* --- a restore: its end is seen by pidfd ----------------------------------------------------------------------------------- */

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

/* --- a dump: it is runc's child, which a runc that waits for its word does not reap ---------------------------------------- */

static bool has_ended(pid_t pid)
{
    autofree char *path = mem_printf("/proc/%d/status", pid);
    struct buf text = BUF_INIT;
    bool ended = files_read(path, 0, &text, NULL) == 0 && strstr(buf_text(&text), "\nState:\tZ");
    buf_free(&text);
    return ended;
}

static pid_t ended_in_list(const char *path)
{
    struct buf text = BUF_INIT;
    pid_t found = 0;
    if (files_read(path, 0, &text, NULL) == 0) {
        char *behind;
        for (const char *at = buf_text(&text); !found && *at; at = behind) {
            pid_t pid = (pid_t)strtol(at, &behind, 10);
            if (behind == at)
                break;
            if (has_ended(pid))
                found = pid;
            behind += *behind == ' ';
        }
    }
    buf_free(&text);
    return found;
}

/* The kernel lists children by the thread that has begun them. */
static pid_t ended_child(pid_t parent)
{
    autofree char *threads = mem_printf("/proc/%d/task", parent);
    DIR *folder = opendir(threads);
    pid_t found = 0;
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        autofree char *path = mem_printf("%s/%s/children", threads, entry->d_name);
        if (entry->d_name[0] != '.')
            found = ended_in_list(path);
    }
    if (folder)
        closedir(folder);
    return found;
}

static bool dump_has_said(const struct docker_job *job)
{
    autofree char *path = mem_printf("%s/dump.log", job->spool);
    autoclose int log = open(path, O_RDONLY | O_CLOEXEC);
    return has_said(log);
}

static void look_at_dump(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    struct process *runc = &job->container->dumper;
    pid_t before = job->criu_pid;
    job->criu_pid = ended_child(runc->pid);
    if (job->criu_pid && job->criu_pid == before && !dump_has_said(job)) {
        job->criu_fell = true;
        process_signal(runc, SIGKILL);
        return;
    }
    loop_arm_after(job->daemon->loop, timer, simtime_ms(job->criu_pid ? GRACE_MS : LOOK_MS));
}

void docker_dump_watch(struct docker_job *job)
{
    job->criu_pid = 0;
    job->timer.fire = look_at_dump;
    loop_arm_after(job->daemon->loop, &job->timer, simtime_ms(LOOK_MS));
}
