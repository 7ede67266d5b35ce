#include "scenario_key.h"

#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void scenario_number_entries(json_object *map)
{
    intptr_t index = 0;
    json_object_object_foreach(map, name, entry)
    {
        (void)name;
        json_object_set_userdata(entry, (void *)index++, NULL);
    }
}

int scenario_unknown_name(json_object *map, const char *what, const char *name,
                          const struct scenario_place *place, struct err *e)
{
    struct scenario_nearest near = {.word = name, .len = strlen(name)};
    if (!map)
        return scenario_error(place, e, "there is no %s %s, nor any other", what, name);
    json_object_object_foreach(map, candidate, entry)
    {
        (void)entry;
        scenario_nearest_offer(&near, candidate);
    }
    scenario_error(place, e, "there is no %s %s", what, name);
    scenario_nearest_hint(&near, e, "names are compared letter by letter");
    return -EINVAL;
}

int scenario_index_of(json_object *map, const char *what, const char *name,
                      const struct scenario_place *place, int *out, struct err *e)
{
    json_object *entry = scenario_member(map, name);
    if (!entry)
        return scenario_unknown_name(map, what, name, place, e);
    *out = (int)(intptr_t)json_object_get_userdata(entry);
    return 0;
}

int scenario_index_by_key(json_object *root, const char *map, const char *what, json_object *object,
                          const char *key, const struct scenario_place *place, int *out, struct err *e)
{
    const char *name = scenario_word(object, key);
    return name ? scenario_index_of(scenario_member(root, map), what, name, PLACE_NAMED(place, key), out, e)
                : 0;
}

int scenario_check_counted_name(json_object *map, const struct scenario_keys *keys, const char *what, const char *name,
                                const struct scenario_place *place, struct err *e)
{
    const char *dash = strrchr(name, '-');
    if (!dash || dash[1] == '0' || dash[1] == '\0' || strspn(dash + 1, "0123456789") != strlen(dash + 1))
        return 0;
    autofree char *group = mem_printf("%.*s", (int)(dash - name), name);
    json_object *entry = scenario_member(map, group);
    if (!scenario_member(entry, "count") || strtod(dash + 1, NULL) > scenario_number(keys, entry, "count"))
        return 0;
    scenario_error(place, e, "the count of %s makes %s of this name already", group, what);
    return err_hint(e, "choose another name");
}

int scenario_names_hint(const char *(*name_at)(int i), const char *word, struct err *e)
{
    struct scenario_nearest near = {.word = word, .len = strlen(word)};
    struct buf known = BUF_INIT;
    const char *name;
    buf_printf(&known, "known:");
    for (int i = 0; (name = name_at(i)); i++) {
        scenario_nearest_offer(&near, name);
        buf_printf(&known, "%s %s", i ? "," : "", name);
    }
    int result = scenario_nearest_hint(&near, e, buf_text(&known));
    buf_free(&known);
    return result;
}

bool scenario_is_one_of(const char *(*name_at)(int i), const char *word)
{
    const char *name;
    for (int i = 0; (name = name_at(i)); i++)
        if (strcmp(name, word) == 0)
            return true;
    return false;
}

int scenario_choice(json_object *object, const char *key, const char *preset, const char *(*name_at)(int i),
                    const struct scenario_place *place, const char **out, struct err *e)
{
    const char *word = scenario_word(object, key);
    *out = word ? word : preset;
    if (!word || scenario_is_one_of(name_at, word))
        return 0;
    scenario_error(PLACE_NAMED(place, key), e, "there is no %s %s", key, word);
    return scenario_names_hint(name_at, word, e);
}
