#include "scenario_key.h"

#include <math.h>
#include <string.h>

json_object *scenario_member(json_object *object, const char *name)
{
    json_object *value = NULL;
    json_object_object_get_ex(object, name, &value); /* NULL-safe: an absent object has no members */
    return value;
}

const char *scenario_word(json_object *object, const char *name)
{
    json_object *value = scenario_member(object, name);
    return value ? json_object_get_string(value) : NULL;
}

static double number_or_preset(const struct scenario_key *key, json_object *object)
{
    json_object *value = scenario_member(object, key->name);
    if (!value)
        return key->preset;
    return key->kind == KEY_SWITCH ? json_object_get_boolean(value) : json_object_get_double(value);
}

double scenario_number(const struct scenario_keys *keys, json_object *object, const char *name)
{
    return number_or_preset(scenario_key_of(keys, name, strlen(name)), object);
}

static void store(enum scenario_key_kind kind, double number, void *field)
{
    switch (kind) {
    case KEY_NUMBER:
        *(double *)field = number;
        break;
    case KEY_WHOLE:
        *(uint32_t *)field = (uint32_t)number;
        break;
    case KEY_WHOLE64:
        *(uint64_t *)field = (uint64_t)number;
        break;
    case KEY_SWITCH:
        *(bool *)field = number != 0;
        break;
    case KEY_MS:
        *(struct simtime *)field = simtime_from_ms(number);
        break;
    case KEY_SECONDS:
        *(struct simtime *)field = simtime_from_seconds(number);
        break;
    case KEY_OBJECT: /* these hold no number: their rows have no field */
    case KEY_MAP:
    case KEY_LIST:
    case KEY_PAIR:
    case KEY_BOTH_WAYS:
    case KEY_NUMBER_OR:
    case KEY_WORD_OR:
    case KEY_WORD:
    case KEY_PATH:
    case KEY_TEXT:
    case KEY_TEXTS:
        break;
    }
}

void scenario_fill(const struct scenario_keys *keys, json_object *object, void *into)
{
    for (int i = 0; i < keys->count; i++) {
        const struct scenario_key *key = &keys->at[i];
        if (key->field == KEY_NO_FIELD)
            continue;
        double number = number_or_preset(key, object);
        if (!isnan(number))
            store(key->kind, number, (char *)into + key->field);
    }
}
