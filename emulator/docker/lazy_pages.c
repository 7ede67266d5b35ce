#include "lazy_pages.h"
#include "criu_log.h"
#include "files.h"
#include "lazy_first.h"
#include "lazy_runs.h"
#include "mem.h"
#include "runc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 20 };

/* --- the pager -------------------------------------------------------------------------------------------------------------- */

static void stop_listening(struct docker_container *c)
{
    struct docker_pager *p = &c->pager;
    if (!p->word.ready)
        return;
    loop_unwatch(c->daemon->loop, &p->word);
    close(p->word.fd);
    p->word = (struct watch){0};
}

static int judge(const struct docker_container *c, struct err *e)
{
    const struct docker_pager *p = &c->pager;
    if (p->status == 0)
        return 0;
    struct criu_quote quote = criu_log_quote_file(p->log);
    return err_set(e, EIO, "%s ended with status %d%s%s", p->name, p->status, *quote.text ? ": " : "", quote.text);
}

/* A source whose CRIU was killed runs again. */
static void pager_ended(struct process *process, int status)
{
    struct docker_container *c = container_of(process, struct docker_container, pager.process);
    struct docker_job *job = steal(c->pager.job);
    struct err e = ERR_INIT;
    bool ready = !c->pager.word.ready;
    stop_listening(c);
    c->pager.status = !ready && !status ? 1 : status;
    if (c->frozen)
        docker_freezer_set(c->freezer, true, NULL);
    if (!job)
        return;
    loop_cancel(c->daemon->loop, &job->timer);
    status = judge(c, &e);
    docker_job_go(job, status, &e);
}

/* A byte, once it serves. Without one it ends. */
static void pager_speaks(struct watch *watch, uint32_t events)
{
    struct docker_container *c = container_of(watch, struct docker_container, pager.word);
    char byte;
    (void)events;
    if (read(watch->fd, &byte, 1) != 1) {
        loop_unwatch(c->daemon->loop, watch);
        return;
    }
    stop_listening(c);
    docker_job_go(steal(c->pager.job), 0, NULL);
}

/* Its standard output is what it says that it serves by. */
static int start_pager(struct docker_job *job, const char *const *argv, const char *log, struct err *e)
{
    struct docker_container *c = job->container;
    struct docker_pager *p = &c->pager;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    autoclose int out = fds[1];
    free(p->log);
    *p = (struct docker_pager){.name = argv[0],
                               .log = mem_copy_string(log),
                               .job = job,
                               .process.ended = pager_ended,
                               .word = {pager_speaks, fds[0]}};
    autofree char *said = mem_printf("%s.said", log);
    int status = loop_watch(c->daemon->loop, &p->word, EPOLLIN, e);
    if (status < 0) {
        close(fds[0]);
        p->word = (struct watch){0};
        p->job = NULL;
        p->status = PROCESS_STATUS_UNKNOWN;
        return status;
    }
    status = docker_job_spawn(job, &p->process, argv, said, job->pages, out, e);
    if (status < 0) {
        p->job = NULL;
        p->status = PROCESS_STATUS_UNKNOWN; /* nobody serves */
        stop_listening(c);
    }
    return status;
}

/* Frozen first, so that nothing is executed between CRIU's end and the freezer. */
static void end_pager(struct docker_container *c)
{
    if (c->pager.process.pid)
        c->pager.status = 128 + SIGKILL;
    if (c->pager.process.pid && c->frozen)
        docker_freezer_set(c->freezer, true, NULL);
    process_kill(&c->pager.process);
    stop_listening(c);
}

void docker_pager_leave(struct docker_container *c, const struct docker_job *job)
{
    if (c->pager.job != job)
        return;
    c->pager.job = NULL;
    end_pager(c);
}

static void let_faults_go(struct docker_pager *p)
{
    if (p->keeps_faults)
        close(p->faults);
    p->keeps_faults = false;
}

void docker_pager_free(struct docker_container *c)
{
    end_pager(c);
    let_faults_go(&c->pager);
    free(c->pager.log);
    c->pager = (struct docker_pager){0};
}

/* --- the source ------------------------------------------------------------------------------------------------------------- */

