/* result.json: a run's metrics, invariants, environment and whether the scenario's expectations hold. The
 * form is stable (README): scripts read it. */
#ifndef ROAMLAB_RESULT_H
#define ROAMLAB_RESULT_H

#include "err.h"
#include "event.h"
#include "loop.h"
#include "packet_check.h"
#include "scenario.h"
#include "world_real.h"

#include <json-c/json.h>

struct result_fact {
    const char *key;
    const char *text; /* NULL: the number counts */
    double number;
};

/* What the events do not say. */
struct result_input {
    const char *world;               /* "sim", "real", "imported" */
    const struct scenario *scenario; /* NULL for an imported log */
    const char *name;                /* of an imported log; NULL = the scenario's */
    uint64_t seed;                   /* of this repetition */
    const char *command;             /* that does it again, or NULL */
    struct lateness drift;           /* zeros in virtual time */
    const struct world_real_clock *clocks; /* of other machines */
    int clock_count;
    /* Reported by the parties, and received by the repository; a difference breaks an invariant. Both 0: nobody counted. */
    uint64_t events_reported, events_received;
    const char *const *complaints;           /* of who saw the run itself: each breaks an invariant */
    int complaint_count;
    const struct packet_check *packet_check; /* NULL: nothing was captured */
    /* kernel, docker, criu, link_driver, cpus, …; written in this order */
    const struct result_fact *environment;
    int environment_count;
};

/* Analyses FOLDER/events.db and writes FOLDER/result.json. *result, if not NULL, gets it; json_object_put()
 * it. */
int result_of_run(const char *folder, const struct result_input *input, json_object **result, struct err *e);

/* The same for a run whose events are not all kept: it hears them while they happen, in the order of time, and sums up
 * requests as they come (run_summary.h). `input` need not be complete before the end; its scenario must be there. */
struct result_listener;
struct result_listener *result_listen(const struct scenario *scenario);
void result_hear(struct result_listener *listener, const struct event *event);
/* Writes FOLDER/result.json, as result_of_run does. */
int result_of_listener(struct result_listener *listener, const char *folder, const struct result_input *input,
                       json_object **result, struct err *e);
void result_listener_free(struct result_listener *listener); /* NULL-safe */

/* Sums up FOLDER/rep-1 … rep-`repetitions` into FOLDER/result.json: requests are totals; response_ms and
 * migration_s are means over the repetitions, with "ci95" (± half the 95 % confidence interval of "mean", by
 * Student's t) and "n", of how many repetitions; max and min are the extremes; migrations stand one behind the other, each with
 * its "repetition". An expectation on response_ms or migration_s is about these; every other one must hold in
 * each repetition, and the value shown is the first that does not. */
int result_of_repetitions(const char *folder, int repetitions, const struct result_input *input,
                          json_object **result, struct err *e);

/* 0, or 1 if an expectation or an invariant does not hold, the run was too late, or a migration failed and no
 * expectation on migrations.failed allows it. */
int result_exit_status(json_object *result);
/* There is an expectation about how many migrations may fail. */
bool result_allows_failed_migrations(json_object *result);

/* Finds a metric (metric.h) in a result; NAN if the result has none. */
double result_metric(json_object *result, const char *path);

/* What stands beside a mean: `name` is "n" or "ci95"; NAN for a metric that is no mean, or has none. */
double result_beside_mean(json_object *result, const char *metric, const char *name);

/* Number of repetitions that FOLDER holds: `repetitions` of its result if there is a rep-1, else 0 (a single
 * run). */
int result_repetitions(const char *folder, json_object *result);

#endif
