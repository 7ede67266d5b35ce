#include "figure_parts.h"
#include "json_file.h"
#include "mem.h"
#include "result.h"
#include "run_record.h"

#include <math.h>
#include <stdlib.h>

enum { SHADED_MAX = 12 };

/* Response times of one request number over repetitions and devices. */
struct point {
    double sum, min, max;
    int64_t count;
};

struct points {
    struct point *list; /* by request number */
    size_t count;
};

static void add_response(struct points *points, int32_t number, double ms)
{
    size_t needed = (size_t)number + 1;
    if (needed > points->count) {
        size_t larger = needed < points->count * 2 ? points->count * 2 : needed;
        points->list = mem_resize(points->list, larger * sizeof *points->list);
        for (size_t i = points->count; i < larger; i++)
            points->list[i] = (struct point){0};
        points->count = larger;
    }
    struct point *p = &points->list[number];
    p->min = p->count == 0 || ms < p->min ? ms : p->min;
    p->max = p->count == 0 || ms > p->max ? ms : p->max;
    p->sum += ms;
    p->count++;
}

/* A number far beyond all others (an imported log may hold anything) would only make an empty figure of great
 * width. */
enum { NUMBERS_MAX = 10000000 };

static void add_run(struct points *points, const struct run_record *record)
{
    for (size_t i = 0; i < record->mud_count; i++)
        for (size_t k = 0; k < record->muds[i].request_count; k++) {
            const struct run_request *q = &record->muds[i].requests[k];
            if (q->number >= 0 && q->number < NUMBERS_MAX)
                add_response(points, q->number, simtime_to_ms(simtime_sub(q->answered, q->sent)));
        }
}

/* Which numbers were sent while the migration ran; false if none. */
static bool numbers_during(const struct run_mud *mud, const struct run_migration *m, int32_t *first,
                           int32_t *last)
{
    bool any = false;
    for (size_t i = 0; i < mud->request_count; i++) {
        const struct run_request *q = &mud->requests[i];
        if (simtime_before(q->sent, m->begin) || !simtime_before(q->sent, m->end))
            continue;
        *first = any && *first < q->number ? *first : q->number;
        *last = any && *last > q->number ? *last : q->number;
        any = true;
    }
    return any;
}

/* Only a single device's numbers say when something happened. */
static void set_migrations(struct figure *figure, const struct run_record *record)
{
    struct buf from = BUF_INIT, to = BUF_INIT;
    for (size_t i = 0; i < record->migration_count && i < SHADED_MAX && record->mud_count == 1; i++) {
        int32_t first = 0, last = 0;
        if (record->migrations[i].mud == 0 && record->migrations[i].outcome &&
            numbers_during(&record->muds[0], &record->migrations[i], &first, &last)) {
            buf_printf(&from, "%s%.1f", from.len ? " " : "", first - 0.5);
            buf_printf(&to, "%s%.1f", to.len ? " " : "", last + 0.5);
        }
    }
    figure_set_text(figure, "migration_from", from.len ? buf_text(&from) : "");
    figure_set_text(figure, "migration_to", to.len ? buf_text(&to) : "");
    buf_free(&from);
    buf_free(&to);
}

/* Reads every repetition; the bands are those of the first. */
static int read_points(const char *folder, int repetitions, struct points *points, struct figure *figure,
                       struct err *e)
{
    int status = 0;
    for (int i = 0; i < (repetitions ? repetitions : 1) && status == 0; i++) {
        struct run_record record = RUN_RECORD_INIT;
        autofree char *one = repetitions ? mem_printf("%s/rep-%d", folder, i + 1) : mem_copy_string(folder);
        status = run_record_read(one, &record, e);
        add_run(points, &record);
        if (i == 0)
            set_migrations(figure, &record);
        run_record_free(&record);
    }
    return status;
}

static char *note_of(json_object *result, int repetitions)
{
    double mean = json_number_at(result, "response_ms.mean"),
           ci95 = json_number_at(result, "response_ms.ci95");
    double lost = json_number_at(result, "requests.lost");
    if (repetitions > 1 && ci95 == 0)
        return mem_printf("%d repetitions, all alike, mean %.1f ms, %.0f lost", repetitions, mean, lost);
    if (repetitions > 1 && isfinite(ci95))
        return mem_printf("%d repetitions, mean %.1f ms ± %.1f (95 %% confidence), %.0f lost", repetitions,
                          mean, ci95, lost);
    return mem_printf("one run, mean %.1f ms, %.0f lost", mean, lost);
}

int figure_response_time(const char *folder, json_object *result, const char *out, struct err *e)
{
    struct figure figure = {.name = "response-time", .template = figure_template_response_time};
    struct points points = {0};
    int repetitions = result_repetitions(folder, result);
    int status = read_points(folder, repetitions, &points, &figure, e);
    autofree char *subject = figure_subject(result);
    autofree char *title = mem_printf("Response time per request: %s", subject);
    autofree char *note = note_of(result, repetitions);
    figure_set_text(&figure, "figure_title", title);
    figure_set_text(&figure, "figure_note", note);
    size_t drawn = 0;
    int64_t most = 0;
    buf_printf(&figure.data, "# request  mean_ms  min_ms  max_ms  count\n");
    for (size_t i = 0; i < points.count; i++) {
        const struct point *p = &points.list[i];
        if (p->count == 0)
            continue;
        buf_printf(&figure.data, "%zu %.3f %.3f %.3f %lld\n", i, p->sum / (double)p->count, p->min, p->max,
                   (long long)p->count);
        drawn++;
        most = p->count > most ? p->count : most;
    }
    figure_set_number(&figure, "repetitions", (double)most);
    free(points.list);
    if (status < 0 || drawn == 0) {
        buf_free(&figure.data);
        buf_free(&figure.settings);
        return status;
    }
    return figure_draw(&figure, out, e);
}
