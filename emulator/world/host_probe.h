/* What this host can do for a real run, found out by doing it: one table of probes. `roamlab doctor` tries all of them, a real run those that
 * its scenario needs before it creates anything, so that the two never disagree.
 *
 * A probe that makes something (a namespace, an Engine, a control group) has it in a journal of its own first and takes it back. Adding a probe
 * = one row in host_probe.c; carriers need none, every row of transfer.c's table is tried by sending a file. */
#ifndef ROAMLAB_HOST_PROBE_H
#define ROAMLAB_HOST_PROBE_H

#include "world_real.h"

#include <stdbool.h>

/* What is to be run, and where to put what was found. */
struct host_probe_subject {
    const struct scenario *scenario; /* NULL: any */
    const char *program;             /* the static service program */
    const char *driver; /* the link driver by name; NULL = the first that can do what the links ask */
    struct world_real_facts *facts;
    const bool *here; /* by host: played on this machine; NULL: those without ssh are */
};

enum host_probe_use {
    PROBE_EVERY_RUN, /* a run tries it before it begins */
    PROBE_SOME_RUNS, /* the same for runs whose scenario needs it */
    PROBE_ITSELF,    /* every run needs it and finds out by itself, at its first act */
    PROBE_COMFORT,   /* runs do without */
};

struct host_probe {
    const char *name;
    enum host_probe_use use;
    /* PROBE_SOME_RUNS: does the scenario need it? */
    bool (*needed)(const struct host_probe *probe, const struct scenario *s);
    /* Tries it. 0 and what was found, for people; or -errno, why not, and as the hint the command that mends it. */
    int (*attempt)(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                   size_t size, struct err *e);
    const char *argument;
};

/* Calls `visit` for every probe in the table's order until it returns false. */
void host_probe_each(bool (*visit)(const struct host_probe *probe, void *context), void *context);
/* Does no real run work without it? */
bool host_probe_is_needed(const struct host_probe *probe);
/* The first of the probes that a run of the subject needs and that does not work: its -errno and why; 0 if all do. -EINTR
 * after a signal. */
int host_probe_check(const struct host_probe_subject *subject, struct err *e);

/* host_probe_machine.c */
int host_probe_namespaces(const struct host_probe *, const struct host_probe_subject *, char *found,
                          size_t size, struct err *e);
int host_probe_clock(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                     struct err *e);
int host_probe_disk(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                    struct err *e);
double host_probe_disk_mb(const struct scenario *s); /* what a run needs of it; NULL: any run */
int host_probe_figures(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                       struct err *e);
int host_probe_nfs_client(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                          struct err *e);
/* host_probe_engine.c */
int host_probe_engine(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                      struct err *e);
int host_probe_freezer(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                       struct err *e);
/* host_probe_users_engine.c */
int host_probe_users_engine(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                       struct err *e);
/* host_probe_carrier.c: the carrier named by `argument`. */
int host_probe_carrier(const struct host_probe *, const struct host_probe_subject *, char *found, size_t size,
                       struct err *e);

/* A journal for what a probe makes. NULL and `e` on failure. */
struct journal *host_probe_journal(struct err *e);
/* Takes all of it back; NULL-safe. Returns `status`, or what could not be taken back; a hint that points to files which are gone now becomes
 * `mend`. */
int host_probe_end(struct journal *journal, int status, const char *mend, struct err *e);
/* Runs a trial's loop until it is stopped: 0; or until a signal comes: -EINTR, and what is under way is the caller's to call off. */
int host_probe_play(struct loop *loop, struct err *e);

#endif
