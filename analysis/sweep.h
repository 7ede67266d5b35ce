/* A sweep's folder: one scenario at every point of a grid, with several seeds each.
 *
 *   sweep.json                  what is swept; a folder belongs to one sweep
 *   runs/POINT-seed-SEED.json   result.json of each finished run, or why this host cannot do it
 *   table.csv, table.json       sweep_table.h
 *   stages.csv                  sweep_csv.h
 *   figures/                    sweep_figures.h
 *
 * Several processes, on several machines with one file system, may fill it at the same time: every file appears whole. */
#ifndef ROAMLAB_SWEEP_H
#define ROAMLAB_SWEEP_H

#include "sweep_grid.h"

#include <json-c/json.h>

enum { SWEEP_SEEDS_MAX = 10000 };

/* Strings and lists are the sweep's own. */
struct sweep {
    char *folder;
    char *world, *scenario; /* "sim", "real"; the scenario's name */
    char **settings;        /* PATH=VALUE, the same in all points */
    int setting_count;
    struct sweep_grid grid;
    char **hashes; /* each point's scenario as SHA-256 in hexadecimal */
    int hash_count;
    uint64_t seed;  /* the first; others are counted up */
    int seeds;      /* of each point */
    char **metrics; /* metric.h */
    int metric_count;
    char *against, **papers; /* as the scenario has them (scenario.h) */
    int paper_count;
};

/* Takes the folder, which is made if need be, for this sweep and writes sweep.json. -EEXIST if it is another's: a scenario,
 * world, grid or first seed of its own, or made by another version. The number of seeds, the metrics and what they are compared
 * with may change: what is there already is kept. */
int sweep_claim(const struct sweep *s, struct err *e);
/* Reads what a folder holds. sweep_free() it in every case. */
int sweep_read(const char *folder, struct sweep *s, struct err *e);
void sweep_free(struct sweep *s);

/* Runs are numbered from 0: all seeds of the first point, then the next point's. */
int sweep_runs(const struct sweep *s);
int sweep_point_of(const struct sweep *s, int run);
uint64_t sweep_seed_of(const struct sweep *s, int run);
/* "run 12 (links.0.rate_mbit=10, seed 3)"; free() it. */
char *sweep_run_name(const struct sweep *s, int run);
/* The run's result, or NULL if it is missing, unreadable or not of this scenario and seed; json_object_put() it. */
json_object *sweep_result(const struct sweep *s, int run);
int sweep_keep_result(const struct sweep *s, int run, json_object *result, struct err *e);
/* In place of a result: this host cannot do the run, and why. */
int sweep_keep_refusal(const struct sweep *s, int run, const char *why, struct err *e);
/* Why the run of this result was refused, borrowed; NULL if it was not. */
const char *sweep_refusal(json_object *result);

#endif
