#include "all_events.h"
#include "figure_parts.h"
#include "mem.h"
#include "result.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 40, EDGES_MAX = 64 };

struct row {
    int32_t mud;
    char *name;
    int edge;              /* where its live container is, -1 = none */
    struct simtime live;   /* since */
    int32_t migration;     /* the newest one, while it is not committed, or ended; 0 = none */
    struct simtime begins; /* it */
};

struct span {
    struct simtime begin, end;
    const char *kind;
    int row, edge;
};

struct whereabouts {
    struct row rows[ROWS_MAX]; /* the first devices whose containers are heard of; a log may keep only some */
    int row_count;
    bool more; /* devices than rows */
    char *edges[EDGES_MAX];
    int edge_count, changes;
    struct span *spans; /* owned */
    size_t span_count;
    struct simtime end;
};

/* In the order of first appearance; the last one stands for all beyond. */
static int edge_of(struct whereabouts *w, const char *name)
{
    for (int i = 0; i < w->edge_count; i++)
        if (strcmp(w->edges[i], name) == 0)
            return i;
    if (w->edge_count == EDGES_MAX)
        return EDGES_MAX - 1;
    w->edges[w->edge_count] = mem_copy_string(name);
    return w->edge_count++;
}

static void put(struct whereabouts *w, const struct row *row, struct simtime begin, struct simtime end,
                const char *kind)
{
    if ((w->span_count & (w->span_count - 1)) == 0) /* full at every power of two */
        w->spans = mem_resize(w->spans, (w->span_count ? w->span_count * 2 : 1) * sizeof *w->spans);
    w->spans[w->span_count++] = (struct span){begin, end, kind, (int)(row - w->rows), row->edge};
}

static void leave(struct whereabouts *w, struct row *row, struct simtime at)
{
    if (row->edge >= 0)
        put(w, row, row->live, at, "live");
    row->edge = -1;
}

static void follow_container(struct whereabouts *w, struct row *row, const struct event *ev)
{
    int edge = edge_of(w, ev->reporter);
    bool is_live = strcmp(ev->text, "live") == 0, is_standby = strcmp(ev->text, "standby") == 0;
    if (is_live ? edge == row->edge : is_standby || edge != row->edge)
        return;
    leave(w, row, ev->at);
    if (is_live) {
        row->edge = edge;
        row->live = ev->at;
    }
}

static void mark_migration(struct whereabouts *w, struct row *row, const struct event *ev)
{
    bool begins = strcmp(ev->text, "migr begins") == 0;
    if (!begins && row->migration)
        put(w, row, row->begins, ev->at, "migration");
    row->migration = begins ? ev->migration : 0;
    row->begins = ev->at;
}

/* A commit has been marked before. */
static void end_migration(struct whereabouts *w, struct row *row, const struct event *ev)
{
    if (row->migration != ev->migration)
        return;
    put(w, row, row->begins, ev->at, "migration");
    row->migration = 0;
}

static void add(struct whereabouts *w, struct row *row, const struct event *ev)
{
    switch (ev->kind) {
    case EVENT_CONTAINER:
        follow_container(w, row, ev);
        return;
    case EVENT_MARK:
        mark_migration(w, row, ev);
        return;
    case EVENT_MIGRATION:
        w->changes++;
        end_migration(w, row, ev);
        return;
    case EVENT_HANDOFF:
    case EVENT_OUTAGE:
        if (strcmp(ev->text, "first association") == 0)
            return;
        w->changes++;
        put(w, row, ev->begin, ev->at, ev->kind == EVENT_HANDOFF ? "handoff" : "outage");
        return;
    default: /* the device's own report at the end says what it is called */
        row->name = row->name ? row->name : mem_copy_string(ev->reporter);
        return;
    }
}

static struct row *row_of(struct whereabouts *w, const struct event *ev)
{
    for (int i = 0; i < w->row_count; i++)
        if (w->rows[i].mud == ev->mud)
            return &w->rows[i];
    if (ev->mud < 0 || ev->kind != EVENT_CONTAINER)
        return NULL;
    w->more |= w->row_count == ROWS_MAX;
    if (w->more)
        return NULL;
    w->rows[w->row_count] = (struct row){.mud = ev->mud, .edge = -1};
    return &w->rows[w->row_count++];
}

