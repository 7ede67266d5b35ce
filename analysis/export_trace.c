#include "export_trace.h"
#include "event_reader.h"
#include "mem.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

struct trace {
    FILE *out;
    json_object *roles;   /* by name: its process */
    json_object *waiting; /* by receiver and message: the flows that nobody has received yet */
    int64_t flows;
    bool any; /* event before this one */
};

/* --- one entry ----------------------------------------------------------------------------------------------------------- */

static void put_string(struct trace *t, const char *text)
{
    json_object *string = json_object_new_string(text);
    fputs(json_object_to_json_string_ext(string, JSON_C_TO_STRING_PLAIN), t->out);
    json_object_put(string);
}

static void begin_entry(struct trace *t, char phase, int process, struct simtime at)
{
    fprintf(t->out, "%s{\"ph\":\"%c\",\"pid\":%d,\"tid\":1,\"ts\":%lld.%03d", t->any ? ",\n" : "", phase,
            process, (long long)(at.ns / 1000), (int)(at.ns % 1000));
    t->any = true;
}

static void put_name(struct trace *t, const char *category, const char *name)
{
    fprintf(t->out, ",\"cat\":\"%s\",\"name\":", category);
    put_string(t, name);
}

static void put_argument(struct trace *t, const char *key, const char *value)
{
    fprintf(t->out, ",\"args\":{\"%s\":", key);
    put_string(t, value);
    fputc('}', t->out);
}

/* The role's process, which gets its name when it is first heard of. */
static int process_of(struct trace *t, const char *role)
{
    json_object *known;
    if (json_object_object_get_ex(t->roles, role, &known))
        return json_object_get_int(known);
    int process = json_object_object_length(t->roles) + 1;
    json_object_object_add(t->roles, role, json_object_new_int(process));
    begin_entry(t, 'M', process, SIMTIME_ZERO);
    put_name(t, "__metadata", "process_name");
    put_argument(t, "name", role);
    fputc('}', t->out);
    return process;
}

/* --- kinds of events ----------------------------------------------------------------------------------------------------- */

/* An asynchronous slice, which may overlap others of its role. */
static void put_span(struct trace *t, const struct event *ev, const char *name, struct simtime begin)
{
    int process = process_of(t, ev->reporter);
    const char *category = event_kind_name(ev->kind);
    int64_t id = ++t->flows;
    begin_entry(t, 'b', process, begin);
    put_name(t, category, name);
    fprintf(t->out, ",\"id\":%lld", (long long)id);
    put_argument(t, "says", ev->text);
    fputc('}', t->out);
    begin_entry(t, 'e', process, ev->at);
    put_name(t, category, name);
    fprintf(t->out, ",\"id\":%lld}", (long long)id);
}

static void put_request(struct trace *t, const struct event *ev)
{
    autofree char *name = mem_printf("request %d", ev->number);
    put_span(t, ev, name, ev->begin);
}

static char *key_of(const struct event *ev, const char *receiver)
{
    return mem_printf("%d\n%s\n%s", ev->mud, receiver, ev->text);
}

static int64_t open_flow(struct trace *t, const struct event *ev)
{
    autofree char *key = key_of(ev, ev->peer);
    json_object *flows;
    if (!json_object_object_get_ex(t->waiting, key, &flows)) {
        flows = json_object_new_array();
        json_object_object_add(t->waiting, key, flows);
    }
    json_object_array_add(flows, json_object_new_int64(++t->flows));
    return t->flows;
}

/* The oldest that waits for this receipt, 0 = none. */
static int64_t close_flow(struct trace *t, const struct event *ev)
{
    autofree char *key = key_of(ev, ev->reporter);
    json_object *flows;
    if (!json_object_object_get_ex(t->waiting, key, &flows))
        return 0;
    int64_t flow = json_object_get_int64(json_object_array_get_idx(flows, 0));
    json_object_array_del_idx(flows, 0, 1);
    if (json_object_array_length(flows) == 0)
        json_object_object_del(t->waiting, key);
    return flow;
}

/* A flow ends at slices, so a message gets one on both sides, as short as the form allows. */
static void put_message(struct trace *t, const struct event *ev)
{
    int process = process_of(t, ev->reporter);
    bool sent = ev->direction == EVENT_SENT;
    int64_t flow = sent ? open_flow(t, ev) : close_flow(t, ev);
    begin_entry(t, 'X', process, ev->at);
    put_name(t, sent ? "sent" : "received", ev->text);
    fprintf(t->out, ",\"dur\":0.001");
    put_argument(t, sent ? "to" : "from", ev->peer);
    fputc('}', t->out);
    if (!flow)
        return;
    begin_entry(t, sent ? 's' : 'f', process, ev->at);
    put_name(t, "message", "message");
    fprintf(t->out, ",\"id\":%lld%s}", (long long)flow, sent ? "" : ",\"bp\":\"e\"");
}

