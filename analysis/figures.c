#include "figures.h"
#include "figure_parts.h"
#include "json_file.h"
#include "mem.h"
#include "result.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static int make_folder(const char *path, struct err *e)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : err_errno(e, "create folder %s", path);
}

/* A figure that fails leaves the others to be drawn; without gnuplot, the data of every one is written still. */
static int draw_all(const char *folder, json_object *result, const char *out, struct err *e)
{
    static int (*const draw[])(const char *, json_object *, const char *,
                               struct err *) = {figure_response_time, figure_stages, figure_whereabouts,
                                              figure_cpu};
    int status = 0;
    for (size_t i = 0; i < ARRAY_LEN(draw); i++) {
        int one = draw[i](folder, result, out, status ? NULL : e);
        status = status ? status : one;
    }
    return status;
}

int figures_of_result(const char *folder, struct err *e)
{
    json_object *result = NULL;
    autofree char *out = mem_printf("%s/figures", folder);
    int status = json_file_read(folder, "result.json", &result, e);
    if (status == 0)
        status = make_folder(out, e);
    if (status == 0)
        status = draw_all(folder, result, out, e);
    json_object_put(result);
    return status;
}

/* "p-migr (sim)", with the scenario's name where the strategy is not known. */
static char *name_of(const char *folder, json_object *result)
{
    (void)folder;
    const char *strategy = json_text_at(result, "migrations.0.strategy");
    return mem_printf("%s (%s)", strategy[0] ? strategy : json_text_at(result, "scenario.name"),
                      json_text_at(result, "world"));
}

struct bars {
    struct figure *figure;
    int rows;
    double top;
};

static int add_bar(struct bars *bars, const char *folder, const char *label, struct err *e)
{
    json_object *result = NULL;
    int status = json_file_read(folder, "result.json", &result, e);
    if (status < 0)
        return status;
    double mean = json_number_at(result, "migration_s.mean"),
           ci95 = json_number_at(result, "migration_s.ci95"), n = json_number_at(result, "migration_s.n");
    if (isfinite(mean)) {
        int decimals = mean < 10 ? 2 : 1;
        buf_printf(&bars->figure->data, "%d \"%s\" %.6f %.6f \"%.*f", ++bars->rows, label, mean,
                   isfinite(ci95) ? ci95 : 0, decimals, mean);
        if (ci95 > 0)
            buf_printf(&bars->figure->data, " ± %.*f", decimals, ci95);
        buf_printf(&bars->figure->data, " s");
        if (isfinite(n))
            buf_printf(&bars->figure->data, ", n = %.0f", n);
        buf_printf(&bars->figure->data, "\"\n");
        bars->top = fmax(bars->top, mean + (isfinite(ci95) ? ci95 : 0));
    }
    json_object_put(result);
    return 0;
}

static int migration_time(const char *const *folders, int count, const char *out, struct err *e)
{
    struct figure figure = {.name = "migration-time", .template = figure_template_migration_time};
    struct bars bars = {.figure = &figure};
    int status = 0;
    char **labels = figure_labels(folders, count, name_of, e);
    if (!labels)
        return -e->code;
    buf_printf(&figure.data, "# row  result  mean_s  ci95_s  label\n");
    for (int i = 0; i < count && status == 0; i++)
        status = add_bar(&bars, folders[i], labels[i], e);
    figure_labels_free(labels, count);
    if (status == 0 && bars.rows == 0)
        status = err_set(e, ENODATA, "figure %s: no migration finished in these results", figure.name);
    if (status < 0) {
        buf_free(&figure.data);
        return status;
    }
    figure_set_text(&figure, "figure_title", "Migration time by strategy");
    figure_set_text(&figure, "figure_note", "means of n repetitions, or of n migrations of one run; whiskers: 95 % confidence interval");
    figure_set_number(&figure, "rows", bars.rows);
    figure_set_number(&figure, "top", bars.top);
    return figure_draw(&figure, out, e);
}

int figures_of_comparison(const char *const *folders, int count, const char *out, struct err *e)
{
    int status = make_folder(out, e);
    if (status == 0)
        status = figure_response_overlay(folders, count, out, e);
    return status < 0 ? status : migration_time(folders, count, out, e);
}
