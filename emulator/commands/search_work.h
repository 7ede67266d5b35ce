/* A fault search: the scenarios of many seeds (scenario_draw.h), each tried once (trial.h). */
#ifndef ROAMLAB_SEARCH_WORK_H
#define ROAMLAB_SEARCH_WORK_H

#include "err.h"
#include "situations.h"

enum { SEARCH_BROKEN_KEPT = 100 };

struct search {
    uint64_t first, seeds; /* the caller's: those from `first` on */
    int jobs;
    bool restarts;                                    /* hosts restart, too */
    void (*progress)(uint64_t tried, uint64_t seeds); /* may be NULL */
    /* The outcome. */
    uint64_t tried, events, declared; /* declared: a device's only live container was lost, and named */
    uint64_t reached[SITUATIONS];     /* seeds that came through it */
    uint64_t broken;
    uint64_t broken_seeds[SEARCH_BROKEN_KEPT]; /* the first ones, ascending */
    int broken_kept;
    double seconds;
};

/* 0, -EINTR with what was done till then, or the error of a job: a seed that crashes is named. */
int search_run(struct search *search, struct err *e);

/* The scenario of a seed, parsed; NULL if it is none, which is a mistake in what draws it. */
struct scenario *search_scenario(uint64_t seed, bool restarts, struct err *e);

#endif
