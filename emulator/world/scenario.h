/* A scenario file as a plain checked struct. Parsing creates nothing but this; unknown keys and bad values
 * are errors that name the file and the JSON path (`scenarios/x.json: links.0.rtt_ms: …`). Keys, defaults and
 * units: scenarios/README.md and scenarios/scenario.schema.json. */
#ifndef ROAMLAB_SCENARIO_H
#define ROAMLAB_SCENARIO_H

#include "err.h"
#include "fault.h"
#include "generator.h"
#include "handoff.h"
#include "link.h"
#include "log_choice.h"
#include "policy.h"
#include "radio.h"
#include "roaming.h"
#include "schedule.h"
#include "simtime.h"
#include "strategy.h"
#include "supervision.h"
#include "track.h"
#include "track_paths.h"
#include "visit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCENARIO_DRIFT_MS = 50 /* the default of drift_max */, SCENARIO_CLOCK_MS = 5 /* of clock_max */ };
enum { SCENARIO_HOSTS_MAX = 200, SCENARIO_LINKS_MAX = SCENARIO_HOSTS_MAX * (SCENARIO_HOSTS_MAX - 1) / 2 };
enum { SCENARIO_MUDS_MAX = 2000000, SCENARIO_APS_MAX = 100000 };

struct scenario_host {
    char *name;
    bool forwards; /* false: devices alone are here, a path may end here but not lead through */
    double drift_ppm; /* virtual time: of its clock */
    /* Real world: the machine that plays it. Owned; NULL: this one; not said; "roamlab". */
    char *ssh, *interface, *command;
    char *docker, *docker_certs; /* the user's own Engine there; NULL: one of ours */
};

struct scenario_edge {
    char *name;
    int host; /* index into hosts; at most one edge server a host */
    double cpus, memory_mb, storage_mb; /* for containers; INFINITY = never short */
    double data_share;                  /* of the service's data, 0 to 1 */
    int registry;                       /* index into registries, -1 = none */
    bool has_base;                      /* the service's image is there at the start */
    uint32_t base_layers;               /* of it, from the lowest on, that are there at the start */
};

/* A private registry (KimS22); at most one a host. */
struct scenario_registry {
    char *name;
    int host, parent; /* parent: the registry of the tier above, -1 = none */
    char **images;    /* its catalogue at the start; owned */
    int image_count;
    bool has_image;   /* the service's, at the start */
    bool keeps;       /* what its edge servers pull elsewhere */
};

struct scenario_ap {
    char *name;
    int host, edge; /* edge: the one it is wired to */
    double x_m, y_m, tx_power_dbm;
    uint32_t channel;
    bool placed; /* x_m and y_m are known */
};

/* How moving devices hear access points, and what they make of it. */
struct scenario_radio {
    struct radio_options radio;
    struct handoff_options handoff;
    struct roaming_options roaming;
    struct simtime scan_interval;
    double delay_weight; /* least-cost: requests whose round trips count beside a migration */
};

/* How devices move: drawn by a model, or read from a file. */
struct scenario_mobility {
    char *name;
    struct generator_options generator; /* without a model: from the file */
    char *tracks;                       /* its path, or NULL */
    const struct track_format *format;
};

struct scenario_link {
    int between[2]; /* host indices */
    /* [0] from between[0] to between[1], [1] back; the world fills in the seed */
    struct link_params params[2];
    struct schedule schedules[2]; /* how they vary; without points: not */
    struct link_table *tables[2]; /* owned; what params[…].table refers to, or NULL */
    char congestion[16]; /* TCP congestion control of flows over it, default "cubic" */
    double use;          /* share that others use, 0 to below 1: what placements see */
};

struct scenario_service {
    /* Megabytes of 10^6 bytes: image, container layer, state in memory, files of the volume. */
    double base_mb, layer_mb, memory_mb, volume_mb;
    double cpus; /* that a container takes of its edge server */
    struct simtime work; /* computing time of one request */
    double changed_share;
    double base_ratio, layer_ratio, memory_ratio; /* size to zstd's size */
    char *image;                                  /* its name in registries, NAME[:TAG] */
};

struct scenario_mud {
    char *name;
    uint32_t entry; /* the one of `muds` that it comes from */
    uint32_t kind;  /* the same for devices for which policy `mdp` plans together */
    int host;
    double requests_per_s;
    uint32_t request_bytes, reply_bytes, window;
    /* In order, the first is the first association. Of a moving device they come with scenario_move(). */
    struct visit *visits;
    int visit_count;
    bool visits_shared; /* alike devices (`count`): the first of them owns the visits */
    int mobility;       /* how it moves, -1 = as its visits say */
    bool counted;       /* one of alike devices, NAME-1 to NAME-N */
    char *track;        /* of a file, or NULL; owned by the first of alike devices */
};

/* Modelled cost of a container operation in virtual time: fixed plus per megabyte of what it handles. */
struct scenario_cost {
    struct simtime fixed, per_mb;
};

/* What the carrier takes for a transfer beyond that and beyond the links. */
struct scenario_carrier {
    struct simtime fixed, per_mb;
    double round_trips; /* NAN = as it is modelled */
};

/* Every wait of the protocol, milliseconds in the file (timeouts.NAME_ms). */
struct scenario_timeouts {
    struct simtime handoff; /* the device hears nothing while it changes APs (scan, authentication) */
    struct simtime association_retry; /* MUD repeats (re)association */
    struct simtime control_retry;     /* a control message without acknowledgement is repeated */
    struct simtime control_give_up;   /* … and given up */
    struct simtime gate_drain;        /* delivered requests may finish before the freeze */
    struct simtime operation;         /* a container operation without result has failed */
    struct simtime progress;          /* a transfer without a byte has failed */
    struct simtime migration_retry;   /* after a failed migration */
    struct simtime drain;             /* after the duration: unanswered requests may still be answered */
    struct simtime rto_min, rto_max, rto_initial; /* RFC 6298 */
};

