#include "userspace.h"
#include "clock.h"
#include "cpu_latency.h"
#include "held.h"
#include "mem.h"
#include "netns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    EARLY_NS = 80000, /* wake this much before a packet is due, spin the rest … */
    SPIN_SHARE = 8,   /* … for at most one part in so many of the time */
    SPIN_CREDIT_NS = 1000000,
    POLL_NS = 2000000, /* idle processors poll from so long before a packet is due */
    COALESCE_MAX_NS = 2000000, /* arrivals wait at most this long, and a quarter of the shortest delay */
    COALESCE_MIN_NS = 50000,   /* below it a sleep is not worth its calls */
    GATHER_NS = 100000,        /* where they cannot wait at all but come thick and fast: */
    GATHER_PACKETS = 8,        /* so many of MTU size at a time (a dense flow), */
    BACKLOG_PACKETS = 500,     /* unless so many have gathered already */
    DENSE_MIN_NS = 100000,     /* packets of a dense flow leave together within 2 % of the shortest delay, */
    DENSE_MAX_NS = 200000,     /* but these bounds */
    EVENTS = 64,
    PRIORITY = 10,
};

struct userspace_shaper {
    struct link_shaper base;
    struct userspace_drive *drive;
    struct held held;
    struct userspace_shaper *next;
};

/* The thread holds the lock except while it sleeps; start, shape, count and stop are the other side. */
struct userspace_drive {
    struct link_drive base;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool stopping;
    bool running;
    int epoll_fd, timer_fd, wake_fd, stamp_fd;
    bool timer_armed; /* it may have expired */
    struct userspace_shaper *shapers; /* owned */
    uint16_t queues;                  /* numbers given so far */
    _Atomic int64_t coalesce_ns;      /* how long arrivals may wait to be read */
    _Atomic int64_t dense_ns;         /* a dense flow is served this often */
    int64_t read_ns;                  /* when they are read next */
    bool flowing;                     /* there were some the last time … */
    int arrived;                      /* … so many of MTU size */
    int64_t delivered_ns;             /* packets left then, the last time */
    int64_t spin_credit_ns, credited_ns;
    struct cpu_latency cpu_latency;
    int64_t due_ns; /* the next packet of all */
};

static int64_t now_ns(void)
{
    return clock_monotonic().ns;
}

/* While packets flow, arrivals are left to gather: their stamps say when they came. */
static void read_ready(struct userspace_drive *drive)
{
    int64_t now = now_ns();
    if (now < drive->read_ns)
        return;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(drive->epoll_fd, events, EVENTS, 0);
    drive->flowing = false;
    drive->arrived = 0;
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr) {
            drive->arrived += held_read(&((struct userspace_shaper *)events[i].data.ptr)->held);
            drive->flowing = true;
        }
    drive->read_ns = count < EVENTS ? now + drive->coalesce_ns : now; /* a full list may have left some out */
}

/* Delivers what is due, and finds when the next packet is. */
static void deliver_all(struct userspace_drive *drive)
{
    int64_t next = INT64_MAX, now = now_ns();
    for (struct userspace_shaper *s = drive->shapers; s; s = s->next) {
        int64_t due = held_due(&s->held);
        if (due <= now) {
            held_deliver(&s->held, now);
            drive->delivered_ns = now;
            due = held_due(&s->held);
        }
        if (due < next)
            next = due;
    }
    drive->due_ns = next;
}

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static void spin_until(struct userspace_drive *drive, int64_t due)
{
    int64_t start = now_ns(), now = start;
    while (now < due)
        now = now_ns();
    drive->spin_credit_ns -= now - start;
}

static void earn_credit(struct userspace_drive *drive)
{
    int64_t now = now_ns();
    drive->spin_credit_ns += (now - drive->credited_ns) / SPIN_SHARE;
    if (drive->spin_credit_ns > SPIN_CREDIT_NS)
        drive->spin_credit_ns = SPIN_CREDIT_NS;
    drive->credited_ns = now;
}

/* Until a packet arrives or `until`, whichever is first. Setting the timer makes it forget that it
 * has expired. */
