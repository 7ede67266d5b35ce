/* Hand-made runs: a walk from es1 to es2 with one migration, every number of it known, so that metrics,
 * figures and invariants have something to be compared with. */
#ifndef ROAMLAB_TEST_SYNTHETIC_RUN_H
#define ROAMLAB_TEST_SYNTHETIC_RUN_H

#include "logrepo.h"
#include "mem.h"
#include "rng.h"
#include "scenario.h"
#include "strategy.h"

#include <stdlib.h>
#include <string.h>

enum { SYNTHETIC_EVENTS = 4096 };

struct synthetic_run {
    struct event events[SYNTHETIC_EVENTS];
    int count;
};

struct synthetic_stage {
    const char *name;
    double begin_s, seconds; /* begin: after "migr begins" */
    int64_t bytes;
};

struct synthetic_options {
    const char *strategy;
    int requests;
    double interval_s;
    double begin_s;                    /* "migr begins" */
    double near_ms, far_ms, jitter_ms; /* response outside and during the migration */
    uint64_t seed;                     /* of the jitter */
    const struct synthetic_stage *stages;
    int stage_count;
};

static inline struct event *synthetic_add(struct synthetic_run *run, enum event_kind kind, double at_s,
                                          const char *reporter, const char *text)
{
    if (run->count == SYNTHETIC_EVENTS)
        abort();
    struct event *ev = &run->events[run->count++];
    *ev = (struct event){.at = simtime_from_seconds(at_s),
                         .kind = kind,
                         .reporter = reporter,
                         .peer = "",
                         .sender = "",
                         .text = text,
                         .mud = 0,
                         .number = -1,
                         .migration = -1};
    return ev;
}

static inline void synthetic_container(struct synthetic_run *run, double at_s, const char *edge,
                                       int32_t migration, const char *state)
{
    synthetic_add(run, EVENT_CONTAINER, at_s, edge, state)->migration = migration;
}

static inline void synthetic_migration(struct synthetic_run *run, const struct synthetic_options *o,
                                       double end_s)
{
    struct event *ev = synthetic_add(run, EVENT_MARK, o->begin_s, "AP-1", "migr begins");
    ev->peer = "ES-1";
    ev->migration = 1;
    for (int i = 0; i < o->stage_count; i++) {
        const struct synthetic_stage *s = &o->stages[i];
        ev = synthetic_add(run, EVENT_STAGE, o->begin_s + s->begin_s + s->seconds, "ES-1", s->name);
        ev->begin = simtime_from_seconds(o->begin_s + s->begin_s);
        ev->migration = 1;
        ev->bytes = s->bytes;
        if (strcmp(s->name, "restore") == 0)
            synthetic_container(run, simtime_seconds(ev->at), "ES-2", 1, "standby");
    }
    synthetic_container(run, end_s, "ES-2", 1, "live");
    ev = synthetic_add(run, EVENT_MARK, end_s, "AP-2", "migr finished");
    ev->peer = "ES-2";
    ev->migration = 1;
    ev->value = 3;
    ev = synthetic_add(run, EVENT_MIGRATION, end_s + 0.1, "ES-1", "finished");
    ev->begin = simtime_from_seconds(o->begin_s);
    ev->peer = "es1 es2";
    ev->sender = o->strategy;
    ev->migration = 1;
    synthetic_container(run, end_s + 0.1, "ES-1", 0, "gone");
}

static inline int synthetic_order(const void *a_, const void *b_)
{
    const struct event *a = a_, *b = b_;
    int order = simtime_cmp(a->at, b->at);
    return order ? order : (a > b) - (a < b);
}

