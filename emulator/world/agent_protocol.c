#include "agent_protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char WORD[] = "say";

struct json_object *agent_say(const char *word)
{
    struct json_object *line = json_object_new_object();
    json_object_object_add(line, WORD, json_object_new_string(word));
    return line;
}

static void add_text(struct json_object *line, const char *key, const char *text)
{
    if (text)
        json_object_object_add(line, key, json_object_new_string(text));
}

static void add_int(struct json_object *line, const char *key, int64_t value)
{
    json_object_object_add(line, key, json_object_new_int64(value));
}

const char *agent_word(struct json_object *line)
{
    struct json_object *word = NULL;
    json_object_object_get_ex(line, WORD, &word);
    return json_object_is_type(word, json_type_string) ? json_object_get_string(word) : NULL;
}

/* --- reading: a missing or wrong field is the error of the whole line ------------------------------------------------------------ */

struct fields {
    struct json_object *line;
    const char *missing;
};

static struct json_object *field(struct fields *f, const char *key, enum json_type type)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(f->line, key, &value) || !json_object_is_type(value, type)) {
        f->missing = key;
        return NULL;
    }
    return value;
}

static const char *text_of(struct fields *f, const char *key)
{
    return json_object_get_string(field(f, key, json_type_string));
}

static const char *text_if_any(struct json_object *line, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(line, key, &value) && json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static int64_t int_of(struct fields *f, const char *key)
{
    return json_object_get_int64(field(f, key, json_type_int));
}

static int judge(const struct fields *f, struct err *e)
{
    return f->missing ? err_set(e, EPROTO, "control line \"%s\": no usable \"%s\"", agent_word(f->line), f->missing) : 0;
}

/* --- prepare, begin ---------------------------------------------------------------------------------------------------------------- */

struct json_object *agent_say_prepare(const struct agent_orders *o)
{
    struct json_object *line = agent_say("prepare");
    add_text(line, "scenario", o->scenario);
    add_text(line, "path", o->path);
    json_object_object_add(line, "seed", json_object_new_uint64(o->seed));
    add_int(line, "host", o->host);
    add_text(line, "run", o->run);
    add_text(line, "folder", o->folder);
    add_text(line, "image", o->image);
    add_text(line, "archive", o->archive);
    add_text(line, "criu_folder", o->criu_folder);
    add_text(line, "capture", o->capture);
    json_object_object_add(line, "again", json_object_new_boolean(o->again));
    add_text(line, "machine_namespace", o->machine_namespace);
    add_text(line, "anchor", o->anchor);
    add_text(line, "anchor_archive", o->anchor_archive);
    return line;
}

int agent_read_prepare(struct json_object *line, struct agent_orders *o, struct err *e)
{
    struct fields f = {line, NULL};
    *o = (struct agent_orders){.scenario = text_of(&f, "scenario"),
                               .path = text_of(&f, "path"),
                               .seed = json_object_get_uint64(field(&f, "seed", json_type_int)),
                               .host = (int)int_of(&f, "host"),
                               .run = text_of(&f, "run"),
                               .folder = text_of(&f, "folder"),
                               .image = text_of(&f, "image"),
                               .archive = text_of(&f, "archive"),
                               .criu_folder = text_of(&f, "criu_folder"),
                               .again = json_object_get_boolean(field(&f, "again", json_type_boolean))};
    o->capture = text_if_any(line, "capture");
    o->machine_namespace = text_if_any(line, "machine_namespace");
    o->anchor = text_if_any(line, "anchor");
    o->anchor_archive = text_if_any(line, "anchor_archive");
    return judge(&f, e);
}

struct json_object *agent_say_begin(struct simtime origin)
{
    struct json_object *line = agent_say("begin");
    add_int(line, "origin_ns", origin.ns);
    return line;
}

int agent_read_begin(struct json_object *line, struct simtime *origin, struct err *e)
{
    struct fields f = {line, NULL};
    origin->ns = int_of(&f, "origin_ns");
    return judge(&f, e);
}

/* --- events: an array, because there are many ---------------------------------------------------------------------------------------- */

enum { EVENT_FIELDS = 13 };

struct json_object *agent_say_event(const struct event *ev)
{
    struct json_object *line = agent_say("event"), *a = json_object_new_array_ext(EVENT_FIELDS);
    const int64_t before[] = {ev->at.ns, ev->kind, ev->direction};
    const char *const texts[] = {ev->reporter, ev->peer, ev->sender, ev->text};
    const int64_t after[] = {ev->mud, ev->number, ev->migration, ev->begin.ns, ev->bytes, ev->value};
    for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++)
        json_object_array_add(a, json_object_new_int64(before[i]));
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        json_object_array_add(a, json_object_new_string(texts[i] ? texts[i] : ""));
    for (unsigned i = 0; i < sizeof after / sizeof after[0]; i++)
        json_object_array_add(a, json_object_new_int64(after[i]));
    json_object_object_add(line, "event", a);
    return line;
}

bool agent_line_says(const char *text, const char *word)
{
    static const char head[] = "{\"say\":\"";
    size_t len = strlen(word);
    return !strncmp(text, head, sizeof head - 1) && !strncmp(text + sizeof head - 1, word, len) &&
           text[sizeof head - 1 + len] == '"';
}

