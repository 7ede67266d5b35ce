/* Whether the machine keeps its programs waiting: on each processor a thread of the usual priority wakes every other millisecond and
 * notes how late it is. Threads of a higher priority keep it waiting, too, the tested ones among them. */
#ifndef ROAMLAB_STANDSTILL_H
#define ROAMLAB_STANDSTILL_H

#include "clock.h"
#include "mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { STANDSTILL_PROCESSORS_MAX = 64, STANDSTILL_EVERY_NS = 2000000 };

struct standstill {
    pthread_t threads[STANDSTILL_PROCESSORS_MAX];
    int count;
    atomic_bool ends;
    atomic_llong longest_ns;
};

static inline void *standstill_note(void *argument)
{
    struct standstill *s = argument;
    while (!atomic_load(&s->ends)) {
        int64_t due = clock_monotonic().ns + STANDSTILL_EVERY_NS;
        struct timespec at = {due / 1000000000, due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        long long late = clock_monotonic().ns - due, longest = atomic_load(&s->longest_ns);
        while (late > longest && !atomic_compare_exchange_weak(&s->longest_ns, &longest, late))
            ;
    }
    return NULL;
}

static inline void standstill_begin(struct standstill *s)
{
    cpu_set_t all;
    *s = (struct standstill){.count = 0};
    sched_getaffinity(0, sizeof all, &all);
    for (int i = 0; i < CPU_SETSIZE && s->count < STANDSTILL_PROCESSORS_MAX; i++) {
        pthread_attr_t attributes;
        cpu_set_t one;
        if (!CPU_ISSET(i, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        pthread_attr_init(&attributes);
        pthread_attr_setaffinity_np(&attributes, sizeof one, &one);
        if (pthread_create(&s->threads[s->count], &attributes, standstill_note, s) == 0)
            s->count++;
        pthread_attr_destroy(&attributes);
    }
}

/* The longest that a thread was kept waiting, in ms. */
static inline double standstill_end(struct standstill *s)
{
    atomic_store(&s->ends, true);
    for (int i = 0; i < s->count; i++)
        pthread_join(s->threads[i], NULL);
    return (double)atomic_load(&s->longest_ns) / 1e6;
}

#endif
