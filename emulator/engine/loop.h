/* The event loop: timers in the total order (time, sequence of arming), and file descriptors on wall time.
 *
 * Timers and watches live inside their owners (container_of finds the way back); arming and cancelling need
 * no look-up and no allocation beyond the queue's own growth. One `now` is frozen while one event is handled.
 * With a virtual clock the loop jumps to the next timer; with a wall clock it sleeps (epoll and an absolute
 * timerfd) and records how late every timer fired. */
#ifndef ROAMLAB_LOOP_H
#define ROAMLAB_LOOP_H

#include "clock.h"
#include "err.h"

#include <stddef.h>

struct loop;
struct timer;
struct watch;

struct timer {
    void (*fire)(struct timer *timer); /* called once per arming, with the timer already disarmed */
    size_t place;                      /* 0 = not armed; else 1 + index in the queue: the loop's own */
};

struct watch {
    void (*ready)(struct watch *watch, uint32_t epoll_events);
    int fd; /* the owner's: the loop never closes it */
};

/* `clock` stays the caller's and must outlive the loop. NULL and `e` if the kernel refuses epoll or
 * timerfd. */
struct loop *loop_new(struct clock *clock, struct err *e);
void loop_free(struct loop *loop); /* NULL-safe; disarms nothing in the owners */

struct simtime loop_now(const struct loop *loop);

/* Arms the timer for an absolute time (in the past: as soon as possible). An armed timer moves. */
void loop_arm(struct loop *loop, struct timer *timer, struct simtime at);
void loop_arm_after(struct loop *loop, struct timer *timer, struct simtime delay);
void loop_cancel(struct loop *loop, struct timer *timer); /* harmless on an unarmed timer */
static inline bool timer_armed(const struct timer *timer)
{
    return timer->place != 0;
}

/* Watches watch->fd for epoll events (EPOLLIN, EPOLLOUT, …); level-triggered. Wall time only. */
int loop_watch(struct loop *loop, struct watch *watch, uint32_t epoll_events, struct err *e);
int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t epoll_events, struct err *e);
/* Must come before the owner closes the descriptor. Harmless on a watch that is not watched. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Runs until loop_stop, or (virtual time) until no timer is left, or (wall time) until neither timer nor
 * watch is. */
void loop_run(struct loop *loop);
/* Virtual time: runs what is due up to and including `until`, then sets now to it. */
void loop_run_until(struct loop *loop, struct simtime until);
void loop_stop(struct loop *loop);

/* Virtual time comes to an end before its last timer when a signal has come (interrupt.h) or so many were dispatched: where messages chase
 * each other, one instant lasts for ever. What then runs the loop returns at once, with the time as it is. */
void loop_limit(struct loop *loop, uint64_t dispatched);
bool loop_is_over(const struct loop *loop);

/* How late timers fired on wall time, over the loop's life; zeros on virtual time. */
struct lateness {
    uint64_t count;
    struct simtime p50, p99, max;
};
struct lateness loop_lateness(const struct loop *loop);
uint64_t loop_dispatched(const struct loop *loop);
/* No timer is armed. */
bool loop_idle(const struct loop *loop);

#endif
