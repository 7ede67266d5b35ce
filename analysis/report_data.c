#include "report_data.h"
#include "all_events.h"
#include "json_file.h"
#include "mem.h"
#include "response_curve.h"
#include "result.h"
#include "world_layout.h"

#include <stdlib.h>
#include <string.h>

/* What a page can show and a browser still draws at once. */
enum { POINTS_MAX = 2000, WINDOWS_MAX = 12, EVENTS_MAX = 20000, MESSAGES_MAX = 30000 };

/* --- the response times ------------------------------------------------------------------------------------------------ */

static json_object *row_of_point(const struct response_point *p, size_t number)
{
    json_object *row = json_object_new_array();
    double n = (double)p->count;
    json_object_array_add(row, json_rounded(p->sent_sum / n, 6));
    json_object_array_add(row, json_object_new_int64((int64_t)number));
    json_object_array_add(row, json_rounded(p->ms_sum / n, 3));
    json_object_array_add(row, json_rounded(p->ms_min, 3));
    json_object_array_add(row, json_rounded(p->ms_max, 3));
    json_object_array_add(row, json_object_new_int64(p->count));
    return row;
}

static void sum_up(struct response_point *sum, const struct response_point *p)
{
    if (p->count == 0)
        return;
    sum->ms_min = sum->count == 0 || p->ms_min < sum->ms_min ? p->ms_min : sum->ms_min;
    sum->ms_max = sum->count == 0 || p->ms_max > sum->ms_max ? p->ms_max : sum->ms_max;
    sum->ms_sum += p->ms_sum;
    sum->sent_sum += p->sent_sum;
    sum->count += p->count;
}

static json_object *response_json(const struct response_curve *curve)
{
    json_object *list = json_object_new_array();
    size_t together = (curve->count + POINTS_MAX - 1) / POINTS_MAX;
    for (size_t i = 0; i < curve->count; i += together) {
        struct response_point sum = {0};
        for (size_t k = i; k < i + together && k < curve->count; k++)
            sum_up(&sum, &curve->points[k]);
        if (sum.count)
            json_object_array_add(list, row_of_point(&sum, i));
    }
    return list;
}

/* --- the events -------------------------------------------------------------------------------------------------------- */

/* Around a migration: from before its handoff until its last messages. */
struct window {
    int32_t mud;
    struct simtime migration, begin, end;
};

struct gathering {
    struct window windows[WINDOWS_MAX];
    int window_count;
    struct report_devices devices;
    json_object *events, *messages;
};

static void open_windows(struct gathering *g, const struct run_record *record)
{
    for (size_t i = 0; i < record->migration_count && g->window_count < WINDOWS_MAX; i++) {
        const struct run_migration *m = &record->migrations[i];
        struct simtime end = m->outcome ? m->end : record->end;
        g->windows[g->window_count++] = (struct window){.mud = m->mud,
                                                        .migration = m->begin,
                                                        .begin = simtime_sub(m->begin, simtime_s(2)),
                                                        .end = simtime_add(end, simtime_ms(500))};
    }
}

static json_object *windows_json(const struct gathering *g)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < g->window_count; i++) {
        const struct window *w = &g->windows[i];
        json_object *row = json_object_new_array();
        json_object_array_add(row, json_object_new_int(w->mud));
        json_object_array_add(row, json_rounded(simtime_seconds(w->migration), 6));
        json_object_array_add(row, json_rounded(simtime_seconds(w->begin), 6));
        json_object_array_add(row, json_rounded(simtime_seconds(w->end), 6));
        json_object_array_add(list, row);
    }
    return list;
}

static bool is_in_window(const struct gathering *g, const struct event *ev)
{
    for (int i = 0; i < g->window_count; i++) {
        const struct window *w = &g->windows[i];
        if (w->mud == ev->mud && !simtime_before(ev->at, w->begin) && !simtime_before(w->end, ev->at))
            return true;
    }
    return false;
}

bool report_shows(struct report_devices *devices, int32_t device)
{
    for (int i = 0; i < devices->count; i++)
        if (devices->list[i] == device)
            return true;
    if (device < 0)
        return true;
    if (devices->count == (int)ARRAY_LEN(devices->list))
        return false;
    devices->list[devices->count++] = device;
    return true;
}

json_object *report_event(const struct event *ev)
{
    static const char *const directions[] = {[EVENT_SENT] = "sent", [EVENT_RECEIVED] = "recvd"};
    json_object *row = json_object_new_array();
    const char *direction = ev->kind == EVENT_MESSAGE ? directions[ev->direction] : NULL;
    json_object_array_add(row, json_rounded(simtime_seconds(ev->at), 6));
    json_object_array_add(row, json_text(direction ? direction : event_kind_name(ev->kind)));
    json_object_array_add(row, json_text(ev->reporter));
    json_object_array_add(row, json_text(ev->peer));
    json_object_array_add(row, json_text(ev->text));
    json_object_array_add(row, json_object_new_int(ev->mud));
    json_object_array_add(row, json_rounded(simtime_seconds(ev->begin), 6));
    json_object_array_add(row, json_object_new_int64(ev->value));
    json_object_array_add(row, json_object_new_int(ev->number));
    return row;
}

static void add_row(json_object *list, size_t most, const struct event *ev)
{
    if (json_object_array_length(list) < most)
        json_object_array_add(list, report_event(ev));
}

static void gather(struct gathering *g, const struct event *ev)
{
    switch (ev->kind) {
    case EVENT_MESSAGE:
    case EVENT_STAGE:
        if (is_in_window(g, ev))
            add_row(g->messages, MESSAGES_MAX, ev);
        return;
    default:
        if (report_shows(&g->devices, ev->mud))
            add_row(g->events, EVENTS_MAX, ev);
        return;
    }
}

