#include "cpu_load.h"
#include "figure_parts.h"
#include "mem.h"
#include "result.h"

#include <stdlib.h>
#include <string.h>

enum { CURVES_MAX = 8, BINS_MAX = 60, LEAST_BIN_MS = 200, LEAD_MS = 500, LEAST_SHARE = 20 };

struct curve {
    const char *host, *program;
    int64_t sum_ns, bins_ns[BINS_MAX];
};

/* The first migration that transferred something, from a little before its first transfer to its end. */
struct window {
    struct simtime begin, end, bin;
    struct simtime first; /* transfer: zero on the axis */
};

static bool choose_window(const struct run_record *r, const struct cpu_load_spans *transfers, struct window *w)
{
    if (transfers->count == 0)
        return false;
    w->first = transfers->list[0].begin;
    for (size_t i = 0; i < r->migration_count; i++)
        if (!simtime_before(w->first, r->migrations[i].begin))
            w->end = simtime_max(w->end, r->migrations[i].end);
    w->begin = simtime_max(SIMTIME_ZERO, simtime_sub(w->first, simtime_ms(LEAD_MS)));
    w->bin = simtime_max(simtime_ms(LEAST_BIN_MS), simtime_ns((w->end.ns - w->begin.ns) / BINS_MAX + 1));
    return simtime_before(w->first, w->end);
}

static int bins_of(const struct window *w)
{
    int64_t bins = (w->end.ns - w->begin.ns + w->bin.ns - 1) / w->bin.ns;
    return bins < BINS_MAX ? (int)bins : BINS_MAX;
}

static struct curve *curve_of(struct curve *curves, size_t *count, const struct run_cpu *sample)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(curves[i].host, sample->host) == 0 && strcmp(curves[i].program, sample->program) == 0)
            return &curves[i];
    curves[*count] = (struct curve){.host = sample->host, .program = sample->program};
    return &curves[(*count)++];
}

/* A sample belongs to the bin in which its middle is. */
static void put_samples(const struct run_record *r, const struct window *w, struct curve *curves,
                        size_t *count)
{
    for (size_t i = 0; i < r->cpu_count; i++) {
        const struct run_cpu *s = &r->cpu[i];
        int64_t middle = s->begin.ns + (s->end.ns - s->begin.ns) / 2 - w->begin.ns, bin = middle / w->bin.ns;
        if (middle < 0 || bin >= bins_of(w))
            continue;
        struct curve *curve = curve_of(curves, count, s);
        curve->bins_ns[bin] += s->used.ns;
        curve->sum_ns += s->used.ns;
    }
}

static int by_sum(const void *a_, const void *b_)
{
    const struct curve *a = a_, *b = b_;
    return (a->sum_ns < b->sum_ns) - (a->sum_ns > b->sum_ns);
}

static void put_curve(struct figure *f, const struct window *w, const struct curve *curve, size_t index)
{
    autofree char *name = mem_printf("title_%zu", index + 1);
    autofree char *title = mem_printf("%s on %s", curve->program, curve->host);
    figure_set_text(f, name, title);
    buf_printf(&f->data, "%s# %s: s percent\n", index ? "\n\n" : "", title);
    for (int i = 0; i < bins_of(w); i++) {
        int64_t middle = w->begin.ns + w->bin.ns * i + w->bin.ns / 2 - w->first.ns;
        buf_printf(&f->data, "%.3f %.2f\n", (double)middle / 1e9,
                   100 * (double)curve->bins_ns[i] / (double)w->bin.ns);
    }
}

static void put_transfers(struct figure *f, const struct window *w, const struct cpu_load_spans *transfers)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < transfers->count && simtime_before(transfers->list[i].begin, w->end); i++)
        buf_printf(&text, "%s%.3f %.3f", i ? " " : "",
                   simtime_seconds(simtime_sub(transfers->list[i].begin, w->first)),
                   simtime_seconds(simtime_sub(transfers->list[i].end, w->first)));
    figure_set_text(f, "transfers", buf_text(&text));
    buf_free(&text);
}

static int draw(const struct run_record *r, const struct cpu_load_spans *transfers, const struct window *w,
                json_object *result, const char *out, struct err *e)
{
    struct figure f = {.name = "cpu", .template = figure_template_cpu};
    autofree struct curve *curves = mem_alloc_array(r->cpu_count, sizeof *curves);
    autofree char *subject = figure_subject(result), *title = mem_printf("CPU use by program: %s", subject);
    autofree char *note = mem_printf(
        "of one CPU, over %.1f s each; shaded: the container is being transferred", simtime_seconds(w->bin));
    size_t count = 0;
    put_samples(r, w, curves, &count);
    qsort(curves, count, sizeof *curves, by_sum);
    count = count < CURVES_MAX ? count : CURVES_MAX;
    while (count > 1 && curves[count - 1].sum_ns * LEAST_SHARE < curves[0].sum_ns)
        count--;
    for (size_t i = 0; i < count; i++)
        put_curve(&f, w, &curves[i], i);
    put_transfers(&f, w, transfers);
    figure_set_text(&f, "figure_title", title);
    figure_set_text(&f, "figure_note", note);
    figure_set_number(&f, "curves", (double)count);
    return figure_draw(&f, out, e);
}

int figure_cpu(const char *folder, json_object *result, const char *out, struct err *e)
{
    struct run_record record = RUN_RECORD_INIT;
    struct cpu_load_spans transfers = {0};
    struct window window = {0};
    autofree char *run = mem_printf(result_repetitions(folder, result) ? "%s/rep-1" : "%s", folder);
    int status = run_record_read(run, &record, e);
    if (status == 0 && record.cpu_count) {
        cpu_load_transfers(&record, &transfers);
        if (choose_window(&record, &transfers, &window))
            status = draw(&record, &transfers, &window, result, out, e);
    }
    cpu_load_spans_free(&transfers);
    run_record_free(&record);
    return status;
}