/* CRIU serves at the address of its configuration; runc wants one all the same. */
static int step_dump_state(struct docker_job *job, struct err *e)
{
    const struct docker_container *c = job->container;
    if (!c->pid)
        return err_set(e, ESRCH, "the container does not run");
    autofree char *memory = mem_printf("%s/memory", job->spool), *log = mem_printf("%s/dump.log", job->spool),
                  *server = mem_printf("0.0.0.0:%u", job->port);
    const char *const argv[] = {"runc",         "--root", c->daemon->places.runc, "checkpoint", "--leave-running", "--lazy-pages",
                                "--page-server", server,   "--status-fd",          "1",          "--image-path",    memory,
                                "--work-path",  job->spool, c->id,                 NULL};
    return start_pager(job, argv, log, e);
}

static int take_first(struct background *b, struct err *e)
{
    const struct docker_job *job = container_of(b, struct docker_job, background);
    autofree char *memory = mem_printf("%s/memory", job->spool);
    return lazy_first_take(memory, job->pages, b, e);
}

static int step_take_first(struct docker_job *job, struct err *e)
{
    autofree char *path = mem_printf("/proc/%d/mem", job->container->pid);
    job->pages = open(path, O_RDONLY | O_CLOEXEC);
    return job->pages < 0 ? err_errno(e, "%s", path) : docker_job_background(job, take_first, e);
}

static int step_await_pager(struct docker_job *job, struct err *e)
{
    struct docker_container *c = job->container;
    if (!c->pager.log)
        return err_set(e, ESRCH, "nobody serves its pages");
    if (!c->pager.process.pid)
        return judge(c, e) < 0 ? -e->code : DOCKER_STEP_DONE;
    c->pager.job = job;
    return DOCKER_STEP_WAITS;
}

void docker_container_dump_state(struct docker_container *c, struct docker_job *job, const char *spool,
                                 uint16_t port)
{
    static const docker_step steps[] = {docker_step_make_spool, docker_step_fresh_memory, step_dump_state,
                                        step_take_first,        docker_step_list_memory,  NULL};
    job->spool = mem_copy_string(spool);
    job->port = port;
    docker_job_start(job, c, "dump state", steps);
}

void docker_container_serve_pages(struct docker_container *c, struct docker_job *job)
{
    static const docker_step steps[] = {step_await_pager, NULL};
    docker_job_start(job, c, "serve pages", steps);
}

/* --- the target ------------------------------------------------------------------------------------------------------------- */

static int link_socket(const struct docker_container *c, struct err *e)
{
    autofree char *folder = docker_checkpoint_folder(c);
    autofree char *path = mem_printf("%s/" RUNC_PAGES_SOCKET, folder),
                  *target = mem_printf("../roamlab-%s/" RUNC_PAGES_SOCKET, c->name);
    return symlink(target, path) < 0 ? err_errno(e, "link %s", path) : 0;
}

/* The configuration says how pages are served by TLS; these come by a socket. */
static int step_start_fetching(struct docker_job *job, struct err *e)
{
    struct docker_container *c = job->container;
    autofree char *memory = mem_printf("%s/memory", job->spool), *work = docker_files_folder(c),
                  *log = mem_printf("%s/lazy-pages.log", job->spool);
    const char *const argv[] = {c->daemon->criu, "--no-default-config", "lazy-pages", "-D",          memory, "-W", work, "-o", log,
                                "--page-server", "--ps-socket",         "0",          "--status-fd", "1",    NULL};
    struct lazy_runs runs;
    int status = lazy_runs_read(memory, &runs, e);
    if (status == 0)
        status = link_socket(c, e);
    if (status == 0)
        status = start_pager(job, argv, log, e);
    mem_close_fd(&job->pages);
    job->pages = -1;
    c->pager.bytes = runs.pages * PAGEMAP_PAGE;
    lazy_runs_free(&runs);
    return status;
}

