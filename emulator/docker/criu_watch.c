/* A CRIU that is killed: a process that it had begun still holds runc's connection, so that runc waits for it, and the Engine in a restore.
 * If CRIU has said in its log how it went, they will say so, too; else who waits in vain is ended. It is runc's child, which a runc that waits
 * for its word does not reap. */
#include "container.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who is restored waits for a processor, too: most restores end before the first look. */
enum { GRACE_MS = 500 /* for runc or an Engine that has something to say */, LOOK_MS = 50, FIRST_LOOK_MS = 200 };

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

static void end_in_vain(struct docker_job *job, bool restores)
{
    job->criu_fell = true;
    if (restores)
        docker_shim_kill(job->container);
    else
        process_signal(&job->container->dumper, SIGKILL);
}

static void look(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    pid_t before = job->criu_pid;
    bool restores = job->log_file >= 0;
    job->criu_pid = ended_child(job->runc_pid);
    if (job->criu_pid && job->criu_pid == before && !(restores ? has_said(job->log_file) : dump_has_said(job)))
        end_in_vain(job, restores);
    else
        loop_arm_after(job->daemon->loop, timer, simtime_ms(job->criu_pid ? GRACE_MS : LOOK_MS));
}

static void start_looking(struct docker_job *job, pid_t runc, int after_ms)
{
    job->runc_pid = runc;
    job->criu_pid = 0;
    job->timer.fire = look;
    loop_arm_after(job->daemon->loop, &job->timer, simtime_ms(after_ms));
}

void docker_dump_watch(struct docker_job *job)
{
    start_looking(job, job->container->dumper.pid, LOOK_MS);
}

/* --- a restore's runc is the shim's, and must be found --------------------------------------------------------------------- */

static int find(struct background *b, struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    (void)e;
    job->runc_pid = docker_shim_find_runc(job->container);
    return 0;
}

/* Without it, it is as before: whoever waits for the restore loses patience. */
static void found(struct background *b, int status, const struct err *e)
{
    struct docker_job *job = container_of(b, struct docker_job, background);
    (void)status, (void)e;
    if (job->runc_pid)
        start_looking(job, job->runc_pid, 0);
}

static void look_for_runc(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    job->background.done = found;
    job->background.wake = NULL;
    background_start(job->daemon->loop, &job->background, find, NULL);
}

void docker_restore_watch(struct docker_job *job)
{
    job->timer.fire = look_for_runc;
    loop_arm_after(job->daemon->loop, &job->timer, simtime_ms(FIRST_LOOK_MS));
}