/* The array's elements in order; one of another type, or out of range, spoils the whole. */
struct elements {
    struct json_object *array;
    size_t next;
    bool wrong;
};

static int64_t next_int(struct elements *from, int64_t min, int64_t max)
{
    struct json_object *element = json_object_array_get_idx(from->array, from->next++);
    int64_t value = json_object_get_int64(element);
    from->wrong |= !json_object_is_type(element, json_type_int) || value < min || value > max;
    return value;
}

static const char *next_text(struct elements *from)
{
    struct json_object *element = json_object_array_get_idx(from->array, from->next++);
    from->wrong |= !json_object_is_type(element, json_type_string);
    return json_object_get_string(element);
}

int agent_read_event(struct json_object *line, struct event *ev, struct err *e)
{
    struct fields f = {line, NULL};
    struct elements a = {field(&f, "event", json_type_array), 0, false};
    if (!a.array || json_object_array_length(a.array) != EVENT_FIELDS)
        return err_set(e, EPROTO, "control line \"event\": not an event");
    ev->at.ns = next_int(&a, -AGENT_TIME_MAX, AGENT_TIME_MAX);
    ev->kind = (enum event_kind)next_int(&a, 0, EVENT_KINDS - 1);
    ev->direction = (enum event_direction)next_int(&a, EVENT_NONE, EVENT_RECEIVED);
    ev->reporter = next_text(&a);
    ev->peer = next_text(&a);
    ev->sender = next_text(&a);
    ev->text = next_text(&a);
    ev->mud = (int32_t)next_int(&a, -1, INT32_MAX);
    ev->number = (int32_t)next_int(&a, INT32_MIN, INT32_MAX);
    ev->migration = (int32_t)next_int(&a, INT32_MIN, INT32_MAX);
    ev->begin.ns = next_int(&a, -AGENT_TIME_MAX, AGENT_TIME_MAX);
    ev->bytes = next_int(&a, INT64_MIN, INT64_MAX);
    ev->value = next_int(&a, INT64_MIN, INT64_MAX);
    return a.wrong ? err_set(e, EPROTO, "control line \"event\": not an event") : 0;
}

/* --- idle, away, ended, failed ------------------------------------------------------------------------------------------------------------- */

struct json_object *agent_say_idle(bool idle)
{
    struct json_object *line = agent_say("idle");
    json_object_object_add(line, "idle", json_object_new_boolean(idle));
    return line;
}

int agent_read_idle(struct json_object *line, bool *idle, struct err *e)
{
    struct fields f = {line, NULL};
    *idle = json_object_get_boolean(field(&f, "idle", json_type_boolean));
    return judge(&f, e);
}

struct json_object *agent_say_away(uint64_t events)
{
    struct json_object *line = agent_say("away");
    add_int(line, "events", (int64_t)events);
    return line;
}

int agent_read_away(struct json_object *line, uint64_t *events, struct err *e)
{
    struct fields f = {line, NULL};
    *events = (uint64_t)int_of(&f, "events");
    return judge(&f, e);
}

struct json_object *agent_say_ended(const struct agent_account *a)
{
    struct json_object *line = agent_say("ended");
    add_int(line, "timers", (int64_t)a->timers);
    add_int(line, "late_p50_ns", a->late_p50.ns);
    add_int(line, "late_p99_ns", a->late_p99.ns);
    add_int(line, "late_max_ns", a->late_max.ns);
    json_object_object_add(line, "memory_ratio", json_object_new_double(a->memory_ratio));
    json_object_object_add(line, "layer_ratio", json_object_new_double(a->layer_ratio));
    add_int(line, "errors", (int64_t)a->errors);
    add_int(line, "capture_dropped", (int64_t)a->capture_dropped);
    add_int(line, "events", (int64_t)a->events);
    return line;
}

int agent_read_ended(struct json_object *line, struct agent_account *a, struct err *e)
{
    struct fields f = {line, NULL};
    *a = (struct agent_account){.timers = (uint64_t)int_of(&f, "timers"),
                                .late_p50 = {int_of(&f, "late_p50_ns")},
                                .late_p99 = {int_of(&f, "late_p99_ns")},
                                .late_max = {int_of(&f, "late_max_ns")},
                                .memory_ratio = json_object_get_double(field(&f, "memory_ratio", json_type_double)),
                                .layer_ratio = json_object_get_double(field(&f, "layer_ratio", json_type_double)),
                                .errors = (uint64_t)int_of(&f, "errors"),
                                .capture_dropped = (uint64_t)int_of(&f, "capture_dropped"),
                                .events = (uint64_t)int_of(&f, "events")};
    return judge(&f, e);
}

struct json_object *agent_say_failed(const struct err *e)
{
    struct json_object *line = agent_say("failed");
    add_int(line, "code", e->code);
    add_text(line, "text", e->text);
    add_text(line, "hint", e->hint);
    return line;
}

void agent_read_failed(struct json_object *line, struct err *failure)
{
    struct fields f = {line, NULL};
    int code = (int)int_of(&f, "code");
    const char *text = text_of(&f, "text"), *hint = text_of(&f, "hint");
    err_set(failure, code > 0 ? code : EIO, "%s", text ? text : "failed without a reason");
    if (hint && *hint)
        err_hint(failure, "%s", hint);
}
