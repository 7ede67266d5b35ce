#include "event_reader.h"
#include "figure_parts.h"
#include "mem.h"
#include "result.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 40, EDGES_MAX = 64 };

struct row {
    char *name;
    int edge;              /* where its live container is, -1 = none */
    struct simtime live;   /* since */
    struct simtime begins; /* the migration that runs */
    bool migrates;
};

struct whereabouts {
    struct figure *figure;
    struct row rows[ROWS_MAX]; /* by device */
    int row_count;
    bool more; /* devices than rows */
    char *edges[EDGES_MAX];
    int edge_count, changes;
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
    buf_printf(&w->figure->data, "%d %.6f %.6f %s %d\n", (int)(row - w->rows) + 1, simtime_seconds(begin),
               simtime_seconds(end), kind, row->edge + 1);
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

static void end_migration(struct whereabouts *w, struct row *row, const struct event *ev)
{
    put(w, row, row->migrates ? row->begins : ev->begin, ev->at, "migration");
    row->migrates = false;
}

static void add(struct whereabouts *w, struct row *row, const struct event *ev)
{
    switch (ev->kind) {
    case EVENT_CONTAINER:
        follow_container(w, row, ev);
        return;
    case EVENT_MARK:
        if (strcmp(ev->text, "migr begins") == 0) {
            row->migrates = true;
            row->begins = ev->at;
        }
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

static int read_events(struct whereabouts *w, const char *folder, struct err *e)
{
    struct event_reader *reader = NULL;
    struct event ev;
    uint32_t kinds = EVENT_MASK(EVENT_CONTAINER) | EVENT_MASK(EVENT_MARK) | EVENT_MASK(EVENT_MIGRATION) |
                     EVENT_MASK(EVENT_HANDOFF) | EVENT_MASK(EVENT_OUTAGE) | EVENT_MASK(EVENT_SENT_TOTAL);
    int status = event_reader_open(folder, kinds, &reader, e);
    if (status < 0)
        return status;
    while ((status = event_reader_next(reader, &ev, e)) > 0) {
        w->end = simtime_max(w->end, ev.at);
        w->more |= ev.mud >= ROWS_MAX;
        if (ev.mud < 0 || ev.mud >= ROWS_MAX)
            continue;
        w->row_count = ev.mud < w->row_count ? w->row_count : ev.mud + 1;
        add(w, &w->rows[ev.mud], &ev);
    }
    event_reader_close(reader);
    return status;
}

static void set_list(struct figure *figure, const char *name, const struct buf *words)
{
    struct buf copy = *words;
    figure_set_text(figure, name, copy.len ? buf_text(&copy) : "");
    buf_free(&copy);
}

static void set_names(struct whereabouts *w)
{
    static const char user[] = "USER-";
    struct buf rows = BUF_INIT, edges = BUF_INIT;
    for (int i = 0; i < w->row_count; i++) {
        const char *name = w->rows[i].name ? w->rows[i].name : "?";
        bool is_user = strncmp(name, user, strlen(user)) == 0;
        buf_printf(&rows, "%s%s", i ? " " : "", is_user ? name + strlen(user) : name);
    }
    for (int i = 0; i < w->edge_count; i++)
        buf_printf(&edges, "%s%s", i ? " " : "", w->edges[i]);
    set_list(w->figure, "devices", &rows);
    set_list(w->figure, "edges", &edges);
}

static void set_texts(struct whereabouts *w, json_object *result, bool repeated)
{
    autofree char *subject = figure_subject(result);
    autofree char *title = mem_printf("Where each container is: %s", subject);
    autofree char *note = mem_printf("%s%d devices%s", w->more ? "the first " : "", w->row_count,
                                     repeated ? ", the first repetition" : "");
    figure_set_text(w->figure, "figure_title", title);
    figure_set_text(w->figure, "figure_note", note);
    figure_set_number(w->figure, "end", simtime_seconds(w->end));
    set_names(w);
}

static void free_whereabouts(struct whereabouts *w)
{
    for (int i = 0; i < ROWS_MAX; i++)
        free(w->rows[i].name);
    for (int i = 0; i < w->edge_count; i++)
        free(w->edges[i]);
}

int figure_whereabouts(const char *folder, json_object *result, const char *out, struct err *e)
{
    struct figure figure = {.name = "whereabouts", .template = figure_template_whereabouts};
    struct whereabouts w = {.figure = &figure};
    bool repeated = result_repetitions(folder, result) > 0;
    autofree char *run = mem_printf(repeated ? "%s/rep-1" : "%s", folder);
    for (int i = 0; i < ROWS_MAX; i++)
        w.rows[i].edge = -1;
    buf_printf(&figure.data, "# row  begin_s  end_s  kind  edge\n");
    int status = read_events(&w, run, e);
    for (int i = 0; i < w.row_count; i++)
        leave(&w, &w.rows[i], w.end);
    bool worth = status == 0 && w.row_count > 1 && w.changes && w.edge_count;
    if (worth) {
        set_texts(&w, result, repeated);
        status = figure_draw(&figure, out, e);
    } else {
        buf_free(&figure.data);
    }
    free_whereabouts(&w);
    return status;
}
