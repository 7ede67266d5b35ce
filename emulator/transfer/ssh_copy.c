#include "ssh_copy.h"
#include "mem.h"
#include "ssh_keys.h"
#include "ssh_master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TICK_MS = 100, CUTS_MAX = 3, MUCH = 1 << 20 };

struct transfer_peer {
    const struct ssh_program *program;
    struct ssh_master master;
    struct transfer_job *jobs; /* waiting and running */
    uint64_t wire_bytes;       /* of the connection, when they were last shared out among the jobs */
    transfer_opened *opened;
    void *context;
};

static struct loop *loop_of(const struct transfer_job *job)
{
    return job->peer->master.settings.loop;
}

/* What the connection has sent since the last call goes to the running jobs in equal parts. */
static void share_wire_bytes(struct transfer_peer *peer)
{
    uint64_t now = ssh_master_wire_bytes(&peer->master);
    uint64_t more = now > peer->wire_bytes ? now - peer->wire_bytes : 0, running = 0;
    struct transfer_job *job;
    for (job = peer->jobs; job; job = job->next)
        running += job->state == TRANSFER_RUNNING;
    for (job = peer->jobs; job; job = job->next)
        if (job->state == TRANSFER_RUNNING)
            job->wire_bytes += more / running;
    peer->wire_bytes = now;
}

static void unlink_job(struct transfer_job *job)
{
    struct transfer_job **at = &job->peer->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    job->next = NULL;
}

/* Leaves the job as it was before send(), results aside. */
static void release(struct transfer_job *job)
{
    loop_cancel(loop_of(job), &job->tick);
    process_kill(&job->process);
    unlink_job(job);
    if (job->messages_fd >= 0)
        close(job->messages_fd);
    job->messages_fd = -1;
    free(steal(job->local));
    free(steal(job->remote));
    job->state = TRANSFER_IDLE;
}

static void finish(struct transfer_job *job, int status, const struct err *e)
{
    share_wire_bytes(job->peer);
    job->end = loop_now(loop_of(job));
    release(job);
    job->done(job, status, e);
}

static void fail(struct transfer_job *job, int code, const char *what, const char *words)
{
    const struct transfer_host *host = &job->peer->master.host;
    struct err e = ERR_INIT;
    err_set(&e, code, "%s: %s to host %s (%s): %s%s%s", job->peer->program->name, job->local, host->name,
            host->address, what, words[0] ? ": " : "", words);
    finish(job, -code, &e);
}

/* Waits for a new connection, and begins again over it; false: it has been cut too often. */
static bool try_again(struct transfer_job *job)
{
    struct err e = ERR_INIT;
    bool kept = job->acknowledged >= MUCH && job->peer->program->resumes(job);
    job->cuts = kept ? 1 : job->cuts + 1;
    if (job->cuts >= CUTS_MAX || ssh_master_connect(&job->peer->master, &e) < 0)
        return false;
    share_wire_bytes(job->peer);
    job->peer->wire_bytes = 0;
    mem_close_fd(&job->messages_fd);
    job->messages_fd = -1;
    job->state = TRANSFER_WAITING;
    loop_cancel(loop_of(job), &job->tick);
    return true;
}

static void program_ended(struct process *process, int status)
{
    struct transfer_job *job = container_of(process, struct transfer_job, process);
    if (status == 0) {
        finish(job, 0, NULL);
        return;
    }
    autofree char *words = ssh_last_words(job->messages_fd);
    ssh_master_check(&job->peer->master);
    if (job->peer->master.state == SSH_MASTER_OPEN)
        fail(job, EIO, "failed", words);
    else if (!try_again(job))
        fail(job, ECONNRESET, "the connection broke", words);
}

/* Everything that the program has read and written. */
static bool read_progress(pid_t pid, uint64_t *bytes)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    unsigned long long in, out;
    if (sscanf(text, "rchar: %llu wchar: %llu", &in, &out) != 2)
        return false;
    *bytes = in + out;
    return true;
}

/* A number that changes while the transfer moves. The program itself is done with the last 2 MB long before a slow
 * link is, and the connection alone may not be visible: either counts. False if this machine shows
 * neither. */
static bool progress_of(struct transfer_job *job, uint64_t *progress)
{
    uint64_t local = 0, connection = ssh_master_progress(&job->peer->master);
    bool visible = read_progress(job->process.pid, &local) || connection;
    job->acknowledged = connection;
    *progress = local + connection;
    return visible;
}

static void watch_progress(struct transfer_job *job)
{
    struct simtime now = loop_now(loop_of(job)), limit = job->peer->master.settings.progress_timeout;
    uint64_t progress;
    if (!progress_of(job, &progress)) {
        fail(job, ENOTSUP, "its progress cannot be seen: neither /proc/PID/io nor pidfd_getfd works here",
             "");
        return;
    }
    if (progress != job->progress) {
        job->progress = progress;
        job->last_progress = now;
    }
    if (simtime_before(now, simtime_add(job->last_progress, limit))) {
        loop_arm_after(loop_of(job), &job->tick, simtime_ms(TICK_MS));
        return;
    }
    /* What is stuck is the connection; a new one must not queue behind it. Other jobs on it end with it. */
    share_wire_bytes(job->peer);
    ssh_master_close(&job->peer->master);
    autofree char *what = mem_printf("no byte for %g s", simtime_seconds(limit));
    fail(job, ETIMEDOUT, what, "");
}

