#include "export_trace.h"
#include "event_reader.h"
#include "mem.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of slices that do not overlap: a thread, for the readers. */
struct lane {
    const char *kind; /* not owned */
    int thread;
    struct simtime end; /* of its last slice */
};

/* A process, for the readers. */
struct role {
    struct lane *lanes;
    int process, lane_count;
};

struct trace {
    FILE *out;
    json_object *names; /* of roles: their place in the list */
    struct role *roles;
    int role_count;
    int last_id; /* no process has the id of another's thread: readers take such a thread for that one's first */
    json_object *waiting; /* by receiver and message: the flows that nobody has received yet */
    struct simtime *flows; /* when each was sent; its id is its place, from 1 */
    int64_t flow_count;
    bool any; /* event before this one */
};

/* --- one entry ----------------------------------------------------------------------------------------------------------- */

static void put_string(struct trace *t, const char *text)
{
    json_object *string = json_object_new_string(text);
    fputs(json_object_to_json_string_ext(string, JSON_C_TO_STRING_PLAIN), t->out);
    json_object_put(string);
}

/* Times are microseconds. */
static void put_time(struct trace *t, const char *key, struct simtime time)
{
    fprintf(t->out, ",\"%s\":%lld.%03d", key, (long long)(time.ns / 1000), (int)(time.ns % 1000));
}

