#include "userspace.h"
#include "clock.h"
#include "fifo.h"
#include "lateness.h"
#include "mem.h"
#include "netns.h"
#include "nfqueue.h"

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
    EARLY_NS = 60000, /* wake this much before a packet is due, spin the rest … */
    SPIN_SHARE = 50,  /* … for at most one part in so many of the time */
    SPIN_CREDIT_NS = 1000000,
    COALESCE_MAX_NS = 2000000, /* arrivals wait at most this long, and a quarter of the shortest delay */
    COALESCE_MIN_NS = 50000,   /* below it a sleep is not worth its calls */
    DENSE_MIN_NS = 50000,      /* packets of a dense flow leave together within 2 % of the shortest delay, */
    DENSE_MAX_NS = 200000,     /* but these bounds */
    EVENTS = 64,
    BATCHES = 32,
    PRIORITY = 10,
};

struct userspace_shaper {
    struct link_shaper base;
    struct userspace_drive *drive;
    struct nfqueue queue;
    struct fifo fifo;
    struct link_counters counters;
    struct lateness_histogram lateness;
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
    struct userspace_shaper *shapers; /* owned */
    uint16_t queues;                  /* numbers given so far */
    _Atomic int64_t coalesce_ns;      /* how long arrivals may wait to be read */
    _Atomic int64_t dense_ns;         /* a dense flow is served this often */
    int64_t read_ns;                  /* when they are read next */
    bool flowing;                     /* there were some the last time */
    int64_t spin_credit_ns, credited_ns;
};

static int64_t now_ns(void)
{
    return clock_monotonic().ns;
}

static void drop(struct userspace_shaper *shaper, enum fifo_fate fate, uint32_t number)
{
    nfqueue_drop(&shaper->queue, number);
    if (fate == FIFO_FULL)
        shaper->counters.dropped++;
    else
        shaper->counters.lost++;
}

/* The stamp is wall-clock time: its age is what carries over to the monotonic clock. */
static int64_t arrival(int64_t stamp_ns, int64_t real_ns, int64_t monotonic_ns)
{
    int64_t age = stamp_ns ? real_ns - stamp_ns : 0;
    return age > 0 ? monotonic_ns - age : monotonic_ns;
}

static void read_arrivals(struct userspace_shaper *shaper)
{
    struct nfqueue_packet packets[NFQUEUE_BATCH];
    int count = NFQUEUE_BATCH;
    /* Bounded, so that one busy link does not keep the others from being served. */
    for (int batch = 0; batch < BATCHES && count == NFQUEUE_BATCH; batch++) {
        struct timespec real;
        count = nfqueue_read(&shaper->queue, packets);
        clock_gettime(CLOCK_REALTIME, &real);
        int64_t real_ns = (int64_t)real.tv_sec * 1000000000 + real.tv_nsec, monotonic_ns = now_ns();
        for (int i = 0; i < count; i++) {
            int64_t at = arrival(packets[i].arrived_ns, real_ns, monotonic_ns);
            enum fifo_fate fate = fifo_arrive(&shaper->fifo, at, packets[i].bytes, packets[i].number);
            if (fate != FIFO_TAKEN)
                drop(shaper, fate, packets[i].number);
        }
    }
}

static void deliver(struct userspace_shaper *shaper, int64_t now)
{
    struct fifo_packet packet;
    bool any = false;
    uint32_t number = 0;
    while (fifo_take(&shaper->fifo, now, &packet)) {
        any = true;
        number = packet.number;
        shaper->counters.packets += packet.packets;
        shaper->counters.bytes += packet.bytes;
        lateness_record(&shaper->lateness, simtime_ns(now - packet.due_ns));
    }
    if (any)
        nfqueue_accept_up_to(&shaper->queue, number);
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
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr) {
            read_arrivals(events[i].data.ptr);
            drive->flowing = true;
        }
    drive->read_ns = count < EVENTS ? now + drive->coalesce_ns : now; /* a full list may have left some out */
}

