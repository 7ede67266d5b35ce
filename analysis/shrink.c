#include "shrink.h"
#include "interrupt.h"
#include "mem.h"
#include "trial.h"

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

enum { TRIALS_MAX = 2000 };

struct shrinking {
    json_object *root;
    void (*progress)(int trials);
    char kind[200]; /* of the first complaint, without its numbers */
    int trials;
};

/* What a complaint says, whoever it is about and whenever. */
static void kind_of(const char *complaint, char *out, size_t size)
{
    size_t len = 0;
    for (const char *c = complaint; *c && len + 1 < size; c++)
        if (!isdigit((unsigned char)*c))
            out[len++] = *c;
    out[len] = '\0';
}

/* The first complaint's kind, "" if all holds or it is no scenario. */
static void judge(struct shrinking *s, char *kind, size_t size)
{
    struct err e = ERR_INIT;
    struct trial trial = {0};
    const char *text = json_object_to_json_string_ext(s->root, JSON_C_TO_STRING_PLAIN);
    struct scenario *scenario = scenario_parse("shrunk", text, strlen(text), NULL, 0, &e);
    *kind = '\0';
    if (!scenario)
        return;
    s->trials++;
    if (s->progress)
        s->progress(s->trials);
    trial_run(&trial, scenario, scenario->seed);
    if (trial.complaint_count)
        kind_of(trial.complaints[0], kind, size);
    trial_free(&trial);
    scenario_free(scenario);
}

static bool still_fails(struct shrinking *s)
{
    char kind[sizeof s->kind];
    if (interrupt_signal() || s->trials >= TRIALS_MAX)
        return false;
    judge(s, kind, sizeof kind);
    return !strcmp(kind, s->kind);
}

static bool try_without_element(struct shrinking *s, json_object *list, size_t i)
{
    size_t len = json_object_array_length(list);
    json_object *gone = json_object_get(json_object_array_get_idx(list, i));
    json_object_array_del_idx(list, i, 1);
    bool helps = still_fails(s);
    if (!helps) {
        json_object_array_add(list, gone);
        for (size_t k = len - 1; k > i; k--) {
            json_object *before = json_object_get(json_object_array_get_idx(list, k - 1));
            json_object *here = json_object_get(json_object_array_get_idx(list, k));
            json_object_array_put_idx(list, k, before);
            json_object_array_put_idx(list, k - 1, here);
        }
    } else {
        json_object_put(gone);
    }
    return helps;
}

/* What ends a fault, or the run, stays: without it anything breaks. */
static bool is_an_end(const char *name)
{
    return !strcmp(name, "to_s") || !strcmp(name, "drain_ms");
}

static bool holds_an_end(json_object *value)
{
    return json_object_is_type(value, json_type_object) && json_object_object_get_ex(value, "drain_ms", NULL);
}

static bool try_without_member(struct shrinking *s, json_object *object, const char *name)
{
    json_object *gone = json_object_get(json_object_object_get(object, name));
    json_object_object_del(object, name);
    bool helps = still_fails(s);
    if (helps)
        json_object_put(gone);
    else
        json_object_object_add(object, name, gone);
    return helps;
}

static bool reduce(struct shrinking *s, json_object *value);

static bool reduce_list(struct shrinking *s, json_object *list)
{
    bool helped = false;
    for (size_t i = json_object_array_length(list); i-- > 0;)
        if (try_without_element(s, list, i) || reduce(s, json_object_array_get_idx(list, i)))
            helped = true;
    return helped;
}

/* A member that was put back is the last one: the names are taken first. */
static bool reduce_object(struct shrinking *s, json_object *object)
{
    bool helped = false;
    int count = json_object_object_length(object), i = 0;
    char **names = mem_alloc_array((size_t)count, sizeof *names);
    json_object_object_foreach(object, name, ignored)
    {
        (void)ignored;
        names[i++] = mem_copy_string(name);
    }
    for (i = 0; i < count; i++) {
        json_object *value = json_object_object_get(object, names[i]);
        bool whole = !strcmp(names[i], "schedule");
        bool stays = is_an_end(names[i]) || holds_an_end(value);
        if ((!stays && try_without_member(s, object, names[i])) || (!whole && reduce(s, value)))
            helped = true;
        free(names[i]);
    }
    free(names);
    return helped;
}

static bool reduce(struct shrinking *s, json_object *value)
{
    if (json_object_is_type(value, json_type_array))
        return reduce_list(s, value);
    return json_object_is_type(value, json_type_object) && reduce_object(s, value);
}

int shrink_scenario(struct buf *text, void (*progress)(int trials))
{
    struct shrinking s = {.root = json_tokener_parse(buf_text(text)), .progress = progress};
    judge(&s, s.kind, sizeof s.kind);
    bool fails = s.kind[0];
    while (fails && reduce(&s, s.root))
        ;
    buf_clear(text);
    buf_printf(
        text, "%s\n",
        json_object_to_json_string_ext(s.root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(s.root);
    return fails ? s.trials : 0;
}
