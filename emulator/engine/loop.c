#include "loop.h"
#include "interrupt.h"
#include "lateness.h"
#include "mem.h"
#include "timer_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct loop {
    struct clock *clock;
    struct timer_queue timers;
    struct simtime now;
    struct lateness_histogram lateness;
    uint64_t dispatched, limit;
    int epoll_fd, timer_fd; /* -1 on virtual time */
    int watching;
    bool stopped;
    /* The batch of epoll events being dispatched: loop_unwatch blanks what it removes. */
    struct epoll_event batch[64];
    int batch_len;
};

struct loop *loop_new(struct clock *clock, struct err *e)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    timer_queue_init(&loop->timers);
    loop->clock = clock;
    loop->limit = UINT64_MAX;
    loop->epoll_fd = loop->timer_fd = -1;
    loop->now = clock_read(clock);
    if (clock->virtual_time)
        return loop;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event alarm = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &alarm) < 0) {
        err_errno(e, "event loop: epoll and timerfd");
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    mem_close_fd(&loop->epoll_fd);
    mem_close_fd(&loop->timer_fd);
    timer_queue_free(&loop->timers);
    free(loop);
}

struct simtime loop_now(const struct loop *loop)
{
    return loop->now;
}

void loop_arm(struct loop *loop, struct timer *timer, struct simtime at)
{
    timer_queue_set(&loop->timers, timer, at);
}

void loop_arm_after(struct loop *loop, struct timer *timer, struct simtime delay)
{
    loop_arm(loop, timer, simtime_add(loop->now, delay));
}

void loop_cancel(struct loop *loop, struct timer *timer)
{
    timer_queue_remove(&loop->timers, timer);
}

static int control(struct loop *loop, int operation, struct watch *watch, uint32_t events, struct err *e)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0)
        return err_errno(e, "event loop: watch descriptor %d", watch->fd);
    return 0;
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t epoll_events, struct err *e)
{
    int status = control(loop, EPOLL_CTL_ADD, watch, epoll_events, e);
    loop->watching += status == 0;
    return status;
}

int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t epoll_events, struct err *e)
{
    return control(loop, EPOLL_CTL_MOD, watch, epoll_events, e);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (watch->fd < 0 || epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) < 0)
        return;
    loop->watching--;
    for (int i = 0; i < loop->batch_len; i++)
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].events = 0;
}

static void fire_first(struct loop *loop)
{
    struct simtime at = timer_queue_first(&loop->timers);
    struct timer *timer = timer_queue_pop(&loop->timers);
    if (loop->clock->virtual_time)
        loop->now = loop->clock->now = simtime_max(loop->now, at);
    else {
        loop->now = clock_read(loop->clock);
        lateness_record(&loop->lateness, simtime_sub(loop->now, at));
    }
    loop->dispatched++;
    timer->fire(timer);
}

/* Sleeps until the next timer or descriptor and fills the batch. */
static void sleep_for_events(struct loop *loop)
{
    struct itimerspec alarm = {0};
    int timeout = -1;
    if (loop->timers.live) {
        struct simtime first = timer_queue_first(&loop->timers), at = simtime_add(first, loop->clock->origin);
        if (first.ns <= clock_read(loop->clock).ns || at.ns <= 0)
            timeout = 0;
        alarm.it_value.tv_sec = at.ns / 1000000000;
        alarm.it_value.tv_nsec = at.ns % 1000000000;
    }
    if (timeout < 0)
        timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
    int ready = epoll_wait(loop->epoll_fd, loop->batch, ARRAY_LEN(loop->batch), timeout);
    loop->batch_len = ready > 0 ? ready : 0;
}

static void dispatch_batch(struct loop *loop)
{
    for (int i = 0; i < loop->batch_len && !loop->stopped; i++) {
        struct watch *watch = loop->batch[i].data.ptr;
        uint64_t expirations;
        if (!watch) {
            if (read(loop->timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
                loop->stopped = true;
            continue;
        }
        if (!loop->batch[i].events)
            continue;
        loop->now = clock_read(loop->clock);
        loop->dispatched++;
        watch->ready(watch, loop->batch[i].events);
    }
    loop->batch_len = 0;
}

static void run_wall(struct loop *loop)
{
    while (!loop->stopped && (loop->timers.live || loop->watching)) {
        sleep_for_events(loop);
        dispatch_batch(loop);
        if (!loop->stopped && loop->timers.live &&
            timer_queue_first(&loop->timers).ns <= clock_read(loop->clock).ns)
            fire_first(loop);
    }
}

static bool jumps_on(const struct loop *loop)
{
    return !loop->stopped && loop->timers.live && !loop_is_over(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    if (!loop->clock->virtual_time)
        run_wall(loop);
    else
        while (jumps_on(loop))
            fire_first(loop);
}

void loop_run_until(struct loop *loop, struct simtime until)
{
    loop->stopped = false;
    while (jumps_on(loop) && timer_queue_first(&loop->timers).ns <= until.ns)
        fire_first(loop);
    if (!loop->stopped && !loop_is_over(loop))
        loop->now = loop->clock->now = simtime_max(loop->now, until);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

void loop_limit(struct loop *loop, uint64_t dispatched)
{
    loop->limit = dispatched;
}

bool loop_is_over(const struct loop *loop)
{
    return loop->clock->virtual_time && (loop->dispatched >= loop->limit || interrupt_signal());
}

struct lateness loop_lateness(const struct loop *loop)
{
    return lateness_summary(&loop->lateness);
}

bool loop_idle(const struct loop *loop)
{
    return loop->timers.live == 0;
}

uint64_t loop_dispatched(const struct loop *loop)
{
    return loop->dispatched;
}
