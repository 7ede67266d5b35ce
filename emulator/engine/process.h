/* Child processes on the loop: started with their descriptors set, watched by pidfd, ended by name of their
 * group.
 *
 * Every child runs in a process group of its own and gets SIGKILL when this process dies (PR_SET_PDEATHSIG),
 * so that kill -9 of an agent leaves no ssh behind. Wall time only. */
#ifndef ROAMLAB_PROCESS_H
#define ROAMLAB_PROCESS_H

#include "loop.h"

#include <sys/types.h>

struct process {
    /* Called once when the child has ended and been reaped: `status` is its exit status, or 128 + signal; of an adopted one
     * PROCESS_STATUS_UNKNOWN. */
    void (*ended)(struct process *process, int status);
    pid_t pid; /* 0 = not running */
    struct watch watch;
    struct loop *loop;
};

struct process_options {
    const char *const *argv;        /* argv[0] is searched in PATH, /usr/sbin, /sbin; NULL-terminated */
    const char *const *environment; /* NULL = this process's */
    const char *directory;          /* NULL = this process's */
    const char *net_namespace;      /* a path such as /run/netns/NAME, entered first; NULL = this process's */
    /* -1 = /dev/null; the caller keeps and closes its own copies. The child inherits no other descriptor. */
    int stdin_fd, stdout_fd, stderr_fd;
    int nice; /* added to an ordinary priority's 0: negative comes first, and needs the privilege */
    /* No PR_SET_PDEATHSIG and a session of its own: a daemon that the journal knows. */
    bool outlive;
    bool interruptible; /* of process_run: killed once this process has been asked to end (interrupt.h); not for what cleans up then */
};

enum { PROCESS_STATUS_UNKNOWN = -1 };

#define PROCESS_OPTIONS_INIT {.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1}

/* Starts it. `process->ended` is set by the caller before. 0 or -errno; a program that cannot be executed is
 * an error here, naming it. */
int process_start(struct loop *loop, struct process *process, const struct process_options *options,
                  struct err *e);
/* Watches a process that is not this one's child, such as a daemon that has outlived who started it: `ended` comes as of a child, but nobody
 * learns its status. It must lead a group of its own (outlive), because signals go to the group. The caller knows that the number is still that
 * process's; from here on it can be no other's. 0, or -errno (-ESRCH: it has ended), and then nothing is watched. */
int process_adopt(struct loop *loop, struct process *process, pid_t pid, struct err *e);
/* Sends the signal to the child's whole group; harmless when it has ended. */
void process_signal(struct process *process, int signal);
/* Forgets a child without waiting: kills its group, reaps it, `ended` is not called. */
void process_kill(struct process *process);

/* Runs a command to its end, blocking, without a loop: for setting up and cleaning. Output (stdout and stderr
 * together, cut at 64 KiB) goes to *output if not NULL; free() it. 0, or an error that quotes the last line
 * of output or names the signal; -EINTR if it was interrupted. */
int process_run(const struct process_options *options, char **output, struct err *e);

#endif
