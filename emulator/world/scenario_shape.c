#include "scenario_key.h"

#include "buf.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static int check_value(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                       struct err *e);

static const char *kind_text(json_object *value)
{
    static const char *const text[] = {
        [json_type_null] = "null",    [json_type_boolean] = "true or false", [json_type_double] = "a number",
        [json_type_int] = "a number", [json_type_object] = "an object",      [json_type_array] = "a list",
        [json_type_string] = "text",
    };
    return text[json_object_get_type(value)];
}

static int wrong_kind(const struct scenario_key *key, json_object *value, const char *expected,
                      const struct scenario_place *place, struct err *e)
{
    scenario_error(place, e, "is %s, expected %s", kind_text(value), expected);
    return err_hint(e, "%s: %s", key->name, key->help);
}

static int unknown_key(const struct scenario_keys *keys, const char *name, const struct scenario_place *place,
                       struct err *e)
{
    struct scenario_nearest near = {.word = name, .len = strlen(name)};
    struct buf known = BUF_INIT;
    buf_printf(&known, keys->count ? "known here:" : "there are no keys here, write {}");
    for (int i = 0; i < keys->count; i++) {
        scenario_nearest_offer(&near, keys->at[i].name);
        buf_printf(&known, "%s %s", i ? "," : "", keys->at[i].name);
    }
    scenario_error(PLACE_NAMED(place, name), e, "unknown key");
    scenario_nearest_hint(&near, e, buf_text(&known));
    buf_free(&known);
    return -EINVAL;
}

static int check_members(const struct scenario_keys *keys, json_object *object,
                         const struct scenario_place *place, struct err *e)
{
    json_object_object_foreach(object, name, value)
    {
        const struct scenario_key *key = scenario_key_of(keys, name, strlen(name));
        if (!key)
            return unknown_key(keys, name, place, e);
        if (check_value(key, value, PLACE_NAMED(place, name), e) < 0)
            return -EINVAL;
    }
    for (int i = 0; i < keys->count; i++) {
        const struct scenario_key *key = &keys->at[i];
        if (!key->required || json_object_object_get_ex(object, key->name, NULL))
            continue;
        scenario_error(PLACE_NAMED(place, key->name), e, "is missing");
        return err_hint(e, "%s: %s", key->name, key->help);
    }
    return 0;
}

static int check_count(const struct scenario_key *key, size_t count, const struct scenario_place *place,
                       struct err *e)
{
    if ((double)count >= key->min && (double)count <= key->max)
        return 0;
    scenario_error(place, e, "has %zu entries, must have %.0f to %.0f", count, key->min, key->max);
    return err_hint(e, "%s: %s", key->name, key->help);
}

/* Names become parts of paths, of the names of namespaces and containers, and of --set's dotted paths. */
static int check_name(const char *name, const struct scenario_place *place, struct err *e)
{
    size_t len = strlen(name), good = 0;
    while (good < len && (isalnum((unsigned char)name[good]) || (good && strchr("_-", name[good]))))
        good++;
    if (len && good == len && len <= SCENARIO_NAME_MAX)
        return 0;
    scenario_error(place, e, "is not a usable name");
    return err_hint(e, "1 to %d letters, digits, - and _, beginning with a letter or digit",
                    SCENARIO_NAME_MAX);
}

static int check_listed_name(const struct scenario_key *key, const char *name,
                             const struct scenario_place *place, struct err *e)
{
    if (scenario_is_one_of(key->name_at, name))
        return 0;
    scenario_error(place, e, "unknown key");
    return scenario_names_hint(key->name_at, name, e);
}

static int check_map(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                     struct err *e)
{
    if (!json_object_is_type(value, json_type_object))
        return wrong_kind(key, value, "an object of names", place, e);
    if (check_count(key, (size_t)json_object_object_length(value), place, e) < 0)
        return -EINVAL;
    json_object_object_foreach(value, name, entry)
    {
        const struct scenario_place *here = PLACE_NAMED(place, name);
        if ((key->name_at ? check_listed_name(key, name, here, e) : check_name(name, here, e)) < 0)
            return -EINVAL;
        if (!json_object_is_type(entry, json_type_object))
            return wrong_kind(key, entry, "an object", here, e);
        if (check_members(key->children, entry, here, e) < 0)
            return -EINVAL;
    }
    return 0;
}

static int check_list(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                      struct err *e)
{
    if (!json_object_is_type(value, json_type_array))
        return wrong_kind(key, value, "a list", place, e);
    size_t count = json_object_array_length(value);
    if (check_count(key, count, place, e) < 0)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        json_object *entry = json_object_array_get_idx(value, i);
        const struct scenario_place *here = PLACE_INDEX(place, (int)i);
        if (!json_object_is_type(entry, json_type_object))
            return wrong_kind(key, entry, "an object", here, e);
        if (check_members(key->children, entry, here, e) < 0)
            return -EINVAL;
    }
    return 0;
}

