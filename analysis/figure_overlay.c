#include "figure_parts.h"
#include "json_file.h"
#include "mem.h"
#include "response_curve.h"
#include "result.h"

#include <errno.h>
#include <stdlib.h>

enum { CHANGES_MAX = 40 }; /* more would be a grey wall: a ramp, or a trace */

struct overlay {
    struct figure figure;
    struct response_curve *curves; /* owned, one a result */
    char **labels;                 /* owned, one a result */
    int drawn;
};

/* The blank-separated times, and a text for each. */
static void put_changes(struct figure *figure, const struct run_record *record)
{
    struct buf times = BUF_INIT;
    bool few = record->link_change_count <= CHANGES_MAX;
    for (size_t i = 0; few && i < record->link_change_count; i++) {
        autofree char *name = mem_printf("change_%zu", i + 1);
        buf_printf(&times, "%s%.3f", i ? " " : "", simtime_seconds(record->link_changes[i].at));
        figure_set_text(figure, name, record->link_changes[i].text);
    }
    figure_set_text(figure, "changes", times.len ? buf_text(&times) : "");
    buf_free(&times);
}

/* Blocks are told apart by two blank lines; one without any point would be none. */
static void put_block(struct overlay *o, const struct response_curve *curve, const char *title)
{
    autofree char *name = mem_printf("title_%d", o->drawn + 1);
    size_t before = o->figure.data.len;
    buf_printf(&o->figure.data, "%s# %s: sent_s  mean_ms  request\n", o->drawn ? "\n\n" : "", title);
    size_t empty = o->figure.data.len;
    for (size_t i = 0; i < curve->count; i++) {
        const struct response_point *p = &curve->points[i];
        if (p->count)
            buf_printf(&o->figure.data, "%.6f %.3f %zu\n", p->sent_sum / (double)p->count,
                       p->ms_sum / (double)p->count, i);
    }
    if (o->figure.data.len == empty) {
        o->figure.data.len = before;
        return;
    }
    figure_set_text(&o->figure, name, title);
    o->drawn++;
}

static char *name_of(const char *folder, json_object *result)
{
    autofree char *subject = figure_subject(result);
    int repetitions = result_repetitions(folder, result);
    return repetitions > 1 ? mem_printf("%s, n = %d", subject, repetitions) : steal(subject);
}

static int add_result(struct overlay *o, const char *folder, int i, struct err *e)
{
    json_object *result = NULL;
    struct run_record first = RUN_RECORD_INIT;
    int status = json_file_read(folder, "result.json", &result, e);
    if (status == 0)
        status = response_curve_read(folder, result_repetitions(folder, result), &o->curves[i], &first, e);
    if (status == 0) {
        put_block(o, &o->curves[i], o->labels[i]);
        if (i == 0)
            put_changes(&o->figure, &first);
    }
    run_record_free(&first);
    json_object_put(result);
    return status;
}

static char *note_of(const struct overlay *o, int count)
{
    if (count != 2)
        return mem_printf("means over the repetitions; dotted: link changes of the first");
    struct response_difference d = response_curve_compare(&o->curves[0], &o->curves[1]);
    return mem_printf(
        "%zu requests; second less first: mean %+.1f ms; apart: median %.1f, 95 %% %.1f, most %.1f ms",
        d.count, d.mean, d.p50, d.p95, d.max);
}

int figure_response_overlay(const char *const *folders, int count, const char *out, struct err *e)
{
    struct overlay o = {.figure = {.name = "response-overlay", .template = figure_template_response_overlay}};
    if (!(o.labels = figure_labels(folders, count, name_of, e)))
        return -e->code;
    int status = 0;
    o.curves = mem_alloc_array((size_t)count, sizeof *o.curves);
    for (int i = 0; i < count && status == 0; i++)
        status = add_result(&o, folders[i], i, e);
    autofree char *note = note_of(&o, count);
    figure_set_text(&o.figure, "figure_title", "Response time over the run");
    figure_set_text(&o.figure, "figure_note", note);
    figure_set_number(&o.figure, "results", o.drawn);
    for (int i = 0; i < count; i++)
        response_curve_free(&o.curves[i]);
    free(o.curves);
    figure_labels_free(o.labels, count);
    if (status == 0 && o.drawn)
        return figure_draw(&o.figure, out, e);
    buf_free(&o.figure.data);
    buf_free(&o.figure.settings);
    return status;
}
