#include "workers.h"

#include "interrupt.h"
#include "mem.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A signal that comes between the look at it and the wait is seen after this time. */
enum { LOOK_MS = 200 };

/* In memory that both processes see. */
struct outcome {
    int status;
    struct err err;
};

struct pool {
    struct workers *workers;
    struct slot {
        pid_t pid;
        int index;
        struct outcome *outcome;
    } * slots;
    struct pollfd *ends; /* a pidfd for each slot; -1 = the slot is free */
    int slot_count, running;
};

static void work(struct pool *p, int index, struct outcome *outcome, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        outcome->status = p->workers->job(p->workers, index, &outcome->err);
    fflush(NULL);
    _exit(0);
}

static int begin(struct pool *p, int slot, int index, struct err *e)
{
    struct slot *s = &p->slots[slot];
    pid_t parent = getpid();
    *s->outcome = (struct outcome){.status = -EIO};
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        work(p, index, s->outcome, parent);
    if (pid < 0)
        return err_errno(e, "fork");
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        err_errno(e, "watch a worker process");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -e->code;
    }
    s->pid = pid;
    s->index = index;
    p->ends[slot] = (struct pollfd){.fd = fd, .events = POLLIN};
    p->running++;
    return 0;
}

static void end(struct pool *p, int slot)
{
    struct slot *s = &p->slots[slot];
    int how;
    waitpid(s->pid, &how, 0);
    close(p->ends[slot].fd);
    p->ends[slot].fd = -1;
    p->running--;
    if (WIFSIGNALED(how)) {
        s->outcome->err = (struct err)ERR_INIT;
        s->outcome->status = err_set(&s->outcome->err, EIO, "killed by signal %d (%s)", WTERMSIG(how),
                                     strsignal(WTERMSIG(how)));
    }
    p->workers->ended(p->workers, s->index, s->outcome->status, &s->outcome->err);
}

static void wait_for_ends(struct pool *p)
{
    if (poll(p->ends, (nfds_t)p->slot_count, LOOK_MS) <= 0)
        return;
    for (int i = 0; i < p->slot_count; i++)
        if (p->ends[i].fd >= 0 && p->ends[i].revents)
            end(p, i);
}

static int free_slot(const struct pool *p)
{
    int slot = 0;
    while (p->ends[slot].fd >= 0)
        slot++;
    return slot;
}

/* A signal from the terminal the jobs have already; one that came to this process alone they get now. */
static void pass_on(const struct pool *p, int signal)
{
    for (int i = 0; i < p->slot_count; i++)
        if (p->ends[i].fd >= 0)
            kill(p->slots[i].pid, signal);
}

static int run_pool(struct pool *p, int count, struct err *e)
{
    int status = 0;
    bool passed = false;
    for (int next = 0; next < count || p->running;) {
        int signal = interrupt_signal();
        if (signal && !passed) {
            pass_on(p, signal);
            passed = true;
        }
        if (signal || status < 0)
            next = count;
        if (next < count && p->running < p->slot_count)
            status = begin(p, free_slot(p), next++, e);
        else if (p->running)
            wait_for_ends(p);
    }
    return status;
}

static int run_here(struct workers *w, int count)
{
    for (int i = 0; i < count && !interrupt_signal(); i++) {
        struct err e = ERR_INIT;
        int status = w->job(w, i, &e);
        w->ended(w, i, status, &e);
    }
    return 0;
}

static int run_processes(struct workers *w, int count, struct err *e)
{
    struct pool p = {.workers = w, .slot_count = w->processes < count ? w->processes : count};
    size_t slots = (size_t)p.slot_count, bytes = slots * sizeof(struct outcome);
    struct outcome *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return err_errno(e, "memory for %zu worker processes", slots);
    p.slots = mem_alloc_array(slots, sizeof *p.slots);
    p.ends = mem_alloc_array(slots, sizeof *p.ends);
    for (size_t i = 0; i < slots; i++) {
        p.slots[i].outcome = &shared[i];
        p.ends[i].fd = -1;
    }
    int status = run_pool(&p, count, e);
    munmap(shared, bytes);
    free(p.slots);
    free(p.ends);
    return status;
}

int workers_run(struct workers *w, int count, struct err *e)
{
    int status = w->processes > 1 && count > 1 ? run_processes(w, count, e) : run_here(w, count);
    return interrupt_signal() ? err_set(e, EINTR, "interrupted") : status;
}

int workers_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