static void begin_entry(struct trace *t, char phase, const struct role *role, int thread, struct simtime at)
{
    fprintf(t->out, "%s{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d", t->any ? ",\n" : "", phase, role->process, thread);
    put_time(t, "ts", at);
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

/* What a process or a thread is called. */
static void put_label(struct trace *t, const char *what, const struct role *role, int thread, const char *name)
{
    begin_entry(t, 'M', role, thread, SIMTIME_ZERO);
    put_name(t, "__metadata", what);
    put_argument(t, "name", name);
    fputc('}', t->out);
}

/* --- who reports, and where it is drawn ---------------------------------------------------------------------------------- */

static struct role *role_of(struct trace *t, const char *name)
{
    json_object *place;
    if (json_object_object_get_ex(t->names, name, &place))
        return &t->roles[json_object_get_int(place)];
    json_object_object_add(t->names, name, json_object_new_int(t->role_count));
    t->roles = mem_resize(t->roles, (size_t)(t->role_count + 1) * sizeof *t->roles);
    struct role *role = &t->roles[t->role_count++];
    *role = (struct role){.process = ++t->last_id};
    put_label(t, "process_name", role, role->process, name);
    return role;
}

static struct lane *add_lane(struct trace *t, struct role *role, const char *kind, int earlier)
{
    autofree char *name = earlier ? mem_printf("%s %d", kind, earlier + 1) : mem_copy_string(kind);
    role->lanes = mem_resize(role->lanes, (size_t)(role->lane_count + 1) * sizeof *role->lanes);
    struct lane *lane = &role->lanes[role->lane_count++];
    *lane = (struct lane){.kind = kind, .thread = ++t->last_id};
    put_label(t, "thread_name", role, lane->thread, name);
    return lane;
}

/* Where a slice of that kind has room: those that overlap get lanes beside one another. They come in the order of their ends. */
static struct lane *lane_of(struct trace *t, struct role *role, const char *kind, struct simtime begin)
{
    int alike = 0;
    for (int i = 0; i < role->lane_count; i++) {
        struct lane *lane = &role->lanes[i];
        if (strcmp(lane->kind, kind) != 0)
            continue;
        if (!simtime_before(begin, lane->end))
            return lane;
        alike++;
    }
    return add_lane(t, role, kind, alike);
}

static void free_roles(struct trace *t)
{
    for (int i = 0; i < t->role_count; i++)
        free(t->roles[i].lanes);
    free(t->roles);
}

/* --- kinds of events ----------------------------------------------------------------------------------------------------- */

static void put_span(struct trace *t, const struct event *ev, const char *kind, const char *name, struct simtime begin)
{
    struct role *role = role_of(t, ev->reporter);
    struct lane *lane = lane_of(t, role, kind, begin);
    lane->end = ev->at;
    begin_entry(t, 'X', role, lane->thread, begin);
    put_time(t, "dur", simtime_sub(ev->at, begin));
    put_name(t, event_kind_name(ev->kind), name);
    put_argument(t, "says", ev->text);
    fputc('}', t->out);
}

static void put_request(struct trace *t, const struct event *ev)
{
    autofree char *name = mem_printf("request %d", ev->number);
    put_span(t, ev, "requests", name, ev->begin);
}

static char *key_of(const struct event *ev, const char *receiver)
{
    return mem_printf("%d\n%s\n%s", ev->mud, receiver, ev->text);
}

static int64_t open_flow(struct trace *t, const struct event *ev, struct simtime at)
{
    autofree char *key = key_of(ev, ev->peer);
    json_object *flows;
    if (!json_object_object_get_ex(t->waiting, key, &flows)) {
        flows = json_object_new_array();
        json_object_object_add(t->waiting, key, flows);
    }
    t->flows = mem_resize(t->flows, (size_t)(t->flow_count + 1) * sizeof *t->flows);
    t->flows[t->flow_count++] = at;
    json_object_array_add(flows, json_object_new_int64(t->flow_count));
    return t->flow_count;
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

/* The next free nanosecond: messages of one instant stand side by side, none before it was sent. */
static struct simtime message_time(struct trace *t, struct lane *lane, struct simtime at, int64_t received)
{
    at = simtime_max(at, lane->end);
    if (received)
        at = simtime_max(at, t->flows[received - 1]);
    lane->end = simtime_add(at, simtime_ns(1));
    return at;
}

/* A flow ends at slices, so a message gets one on both sides, as short as the form allows. */
static void put_message(struct trace *t, const struct event *ev)
{
    struct role *role = role_of(t, ev->reporter);
    struct lane *lane = lane_of(t, role, "messages", simtime_ns(INT64_MAX));
    bool sent = ev->direction == EVENT_SENT;
    int64_t flow = sent ? 0 : close_flow(t, ev);
    struct simtime at = message_time(t, lane, ev->at, flow);
    if (sent)
        flow = open_flow(t, ev, at);
    begin_entry(t, 'X', role, lane->thread, at);
    put_time(t, "dur", simtime_ns(1));
    put_name(t, sent ? "sent" : "received", ev->text);
    put_argument(t, sent ? "to" : "from", ev->peer);
    fputc('}', t->out);
    if (!flow)
        return;
    begin_entry(t, sent ? 's' : 'f', role, lane->thread, at);
    put_name(t, "message", "message");
    fprintf(t->out, ",\"id\":%lld%s}", (long long)flow, sent ? "" : ",\"bp\":\"e\"");
}

static void put_instant(struct trace *t, const struct event *ev)
{
    struct role *role = role_of(t, ev->reporter);
    begin_entry(t, 'i', role, role->process, ev->at);
    put_name(t, event_kind_name(ev->kind), ev->text);
    fprintf(t->out, ",\"s\":\"p\"}");
}

static void put_rate(struct trace *t, const struct event *ev)
{
    autofree char *name = mem_printf("%s Mbit/s", ev->reporter);
    struct role *role = role_of(t, "links");
    begin_entry(t, 'C', role, role->process, ev->at);
    put_name(t, "link", name);
    fprintf(t->out, ",\"args\":{\"rate\":%.6f}}", (double)ev->value / 1e6);
}

static char *mark_key(const struct event *ev, const char *mark)
{
    return mem_printf("%d %d %s", ev->mud, ev->migration, mark);
}

/* When it was marked so first, or else. */
static struct simtime marked(json_object *marks, const struct event *ev, const char *mark, struct simtime otherwise)
{
    autofree char *key = mark_key(ev, mark);
    json_object *at;
    return json_object_object_get_ex(marks, key, &at) ? simtime_ns(json_object_get_int64(at)) : otherwise;
}

/* From mark to mark; one without stands at its end. */
static void put_migration(struct trace *t, const struct event *ev, json_object *marks)
{
    autofree char *name = mem_printf("migration %s", ev->peer);
    struct event end = *ev;
    if (strcmp(ev->text, "finished") == 0)
        end.at = marked(marks, ev, "migr finished", ev->at);
    put_span(t, &end, "migrations", name, marked(marks, ev, "migr begins", ev->begin.ns ? ev->begin : ev->at));
}

static void note_mark(const struct event *ev, json_object *marks)
{
    autofree char *key = mark_key(ev, ev->text);
    if (ev->kind == EVENT_MARK && ev->migration >= 0 && !json_object_object_get_ex(marks, key, NULL))
        json_object_object_add(marks, key, json_object_new_int64(ev->at.ns));
}

static void put_event(struct trace *t, const struct event *ev, json_object *marks)
{
    switch (ev->kind) {
    case EVENT_MESSAGE:
        put_message(t, ev);
        return;
    case EVENT_REQUEST:
        put_request(t, ev);
        return;
    case EVENT_STAGE:
        put_span(t, ev, "stages", ev->text, ev->begin);
        return;
    case EVENT_HANDOFF:
    case EVENT_OUTAGE:
        put_span(t, ev, "roaming", event_kind_name(ev->kind), ev->begin);
        return;
    case EVENT_MIGRATION:
        put_migration(t, ev, marks);
        return;
    case EVENT_LINK:
        put_rate(t, ev);
        return;
    default:
        note_mark(ev, marks);
        put_instant(t, ev);
        return;
    }
}

static int put_all(struct trace *t, struct event_reader *reader, struct err *e)
{
    struct event ev;
    int status;
    json_object *marks = json_object_new_object();
    fprintf(t->out, "{\"traceEvents\":[\n"); /* without displayTimeUnit, which some readers take for the unit of all times */
    while ((status = event_reader_next(reader, &ev, e)) > 0)
        put_event(t, &ev, marks);
    fprintf(t->out, "\n]}\n");
    json_object_put(marks);
    return status;
}

static int write_trace(const char *path, struct event_reader *reader, struct err *e)
{
    struct trace t = {.out = fopen(path, "we")};
    if (!t.out)
        return err_errno(e, "%s", path);
    t.names = json_object_new_object();
    t.waiting = json_object_new_object();
    int status = put_all(&t, reader, e);
    json_object_put(t.names);
    free_roles(&t);
    json_object_put(t.waiting);
    free(t.flows);
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
                        EVENT_MASK(EVENT_CARRIED) | EVENT_MASK(EVENT_ABANDONED) | EVENT_MASK(EVENT_CPU) |
                        EVENT_MASK(EVENT_WARMED);
    struct event_reader *reader = NULL;
    int status = event_reader_open(folder, EVENT_MASK_ALL & ~left_out, &reader, e);
    if (status == 0)
        status = write_trace(path, reader, e);
    event_reader_close(reader);
    return status;
}
