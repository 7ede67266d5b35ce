/* One process' share of a sweep's runs. */
#ifndef ROAMLAB_SWEEP_WORK_H
#define ROAMLAB_SWEEP_WORK_H

#include "command_line.h"
#include "rank.h"
#include "sweep.h"

/* All borrowed. */
struct sweep_work {
    const struct sweep *sweep;
    const char *scenario; /* its file */
    const struct command_settings *settings;
    struct rank rank; /* does the runs whose number is rank modulo size */
    int jobs;
    bool real, quiet;
    /* What came of it: */
    int begun;          /* runs that were missing */
    int failed;         /* … and are still: said on stderr one by one */
    int failure_status; /* exit status of the first of them */
};

/* The point's scenario; scenario_free() it. NULL: the error names the point. */
struct scenario *sweep_work_scenario(const struct sweep_work *w, int point, struct err *e);

/* Does what is missing of the share. 0, also if runs failed; -EINTR after a signal: what is finished is kept. */
int sweep_work(struct sweep_work *w, struct err *e);

#endif