static void put_instant(struct trace *t, const struct event *ev)
{
    begin_entry(t, 'i', process_of(t, ev->reporter), ev->at);
    put_name(t, event_kind_name(ev->kind), ev->text);
    fprintf(t->out, ",\"s\":\"p\"}");
}

static void put_rate(struct trace *t, const struct event *ev)
{
    autofree char *name = mem_printf("%s Mbit/s", ev->reporter);
    begin_entry(t, 'C', process_of(t, "links"), ev->at);
    put_name(t, "link", name);
    fprintf(t->out, ",\"args\":{\"rate\":%.6f}}", (double)ev->value / 1e6);
}

/* A migration's begin is the mark of its source; those of an unknown one stand at their end. */
static void put_migration(struct trace *t, const struct event *ev, json_object *begins)
{
    autofree char *key = mem_printf("%d %d", ev->mud, ev->migration);
    autofree char *name = mem_printf("migration %s", ev->peer);
    json_object *begin;
    bool known = json_object_object_get_ex(begins, key, &begin);
    put_span(t, ev, name,
             known          ? simtime_ns(json_object_get_int64(begin))
             : ev->begin.ns ? ev->begin
                            : ev->at);
}

static void note_begin(const struct event *ev, json_object *begins)
{
    autofree char *key = mem_printf("%d %d", ev->mud, ev->migration);
    if (ev->kind == EVENT_MARK && ev->migration >= 0 && !json_object_object_get_ex(begins, key, NULL))
        json_object_object_add(begins, key, json_object_new_int64(ev->at.ns));
}

static void put_event(struct trace *t, const struct event *ev, json_object *begins)
{
    switch (ev->kind) {
    case EVENT_MESSAGE:
        put_message(t, ev);
        return;
    case EVENT_REQUEST:
        put_request(t, ev);
        return;
    case EVENT_STAGE:
        put_span(t, ev, ev->text, ev->begin);
        return;
    case EVENT_HANDOFF:
    case EVENT_OUTAGE:
        put_span(t, ev, event_kind_name(ev->kind), ev->begin);
        return;
    case EVENT_MIGRATION:
        put_migration(t, ev, begins);
        return;
    case EVENT_LINK:
        put_rate(t, ev);
        return;
    default:
        note_begin(ev, begins);
        put_instant(t, ev);
        return;
    }
}

static int put_all(struct trace *t, struct event_reader *reader, struct err *e)
{
    struct event ev;
    int status;
    json_object *begins = json_object_new_object();
    fprintf(t->out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
    while ((status = event_reader_next(reader, &ev, e)) > 0)
        put_event(t, &ev, begins);
    fprintf(t->out, "\n]}\n");
    json_object_put(begins);
    return status;
}

static int write_trace(const char *path, struct event_reader *reader, struct err *e)
{
    struct trace t = {.out = fopen(path, "we")};
    if (!t.out)
        return err_errno(e, "%s", path);
    t.roles = json_object_new_object();
    t.waiting = json_object_new_object();
    int status = put_all(&t, reader, e);
    json_object_put(t.roles);
    json_object_put(t.waiting);
    bool written = !ferror(t.out);
    if ((fclose(t.out) < 0 || !written) && status == 0)
        status = err_errno(e, "%s", path);
    return status;
}

int export_trace(const char *folder, const char *path, struct err *e)
{
    /* What a trace has no place for, or says already. */
    uint32_t left_out = EVENT_MASK(EVENT_TRANSITION) | EVENT_MASK(EVENT_UNEXPECTED) |
                        EVENT_MASK(EVENT_EXECUTED) | EVENT_MASK(EVENT_SENT_TOTAL) |
                        EVENT_MASK(EVENT_CARRIED) | EVENT_MASK(EVENT_ABANDONED) | EVENT_MASK(EVENT_CPU);
    struct event_reader *reader = NULL;
    int status = event_reader_open(folder, EVENT_MASK_ALL & ~left_out, &reader, e);
    if (status == 0)
        status = write_trace(path, reader, e);
    event_reader_close(reader);
    return status;
}