/* Delivers what is due; returns when the next packet is. */
static int64_t deliver_all(struct userspace_drive *drive)
{
    int64_t next = INT64_MAX, now = now_ns();
    for (struct userspace_shaper *s = drive->shapers; s; s = s->next) {
        if (fifo_due(&s->fifo) <= now)
            deliver(s, now);
        if (fifo_due(&s->fifo) < next)
            next = fifo_due(&s->fifo);
    }
    return next;
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
    timerfd_settime(drive->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    epoll_wait(drive->epoll_fd, &event, 1, -1);
}

/* When to be awake for a packet that is due then. Without credit for spinning, the packets of a dense flow
 * leave in small batches: a sleep of a few microseconds costs more than it gains. */
static int64_t wake_for(const struct userspace_drive *drive, int64_t due)
{
    if (drive->spin_credit_ns >= EARLY_NS)
        return due - EARLY_NS;
    int64_t soonest = now_ns() + drive->dense_ns;
    return due > soonest ? due : soonest;
}

/* Sleeps until the next packet is due, or arrivals are to be read. */
static void rest(struct userspace_drive *drive, int64_t due)
{
    earn_credit(drive);
    int64_t wake = due == INT64_MAX ? due : wake_for(drive, due);
    if (due != INT64_MAX && drive->flowing && drive->coalesce_ns >= COALESCE_MIN_NS) {
        struct timespec at = to_timespec(wake < drive->read_ns ? wake : drive->read_ns);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
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
        read_ready(drive);
        int64_t due = deliver_all(drive);
        pthread_mutex_unlock(&drive->lock);
        rest(drive, due);
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
        nfqueue_close(&shaper->queue);
        fifo_free(&shaper->fifo);
        free(shaper);
    }
    close_all(drive);
    pthread_mutex_destroy(&drive->lock);
    free(drive);
}

static struct link_drive *userspace_start(struct err *e)
{
    struct userspace_drive *drive = mem_alloc(sizeof *drive);
    pthread_mutex_init(&drive->lock, NULL);
    drive->credited_ns = now_ns();
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

/* The link with the shortest delay decides how patient the thread may be. */
static void adapt_patience(struct userspace_drive *drive, struct simtime delay)
{
    drive->coalesce_ns = between(0, delay.ns / 4, drive->coalesce_ns);
    drive->dense_ns = between(DENSE_MIN_NS, delay.ns / 50, drive->dense_ns);
}

static int userspace_shape(struct link_drive *base, const struct link_ends *ends,
                           const struct link_params *params, struct link_shaper **out, struct err *e)
{
    struct userspace_drive *drive = container_of(base, struct userspace_drive, base);
    struct userspace_shaper *shaper = mem_alloc(sizeof *shaper);
    shaper->drive = drive;
    uint16_t number = drive->queues;
    int status = drive->queues == UINT16_MAX ? err_set(e, ENOSPC, "more than %d links", UINT16_MAX)
                                             : nfqueue_open(&shaper->queue, ends->to_namespace, number, e);
    if (status == 0)
        status = nfqueue_rule(ends->to_namespace, ends->to_interface, number, e);
    if (status < 0) {
        nfqueue_close(&shaper->queue);
        free(shaper);
        return err_wrap(e, "%s", ends->to_interface);
    }
    drive->queues++;
    fifo_init(&shaper->fifo, params);
    pthread_mutex_lock(&drive->lock);
    adapt_patience(drive, params->delay);
    shaper->next = drive->shapers;
    drive->shapers = shaper;
    if (watch(drive, nfqueue_fd(&shaper->queue), shaper) < 0)
        status = err_errno(e, "epoll");
    pthread_mutex_unlock(&drive->lock);
    *out = &shaper->base;
    return status;
}

static int userspace_count(struct link_shaper *base, struct link_counters *counters, struct err *e)
{
    (void)e;
    struct userspace_shaper *shaper = container_of(base, struct userspace_shaper, base);
    pthread_mutex_lock(&shaper->drive->lock);
    *counters = shaper->counters;
    counters->lateness = lateness_summary(&shaper->lateness);
    pthread_mutex_unlock(&shaper->drive->lock);
    return 0;
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
        status = nfqueue_rule(NULL, "lo", 0, e);
    nfqueue_close(&queue);
    netns_leave(back);
    return status;
}

const struct link_driver link_driver_userspace = {
    .name = "userspace",
    .summary = "roamlab's own emulator over NFQUEUE",
    .probe = userspace_probe,
    .start = userspace_start,
    .stop = userspace_stop,
    .shape = userspace_shape,
    .count = userspace_count,
};