static void wait_for_arrival(struct userspace_drive *drive, int64_t until)
{
    struct itimerspec at = {.it_value = to_timespec(until == INT64_MAX ? 0 : until)};
    struct epoll_event event;
    bool arm = until != INT64_MAX;
    if (arm || drive->timer_armed)
        timerfd_settime(drive->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    drive->timer_armed = arm;
    epoll_wait(drive->epoll_fd, &event, 1, -1);
}

static void sleep_until(int64_t ns)
{
    struct timespec at = to_timespec(ns);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* Packets come thick and fast. */
static bool is_dense(const struct userspace_drive *drive)
{
    return drive->arrived >= GATHER_PACKETS;
}

/* When to be awake for a packet that is due then: first to have the processors poll, then for the packet. The packets
 * of a dense flow leave in small batches: to spin for each would take a processor from those who send and receive, and a
 * sleep of a few microseconds costs more than it gains. */
static int64_t wake_for(const struct userspace_drive *drive, int64_t due)
{
    if (!drive->cpu_latency.short_wakes)
        return due - POLL_NS;
    if (drive->spin_credit_ns >= EARLY_NS && !is_dense(drive))
        return due - EARLY_NS;
    int64_t soonest = drive->delivered_ns + drive->dense_ns;
    return due > soonest ? due : soonest;
}

/* Sleeps until the next packet is due, or arrivals are to be read. */
static void rest(struct userspace_drive *drive)
{
    int64_t due = drive->due_ns;
    earn_credit(drive);
    cpu_latency_set(&drive->cpu_latency, due - now_ns() <= POLL_NS);
    int64_t wake = due == INT64_MAX ? due : wake_for(drive, due);
    if (due != INT64_MAX && drive->flowing && drive->coalesce_ns >= COALESCE_MIN_NS) {
        sleep_until(wake < drive->read_ns ? wake : drive->read_ns);
    } else if (is_dense(drive) && drive->arrived < BACKLOG_PACKETS) {
        int64_t gathered = now_ns() + GATHER_NS;
        sleep_until(wake < gathered ? wake : gathered);
        drive->read_ns = 0;
    } else {
        wait_for_arrival(drive, wake);
        drive->read_ns = 0;
    }
    if (due - now_ns() <= EARLY_NS && wake < due)
        spin_until(drive, due);
}

static void *run(void *argument)
{
    struct userspace_drive *drive = argument;
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_NAME, "roamlab-links");
    while (!atomic_load(&drive->stopping)) {
        pthread_mutex_lock(&drive->lock);
        if (drive->due_ns <= now_ns())
            deliver_all(drive); /* reading can wait, this cannot */
        read_ready(drive);
        deliver_all(drive);
        pthread_mutex_unlock(&drive->lock);
        rest(drive);
    }
    return NULL;
}

/* Signals are the main thread's business. */
static int start_thread(struct userspace_drive *drive)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&drive->thread, NULL, run, drive);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        return code;
    drive->running = true;
    struct sched_param priority = {.sched_priority = PRIORITY};
    pthread_setschedparam(drive->thread, SCHED_FIFO, &priority); /* where that is allowed */
    return 0;
}

