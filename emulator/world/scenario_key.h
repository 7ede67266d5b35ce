/* The keys of a scenario file as data: one row a key with its kind, limits, default and place in the struct.
 *
 * Everything that must know a key reads these rows: the check for unknown keys and wrong types, the defaults,
 * `--set`, and the test that compares them with scenarios/scenario.schema.json. A new key is a new row here
 * and one in the schema.
 *
 * Internal to the scenario's files and to explain; the other rooms use scenario.h. */
#ifndef ROAMLAB_SCENARIO_KEY_H
#define ROAMLAB_SCENARIO_KEY_H

#include "scenario.h"

#include <json-c/json.h>
#include <stddef.h>

enum scenario_key_kind {
    KEY_OBJECT,  /* an object of `children` */
    KEY_MAP,     /* an object of names, each an object of `children` */
    KEY_LIST,    /* a list of objects of `children` */
    KEY_PAIR,    /* a list of two words */
    KEY_BOTH_WAYS, /* a value for both directions, or an object of `children`: forward and back, of alike kind */
    KEY_NUMBER_OR, /* a number, or an object of `children` */
    KEY_WORD_OR,   /* a word, or an object of `children` */
    KEY_NUMBER,  /* double */
    KEY_WHOLE,   /* uint32_t */
    KEY_WHOLE64, /* uint64_t */
    KEY_SWITCH,  /* bool */
    KEY_MS,      /* struct simtime, milliseconds in the file */
    KEY_SECONDS, /* struct simtime, seconds in the file */
    KEY_WORD,    /* a name or one of a few words; the builder looks it up */
    KEY_PATH,    /* a file's path, relative to the scenario's folder */
    KEY_TEXT,    /* free text */
    KEY_TEXTS,   /* a list of free texts */
};

enum { KEY_NO_FIELD = -1, SCENARIO_DEPTH_MAX = 16, SCENARIO_WORD_MAX = 64, SCENARIO_NAME_MAX = 32 };
enum { SCENARIO_METRICS_MAX = 64, SCENARIO_TEXTS_BYTES_MAX = 4000 };
enum { SCENARIO_FILE_MAX = 16 << 20, SCENARIO_SCHEDULE_MAX = 100000 };
#define SCENARIO_BYTES_MAX ((size_t)256 << 20)
/* The largest whole number that every JSON reader keeps exactly (RFC 8259 section 6). */
#define SCENARIO_WHOLE_MAX 9007199254740991.0

struct scenario_key;
struct scenario_keys {
    const struct scenario_key *at;
    int count;
};

struct scenario_key {
    const char *name;
    enum scenario_key_kind kind;
    int field; /* offset in the struct that scenario_fill() gets, or KEY_NO_FIELD */
    bool required;
    double min, max;  /* of the number, or of how many entries a map or list has */
    double preset;    /* used if absent; NAN = leaves what the struct holds */
    const char *help; /* what it is, for messages */
    const struct scenario_keys *children;
    const char *(*name_at)(int i); /* KEY_MAP: the only names allowed, up to NULL; NULL = free names */
};

/* For rows: where a member is, and a table of them. */
#define FIELD(type, member) ((int)offsetof(struct type, member))
#define KEYS(array) {(array), (int)(sizeof(array) / sizeof((array)[0]))}

extern const struct scenario_keys scenario_keys; /* the top level */
extern const struct scenario_keys scenario_host_keys, scenario_service_keys, scenario_link_keys, scenario_ap_keys,
    scenario_radio_keys, *const scenario_roaming_keys, scenario_mobility_keys,
    scenario_shaping_keys, /* those of a link that say what it does to packets */
    scenario_mud_keys, scenario_visit_keys, scenario_migration_keys, scenario_timeout_keys,
    scenario_cost_keys, scenario_carrier_keys, scenario_fault_keys, scenario_expect_keys, scenario_sweep_keys, scenario_edge_keys, scenario_distance_keys,
    scenario_mdp_keys, scenario_weight_keys, scenario_registry_keys, scenario_supervision_keys, scenario_guard_keys;

