/* A trial: one run of a scenario in virtual time, without files, judged. What must hold: the invariants that the strategy grants (invariants.h);
 * what the judge of every run asks for (judge.h); nobody holds back what he may pass on (held_back.h); migrations that are possible come to pass
 * (progress.h). */
#ifndef ROAMLAB_TRIAL_H
#define ROAMLAB_TRIAL_H

#include "scenario.h"
#include "situations.h"

enum { TRIAL_COMPLAINTS_MAX = 20, TRIAL_TIMERS_MAX = 20000000 };

struct trial {
    /* The caller's, may be NULL: hears every event. */
    void (*hear)(struct trial *trial, const struct event *event);
    /* The rest is the outcome. */
    char *complaints[TRIAL_COMPLAINTS_MAX]; /* owned: what does not hold */
    int complaint_count;
    bool declared;       /* a device's only live container was lost, and an edge said so */
    unsigned situations; /* set of 1 << enum situation that the run came through */
    uint64_t events;
    struct simtime end;
};

/* The devices have their visits (scenario_move). `hear` is set before, all else is zero. After a signal (interrupt.h) there are no
 * complaints. */
void trial_run(struct trial *trial, const struct scenario *s, uint64_t seed);
void trial_free(struct trial *trial);
/* Adds one; for callers who judge more. */
void trial_complain(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