static int watch(struct userspace_drive *drive, int fd, void *shaper)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = shaper};
    return epoll_ctl(drive->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void close_all(struct userspace_drive *drive)
{
    const int fds[] = {drive->epoll_fd, drive->timer_fd, drive->wake_fd, drive->stamp_fd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void shaper_free(struct userspace_shaper *shaper)
{
    held_close(&shaper->held);
    link_shaper_clear(&shaper->base);
    free(shaper);
}

static void userspace_stop(struct link_drive *base)
{
    struct userspace_drive *drive = container_of(base, struct userspace_drive, base);
    if (drive->running) {
        atomic_store(&drive->stopping, true);
        (void)!write(drive->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(drive->thread, NULL);
    }
    while (drive->shapers) {
        struct userspace_shaper *shaper = drive->shapers;
        drive->shapers = shaper->next;
        shaper_free(shaper);
    }
    close_all(drive);
    cpu_latency_close(&drive->cpu_latency);
    pthread_mutex_destroy(&drive->lock);
    free(drive);
}

static struct link_drive *userspace_start(struct err *e)
{
    struct userspace_drive *drive = mem_alloc(sizeof *drive);
    pthread_mutex_init(&drive->lock, NULL);
    drive->credited_ns = now_ns();
    drive->due_ns = INT64_MAX;
    cpu_latency_open(&drive->cpu_latency);
    drive->coalesce_ns = COALESCE_MAX_NS;
    drive->dense_ns = DENSE_MAX_NS;
    drive->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    drive->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    drive->wake_fd = eventfd(0, EFD_CLOEXEC);
    drive->stamp_fd = nfqueue_stamping(e);
    bool ready = drive->stamp_fd >= 0;
    if (ready && (drive->epoll_fd < 0 || drive->timer_fd < 0 || drive->wake_fd < 0 ||
                  watch(drive, drive->timer_fd, NULL) < 0 || watch(drive, drive->wake_fd, NULL) < 0)) {
        err_errno(e, "epoll, timerfd");
        ready = false;
    }
    int code = ready ? start_thread(drive) : 0;
    if (code)
        err_set(e, code, "thread: %s", strerror(code));
    if (ready && code == 0)
        return &drive->base;
    userspace_stop(&drive->base);
    return NULL;
}

static int64_t between(int64_t least, int64_t value, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* The earliest packet to come out decides how patient the thread may be. Links whose packets pass the queue by do not
 * matter. */
static void adapt_patience(struct userspace_drive *drive)
{
    int64_t shortest = INT64_MAX;
    for (const struct userspace_shaper *s = drive->shapers; s; s = s->next) {
        const struct link_params *p = &s->held.fifo.line.params;
        if (s->held.catches || !link_is_plain(p))
            shortest = between(0, p->reorder > 0 ? 0 : p->delay.ns - 4 * p->jitter.ns, shortest);
    }
    drive->coalesce_ns = between(0, shortest / 4, COALESCE_MAX_NS);
    drive->dense_ns = between(DENSE_MIN_NS, shortest / 50, DENSE_MAX_NS);
}

static int userspace_shape(struct link_drive *base, const struct link_ends *ends,
                           const struct link_params *params, struct link_shaper **out, struct err *e)
{
    struct userspace_drive *drive = container_of(base, struct userspace_drive, base);
    if (drive->queues == UINT16_MAX)
        return err_set(e, ENOSPC, "more than %d links", UINT16_MAX);
    struct userspace_shaper *shaper = mem_alloc(sizeof *shaper);
    struct rule rule = {.namespace = ends->to_namespace,
                        .interface = ends->to_interface,
                        .source = ends->from_peer,
                        .prefix = ends->peer_prefix,
                        .queue = drive->queues};
    shaper->drive = drive;
    int status = held_open(&shaper->held, &rule, params, e);
    if (status < 0) {
        shaper_free(shaper);
        return err_wrap(e, "%s", ends->to_interface);
    }
    drive->queues = (uint16_t)(shaper->held.queue.number + 1);
    pthread_mutex_lock(&drive->lock);
    shaper->next = drive->shapers;
    drive->shapers = shaper;
    adapt_patience(drive);
    if (watch(drive, nfqueue_fd(&shaper->held.queue), shaper) < 0)
        status = err_errno(e, "epoll");
    pthread_mutex_unlock(&drive->lock);
    *out = &shaper->base;
    return status;
}

static int enter(struct userspace_shaper *shaper, const struct link_params *params, struct err *e)
{
    pthread_mutex_lock(&shaper->drive->lock);
    int status = held_change(&shaper->held, params, e);
    adapt_patience(shaper->drive);
    pthread_mutex_unlock(&shaper->drive->lock);
    return status;
}

/* The thread serves the queue while the rules change. */
static int userspace_change(struct link_shaper *base, const struct link_params *params, struct err *e)
{
    struct userspace_shaper *shaper = container_of(base, struct userspace_shaper, base);
    int status = enter(shaper, params, e);
    if (status < 0)
        return status;
    if ((status = held_route(&shaper->held, e)) < 0)
        enter(shaper, &base->params, NULL);
    pthread_mutex_lock(&shaper->drive->lock);
    adapt_patience(shaper->drive);
    pthread_mutex_unlock(&shaper->drive->lock);
    return status;
}

static int userspace_count(struct link_shaper *base, struct link_counters *counters, struct err *e)
{
    struct userspace_shaper *shaper = container_of(base, struct userspace_shaper, base);
    pthread_mutex_lock(&shaper->drive->lock);
    *counters = held_count(&shaper->held);
    pthread_mutex_unlock(&shaper->drive->lock);
    return held_passed(&shaper->held, counters, e);
}

/* The whole path: a queue bound and a rule that leads to it, in a namespace that disappears again. */
static int userspace_probe(struct err *e)
{
    int back;
    int status = netns_enter_private(&back, e);
    if (status < 0)
        return status;
    struct nfqueue queue = {0};
    status = nfqueue_open(&queue, NULL, 0, e);
    if (status == 0)
        status = rule_add(&(struct rule){.interface = "lo"}, RULE_QUEUE, e);
    nfqueue_close(&queue);
    netns_leave(back);
    return status;
}

/* It does all that link.h has. */
static int userspace_can(const struct link_ends *ends, const struct link_params *params, struct err *e)
{
    (void)params;
    if (!ends->to_interface)
        return err_set(e, EOPNOTSUPP, "it shapes packets where they arrive, which is not on this machine");
    return 0;
}

static int userspace_clear(const char *namespace, const char *interface, struct err *e)
{
    return rule_clear(namespace, interface, e);
}

const struct link_driver link_driver_userspace = {
    .name = "userspace",
    .summary = "roamlab's own emulator over NFQUEUE",
    .at_arrival = true,
    .probe = userspace_probe,
    .can = userspace_can,
    .start = userspace_start,
    .stop = userspace_stop,
    .shape = userspace_shape,
    .change = userspace_change,
    .count = userspace_count,
    .clear = userspace_clear,
};
