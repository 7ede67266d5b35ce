/* A scenario's text with visits in place of mobility: each device that moves gets an entry of its own. */
#include "mem.h"
#include "scenario_key.h"
#include "scenario_move.h"

/* As people write it: 1.5, not 1.5000000000000002. */
static void add_number(json_object *o, const char *key, double number, int decimals)
{
    char text[64];
    size_t len = (size_t)snprintf(text, sizeof text, "%.*f", decimals, number);
    while (text[len - 1] == '0' && text[len - 2] != '.')
        text[--len] = '\0';
    json_object_object_add(o, key, json_object_new_double_s(number, text));
}

/* Nanoseconds are the last decimals. */
static void add_ms(json_object *o, const char *key, struct simtime time)
{
    if (time.ns)
        add_number(o, key, simtime_to_ms(time), 6);
}

json_object *scenario_visit_json(const struct scenario *s, const struct visit *visit)
{
    json_object *o = json_object_new_object();
    if (visit->ap == VISIT_NOWHERE)
        json_object_object_add(o, "outage", json_object_new_boolean(true));
    else
        json_object_object_add(o, "ap", json_object_new_string(s->aps[visit->ap].name));
    add_number(o, "at_s", simtime_seconds(visit->at), 9);
    add_ms(o, "probe_ms", visit->phases.probe);
    add_ms(o, "authentication_ms", visit->phases.authentication);
    add_ms(o, "reassociation_ms", visit->phases.reassociation);
    return o;
}

static json_object *device_json(const struct scenario *s, const struct scenario_mud *mud,
                                const char *entry_name, json_object *entry)
{
    json_object *o = json_object_new_object(), *visits = json_object_new_array();
    json_object_object_foreach(entry, key, value)
    {
        json_object_object_add(o, key, json_object_get(value));
    }
    json_object_object_del(o, "mobility");
    json_object_object_del(o, "track");
    json_object_object_del(o, "count");
    for (int i = 0; i < mud->visit_count; i++)
        json_object_array_add(visits, scenario_visit_json(s, &mud->visits[i]));
    json_object_object_add(o, "visits", visits);
    if (mud->counted && !scenario_member(entry, "kind"))
        json_object_object_add(o, "kind", json_object_new_string(entry_name));
    return o;
}

/* The entries of muds in their order, which is the order of the devices. */
static json_object *muds_json(const struct scenario *s, json_object *muds)
{
    json_object *o = json_object_new_object();
    int i = 0;
    json_object_object_foreach(muds, name, entry)
    {
        uint32_t index = s->muds[i].entry;
        bool moves = s->muds[i].mobility >= 0;
        if (!moves)
            json_object_object_add(o, name, json_object_get(entry));
        for (; i < s->mud_count && s->muds[i].entry == index; i++)
            if (moves)
                json_object_object_add(o, s->muds[i].name, device_json(s, &s->muds[i], name, entry));
    }
    return o;
}

char *scenario_text_with_visits(const struct scenario *s)
{
    if (s->mobility_count == 0)
        return mem_copy_string(s->text);
    json_object *root = json_tokener_parse(s->text);
    json_object_object_add(root, "muds", muds_json(s, scenario_member(root, "muds")));
    json_object_object_del(root, "mobility");
    char *text = mem_copy_string(
        json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(root);
    return text;
}
