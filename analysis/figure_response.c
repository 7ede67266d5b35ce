#include "figure_parts.h"
#include "json_file.h"
#include "mem.h"
#include "response_curve.h"
#include "result.h"
#include "statistics.h"

#include <math.h>

enum { SHADED_MAX = 12 };

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
    return mem_printf("one run, mean of %.0f answers %.1f ms, %.0f lost", json_number_at(result, "requests.answered"), mean, lost);
}

/* Half of the mean's 95 % confidence interval, by Student's t; 0 of a single answer. */
static double interval_of(const struct response_point *p)
{
    return p->count > 1 ? statistics_ci95_of_sums((size_t)p->count, p->ms_sum, p->ms_squares) : 0;
}

/* Returns the most often that any request was answered, 0 if there is none. */
static int64_t put_points(struct figure *figure, const struct response_curve *curve)
{
    int64_t most = 0;
    buf_printf(&figure->data, "# request  mean_ms  min_ms  max_ms  ci95_ms  n\n");
    for (size_t i = 0; i < curve->count; i++) {
        const struct response_point *p = &curve->points[i];
        if (p->count == 0)
            continue;
        buf_printf(&figure->data, "%zu %.3f %.3f %.3f %.3f %lld\n", i, p->ms_sum / (double)p->count,
                   p->ms_min, p->ms_max, interval_of(p), (long long)p->count);
        most = p->count > most ? p->count : most;
    }
    return most;
}

int figure_response_time(const char *folder, json_object *result, const char *out, struct err *e)
{
    struct figure figure = {.name = "response-time", .template = figure_template_response_time};
    struct response_curve curve = RESPONSE_CURVE_INIT;
    struct run_record first = RUN_RECORD_INIT; /* the bands are its */
    int repetitions = result_repetitions(folder, result);
    int status = response_curve_read(folder, repetitions, &curve, &first, e);
    autofree char *subject = figure_subject(result);
    autofree char *title = mem_printf("Response time per request: %s", subject);
    autofree char *note = note_of(result, repetitions);
    set_migrations(&figure, &first);
    figure_set_text(&figure, "figure_title", title);
    figure_set_text(&figure, "figure_note", note);
    int64_t most = put_points(&figure, &curve);
    figure_set_number(&figure, "repetitions", (double)most);
    /* Devices differ for reasons of their own; only a device's repetitions are a sample. */
    figure_set_number(&figure, "sampled", most > 1 && most == repetitions);
    response_curve_free(&curve);
    run_record_free(&first);
    if (status == 0 && most)
        return figure_draw(&figure, out, e);
    buf_free(&figure.data);
    buf_free(&figure.settings);
    return status;
}