/* What the log says of the run as a whole; NULL where it does not. */
struct facts {
    char *document, *paths; /* owned */
};

static int read_events(const char *run, const struct run_record *record, json_object *data, struct facts *facts,
                       struct err *e)
{
    uint32_t kinds = EVENT_MASK(EVENT_MESSAGE) | EVENT_MASK(EVENT_STAGE) | EVENT_MASK(EVENT_CONTAINER) |
                     EVENT_MASK(EVENT_MARK) | EVENT_MASK(EVENT_MIGRATION) | EVENT_MASK(EVENT_HANDOFF) |
                     EVENT_MASK(EVENT_OUTAGE) | EVENT_MASK(EVENT_LINK) | EVENT_MASK(EVENT_NOTE) |
                     EVENT_MASK(EVENT_SENT_TOTAL);
    struct event_reader *reader = NULL;
    struct event ev;
    struct gathering g = {.events = json_object_new_array(), .messages = json_object_new_array()};
    json_object_object_add(data, "events", g.events);
    json_object_object_add(data, "messages", g.messages);
    open_windows(&g, record);
    json_object_object_add(data, "windows", windows_json(&g));
    int status = all_events_open(run, kinds, &reader, e);
    if (status < 0)
        return status;
    facts->document = event_reader_fact(reader, "document");
    facts->paths = event_reader_fact(reader, "paths");
    while ((status = event_reader_next(reader, &ev, e)) > 0)
        gather(&g, &ev);
    event_reader_close(reader);
    return status;
}

/* --- the scenario ------------------------------------------------------------------------------------------------------ */

static json_object *aps_json(const struct scenario *s, const struct layout *l)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < s->ap_count; i++) {
        json_object *o = json_object_new_object();
        json_object_object_add(o, "name", json_text(l->aps[i].name));
        json_object_object_add(o, "edge", json_text(l->edges[s->aps[i].edge].name));
        json_object_object_add(o, "x_m", s->aps[i].placed ? json_rounded(s->aps[i].x_m, 3) : NULL);
        json_object_object_add(o, "y_m", s->aps[i].placed ? json_rounded(s->aps[i].y_m, 3) : NULL);
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *edges_json(const struct layout *l)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < l->edge_count; i++)
        json_object_array_add(list, json_text(l->edges[i].name));
    return list;
}

static json_object *rate_json(const struct link_params *params)
{
    return params->rate_bps ? json_rounded((double)params->rate_bps / 1e6, 6) : NULL;
}

static json_object *links_json(const struct layout *l)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < l->link_count; i++) {
        const struct layout_link *link = &l->links[i];
        json_object *o = json_object_new_object();
        autofree char *name =
            mem_printf("%s-%s", l->host_names[link->between[0]], l->host_names[link->between[1]]);
        double rtt_ms = simtime_to_ms(simtime_add(link->params[0].delay, link->params[1].delay));
        json_object_object_add(o, "name", json_text(name));
        json_object_object_add(o, "rtt_ms", json_rounded(rtt_ms, 6));
        json_object_object_add(o, "forward_mbit", rate_json(&link->params[0]));
        json_object_object_add(o, "back_mbit", rate_json(&link->params[1]));
        json_object_array_add(list, o);
    }
    return list;
}

/* Without a document (of an imported log, of another version) the page does without places and links. */
static void add_scenario(json_object *data, const char *document, const char *paths)
{
    struct scenario *s =
        document ? scenario_parse("scenario", document, strlen(document), NULL, 0, NULL) : NULL;
    if (!s)
        return;
    struct layout l;
    world_layout_init(&l, s, s->seed);
    json_object_object_add(data, "scenario", json_tokener_parse(document));
    json_object_object_add(data, "aps", aps_json(s, &l));
    json_object_object_add(data, "edges", edges_json(&l));
    json_object_object_add(data, "links", links_json(&l));
    json_object_object_add(data, "paths", paths ? json_tokener_parse(paths) : NULL);
    world_layout_free(&l);
    scenario_free(s);
}

int report_data(const char *folder, json_object **out, struct err *e)
{
    struct response_curve curve = RESPONSE_CURVE_INIT;
    struct run_record first = RUN_RECORD_INIT;
    json_object *result = NULL, *data = json_object_new_object();
    struct facts facts = {NULL, NULL};
    int status = json_file_read(folder, "result.json", &result, e);
    int repetitions = status == 0 ? result_repetitions(folder, result) : 0;
    autofree char *run = repetitions ? mem_printf("%s/rep-1", folder) : mem_copy_string(folder);
    json_object_object_add(data, "result", result);
    json_object_object_add(data, "repetitions", json_object_new_int(repetitions));
    if (status == 0)
        status = response_curve_read(folder, repetitions, &curve, &first, e);
    json_object_object_add(data, "response", response_json(&curve));
    if (status == 0)
        status = read_events(run, &first, data, &facts, e);
    add_scenario(data, facts.document, facts.paths);
    free(facts.document);
    free(facts.paths);
    response_curve_free(&curve);
    run_record_free(&first);
    *out = data;
    return status;
}

json_object *report_data_at_start(json_object *result, const char *document, const char *paths)
{
    static const char *const lists[] = {"response", "events", "messages", "windows"};
    json_object *data = json_object_new_object();
    json_object_object_add(data, "result", result);
    json_object_object_add(data, "repetitions", json_object_new_int(0));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        json_object_object_add(data, lists[i], json_object_new_array());
    add_scenario(data, document, paths);
    return data;
}