/* The migration ends (commits) with its stage "switch". */
static inline void synthetic_fill(struct synthetic_run *run, const struct synthetic_options *o)
{
    struct rng rng;
    double end_s = o->begin_s;
    rng_init(&rng, o->seed, "synthetic", 0);
    run->count = 0;
    for (int i = 0; i < o->stage_count; i++)
        if (strcmp(o->stages[i].name, "switch") == 0)
            end_s = o->begin_s + o->stages[i].begin_s + o->stages[i].seconds;
    synthetic_container(run, 0, "ES-1", 0, "live");
    synthetic_migration(run, o, end_s);
    for (int i = 0; i < o->requests; i++) {
        double sent_s = 0.5 + i * o->interval_s;
        bool far = sent_s >= o->begin_s && sent_s < end_s;
        double response_ms = (far ? o->far_ms : o->near_ms) + o->jitter_ms * rng_unit(&rng) * (far ? 5 : 1);
        struct event *ev = synthetic_add(run, EVENT_EXECUTED, sent_s + response_ms / 2000,
                                         sent_s < end_s ? "ES-1" : "ES-2", "");
        ev->number = i;
        ev->value = sent_s < end_s ? 0 : 1;
        ev = synthetic_add(run, EVENT_REQUEST, sent_s + response_ms / 1000, "USER", "ok");
        ev->number = i;
        ev->begin = simtime_from_seconds(sent_s);
        ev->value = 1;
    }
    struct event *ev = synthetic_add(run, EVENT_SENT_TOTAL, 0.5 + o->requests * o->interval_s, "USER", "");
    ev->number = o->requests;
    ev->value = o->requests;
    qsort(run->events, (size_t)run->count, sizeof *run->events, synthetic_order);
}

/* The first of that kind, text (NULL: any) and number (-1: any); it must be there. */
static inline struct event *synthetic_find(struct synthetic_run *run, enum event_kind kind, const char *text, int32_t number)
{
    for (int i = 0; i < run->count; i++)
        if (run->events[i].kind == kind && (!text || strcmp(run->events[i].text, text) == 0) &&
            (number < 0 || run->events[i].number == number))
            return &run->events[i];
    abort();
}

static inline void synthetic_take_out(struct synthetic_run *run, struct event *ev)
{
    memmove(ev, ev + 1, (size_t)(&run->events[--run->count] - ev) * sizeof *ev);
}

/* Takes out all of that kind and number (-1: any). */
static inline void synthetic_forget(struct synthetic_run *run, enum event_kind kind, int32_t number)
{
    int kept = 0;
    for (int i = 0; i < run->count; i++)
        if (run->events[i].kind != kind || (number >= 0 && run->events[i].number != number))
            run->events[kept++] = run->events[i];
    run->count = kept;
}

static inline void synthetic_write(const struct synthetic_run *run, const char *folder)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    if (logrepo_open(folder, SIMTIME_ZERO, &repo, &e) < 0)
        abort();
    for (int i = 0; i < run->count; i++)
        if (logrepo_add(repo, &run->events[i], &e) < 0)
            abort();
    if (logrepo_close(repo, &e) < 0)
        abort();
}

/* Six requests, a second apart, 20 ms each; 220 ms for numbers 2 and 3, which fall into the migration from
 * 2.25 to 4.25 s. */
static const struct synthetic_stage synthetic_small_stages[] = {
    {"freeze", 0, 0.010, 0},
    {"dump", 0.010, 0.190, 29000000},
    {"take layer", 0.200, 0.050, 20000000},
    {"thaw", 0.250, 0.010, 0},
    {"send memory", 0.260, 0.600, 29100000},
    {"send layer", 0.860, 0.400, 20100000},
    {"create", 1.260, 0.100, 0},
    {"restore", 1.360, 0.300, 0},
    {"replay", 1.660, 0.100, 0},
    {"switch", 1.760, 0.240, 0},
    {"stop", 2.000, 0.100, 0},
};

static const struct synthetic_options synthetic_small = {
    .strategy = "p-migr",
    .requests = 6,
    .interval_s = 1,
    .begin_s = 2.25,
    .near_ms = 20,
    .far_ms = 220,
    .stages = synthetic_small_stages,
    .stage_count = ARRAY_LEN(synthetic_small_stages),
};

/* A scenario for results of such a run: one device, m1. The caller sets what else it needs. */
static inline struct scenario synthetic_scenario(const char *strategy)
{
    static char first[] = "pc1", second[] = "pc2";
    static struct scenario_mud mud = {.name = "m1"};
    static struct scenario_host hosts[] = {{.name = first}, {.name = second}};
    static struct scenario_link link = {.between = {0, 1}};
    struct scenario s = {.name = "synthetic", .muds = &mud, .mud_count = 1, .hosts = hosts, .host_count = 2,
                         .links = &link, .link_count = 1, .repeat = 1, .seed = 7};
    s.migration.strategy = strategy_of(strategy);
    strcpy(s.migration.carrier, "scp");
    memset(s.sha256, 'a', 64);
    return s;
}

#endif
