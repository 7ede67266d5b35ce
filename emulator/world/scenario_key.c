#include "scenario_key.h"

#include "mem.h"

#include <math.h>
#include <string.h>

static const struct scenario_key host_of_keys[] = {
    {.name = "host",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the host it runs on"},
};
static const struct scenario_keys only_host_keys = KEYS(host_of_keys);

static const struct scenario_key service_rows[] = {
    {"base_mb", KEY_NUMBER, FIELD(scenario_service, base_mb), false, 1, 1000000, 100,
     "megabytes of the base image", 0, 0},
    {"layer_mb", KEY_NUMBER, FIELD(scenario_service, layer_mb), false, 0, 100000, 20,
     "megabytes of the container layer", 0, 0},
    {"memory_mb", KEY_NUMBER, FIELD(scenario_service, memory_mb), false, 0, 100000, 30,
     "megabytes of state in memory", 0, 0},
    {"cpus", KEY_NUMBER, FIELD(scenario_service, cpus), false, 0, 1000, 1,
     "CPUs that a container takes of its edge server, for placements", 0, 0},
    {"work_ms", KEY_MS, FIELD(scenario_service, work), false, 0, 3600e3, 5,
     "computing time of a request in milliseconds", 0, 0},
    /* 991 of 8209 pages after 1.2 s at 1000 pages a second (one measurement). */
    {"changed_share", KEY_NUMBER, FIELD(scenario_service, changed_share), false, 0, 1, 0.12,
     "share of memory and layer that changes while a pre-copy travels, for estimates", 0, 0},
    /* zstd -3 of a root file system of 230 MB, a container layer of 20 MB, a checkpoint of 28 MB: medians on one core. */
    {"base_ratio", KEY_NUMBER, FIELD(scenario_service, base_ratio), false, 1, 1000, 2.97,
     "how many times smaller zstd makes the base image", 0, 0},
    {"layer_ratio", KEY_NUMBER, FIELD(scenario_service, layer_ratio), false, 1, 1000, 3.95,
     "how many times smaller zstd makes the container layer", 0, 0},
    {"memory_ratio", KEY_NUMBER, FIELD(scenario_service, memory_ratio), false, 1, 1000, 5.24,
     "how many times smaller zstd makes the checkpoint", 0, 0},
    {.name = "image",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = 200,
     .help = "its image's name in registries, such as iot_service:1.0"},
};
const struct scenario_keys scenario_service_keys = KEYS(service_rows);

static const struct scenario_key visit_rows[] = {
    {.name = "ap", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "the access point it goes to"},
    {.name = "outage",
     .kind = KEY_SWITCH,
     .field = KEY_NO_FIELD,
     .help = "true in place of ap: no access point is heard until the next visit"},
    {"at_s", KEY_SECONDS, FIELD(visit, at), false, 0, 31536000, NAN, "seconds from the start of the run", 0, 0},
    {"at_request", KEY_WHOLE, FIELD(visit, request), false, 1, 4e9, NAN,
     "the number of the request before which it roams", 0, 0},
    {"probe_ms", KEY_MS, FIELD(visit, phases.probe), false, 0, 86400e3, 0,
     "milliseconds of silence while it looks for the access point", 0, 0},
    {"authentication_ms", KEY_MS, FIELD(visit, phases.authentication), false, 0, 86400e3, 0,
     "milliseconds of silence while it authenticates", 0, 0},
    {"reassociation_ms", KEY_MS, FIELD(visit, phases.reassociation), false, 0, 86400e3, 0,
     "milliseconds of silence while it reassociates, before the request leaves", 0, 0},
};
const struct scenario_keys scenario_visit_keys = KEYS(visit_rows);

static const struct scenario_key mud_rows[] = {
    {.name = "host",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the host it runs on"},
    {"requests_per_s", KEY_NUMBER, FIELD(scenario_mud, requests_per_s), false, 0.000001, 100000, 1,
     "requests per second", 0, 0},
    {"request_bytes", KEY_WHOLE, FIELD(scenario_mud, request_bytes), false, 0, 2200, 1000,
     "bytes of a request; a message travels in one 802.11 frame", 0, 0},
    {"reply_bytes", KEY_WHOLE, FIELD(scenario_mud, reply_bytes), false, 0, 2200, 1000,
     "bytes of a reply; a message travels in one 802.11 frame", 0, 0},
    {"window", KEY_WHOLE, FIELD(scenario_mud, window), false, 1, 1024, 16,
     "requests that may be unanswered at a time", 0, 0},
    {"count", KEY_WHOLE, KEY_NO_FIELD, false, 1, SCENARIO_MUDS_MAX, 1,
     "how many devices of this kind, NAME-1 to NAME-N", 0, 0},
    {.name = "visits",
     .kind = KEY_LIST,
     .field = KEY_NO_FIELD,
     .max = 1000000,
     .help = "where it is when, such as [{\"ap\": \"ap1\", \"at_s\": 0}]",
     .children = &scenario_visit_keys},
    {.name = "kind",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "entries that follow each other with the same word are one kind of device for policy mdp"},
    {.name = "mobility",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "in place of visits: how it moves, a name of mobility"},
    {.name = "track",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = 200,
     .help = "its name in the file of tracks; absent: the first, with count one after the other"},
};
const struct scenario_keys scenario_mud_keys = KEYS(mud_rows);

static const struct scenario_key migration_rows[] = {
    {.name = "strategy",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "the migration method, such as p-migr"},
    {.name = "carrier",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "what carries the files, such as scp"},
    {.name = "registry",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "of carrier registry: which of registries; absent: the one next to the target"},
    {.name = "nfs_host",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "of carrier nfs: the host that serves the folder; absent: the one of logrepo"},
    {.name = "pipeline",
     .kind = KEY_SWITCH,
     .field = FIELD(scenario_migration, pipeline),
     .help = "true: stages overlap; false: one after the other"},
    {.name = "policy", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "when to migrate, such as follow"},
    {.name = "placement",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "where to migrate: own, the access point's edge server, or weighted"},
    {.name = "distance",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "of policy distance, such as {\"unit\": \"hops\", \"max\": 1}",
     .children = &scenario_distance_keys},
    {"latency_max_ms", KEY_MS, FIELD(scenario_migration, latency_max), false, 0, 3600e3, 0,
     "of policy latency: round trip to the container, in milliseconds, from which on it migrates", 0, 0},
    {.name = "mdp",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "of policy mdp",
     .children = &scenario_mdp_keys},
    {.name = "weights",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "of placement weighted",
     .children = &scenario_weight_keys},
    {"hold_max_ms", KEY_MS, FIELD(scenario_migration, hold_max), false, 0, 600e3, 0,
     "longest predicted hold of requests at the switch; 0 = two round trips and ten times work_ms", 0, 0},
    {"replay_max", KEY_WHOLE, FIELD(scenario_migration, replay_max), false, 1, 10000000, 10000,
     "requests that the replay log may hold", 0, 0},
    {"retries", KEY_WHOLE, FIELD(scenario_migration, retries), false, 0, 1000, 0,
     "how often a failed migration is tried again", 0, 0},
};
const struct scenario_keys scenario_migration_keys = KEYS(migration_rows);

#define TIMEOUT(key, member, low, value, what)                                                               \
    {                                                                                                        \
        key, KEY_MS, FIELD(scenario_timeouts, member), false, low, 86400e3, value, what " in milliseconds",  \
            0, 0                                                                                             \
    }
static const struct scenario_key timeout_rows[] = {
    /* Mishra03: scanning dominates a handoff and takes tens to hundreds of milliseconds. */
    TIMEOUT("handoff_ms", handoff, 0, 60, "silence of a device that changes access points"),
    TIMEOUT("association_retry_ms", association_retry, 1, 200,
            "until an unanswered (re)association is repeated"),
    TIMEOUT("control_retry_ms", control_retry, 1, 1000,
            "until an unacknowledged control message is repeated"),
    TIMEOUT("control_give_up_ms", control_give_up, 1, 20000,
            "until an unacknowledged control message is given up"),
    TIMEOUT("gate_drain_ms", gate_drain, 0, 1000, "for delivered requests to finish before the freeze"),
    TIMEOUT("operation_ms", operation, 1, 120000, "until a container operation without result has failed"),
    TIMEOUT("progress_ms", progress, 1, 30000, "until a transfer without a byte has failed"),
    TIMEOUT("migration_retry_ms", migration_retry, 0, 5000, "from a failed migration to the next attempt"),
    TIMEOUT("drain_ms", drain, 0, 30000, "after the duration in which replies may still arrive"),
    /* RFC 6298: 2.4 a minimum of 1 s, 2.5 a maximum of at least 60 s, 2.1 an initial value of 1 s. */
    TIMEOUT("rto_min_ms", rto_min, 1, 1000, "least time until a request is resent"),
    TIMEOUT("rto_max_ms", rto_max, 1, 60000, "longest time until a request is resent"),
    TIMEOUT("rto_initial_ms", rto_initial, 1, 1000,
            "until a request is resent before any round trip was measured"),
};
const struct scenario_keys scenario_timeout_keys = KEYS(timeout_rows);

static const struct scenario_key cost_rows[] = {
    {"fixed_ms", KEY_MS, FIELD(scenario_cost, fixed), false, 0, 86400e3, NAN,
     "milliseconds of each operation", 0, 0},
    {"ms_per_mb", KEY_MS, FIELD(scenario_cost, per_mb), false, 0, 100000, NAN,
     "milliseconds more per megabyte of what the operation handles", 0, 0},
    {.name = "source",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = 1000,
     .help = "where the figures are from"},
};
const struct scenario_keys scenario_cost_keys = KEYS(cost_rows);

static const struct scenario_key carrier_rows[] = {
    {"fixed_ms", KEY_MS, FIELD(scenario_carrier, fixed), false, 0, 86400e3, 0, "milliseconds of each transfer", 0, 0},
    {"ms_per_mb", KEY_MS, FIELD(scenario_carrier, per_mb), false, 0, 100000, 0,
     "milliseconds more per megabyte that is transferred", 0, 0},
    {"round_trips", KEY_NUMBER, FIELD(scenario_carrier, round_trips), false, 0, 1000, NAN,
     "of its own protocol in each transfer; absent: as the carrier is modelled", 0, 0},
    {.name = "source",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = 1000,
     .help = "where the figures are from"},
};
const struct scenario_keys scenario_carrier_keys = KEYS(carrier_rows);

static const struct scenario_key expect_rows[] = {
    {.name = "metric",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "a metric of result.json, such as requests.lost"},
    {"min", KEY_NUMBER, FIELD(scenario_expect, min), false, -1e15, 1e15, NAN, "the least good value", 0, 0},
    {"max", KEY_NUMBER, FIELD(scenario_expect, max), false, -1e15, 1e15, NAN, "the greatest good value", 0,
     0},
    {"paper", KEY_NUMBER, FIELD(scenario_expect, paper), false, -1e15, 1e15, NAN,
     "the figure of the paper that the scenario rebuilds, shown beside the run's; binds nothing", 0, 0},
};
const struct scenario_keys scenario_expect_keys = KEYS(expect_rows);

static const struct scenario_key host_rows[] = {
    {.name = "ssh",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = 200,
     .help = "real world: the machine that plays the host, as ssh has it, such as root@192.0.2.7; absent: this one"},
    {.name = "interface",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .help = "real world on several machines: the interface by which the others reach its machine, such as eth0"},
    {.name = "command",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = 200,
     .help = "with ssh: how roamlab is called there, such as sudo roamlab"},
};
static const struct scenario_keys host_keys = KEYS(host_rows);

static const struct scenario_key top_rows[] = {
    {.name = "name",
     .kind = KEY_WORD,
     .field = KEY_NO_FIELD,
     .required = true,
     .help = "the scenario's name"},
    {.name = "description", .kind = KEY_TEXT, .field = KEY_NO_FIELD, .max = 4000, .help = "what it shows"},
    {"duration_s", KEY_SECONDS, FIELD(scenario, duration), true, 0.001, 31536000, 0,
     "length of a run in seconds", 0, 0},
    {"seed", KEY_WHOLE64, FIELD(scenario, seed), false, 0, SCENARIO_WHOLE_MAX, 1,
     "seed of the random streams", 0, 0},
    {"repeat", KEY_WHOLE, FIELD(scenario, repeat), false, 1, 10000, 1, "number of repetitions", 0, 0},
    {.name = "log", .kind = KEY_WORD, .field = KEY_NO_FIELD, .help = "which events are kept, such as full"},
    {"log_every", KEY_WHOLE, FIELD(scenario, log.every), false, 1, SCENARIO_MUDS_MAX, 100,
     "of log sampled: one device in so many is kept whole", 0, 0},
    {"drift_max_ms", KEY_MS, FIELD(scenario, drift_max), false, 0, 3600e3, SCENARIO_DRIFT_MS,
     "milliseconds: a run whose timers or packets were later in one of a hundred cases is invalid", 0, 0},
    {"clock_max_ms", KEY_MS, FIELD(scenario, clock_max), false, 0.001, 3600e3, SCENARIO_CLOCK_MS,
     "milliseconds: a run on several machines is invalid if their clocks are known less exactly", 0, 0},
    {.name = "hosts",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .required = true,
     .min = 1,
     .max = SCENARIO_HOSTS_MAX,
     .help = "the hosts, such as {\"pc1\": {}}",
     .children = &host_keys},
    {.name = "aps",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .required = true,
     .min = 1,
     .max = SCENARIO_APS_MAX,
     .help = "the access points, such as {\"ap1\": {\"host\": \"pc1\", \"edge\": \"es1\"}}",
     .children = &scenario_ap_keys},
    {.name = "edges",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .required = true,
     .min = 1,
     .max = SCENARIO_HOSTS_MAX,
     .help = "the edge servers, such as {\"es1\": {\"host\": \"pc1\"}}",
     .children = &scenario_edge_keys},
    {.name = "registries",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .max = SCENARIO_HOSTS_MAX,
     .help = "private registries, such as {\"cloud\": {\"host\": \"pc3\"}}",
     .children = &scenario_registry_keys},
    {.name = "logrepo",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "where the event repository runs",
     .children = &only_host_keys},
    {.name = "links",
     .kind = KEY_LIST,
     .field = KEY_NO_FIELD,
     .max = SCENARIO_HOSTS_MAX * (SCENARIO_HOSTS_MAX - 1) / 2,
     .help = "the links between hosts",
     .children = &scenario_link_keys},
    {.name = "service",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "the service in the containers",
     .children = &scenario_service_keys},
    {.name = "muds",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .required = true,
     .min = 1,
     .max = SCENARIO_MUDS_MAX,
     .help = "the mobile user devices",
     .children = &scenario_mud_keys},
    {.name = "mobility",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .max = 1000,
     .help = "how devices move, such as {\"walk\": {\"model\": \"random-waypoint\"}}",
     .children = &scenario_mobility_keys},
    {.name = "radio",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "how moving devices hear access points",
     .children = &scenario_radio_keys},
    {.name = "migration",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "how containers follow",
     .children = &scenario_migration_keys},
    {.name = "timeouts",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "every wait of the protocol",
     .children = &scenario_timeout_keys},
    {.name = "costs_file",
     .kind = KEY_PATH,
     .field = KEY_NO_FIELD,
     .max = 4000,
     .help = "costs and carriers that roamlab calibrate has fitted, relative to the scenario's folder; what stands here goes first"},
    {.name = "carriers",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .max = 100,
     .help = "modelled times of carriers in virtual time, beside the links",
     .children = &scenario_carrier_keys,
     .name_at = scenario_carrier_at},
    {.name = "costs",
     .kind = KEY_MAP,
     .field = KEY_NO_FIELD,
     .max = OPERATIONS,
     .help = "modelled times of container operations in virtual time",
     .children = &scenario_cost_keys,
     .name_at = scenario_edge_operation_at},
    {.name = "faults",
     .kind = KEY_LIST,
     .field = KEY_NO_FIELD,
     .max = 1000,
     .help = "what is made to fail",
     .children = &scenario_fault_keys},
    {.name = "expect",
     .kind = KEY_LIST,
     .field = KEY_NO_FIELD,
     .max = 1000,
     .help = "what must hold after the run",
     .children = &scenario_expect_keys},
    {.name = "sweep",
     .kind = KEY_OBJECT,
     .field = KEY_NO_FIELD,
     .help = "what roamlab sweep varies and shows",
     .children = &scenario_sweep_keys},
};
const struct scenario_keys scenario_keys = KEYS(top_rows);

const struct scenario_key *scenario_key_of(const struct scenario_keys *keys, const char *name, size_t len)
{
    for (int i = 0; i < keys->count; i++)
        if (strlen(keys->at[i].name) == len && memcmp(keys->at[i].name, name, len) == 0)
            return &keys->at[i];
    return NULL;
}

const char *scenario_edge_operation_at(int i)
{
    for (int operation = 0; operation < OPERATIONS; operation++) {
        if (operation == OP_REPLAY || operation == OP_SWITCH)
            continue;
        if (i-- == 0)
            return operation_name(operation);
    }
    return NULL;
}