/* The number of the pager's descriptor of the restored process's faults; -1: none, or none any more. */
static int find_faults(pid_t pager)
{
    autofree char *folder = mem_printf("/proc/%d/fd", pager);
    int found = -1;
    DIR *names = opendir(folder);
    for (struct dirent *entry; names && found < 0 && (entry = readdir(names));) {
        char target[64];
        ssize_t len = readlinkat(dirfd(names), entry->d_name, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        if (!strcmp(target, "anon_inode:[userfaultfd]"))
            found = atoi(entry->d_name);
    }
    if (names)
        closedir(names);
    return found;
}

/* As one of ours; -1: it has closed it, or has ended, meanwhile; or -errno and `e`. */
static int take_faults(pid_t pager, struct err *e)
{
    int theirs = find_faults(pager);
    autoclose int process = (int)syscall(SYS_pidfd_open, pager, 0);
    if (theirs < 0 || process < 0)
        return -1;
    int taken = (int)syscall(SYS_pidfd_getfd, process, theirs, 0);
    if (taken >= 0 || errno == EBADF || errno == ESRCH)
        return taken;
    err_errno(e, "criu lazy-pages: the descriptor of the process's faults");
    return -e->code;
}

/* One that has ended has given all, or it has failed, and the container with it. One that has no descriptor any more is about to end: pager_ended()
 * goes on. */
static int step_keep_faults(struct docker_job *job, struct err *e)
{
    struct docker_pager *p = &job->container->pager;
    if (!p->process.pid)
        return judge(job->container, e) < 0 ? -e->code : DOCKER_STEP_DONE;
    int faults = take_faults(p->process.pid, e);
    if (faults < -1 || e->code)
        return -e->code;
    if (faults < 0) {
        p->job = job;
        return DOCKER_STEP_WAITS;
    }
    p->faults = faults;
    p->keeps_faults = true;
    return DOCKER_STEP_DONE;
}

/* Pages that come make the resident part of the container grow. */
static uint64_t resident_pages(pid_t pid)
{
    autofree char *path = mem_printf("/proc/%d/statm", pid);
    struct buf text = BUF_INIT;
    unsigned long long resident = 0;
    if (files_read(path, 0, &text, NULL) == 0)
        sscanf(buf_text(&text), "%*u %llu", &resident);
    buf_free(&text);
    return resident;
}

static void look_for_progress(struct timer *timer)
{
    struct docker_job *job = container_of(timer, struct docker_job, timer);
    struct docker_container *c = job->container;
    struct loop *loop = c->daemon->loop;
    struct err e = ERR_INIT;
    uint64_t resident = resident_pages(c->pid);
    if (resident != c->pager.resident)
        job->give_up = simtime_add(loop_now(loop), c->daemon->paging_patience);
    c->pager.resident = resident;
    if (simtime_before(loop_now(loop), job->give_up)) {
        loop_arm_after(loop, timer, simtime_ms(LOOK_EVERY_MS));
        return;
    }
    c->pager.job = NULL;
    end_pager(c);
    err_set(&e, ETIMEDOUT, "no page has come for %.0f s", simtime_seconds(c->daemon->paging_patience));
    docker_job_go(job, -e.code, &e);
}

static int step_watch_progress(struct docker_job *job, struct err *e)
{
    struct docker_container *c = job->container;
    struct loop *loop = c->daemon->loop;
    int status = step_await_pager(job, e);
    job->give_up = simtime_add(loop_now(loop), c->daemon->paging_patience);
    job->timer.fire = look_for_progress;
    if (status == DOCKER_STEP_WAITS)
        loop_arm_after(loop, &job->timer, simtime_ms(LOOK_EVERY_MS));
    return status;
}

static int step_all_fetched(struct docker_job *job, struct err *e)
{
    (void)e;
    let_faults_go(&job->container->pager);
    job->bytes = job->container->pager.bytes;
    return DOCKER_STEP_DONE;
}

void docker_container_restore_state(struct docker_container *c, struct docker_job *job, const char *spool, int pages)
{
    static const docker_step steps[] = {docker_step_check_memory, docker_step_place,   step_start_fetching,
                                        docker_step_restore,      docker_step_inspect, docker_step_running,
                                        step_keep_faults,         docker_step_tidy,    NULL};
    job->spool = mem_copy_string(spool);
    docker_job_start(job, c, "restore state", steps);
    job->pages = pages;
}

void docker_container_fetch_pages(struct docker_container *c, struct docker_job *job)
{
    static const docker_step steps[] = {step_watch_progress, step_all_fetched, NULL};
    docker_job_start(job, c, "fetch pages", steps);
}