static void tick(struct timer *timer)
{
    struct transfer_job *job = container_of(timer, struct transfer_job, tick);
    if (job->state == TRANSFER_FAILING) {
        struct err e = job->failure;
        finish(job, -e.code, &e);
    } else {
        share_wire_bytes(job->peer);
        watch_progress(job);
    }
}

void ssh_command_add(struct ssh_command *command, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        command->words[command->count++] = mem_copy_string(words[i]);
}

static void free_command(struct ssh_command *command)
{
    for (int i = 0; i < command->count; i++)
        free(command->words[i]);
}

static int launch(struct transfer_job *job, struct err *e)
{
    struct ssh_master *master = &job->peer->master;
    const struct ssh_program *program = job->peer->program;
    autofree char *configuration = mem_printf("%s.config", master->name);
    struct ssh_command command = {.count = 0};
    job->messages_fd = memfd_create(program->name, MFD_CLOEXEC);
    if (job->messages_fd < 0)
        return err_errno(e, "memfd");
    autofree char *shell = mem_printf("ssh -F %s", configuration);
    program->command(&command, configuration, shell, job);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *const *)command.words;
    options.directory = master->place;
    options.stderr_fd = job->messages_fd;
    int status = process_start(master->settings.loop, &job->process, &options, e);
    free_command(&command);
    return status == -ENOENT ? err_hint(e, "apt-get install %s", program->package) : status;
}

/* Failures before the program runs come through the timer: done() is never called from within send(). */
static void fail_soon(struct transfer_job *job, const struct err *e)
{
    job->state = TRANSFER_FAILING;
    job->failure = *e;
    err_wrap(&job->failure, "%s", job->local);
    loop_arm_after(loop_of(job), &job->tick, SIMTIME_ZERO);
}

static void run(struct transfer_job *job)
{
    struct err e = ERR_INIT;
    if (launch(job, &e) < 0) {
        fail_soon(job, &e);
        return;
    }
    share_wire_bytes(job->peer);
    job->state = TRANSFER_RUNNING;
    job->last_progress = loop_now(loop_of(job));
    job->progress = job->acknowledged = 0;
    loop_arm_after(loop_of(job), &job->tick, simtime_ms(TICK_MS));
}

static void master_changed(struct ssh_master *master, int status, const struct err *e)
{
    struct transfer_peer *peer = container_of(master, struct transfer_peer, master);
    peer->wire_bytes = 0;
    for (struct transfer_job *job = peer->jobs; job; job = job->next)
        if (job->state == TRANSFER_WAITING && status == 0)
            run(job);
        else if (job->state == TRANSFER_WAITING)
            fail_soon(job, e);
    if (status != -ECONNRESET && peer->opened)
        peer->opened(peer->context, status, e);
}

int ssh_copy_send(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                  const char *remote_folder, struct err *e)
{
    struct ssh_master *master = &peer->master;
    if (job->state != TRANSFER_IDLE)
        return err_set(e, EBUSY, "%s: %s to host %s: the job has not ended", peer->program->name, local,
                       master->host.name);
    int status = transfer_measure(local, &job->bytes, e);
    ssh_master_check(master);
    if (status == 0 && master->state == SSH_MASTER_CLOSED)
        peer->wire_bytes = 0;
    if (status == 0)
        status = ssh_master_connect(master, e);
    if (status < 0)
        return err_wrap(e, "%s: to host %s", peer->program->name, master->host.name);
    job->begin = loop_now(master->settings.loop);
    job->wire_bytes = 0;
    job->messages_fd = -1;
    job->local = mem_copy_string(local);
    job->remote = mem_copy_string(remote_folder);
    job->cuts = 0;
    job->process.ended = program_ended;
    job->tick.fire = tick;
    job->peer = peer;
    job->next = peer->jobs;
    peer->jobs = job;
    job->state = TRANSFER_WAITING;
    if (master->state == SSH_MASTER_OPEN)
        run(job);
    return 0;
}

void ssh_copy_cancel(struct transfer_job *job)
{
    if (job->state == TRANSFER_IDLE)
        return;
    share_wire_bytes(job->peer);
    job->end = loop_now(loop_of(job));
    release(job);
}

int ssh_copy_open(struct transfer_peer **out, const struct ssh_program *program,
                  const struct transfer_settings *settings, const struct transfer_host *host,
                  transfer_opened *opened, void *context, struct err *e)
{
    struct transfer_peer *peer = mem_alloc(sizeof *peer);
    peer->program = program;
    peer->opened = opened;
    peer->context = context;
    peer->master.changed = master_changed;
    int status = ssh_master_init(&peer->master, settings, host, e);
    if (status == 0)
        status = ssh_master_connect(&peer->master, e);
    if (status == 0) {
        *out = peer;
        return 0;
    }
    ssh_master_free(&peer->master);
    free(peer);
    return status;
}

void ssh_copy_close(struct transfer_peer *peer)
{
    if (!peer)
        return;
    while (peer->jobs)
        ssh_copy_cancel(peer->jobs);
    ssh_master_free(&peer->master);
    free(peer);
}
