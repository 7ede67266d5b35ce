#include "scenario_key.h"

#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A value that looks like JSON must be JSON; anything else is a bare word. */
static int read_value(const char *text, json_object **value, struct err *e)
{
    *value = NULL;
    if (strcmp(text, "null") == 0)
        return err_set(e, EINVAL, "null is not a value of any key");
    if (scenario_text_check(text, strlen(text), NULL) < 0) {
        if (text[0] && strchr("{[\"", text[0]))
            return scenario_text_check(text, strlen(text), e);
        *value = json_object_new_string(text);
        return 0;
    }
    *value = scenario_text_read(text, strlen(text), e);
    return *value ? 0 : -EINVAL;
}

static bool is_list(const struct scenario_key *key)
{
    return key->kind == KEY_LIST || key->kind == KEY_PAIR || key->kind == KEY_TEXTS;
}

struct step {
    const char *name; /* of the part, inside the path */
    size_t len;
    bool last;
};

static struct step take_step(const char **path)
{
    const char *start = *path, *dot = strchr(start, '.');
    *path = dot ? dot + 1 : NULL;
    return (struct step){start, dot ? (size_t)(dot - start) : strlen(start), !dot};
}

static int unknown_step(const struct step *step, const struct scenario_place *here,
                        const struct scenario_keys *keys, const char *(*name_at)(int), json_object *map,
                        struct err *e)
{
    struct scenario_nearest near = {.word = step->name, .len = step->len};
    for (int i = 0; keys && i < keys->count; i++)
        scenario_nearest_offer(&near, keys->at[i].name);
    for (int i = 0; name_at && name_at(i); i++)
        scenario_nearest_offer(&near, name_at(i));
    if (map) {
        json_object_object_foreach(map, name, entry)
        {
            (void)entry;
            scenario_nearest_offer(&near, name);
        }
    }
    scenario_error(here, e, "there is no such key");
    return scenario_nearest_hint(&near, e, "scenarios/README.md lists every key");
}

/* The member that the step names, made as `fresh()` if it is absent and more steps follow. */
static json_object *member_or_new(json_object *object, const struct step *step, json_object *(*fresh)(void))
{
    autofree char *name = mem_printf("%.*s", (int)step->len, step->name);
    json_object *member = scenario_member(object, name);
    if (!member && fresh) {
        member = fresh();
        json_object_object_add(object, name, member);
    }
    return member;
}

static void put_member(json_object *object, const struct step *step, json_object *value)
{
    autofree char *name = mem_printf("%.*s", (int)step->len, step->name);
    json_object_object_add(object, name, value);
}

static int set_in_keys(const struct scenario_keys *keys, json_object *object, const char *path,
                       const struct scenario_place *place, json_object *value, struct err *e);

static int set_in_map(const struct scenario_key *key, json_object *map, const char *path,
                      const struct scenario_place *place, json_object *value, struct err *e)
{
    struct step step = take_step(&path);
    const struct scenario_place here = {place, step.name, step.len, 0};
    bool listed = false;
    for (int i = 0; key->name_at && key->name_at(i); i++)
        listed |= strlen(key->name_at(i)) == step.len && memcmp(key->name_at(i), step.name, step.len) == 0;
    if (key->name_at && !listed)
        return unknown_step(&step, &here, NULL, key->name_at, NULL, e);
    if (step.last) {
        put_member(map, &step, json_object_get(value));
        return 0;
    }
    json_object *entry = member_or_new(map, &step, listed ? json_object_new_object : NULL);
    if (!entry)
        return unknown_step(&step, &here, NULL, NULL, map, e);
    return set_in_keys(key->children, entry, path, &here, value, e);
}

static int set_in_list(const struct scenario_key *key, json_object *list, const char *path,
                       const struct scenario_place *place, json_object *value, struct err *e)
{
    struct step step = take_step(&path);
    const struct scenario_place here = {place, step.name, step.len, 0};
    char *end;
    size_t count = json_object_array_length(list), index = strtoul(step.name, &end, 10);
    bool number = step.len > 0 && step.len < 10 && end == step.name + step.len && step.name[0] >= '0' &&
                  step.name[0] <= '9';
    /* Only a list of objects has keys below its entries; to all but pairs one more entry may be appended as a whole. */
    size_t limit = step.last && key->kind != KEY_PAIR ? count + 1 : count;
    if (!number || index >= limit) {
        scenario_error(&here, e, "there is no such entry");
        return err_hint(e, "the list has %zu, counted from 0", count);
    }
    if (step.last) {
        json_object_array_put_idx(list, index, json_object_get(value));
        return 0;
    }
    if (key->kind != KEY_LIST)
        return unknown_step(&step, &here, NULL, NULL, NULL, e);
    return set_in_keys(key->children, json_object_array_get_idx(list, index), path, &here, value, e);
}

static int set_below(const struct scenario_key *key, json_object *member, const char *path,
                     const struct scenario_place *place, json_object *value, struct err *e)
{
    bool list = is_list(key);
    bool container = list || key->kind == KEY_MAP || key->children;
    if (!container || !json_object_is_type(member, list ? json_type_array : json_type_object)) {
        scenario_error(place, e, "has no keys below it");
        return err_hint(e, "%s: %s", key->name, key->help);
    }
    if (list)
        return set_in_list(key, member, path, place, value, e);
    if (key->kind == KEY_MAP)
        return set_in_map(key, member, path, place, value, e);
    return set_in_keys(key->children, member, path, place, value, e);
}

static int set_in_keys(const struct scenario_keys *keys, json_object *object, const char *path,
                       const struct scenario_place *place, json_object *value, struct err *e)
{
    struct step step = take_step(&path);
    const struct scenario_place here = {place, step.name, step.len, 0};
    const struct scenario_key *key = scenario_key_of(keys, step.name, step.len);
    if (!json_object_is_type(object, json_type_object))
        return scenario_error(place, e, "is not an object");
    if (!key)
        return unknown_step(&step, &here, keys, NULL, NULL, e);
    if (step.last) {
        put_member(object, &step, json_object_get(value));
        return 0;
    }
    bool list = is_list(key);
    json_object *member = member_or_new(object, &step, list ? json_object_new_array : json_object_new_object);
    return set_below(key, member, path, &here, value, e);
}

int scenario_set(json_object *root, const struct scenario_setting *setting, struct err *e)
{
    json_object *value;
    int result = read_value(setting->value, &value, e);
    if (result == 0)
        result = set_in_keys(&scenario_keys, root, setting->path, NULL, value, e);
    json_object_put(value);
    return result < 0 ? err_wrap(e, "--set %.80s=%.80s", setting->path, setting->value) : 0;
}