static int check_number(const struct scenario_key *key, json_object *value,
                        const struct scenario_place *place, struct err *e)
{
    if (!json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
        return wrong_kind(key, value, "a number", place, e);
    double number = json_object_get_double(value);
    bool whole = key->kind == KEY_WHOLE || key->kind == KEY_WHOLE64;
    if (!isfinite(number))
        return scenario_error(place, e, "is too large for a number");
    if (number < key->min || number > key->max) {
        scenario_error(place, e, "is %.16g, must be %.16g to %.16g", number, key->min, key->max);
        return err_hint(e, "%s: %s", key->name, key->help);
    }
    if (whole && number != floor(number)) {
        scenario_error(place, e, "is %.16g, must be a whole number", number);
        return err_hint(e, "%s: %s", key->name, key->help);
    }
    return 0;
}

/* Words are printed in messages and looked up: plain and short. */
static int check_word(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                      struct err *e)
{
    if (!json_object_is_type(value, json_type_string))
        return wrong_kind(key, value, "text", place, e);
    const char *word = json_object_get_string(value);
    size_t len = strlen(word), good = 0;
    while (good < len && (isalnum((unsigned char)word[good]) || strchr("._- ", word[good])))
        good++;
    if (len && good == len && len <= SCENARIO_WORD_MAX)
        return 0;
    scenario_error(place, e, "is not a usable word");
    return err_hint(e, "%s: %s, in 1 to %d letters, digits, dots, - and _", key->name, key->help,
                    SCENARIO_WORD_MAX);
}

static int check_pair(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                      struct err *e)
{
    if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) != 2)
        return wrong_kind(key, value, "a list of two names", place, e);
    for (int i = 0; i < 2; i++)
        if (check_word(key, json_object_array_get_idx(value, (size_t)i), PLACE_INDEX(place, i), e) < 0)
            return -EINVAL;
    return 0;
}

static int check_text(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                      struct err *e)
{
    if (!json_object_is_type(value, json_type_string))
        return wrong_kind(key, value, "text", place, e);
    if (json_object_get_string_len(value) > (int)key->max)
        return scenario_error(place, e, "is longer than %.0f bytes", key->max);
    return 0;
}

static int check_texts(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                       struct err *e)
{
    struct scenario_key text = {.name = key->name, .help = key->help, .max = SCENARIO_TEXTS_BYTES_MAX};
    if (!json_object_is_type(value, json_type_array))
        return wrong_kind(key, value, "a list of texts", place, e);
    size_t count = json_object_array_length(value);
    int status = check_count(key, count, place, e);
    for (size_t i = 0; i < count && status == 0; i++)
        status = check_text(&text, json_object_array_get_idx(value, i), PLACE_INDEX(place, (int)i), e);
    return status;
}

static int check_object(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                        struct err *e)
{
    if (json_object_object_length(value) > 0)
        return check_members(key->children, value, place, e);
    scenario_error(place, e, "is empty");
    return err_hint(e, "%s: %s", key->name, key->help);
}

bool scenario_is_both_ways(const struct scenario_key *key, json_object *value)
{
    const struct scenario_key *way = &key->children->at[0];
    if (!json_object_is_type(value, json_type_object))
        return false;
    return !way->children || scenario_member(value, "forward") || scenario_member(value, "back");
}

/* A value of the directions' own kind, reported under the key's name. */
static int check_both_ways(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                           struct err *e)
{
    struct scenario_key way = key->children->at[0];
    if (scenario_is_both_ways(key, value))
        return check_object(key, value, place, e);
    way.name = key->name;
    way.help = key->help;
    return check_value(&way, value, place, e);
}

static int check_path(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                      struct err *e)
{
    if (!json_object_is_type(value, json_type_string))
        return wrong_kind(key, value, "a file's path", place, e);
    size_t len = (size_t)json_object_get_string_len(value);
    if (len == 0 || len > key->max || strlen(json_object_get_string(value)) != len)
        return scenario_error(place, e, "is not a path of 1 to %.0f bytes", key->max);
    return 0;
}

static int check_value(const struct scenario_key *key, json_object *value, const struct scenario_place *place,
                       struct err *e)
{
    switch (key->kind) {
    case KEY_OBJECT:
        if (!json_object_is_type(value, json_type_object))
            return wrong_kind(key, value, "an object", place, e);
        return check_members(key->children, value, place, e);
    case KEY_MAP:
        return check_map(key, value, place, e);
    case KEY_LIST:
        return check_list(key, value, place, e);
    case KEY_PAIR:
        return check_pair(key, value, place, e);
    case KEY_BOTH_WAYS:
        return check_both_ways(key, value, place, e);
    case KEY_NUMBER_OR:
        return json_object_is_type(value, json_type_object) ? check_object(key, value, place, e)
                                                            : check_number(key, value, place, e);
    case KEY_WORD_OR:
        return json_object_is_type(value, json_type_object) ? check_object(key, value, place, e)
                                                            : check_word(key, value, place, e);
    case KEY_NUMBER:
    case KEY_WHOLE:
    case KEY_WHOLE64:
    case KEY_MS:
    case KEY_SECONDS:
        return check_number(key, value, place, e);
    case KEY_SWITCH:
        return json_object_is_type(value, json_type_boolean)
                   ? 0
                   : wrong_kind(key, value, "true or false", place, e);
    case KEY_WORD:
        return check_word(key, value, place, e);
    case KEY_PATH:
        return check_path(key, value, place, e);
    case KEY_TEXT:
        return check_text(key, value, place, e);
    case KEY_TEXTS:
        return check_texts(key, value, place, e);
    }
    return -EINVAL;
}

int scenario_check_object(const struct scenario_keys *keys, json_object *object, const struct scenario_place *place,
                          struct err *e)
{
    if (json_object_is_type(object, json_type_object))
        return check_members(keys, object, place, e);
    return scenario_error(place, e, "is %s, expected an object", kind_text(object));
}

int scenario_check_shape(json_object *root, struct err *e)
{
    if (!json_object_is_type(root, json_type_object))
        return scenario_error(NULL, e, "the scenario is %s, expected an object", kind_text(root));
    if (scenario_member(root, "$schema")) {
        scenario_error(PLACE_NAMED(NULL, "$schema"), e, "this is a JSON schema, not a scenario");
        return err_hint(e, "give scenarios, which name no schema");
    }
    return check_members(&scenario_keys, root, NULL, e);
}