static int read_events(struct whereabouts *w, const char *folder, struct err *e)
{
    struct event_reader *reader = NULL;
    struct event ev;
    uint32_t kinds = EVENT_MASK(EVENT_CONTAINER) | EVENT_MASK(EVENT_MARK) | EVENT_MASK(EVENT_MIGRATION) |
                     EVENT_MASK(EVENT_HANDOFF) | EVENT_MASK(EVENT_OUTAGE) | EVENT_MASK(EVENT_SENT_TOTAL);
    int status = all_events_open(folder, kinds, &reader, e);
    if (status < 0)
        return status;
    while ((status = event_reader_next(reader, &ev, e)) > 0) {
        struct row *row = row_of(w, &ev);
        w->end = simtime_max(w->end, ev.at);
        if (row)
            add(w, row, &ev);
    }
    event_reader_close(reader);
    for (int i = 0; i < w->row_count; i++)
        leave(w, &w->rows[i], w->end);
    return status;
}

/* --- drawing ------------------------------------------------------------------------------------------------------ */

/* Rows are drawn in the order of devices: the place of each, from 1. */
static int place_of(const struct whereabouts *w, int row)
{
    int place = 1;
    for (int i = 0; i < w->row_count; i++)
        place += w->rows[i].mud < w->rows[row].mud;
    return place;
}

static void put_spans(const struct whereabouts *w, struct figure *figure)
{
    buf_printf(&figure->data, "# row  begin_s  end_s  kind  edge\n");
    for (size_t i = 0; i < w->span_count; i++) {
        const struct span *s = &w->spans[i];
        buf_printf(&figure->data, "%d %.6f %.6f %s %d\n", place_of(w, s->row), simtime_seconds(s->begin),
                   simtime_seconds(s->end), s->kind, s->edge + 1);
    }
}

static const char *name_at(const struct whereabouts *w, int place)
{
    static const char user[] = "USER-";
    int row = 0;
    while (place_of(w, row) != place)
        row++;
    const char *name = w->rows[row].name ? w->rows[row].name : "?";
    return strncmp(name, user, strlen(user)) == 0 ? name + strlen(user) : name;
}

static void set_names(const struct whereabouts *w, struct figure *figure)
{
    struct buf rows = BUF_INIT, edges = BUF_INIT;
    for (int i = 1; i <= w->row_count; i++)
        buf_printf(&rows, "%s%s", i > 1 ? " " : "", name_at(w, i));
    for (int i = 0; i < w->edge_count; i++)
        buf_printf(&edges, "%s%s", i ? " " : "", w->edges[i]);
    figure_set_text(figure, "devices", buf_text(&rows));
    figure_set_text(figure, "edges", buf_text(&edges));
    buf_free(&rows);
    buf_free(&edges);
}

static int draw(const struct whereabouts *w, json_object *result, bool repeated, const char *out,
                struct err *e)
{
    struct figure figure = {.name = "whereabouts", .template = figure_template_whereabouts};
    autofree char *subject = figure_subject(result);
    autofree char *title = mem_printf("Where each container is: %s", subject);
    autofree char *note = mem_printf("%s%d devices%s", w->more ? "the first " : "", w->row_count,
                                     repeated ? ", the first repetition" : "");
    figure_set_text(&figure, "figure_title", title);
    figure_set_text(&figure, "figure_note", note);
    figure_set_number(&figure, "end", simtime_seconds(w->end));
    set_names(w, &figure);
    put_spans(w, &figure);
    return figure_draw(&figure, out, e);
}

int figure_whereabouts(const char *folder, json_object *result, const char *out, struct err *e)
{
    struct whereabouts w = {0};
    bool repeated = result_repetitions(folder, result) > 0;
    autofree char *run = mem_printf(repeated ? "%s/rep-1" : "%s", folder);
    int status = read_events(&w, run, e);
    if (status == 0 && w.row_count > 1 && w.changes)
        status = draw(&w, result, repeated, out, e);
    for (int i = 0; i < w.row_count; i++)
        free(w.rows[i].name);
    for (int i = 0; i < w.edge_count; i++)
        free(w.edges[i]);
    free(w.spans);
    return status;
}