/* The key of that name (of `len` bytes), or NULL. */
const struct scenario_key *scenario_key_of(const struct scenario_keys *keys, const char *name, size_t len);

/* The operations that an edge server carries out: those with a cost, and those that can be made to fail.
 * Switching and replaying are the access point's. NULL behind the last. */
const char *scenario_edge_operation_at(int i);

/* The carriers' names. NULL behind the last. */
const char *scenario_carrier_at(int i);

/* Fills `costs` with the measured defaults of every operation. */
void scenario_default_costs(struct scenario_cost costs[OPERATIONS]);
/* Takes the costs of the file that `costs_file` names into `costs` of a checked document. */
int scenario_take_costs(json_object *root, const char *scenario_path, struct err *e);

/* Where in the document we are: a list from the innermost place outwards. The root is NULL. */
struct scenario_place {
    const struct scenario_place *up;
    const char *name; /* NULL: `index` counts */
    size_t len;       /* of name */
    int index;
};

#define PLACE_NAMED(up, name) (&(struct scenario_place){(up), (name), strlen(name), 0})
#define PLACE_INDEX(up, index) (&(struct scenario_place){(up), NULL, 0, (index)})

/* "links.0.rtt_ms: WHAT" as EINVAL. */
int scenario_error(const struct scenario_place *place, struct err *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the place in front of an error that another room has set. Returns -EINVAL. */
int scenario_wrap(const struct scenario_place *place, struct err *e);

/* The candidate that a misspelt word is nearest to, if any is near enough. */
struct scenario_nearest {
    const char *word;
    size_t len;
    const char *best; /* NULL: none is near */
    int distance;
};
void scenario_nearest_offer(struct scenario_nearest *n, const char *candidate);
/* The hint "did you mean BEST?", or OTHERWISE if nothing is near. Returns as err_hint. */
int scenario_nearest_hint(const struct scenario_nearest *n, struct err *e, const char *otherwise);

/* Strict JSON (RFC 8259), no duplicate keys, not too deep: what json-c lets pass. */
int scenario_text_check(const char *text, size_t len, struct err *e);
/* The checked document, or NULL. The caller puts it with json_object_put. */
json_object *scenario_text_read(const char *text, size_t len, struct err *e);

/* Applies one --set to the document. */
int scenario_set(json_object *root, const struct scenario_setting *setting, struct err *e);

/* Is the value of a KEY_BOTH_WAYS an object of directions (true), or one value for both? */
bool scenario_is_both_ways(const struct scenario_key *key, json_object *value);
/* Checks an object's keys, types and limits. */
int scenario_check_object(const struct scenario_keys *keys, json_object *object, const struct scenario_place *place,
                          struct err *e);
/* Checks keys, types and limits of the whole document. */
int scenario_check_shape(json_object *root, struct err *e);

/* Reads a checked object into a struct: every key with a field, or its default. */
void scenario_fill(const struct scenario_keys *keys, json_object *object, void *into);
/* One number of a checked object, or its default. */
double scenario_number(const struct scenario_keys *keys, json_object *object, const char *name);
/* One word or text of a checked object, or NULL if absent. */
const char *scenario_word(json_object *object, const char *name);
/* A member, or NULL. */
json_object *scenario_member(json_object *object, const char *name);

/* Names resolve in constant time: this gives every entry of a map (of objects) its own index, which the next
 * two read. */
void scenario_number_entries(json_object *map);
int scenario_index_of(json_object *map, const char *what, const char *name,
                      const struct scenario_place *place, int *out, struct err *e);
/* The index of what `key` of `object` names in the map root.MAP. An absent key leaves *out as it is. */
int scenario_index_by_key(json_object *root, const char *map, const char *what, json_object *object,
                          const char *key, const struct scenario_place *place, int *out, struct err *e);
/* "there is no WHAT NAME", with the nearest name of the map. */
int scenario_unknown_name(json_object *map, const char *what, const char *name,
                          const struct scenario_place *place, struct err *e);

/* A word that must be one of a table's names (name_at gives NULL behind the last). */
bool scenario_is_one_of(const char *(*name_at)(int i), const char *word);
/* Hints at the nearest of them, or lists them all. Returns as err_hint. */
int scenario_names_hint(const char *(*name_at)(int i), const char *word, struct err *e);
/* The checked word of a key, or `preset` if absent. */
int scenario_choice(json_object *object, const char *key, const char *preset, const char *(*name_at)(int i),
                    const struct scenario_place *place, const char **out, struct err *e);

/* The contents of a file of at most `most` bytes; `e` says what is wrong, without the name. */
struct buf;
int scenario_read_file(const char *path, size_t most, struct buf *out, struct err *e);
/* A path that is relative to the scenario's folder; free() it. */
char *scenario_path_beside(const char *scenario_path, const char *file);
/* Takes the files that a checked link names into it, as `text`. Their paths are relative to the scenario's folder. */
int scenario_take_files(json_object *link, const char *scenario_path, const struct scenario_place *place,
                        struct err *e);
/* Fills in what a checked entry says about shaping: parameters, schedules, tables. `link` is zeroed before and freed
 * by the caller (scenario_free_shaping), also after an error. */
int scenario_build_shaping(struct scenario_link *link, json_object *entry, const struct scenario_place *place,
                           struct err *e);
void scenario_free_shaping(struct scenario_link *link);
/* Fills in sha256, of the text alone. */
void scenario_hash_text(struct scenario *s);
/* Builds the links; hosts are numbered already. */
int scenario_build_links(struct scenario *s, json_object *root, struct err *e);

/* Builds what migration says of policies and placements. */
int scenario_build_policy(struct scenario_migration *m, json_object *migration, const struct scenario_place *place,
                          struct err *e);

/* Builds the registries; hosts are numbered already. */
int scenario_build_registries(struct scenario *s, json_object *root, struct err *e);
/* What edge servers lack can be pulled. */
int scenario_check_registries(const struct scenario *s, struct err *e);
/* Ssh, and Engines of the user's. */
int scenario_check_machines(const struct scenario *s, struct err *e);
/* Builds what supervision does; edge servers are numbered already. */
int scenario_build_supervision(struct scenario *s, json_object *root, struct err *e);
void scenario_free_registries(struct scenario *s);

/* Builds the access points, which may stand in grids; hosts and edge servers are numbered already. */
int scenario_build_aps(struct scenario *s, json_object *root, struct err *e);
/* The access point that `name` names, NAME-N for those of a count. */
int scenario_ap_index(json_object *root, const char *name, const struct scenario_place *place, int *out, struct err *e);
/* A name made by a count, NAME-N, must not be another entry's; `place` is that of the entry `name`. */
int scenario_check_counted_name(json_object *map, const struct scenario_keys *keys, const char *what, const char *name,
                                const struct scenario_place *place, struct err *e);
/* Builds the radio and how devices move. */
int scenario_build_radio(struct scenario *s, json_object *root, struct err *e);
int scenario_build_mobility(struct scenario *s, json_object *root, struct err *e);

/* Builds the devices; hosts and access points are numbered already. */
int scenario_build_muds(struct scenario *s, json_object *root, struct err *e);
/* Takes over and checks what the scenario says about its sweep. */
int scenario_build_sweep(struct scenario *s, json_object *root, struct err *e);
void scenario_free_sweep(struct scenario_sweep *sweep);
/* Builds what goes wrong; hosts, edge servers and devices are numbered already. */
int scenario_build_faults(struct scenario *s, json_object *root, struct err *e);
/* Builds the struct from a checked document: names become indices. */
int scenario_build(struct scenario *s, json_object *root, struct err *e);
/* The rules between parts: visits, paths between hosts, limits that depend on each other. */
int scenario_check_rules(const struct scenario *s, struct err *e);

#endif
