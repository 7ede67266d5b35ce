/* Slow work off the loop: a function that may block runs in a thread of its own, and its end comes back as an
 * event.
 *
 * For disk work and bulk transfers that would hold the loop for more than a few milliseconds. The function
 * works on its argument alone; it looks at background_cancelled() now and then and gives up with -ECANCELED.
 * Wall time only. */
#ifndef ROAMLAB_BACKGROUND_H
#define ROAMLAB_BACKGROUND_H

#include "loop.h"

#include <pthread.h>
#include <stdatomic.h>

struct background {
    /* Called on the loop once, after `run` has returned and its thread is gone. `e` is set if status < 0. */
    void (*done)(struct background *b, int status, const struct err *e);
    /* Called on the loop by background_cancel, to wake a `run` that waits for something; may be NULL. */
    void (*wake)(struct background *b);
    /* The rest is background's own. */
    int (*run)(struct background *b, struct err *e);
    struct watch watch;
    struct loop *loop;
    pthread_t thread;
    atomic_bool cancelled;
    bool running;
    int status;
    struct err err;
};

/* Starts `run` (in the thread; reaches its argument by container_of). `done` is set before. */
int background_start(struct loop *loop, struct background *b, int (*run)(struct background *b, struct err *e),
                     struct err *e);
/* Asks `run` to give up and waits for it; `done` is not called. Harmless if nothing runs. */
void background_cancel(struct background *b);
/* For `run`: true once its result is not wanted any more. A NULL background is never cancelled. */
bool background_cancelled(struct background *b);

#endif
