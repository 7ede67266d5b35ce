#include "search_work.h"
#include "interrupt.h"
#include "mem.h"
#include "scenario_draw.h"
#include "trial.h"
#include "workers.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PORTION = 500 }; /* seeds that a process tries at a time */

/* What a portion's process tells: in memory that it shares with the searching one. */
struct portion {
    uint64_t tried, events, declared, present; /* present: the seed that is being tried */
    uint64_t reached[SITUATIONS];
    uint64_t broken, broken_seeds[SEARCH_BROKEN_KEPT];
};

struct searching {
    struct workers workers;
    struct search *search;
    struct portion *portions;
    int status;
    struct err err;
};

struct scenario *search_scenario(uint64_t seed, bool restarts, struct err *e)
{
    struct buf text = BUF_INIT;
    scenario_draw(seed, restarts, &text);
    struct scenario *s = scenario_parse("drawn", buf_text(&text), text.len, NULL, 0, e);
    if (!s)
        err_wrap(e, "seed %llu", (unsigned long long)seed);
    else
        s->log.mode = LOG_AGGREGATE; /* no trial reads messages and transitions */
    buf_free(&text);
    return s;
}

static int try_seed(struct portion *p, uint64_t seed, bool restarts, struct err *e)
{
    struct trial trial = {0};
    struct scenario *s = search_scenario(seed, restarts, e);
    p->present = seed;
    if (!s)
        return -EINVAL;
    trial_run(&trial, s, s->seed);
    p->tried += !interrupt_signal();
    p->events += trial.events;
    p->declared += trial.declared && !trial.complaint_count;
    for (int i = 0; i < SITUATIONS; i++)
        p->reached[i] += trial.situations >> i & 1;
    if (trial.complaint_count && p->broken++ < SEARCH_BROKEN_KEPT)
        p->broken_seeds[p->broken - 1] = seed;
    trial_free(&trial);
    scenario_free(s);
    return 0;
}

static int try_portion(struct workers *workers, int index, struct err *e)
{
    struct searching *s = container_of(workers, struct searching, workers);
    uint64_t first = (uint64_t)index * PORTION, end = first + PORTION;
    end = end < s->search->seeds ? end : s->search->seeds;
    int status = 0;
    for (uint64_t i = first; i < end && status == 0 && !interrupt_signal(); i++)
        status = try_seed(&s->portions[index], s->search->first + i, s->search->restarts, e);
    return status;
}

static void add_up(struct search *search, const struct portion *p)
{
    search->tried += p->tried;
    search->events += p->events;
    search->declared += p->declared;
    search->broken += p->broken;
    for (int i = 0; i < SITUATIONS; i++)
        search->reached[i] += p->reached[i];
}

static void portion_ended(struct workers *workers, int index, int status, const struct err *e)
{
    struct searching *s = container_of(workers, struct searching, workers);
    const struct portion *p = &s->portions[index];
    add_up(s->search, p);
    if (s->search->progress)
        s->search->progress(s->search->tried, s->search->seeds);
    if (status == 0 || s->status < 0)
        return;
    s->status = status;
    s->err = *e;
    if (status == -EIO)
        err_wrap(&s->err, "seed %llu", (unsigned long long)p->present);
}

/* Portions end in any order. */
static void keep_first_broken(struct search *search, const struct portion *portions, int count)
{
    for (int i = 0; i < count; i++)
        for (uint64_t k = 0; k < portions[i].broken && k < SEARCH_BROKEN_KEPT; k++)
            if (search->broken_kept < SEARCH_BROKEN_KEPT)
                search->broken_seeds[search->broken_kept++] = portions[i].broken_seeds[k];
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int search_run(struct search *search, struct err *e)
{
    int count = (int)((search->seeds + PORTION - 1) / PORTION);
    size_t bytes = (size_t)count * sizeof(struct portion);
    struct portion *portions = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (portions == MAP_FAILED)
        return err_errno(e, "search: memory");
    struct searching s = {
        .workers = {search->jobs, try_portion, portion_ended}, .search = search, .portions = portions};
    double begin = now_s();
    int status = workers_run(&s.workers, count, e);
    search->seconds = now_s() - begin;
    keep_first_broken(search, portions, count);
    munmap(portions, bytes);
    if (s.status < 0)
        *e = s.err;
    return s.status < 0 ? s.status : status;
}
