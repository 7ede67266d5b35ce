/* Plays a scenario in one of the two worlds and leaves the result in a folder: what `run` and `sweep` share. */
#ifndef ROAMLAB_PLAY_H
#define ROAMLAB_PLAY_H

#include "result.h"
#include "world_real.h"

#include <sys/utsname.h>

struct play {
    struct scenario *scenario; /* borrowed; each run moves its devices anew */
    bool real;                 /* Docker hosts of this machine instead of virtual time */
    bool capture;              /* real: FOLDER/HOST.pcap; from the beginning if the scenario expects something of the packet check */
    const char *command;       /* that does this again, for result.json; NULL = not said */
    const char *driver;        /* real: the link driver by name; NULL = the first that can do what is asked */
    void (*progress)(void *context,
                     const char *what); /* what is being done, one line; NULL = nobody listens */
    void *context;
    void (*hear)(void *hearer, const struct event *event); /* every event, as it comes; NULL = nobody listens */
    void *hearer;
    /* The rest is play's own. */
    char *program;
    struct utsname kernel;
    struct world_real_facts facts;
    bool checked;             /* this host can play the scenario */
    uint64_t events_received; /* by the repository, in the last run */
};

void play_init(struct play *p, struct scenario *s, bool real);
void play_free(struct play *p);
/* Whether this host can: 0, or a negative error, -EINVAL for a driver that nobody knows. Nothing is created. */
int play_check(struct play *p, struct err *e);
/* One run with that seed into FOLDER, which must not hold a result yet. *result, if not NULL, gets its result.json;
 * json_object_put() it. */
int play_once(struct play *p, uint64_t seed, const char *folder, json_object **result, struct err *e);
/* `count` runs into FOLDER/rep-1, rep-2, … with seeds counted up from `seed`, and their sum in FOLDER/result.json. In
 * virtual time `jobs` processes share them; the result has the same bytes whatever their number. */
int play_repetitions(struct play *p, uint64_t seed, int count, int jobs, const char *folder,
                     json_object **result, struct err *e);
/* The exit status that says what `e` says. A host that lacks something is told apart from a run that went wrong. */
int play_failure_status(const struct play *p, const struct err *e);

#endif
