/* Independent jobs in worker processes: one fork a job, several at a time. A job that crashes takes nothing with it.
 *
 * A job's process leaves by _exit; its memory is a copy of the caller's, so that results go through files. */
#ifndef ROAMLAB_WORKERS_H
#define ROAMLAB_WORKERS_H

#include "err.h"

enum { WORKERS_MAX = 1024 };

struct workers {
    int processes; /* at a time; with 1 the jobs run in the caller's own, one after the other */
    /* 0 or a negative error with its text. */
    int (*job)(struct workers *workers, int index, struct err *e);
    /* In the caller's process, in the order in which jobs end: what `job` returned. Of a process that was killed it is -EIO,
     * and the text says by which signal. */
    void (*ended)(struct workers *workers, int index, int status, const struct err *e);
};

/* Runs jobs 0 … count - 1, begun in this order, and returns when all have ended: 0, or the error of fork. After a signal
 * (interrupt.h) no further job begins, those that run get it too, and the status is -EINTR. */
int workers_run(struct workers *workers, int count, struct err *e);

/* How many processors this process may use. */
int workers_processors(void);

#endif
