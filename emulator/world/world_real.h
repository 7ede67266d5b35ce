/* One run in the real world on this machine: the controller. It finds what the run needs, builds the testbed (a namespace a host, shaped
 * links), starts an agent per host, gives the word, collects the events, and takes everything back. */
#ifndef ROAMLAB_WORLD_REAL_H
#define ROAMLAB_WORLD_REAL_H

#include "endpoint.h"
#include "journal.h"
#include "logrepo.h"
#include "loop.h"
#include "runtime.h"
#include "scenario.h"

struct world_real_options {
    const char *program;   /* the static service program */
    const char *driver;    /* the link driver by name; NULL = the first that can do what the links ask */
    const char *capture;   /* folder for one pcap a host, or NULL */
    bool checked;          /* world_real_check() has been made of the scenario, and the facts are its own */
    const char *folder;    /* of the results: the agents' and dockerds' messages are kept here after a failure */
    /* What is being done, one line without its end, for people. */
    void (*progress)(void *context, const char *what);
    void *context;
};

/* Another machine's clock, as it was known at the end. */
struct world_real_clock {
    char machine[128];
    struct simtime offset; /* ahead of this machine's */
    double drift_ppm;
    struct simtime uncertainty; /* the worst during the run */
};
enum { WORLD_REAL_CLOCKS_MAX = 32 };

/* What a run was made with, and how it went. */
struct world_real_facts {
    struct runtime runtime;
    char link_driver[32];
    double base_ratio, layer_ratio, memory_ratio; /* zstd -3 of the test data; 0 = not seen */
    struct lateness lateness;                     /* of timers and of packets behind their due times: the latest agent's or link's */
    struct world_real_clock clocks[WORLD_REAL_CLOCKS_MAX];
    int clock_count; /* 0: all hosts were on this machine */
    uint64_t errors, capture_dropped;
    uint64_t events_reported; /* by the agents and the controller; the repository must have received as many */
};

/* 0; -EPERM, -ENOENT, -EOPNOTSUPP: this host lacks something, `e` says what and how to mend it; -EINTR after a signal; else the run
 * failed. In every case nothing is left behind, or `e` says that `roamlab clean` has to be run. The repository stays the
 * caller's. */
int world_real_run(struct scenario *s, uint64_t seed, const struct world_real_options *options, struct logrepo *repo,
                   struct world_real_facts *facts, struct err *e);

/* What this host needs for a real run of the scenario (NULL: any), without running it: the probes of host_probe.h. Fills the facts. */
int world_real_check(const struct scenario *s, const struct world_real_options *options,
                     struct world_real_facts *facts, struct err *e);

/* Writes into the journal, before it happens, that the run's things will be at an Engine of the user's. */
int world_real_record_guest(struct journal *journal, const struct docker_address *address, struct err *e);

/* The kinds of things that a run writes into its journal, for `roamlab clean`. */
extern const struct journal_kind world_real_kinds[];

#endif