/* When the policy `distance` migrates. */
struct scenario_distance {
    enum policy_unit unit;
    double max;
};

struct scenario_mdp {
    double discount;
    double migration_weight; /* seconds of waiting that a second of migration is worth */
    double away;             /* probability of a random walk; NAN = from the visits */
};

/* Of the placement `weighted`; those of each line sum to 1. */
struct scenario_weights {
    double location, load;
    double links, data;
    double cpu, memory, storage;
};

struct scenario_migration {
    const struct strategy *strategy;
    struct strategy with_volume;   /* what `strategy` is if there is a volume */
    enum volume_when volume_when; /* VOLUME_NONE: there is no volume */
    char carrier[16];
    int registry; /* that carrier registry goes through, -1 = the target's */
    const struct policy *policy;
    const struct placement *placement;
    struct scenario_distance distance;
    struct simtime latency_max;
    struct scenario_mdp mdp;
    struct scenario_weights weights;
    bool pipeline;
    bool dirty_tracking; /* virtual time's kernel has it */
    int nfs_host; /* of carrier nfs: serves the folder; -1 with other carriers */
    const struct nfs_client *nfs_client; /* NULL = the first that the machine has */
    struct simtime hold_max; /* 0 = default: 2 round trips + 10 × work */
    uint32_t replay_max;     /* requests in the replay log */
    uint32_t command_log_max; /* in the command log */
    uint32_t snapshot_every;  /* executed requests; 0 = never */
    uint32_t retries;        /* after failed migrations, per handoff */
};

struct scenario_expect {
    char *metric; /* dotted path into result.json, checked to be one that exists */
    bool has_min, has_max;
    double min, max;
    bool has_paper;
    double paper; /* what the paper found, to be shown beside the run's value */
};

/* What `roamlab sweep` does with the scenario if it is not told otherwise. */
struct scenario_sweep {
    char **vary; /* axes, as sweep_grid.h reads them */
    int vary_count;
    char **metrics;
    int metric_count;
    char *against; /* the axis whose first value the others are compared with; NULL = none */
    char **papers; /* what a paper says of that: "POINT METRIC=PERCENT", POINT as sweep_grid_find() reads it */
    int paper_count;
};

struct scenario {
    char *path;      /* as given */
    char *text;      /* the file, after --set and without `sweep`, as JSON without spaces: what the agents get */
    char sha256[65]; /* of `text`; once moved, of `text` and the files of tracks */
    char *name, *description;
    struct simtime duration;
    uint64_t seed;
    uint32_t repeat;
    struct log_choice log;
    struct simtime drift_max; /* timers or packets that were later, in one of a hundred cases, make a run invalid */
    struct simtime clock_max; /* of what is not known of other machines' clocks */
    struct scenario_host *hosts;
    int host_count;
    struct scenario_edge *edges;
    int edge_count;
    struct scenario_registry *registries;
    int registry_count;
    struct supervision supervision;
    struct scenario_ap *aps;
    int ap_count;
    int logrepo_host;
    struct scenario_link *links;
    int link_count;
    struct scenario_mud *muds;
    int mud_count;
    struct scenario_mobility *mobilities;
    int mobility_count;
    bool moved; /* scenario_move() has filled in the visits, for that seed */
    uint64_t moved_seed;
    struct track_paths *paths; /* owned; how some of them moved, by index of `muds`; NULL before */
    struct scenario_radio radio;
    struct scenario_service service;
    struct scenario_migration migration;
    struct scenario_timeouts timeouts;
    struct scenario_cost costs[OPERATIONS];
    struct scenario_carrier carrier_cost; /* of migration.carrier */
    struct fault *faults;
    int fault_count;
    struct scenario_expect *expects;
    int expect_count;
    struct scenario_sweep sweep;
};

/* One `--set PATH=VALUE`. */
struct scenario_setting {
    const char *path, *value;
};

/* Reads, applies the settings in order, checks. NULL and `e` (exit status 2) if anything is wrong; EOPNOTSUPP: a strategy and
 * a pipeline or volume, each good by itself, that do not go together. Indices follow the order in the file; parsing `text`
 * again gives the same struct and the same `text`. */
struct scenario *scenario_read(const char *path, const struct scenario_setting *settings, int setting_count,
                               struct err *e);
/* From JSON text, as scenario->text; `path` is for messages only. */
struct scenario *scenario_parse(const char *path, const char *text, size_t len,
                                const struct scenario_setting *settings, int setting_count, struct err *e);
void scenario_free(struct scenario *s); /* NULL-safe */

/* The first host that the same machine plays: `host` itself if none comes before it. */
int scenario_first_beside(const struct scenario *s, int host);

/* Does an Engine of the user's take part in the real world? */
bool scenario_names_engines(const struct scenario *s);

/* Is device i the first of its entry in muds? */
bool scenario_begins_entry(const struct scenario *s, int i);
/* The name of that entry; free() it. */
char *scenario_entry_name(const struct scenario_mud *mud);

/* The links from host a to host b in order, by the fewest hops, never through a host that does not forward (first in the file wins ties, and the way back
 * takes the same links): indices into links with their direction, link * 2 + direction (0 = as in `between`).
 * At most hops_max are written; a path has fewer hops than there are hosts. Returns the hop count, 0 if a ==
 * b, -1 if there is no path. */
int scenario_route(const struct scenario *s, int a, int b, int *hops, int hops_max);

/* When a visit begins at the earliest: request n is due no sooner than n intervals after the first association. */
double scenario_visit_begin_s(const struct scenario_mud *mud, const struct visit *visit);

#endif
