/* What one run's events say, gathered by device and by migration: the ground for metrics and figures. */
#ifndef ROAMLAB_RUN_RECORD_H
#define ROAMLAB_RUN_RECORD_H

#include "err.h"
#include "event.h"
#include "run_summary.h"
#include "strategy.h"

#include <stdbool.h>
#include <stddef.h>

struct run_request {
    struct simtime sent, answered;
    int32_t number;
};

struct run_mud {
    char *reporter;               /* how it calls itself in the log, NULL if it never spoke */
    struct run_request *requests; /* every answer, in the order of answers */
    size_t request_count, request_capacity;
    int64_t sent, answered;  /* as it counted itself at the end */
    int64_t abandoned;       /* of those sent: it was out of reach for good */
    size_t newest_migration; /* index + 1 into migrations, 0 = none */
    /* With `summary` only: no request is kept, request_count counts them all the same. */
    struct simtime last_answer;
    struct quantiles intervals; /* between two answers, in ns */
};

struct run_stage {
    char *name;
    enum operation operation; /* OPERATIONS if the name is none */
    struct simtime begin, end;
    int64_t bytes, status;
    int parts; /* that were told, each for itself; 0: none. And their times in all, without those between them: */
    struct simtime busy;
};

struct run_migration {
    int32_t mud, migration;     /* mud -1: an imported log does not say whose it is */
    char *outcome;              /* "finished", "failed", "superseded"; NULL while it runs */
    char *from, *to, *strategy; /* NULL while it runs */
    char *reason;               /* why it failed, as the first who noticed says it; NULL if nobody does */
    struct simtime begin, end;  /* the marks "migr begins", "migr finished"; without them, as the end's report says */
    bool marked, committed;     /* there are such marks */
    int64_t replayed;
    struct run_stage *stages; /* in the order in which they ended */
    int stage_count;
    int layers; /* of a base that is being loaded, and the time that these took */
    struct simtime loading;
    size_t previous; /* of the same device: index + 1 into migrations, 0 = none */
    /* With `summary` only: the longest time without an answer that overlaps it; whether that is settled. */
    struct simtime longest_gap;
    bool gaps_over;
};

/* Times in which devices were without an access point. */
struct run_silences {
    uint64_t associations;
    struct run_durations handoffs, outages;
    double probe_ms, authentication_ms, reassociation_ms; /* sums over the handoffs that tell them apart */
    uint64_t told_apart;
};

struct run_link_change {
    struct simtime at;
    int32_t link;
    char *text; /* "link pc1-pc2: rate 80 → 10 Mbit/s" */
};

struct run_carried {
    int32_t link;
    bool back;
    int64_t packets, bytes, dropped, lost;
};

/* What all processes of a program used on a host between two samples. */
struct run_cpu {
    char *host, *program;
    struct simtime begin, end, used;
};

struct run_record {
    struct run_mud *muds; /* by index in the scenario */
    size_t mud_count, mud_capacity;
    struct run_migration *migrations; /* in the order in which they were first heard of */
    size_t migration_count, migration_capacity;
    struct run_silences silences;
    struct run_link_change *link_changes; /* in the order in which they were made */
    size_t link_change_count, link_change_capacity;
    struct run_carried *carried; /* by the links' directions, in the order of their reports */
    size_t carried_count, carried_capacity;
    struct run_cpu *cpu; /* in the order of time */
    size_t cpu_count, cpu_capacity;
    int64_t warmed, warming_bytes; /* connections of carriers, what that took */
    size_t newest_of_nobody; /* as run_mud.newest_migration, for mud -1 */
    struct simtime end;      /* of the last event */
    bool summary;            /* set before the first event: requests are summed up as they come (run_summary.h) */
    struct run_durations responses;
};

#define RUN_RECORD_INIT {0}

void run_record_add(struct run_record *record, const struct event *event);
/* Reads what metrics and figures need from FOLDER/events.db. */
int run_record_read(const char *folder, struct run_record *record, struct err *e);
void run_record_free(struct run_record *record);

#endif
