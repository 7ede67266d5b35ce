#include "process.h"
#include "buf.h"
#include "interrupt.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_LIMIT = 64 * 1024 };

/* Returns only if it fails, with errno set. Root's PATH lacks the last folders under su and cron. */
static void execute(const struct process_options *o)
{
    static const char *const folders[] = {"/usr/sbin/", "/sbin/"};
    const char *program = o->argv[0];
    char *const *environment = o->environment ? (char *const *)o->environment : environ;
    char path[256];
    execvpe(program, (char *const *)o->argv, environment);
    for (size_t i = 0; i < ARRAY_LEN(folders) && errno == ENOENT; i++)
        if (!strchr(program, '/') && strlen(program) < sizeof path - 16)
            execve((stpcpy(stpcpy(path, folders[i]), program), path), (char *const *)o->argv, environment);
}

/* In the child, between fork and exec: only async-signal-safe calls. Returns the errno of what failed. */
static int become(const struct process_options *o, pid_t parent)
{
    if (o->outlive ? setsid() < 0 : setpgid(0, 0) < 0)
        return errno;
    if (!o->outlive) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (o->net_namespace) {
        int fd = open(o->net_namespace, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
            return errno;
    }
    if (o->nice)
        setpriority(PRIO_PROCESS, 0, o->nice); /* without the privilege it goes without */
    if (o->directory && chdir(o->directory) < 0)
        return errno;
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int wanted[3] = {o->stdin_fd, o->stdout_fd, o->stderr_fd};
    int copies[3];
    for (int i = 0; i < 3; i++) /* above 2 first, so that no dup2 overwrites a source */
        if ((copies[i] = fcntl(wanted[i] < 0 ? null_fd : wanted[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return errno;
    for (int i = 0; i < 3; i++)
        if (dup2(copies[i], i) < 0)
            return errno;
    /* What libraries opened without close-on-exec. Before Linux 5.11 it stays. */
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    execute(o);
    return errno;
}

/* Forks and execs; the errno of a failed exec comes back through a close-on-exec pipe. */
static int spawn(const struct process_options *o, pid_t *pid, struct err *e)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_errno(e, "start %s: pipe", o->argv[0]);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        int code = become(o, parent);
        (void)!write(report[1], &code, sizeof code);
        _exit(127);
    }
    close(report[1]);
    int code = 0;
    ssize_t got = child < 0 ? -1 : read(report[0], &code, sizeof code);
    close(report[0]);
    if (child < 0)
        return err_errno(e, "start %s: fork", o->argv[0]);
    if (got == sizeof code) {
        waitpid(child, NULL, 0);
        return err_set(e, code, "start %s: %s", o->argv[0], strerror(code));
    }
    *pid = child;
    return 0;
}

static int exit_status(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static void release(struct process *process)
{
    loop_unwatch(process->loop, &process->watch);
    close(process->watch.fd);
    process->watch.fd = -1;
    process->pid = 0;
}

static void child_ended(struct watch *watch, uint32_t epoll_events)
{
    (void)epoll_events;
    struct process *process = container_of(watch, struct process, watch);
    int status;
    pid_t reaped = waitpid(process->pid, &status, WNOHANG);
    bool adopted = reaped < 0 && errno == ECHILD;
    if (reaped != process->pid && !adopted)
        return;
    release(process);
    process->ended(process, adopted ? PROCESS_STATUS_UNKNOWN : exit_status(status));
}

static int watch_end(struct loop *loop, struct process *process, struct err *e)
{
    process->loop = loop;
    process->watch.ready = child_ended;
    process->watch.fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (process->watch.fd < 0)
        return err_errno(e, "pidfd of process %d", (int)process->pid);
    return loop_watch(loop, &process->watch, EPOLLIN, e);
}

int process_start(struct loop *loop, struct process *process, const struct process_options *options,
                  struct err *e)
{
    int status = spawn(options, &process->pid, e);
    if (status < 0)
        return status;
    status = watch_end(loop, process, e);
    if (status == 0)
        return 0;
    process_kill(process);
    return err_wrap(e, "start %s", options->argv[0]);
}

int process_adopt(struct loop *loop, struct process *process, pid_t pid, struct err *e)
{
    process->pid = pid;
    int status = watch_end(loop, process, e);
    if (status < 0) {
        mem_close_fd(&process->watch.fd);
        process->pid = 0;
    }
    return status;
}

void process_signal(struct process *process, int signal)
{
    if (process->pid > 0)
        kill(-process->pid, signal);
}

void process_kill(struct process *process)
{
    if (process->pid <= 0)
        return;
    kill(-process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    if (process->watch.fd >= 0)
        release(process);
    process->pid = 0;
}

/* False if `interrupt` became readable before the end of the output; -1 never does. */
static bool collect(int fd, int interrupt, struct buf *output)
{
    struct pollfd sources[] = {{.fd = fd, .events = POLLIN}, {.fd = interrupt, .events = POLLIN}};
    char chunk[4096];
    ssize_t got = 1;
    while (got > 0 || (got < 0 && errno == EINTR)) {
        if ((got = poll(sources, ARRAY_LEN(sources), -1)) < 0)
            continue;
        if (sources[1].revents)
            return false;
        got = read(fd, chunk, sizeof chunk);
        if (got > 0 && output->len + (size_t)got <= OUTPUT_LIMIT)
            buf_add(output, chunk, (size_t)got);
    }
    return true;
}

static const char *last_line(struct buf *output)
{
    while (output->len && output->data[output->len - 1] == '\n')
        output->len--;
    const char *text = buf_text(output), *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static int describe_end(const char *name, int wait_status, struct buf *output, struct err *e)
{
    if (WIFSIGNALED(wait_status))
        return err_set(e, EIO, "%s: ended by signal %d (%s)", name, WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    int code = WEXITSTATUS(wait_status);
    return code ? err_set(e, EIO, "%s: exit status %d: %s", name, code, last_line(output)) : 0;
}

/* To its end. */
static int attend(const struct process_options *options, pid_t pid, int output_fd, char **output, struct err *e)
{
    int wait_status = 0;
    struct buf text = BUF_INIT;
    bool interrupted = !collect(output_fd, options->interruptible ? interrupt_fd() : -1, &text);
    if (interrupted)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    if (output)
        *output = mem_copy_string(buf_text(&text));
    int status = interrupted ? err_set(e, EINTR, "%s: interrupted", options->argv[0])
                             : describe_end(options->argv[0], wait_status, &text, e);
    buf_free(&text);
    return status;
}

int process_run(const struct process_options *options, char **output, struct err *e)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_errno(e, "%s: pipe", options->argv[0]);
    struct process_options with_pipe = *options;
    with_pipe.stdout_fd = with_pipe.stderr_fd = pipe_fds[1];
    pid_t pid;
    int status = spawn(&with_pipe, &pid, e);
    close(pipe_fds[1]);
    if (status == 0)
        status = attend(options, pid, pipe_fds[0], output, e);
    close(pipe_fds[0]);
    return status;
}
