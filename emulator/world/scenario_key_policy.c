/* The keys about when a container moves and where to. */
#include "scenario_key.h"

#include "base_layers.h"
#include "mdp.h"
#include "mem.h"

#include <math.h>

static const struct scenario_key edge_rows[] = {
    {.name = "host",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the host it runs on"},
    {"cpus", KEY_NUMBER, FIELD(scenario_edge, cpus), false, 0, 1000000, NAN,
     "CPUs for containers; absent: never short", 0, 0},
    {"memory_mb", KEY_NUMBER, FIELD(scenario_edge, memory_mb), false, 0, 1e12, NAN,
     "megabytes of memory for containers; absent: never short", 0, 0},
    {"storage_mb", KEY_NUMBER, FIELD(scenario_edge, storage_mb), false, 0, 1e12, NAN,
     "megabytes of storage for containers; absent: never short", 0, 0},
    {"data_share", KEY_NUMBER, FIELD(scenario_edge, data_share), false, 0, 1, 0,
     "share of the service's data that is there", 0, 0},
    {.name = "registry", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "the registry next to it"},
    {"has_base", KEY_SWITCH, FIELD(scenario_edge, has_base), false, 0, 0, 1,
     "false: the service's image is not there at the start; it is pulled from a registry when it is needed", 0, 0},
    {"base_layers", KEY_WHOLE, FIELD(scenario_edge, base_layers), false, 0, BASE_LAYERS, 0,
     "how many of the base image's eight layers are there at the start, from the lowest on", 0, 0},
};
const struct scenario_keys scenario_edge_keys = KEYS(edge_rows);

static const struct scenario_key distance_rows[] = {
    {.name = "unit",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "hops: links on the way, ms: their round trip, or m: metres between access points"},
    {"max", KEY_NUMBER, FIELD(scenario_distance, max), true, 0, 1000000, 0,
     "the greatest distance at which a container stays", 0, 0},
};
const struct scenario_keys scenario_distance_keys = KEYS(distance_rows);

static const struct scenario_key mdp_rows[] = {
    {"discount", KEY_NUMBER, FIELD(scenario_mdp, discount), false, 0.001, MDP_DISCOUNT_MAX, 0.9,
     "what the next handoff's cost counts beside this one's", 0, 0},
    {"migration_weight", KEY_NUMBER, FIELD(scenario_mdp, migration_weight), false, 0, 1000000, 0,
     "seconds of waiting that a second of migration is worth beyond what its own user waits", 0, 0},
    {"away", KEY_NUMBER, FIELD(scenario_mdp, away), false, 0, 1, NAN,
     "probability that a handoff leads away from the container; absent: as the visits show", 0, 0},
};
const struct scenario_keys scenario_mdp_keys = KEYS(mdp_rows);

#define WEIGHT(member, preset, what)                                                                         \
    {                                                                                                        \
#member, KEY_NUMBER, FIELD(scenario_weights, member), false, 0, 1, preset, what, 0, 0                \
    }
static const struct scenario_key weight_rows[] = {
    WEIGHT(location, 0.5, "of the location; with load 1 in all"),
    WEIGHT(load, 0.5, "of the load"),
    WEIGHT(links, 0.5, "of the links, in the location; with data 1 in all"),
    WEIGHT(data, 0.5, "of the service's data, in the location"),
    WEIGHT(cpu, 0.4, "of free CPUs, in the load; with memory and storage 1 in all"),
    WEIGHT(memory, 0.4, "of free memory, in the load"),
    WEIGHT(storage, 0.2, "of free storage, in the load"),
};
const struct scenario_keys scenario_weight_keys = KEYS(weight_rows);
