#include "sweep_figures.h"
#include "figure_parts.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURVES_MAX = 12, CELLS_MAX = 100, NAMED_MAX = 15, MAP_PX = 640 };
/* Values that span less never stand on a logarithmic axis. */
static const double LOGARITHMIC_SPAN = 10;

/* --- axes ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *suffix, *unit;
} units[] = {
    {"_per_s", "1/s"}, {"ms_per_mb", "ms/MB"},  {"_mbit", "Mbit/s"}, {"_mps", "m/s"},
    {"_ms", "ms"},     {"_mb", "MB"},           {"_s", "s"},         {"_bytes", "bytes"},
    {"_m", "m"},       {"_packets", "packets"}, {"_dbm", "dBm"},     {"_db", "dB"},
};

/* Takes the unit off the end of a word, or leaves it and returns NULL. */
static const char *take_unit(char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t suffix = strlen(units[i].suffix);
        if (len >= suffix && strcmp(word + len - suffix, units[i].suffix) == 0) {
            word[len - suffix] = '\0';
            return units[i].unit;
        }
    }
    return NULL;
}

char *sweep_figures_label(const char *path)
{
    autofree char *copy = mem_copy_string(path);
    const char *unit = NULL;
    struct buf label = BUF_INIT;
    char *rest = NULL;
    for (char *word = strtok_r(copy, ".", &rest); word; word = strtok_r(NULL, ".", &rest)) {
        const char *its = take_unit(word);
        unit = its ? its : unit;
        if (*word)
            buf_printf(&label, "%s%s", label.len ? " " : "", word);
    }
    for (size_t i = 0; i < label.len; i++)
        if (label.data[i] == '_')
            label.data[i] = ' ';
    if (unit)
        buf_printf(&label, " (%s)", unit);
    char *text = mem_copy_string(buf_text(&label));
    buf_free(&label);
    return text;
}

void sweep_figures_add_value(struct buf *text, const struct sweep_grid *grid, int point, int axis)
{
    autofree char *label = sweep_figures_label(grid->axes[axis].path);
    double number;
    const char *value = sweep_grid_value(grid, point, axis);
    const char *unit = sweep_grid_number(value, &number) ? strrchr(label, '(') : NULL;
    if (unit)
        label[unit - label - 1] = '\0';
    buf_printf(text, "%s%s %s", text->len ? ", " : "", label, value);
    if (unit)
        buf_printf(text, " %.*s", (int)strlen(unit) - 2, unit + 1);
}

struct scale {
    bool numbers, logarithmic;
    double *at; /* owned: where each value stands */
    int *order; /* owned: values from left to right */
    int count;
};

static int from_left_to_right(const void *a_, const void *b_, void *at_)
{
    const int *a = a_, *b = b_;
    const double *at = at_;
    return at[*a] != at[*b] ? (at[*a] > at[*b]) - (at[*a] < at[*b]) : *a - *b;
}

/* Is the middle one of positive values nearer to the ends' geometric mean than to the arithmetic one? */
static bool is_logarithmic(const struct scale *scale)
{
    double least = scale->at[scale->order[0]], most = scale->at[scale->order[scale->count - 1]];
    double middle = scale->at[scale->order[scale->count / 2]];
    return scale->count > 2 && least > 0 && most / least >= LOGARITHMIC_SPAN &&
           fabs(middle - sqrt(least * most)) < fabs(middle - (least + most) / 2);
}

static void make_scale(struct scale *scale, const struct sweep_axis *axis)
{
    *scale = (struct scale){.numbers = true, .count = axis->count};
    scale->at = mem_alloc_array((size_t)axis->count, sizeof *scale->at);
    scale->order = mem_alloc_array((size_t)axis->count, sizeof *scale->order);
    for (int i = 0; i < axis->count; i++)
        scale->numbers &= sweep_grid_number(axis->values[i], &scale->at[i]);
    for (int i = 0; i < axis->count; i++) {
        scale->at[i] = scale->numbers ? scale->at[i] : i + 1;
        scale->order[i] = i;
    }
    qsort_r(scale->order, (size_t)scale->count, sizeof *scale->order, from_left_to_right, scale->at);
    scale->logarithmic = scale->numbers && is_logarithmic(scale);
}

static void free_scale(struct scale *scale)
{
    free(scale->at);
    free(scale->order);
}

static void set_tics(struct figure *f, const char *name, const struct sweep_axis *axis,
                     const struct scale *scale, bool by_place)
{
    struct buf tics = BUF_INIT;
    for (int i = 0; i < axis->count; i++)
        figure_add_tic(&tics, axis->values[scale->order[i]], by_place ? (double)i : scale->at[scale->order[i]]);
    figure_set_text(f, name, buf_text(&tics));
    buf_free(&tics);
}

/* --- what both kinds say about themselves ---------------------------------------------------------------------------------- */

static void set_label(struct figure *f, const char *name, const char *path)
{
    autofree char *label = sweep_figures_label(path);
    figure_set_text(f, name, label);
}

char *sweep_figures_runs(size_t least, size_t most)
{
    if (most == 1)
        return mem_printf("one run at each point");
    return least == most ? mem_printf("means of n = %zu runs", most)
                         : mem_printf("means of n = %zu to %zu runs", least, most);
}

static char *describe_runs(const struct sweep_table *t, int metric)
{
    size_t least = SIZE_MAX, most = 0;
    for (int i = 0; i < t->row_count; i++) {
        size_t n = t->rows[i].cells[metric].n;
        least = n && n < least ? n : least;
        most = n > most ? n : most;
    }
    return sweep_figures_runs(least, most);
}

void sweep_figures_head(struct figure *f, const struct sweep *s, const struct sweep_table *t, int metric,
                     const char *more)
{
    autofree char *label = sweep_figures_label(s->metrics[metric]);
    autofree char *title = mem_printf("%s (%s)", s->scenario, s->world);
    autofree char *runs = describe_runs(t, metric);
    autofree char *note = mem_printf("%s%s", runs, more);
    figure_set_text(f, "figure_file", f->name);
    figure_set_text(f, "figure_title", title);
    figure_set_text(f, "figure_note", note);
    figure_set_text(f, "figure_metric", label);
}

/* --- lines ------------------------------------------------------------------------------------------------------------------- */

/* "links 0 rate 10 Mbit/s, migration strategy c-migr": a curve's place on every axis but the first. */
static char *curve_title(const struct sweep_grid *grid, int curve)
{
    struct buf title = BUF_INIT;
    for (int i = 1; i < grid->axis_count; i++)
        sweep_figures_add_value(&title, grid, curve, i);
    char *text = mem_copy_string(buf_text(&title));
    buf_free(&title);
    return text;
}

struct curves {
    struct figure figure;
    struct scale x;
    int drawn;
    bool banded;
};

/* Blocks are told apart by two blank lines; one without any point would be none. */
static void put_curve(struct curves *c, const struct sweep *s, const struct sweep_table *t, int metric,
                      int curve, int curves)
{
    struct figure *f = &c->figure;
    autofree char *title = curve_title(&s->grid, curve), *name = mem_printf("title_%d", c->drawn + 1);
    size_t before = f->data.len;
    buf_printf(&f->data, "%s# %s: x mean low high n\n", c->drawn ? "\n\n" : "", title);
    size_t empty = f->data.len;
    for (int i = 0; i < c->x.count; i++) {
        const struct sweep_cell *cell = &t->rows[c->x.order[i] * curves + curve].cells[metric];
        double half = cell->n > 1 ? cell->ci95 : 0;
        if (cell->n)
            buf_printf(&f->data, "%.9g %.6f %.6f %.6f %zu\n", c->x.at[c->x.order[i]], cell->mean,
                       cell->mean - half, cell->mean + half, cell->n);
        c->banded |= half > 0;
    }
    if (f->data.len == empty) {
        f->data.len = before;
        return;
    }
    figure_set_text(f, name, title);
    c->drawn++;
}

static int draw_lines(const struct sweep *s, const struct sweep_table *t, int metric, const char *out,
                      struct err *e)
{
    const struct sweep_axis *first = &s->grid.axes[0];
    struct curves c = {.figure = {.name = s->metrics[metric], .template = figure_template_sweep_lines}};
    struct figure *f = &c.figure;
    int curves = t->row_count / first->count;
    make_scale(&c.x, first);
    for (int i = 0; i < curves; i++)
        put_curve(&c, s, t, metric, i, curves);
    autofree char *interval =
        mem_printf("; %s: 95 %% confidence interval", c.x.numbers ? "bands" : "whiskers");
    sweep_figures_head(f, s, t, metric, c.banded ? interval : "");
    set_label(f, "figure_x", first->path);
    figure_set_number(f, "curves", c.drawn);
    figure_set_number(f, "keyed", s->grid.axis_count > 1);
    figure_set_number(f, "banded", c.banded);
    figure_set_number(f, "numbers", c.x.numbers);
    figure_set_number(f, "named", !c.x.numbers || (c.x.logarithmic && c.x.count <= NAMED_MAX));
    figure_set_number(f, "logarithmic", c.x.logarithmic);
    figure_set_number(f, "places", c.x.count);
    set_tics(f, "tics", first, &c.x, false);
    free_scale(&c.x);
    return figure_draw(f, out, e);
}

/* --- map --------------------------------------------------------------------------------------------------------------------- */

static void put_cells(struct figure *f, const struct sweep *s, const struct sweep_table *t, int metric,
                      const struct scale *x, const struct scale *y)
{
    buf_printf(&f->data, "# x y mean n, by place; x: %s, y: %s\n", s->grid.axes[0].path,
               s->grid.axes[1].path);
    for (int i = 0; i < x->count; i++) {
        for (int k = 0; k < y->count; k++) {
            const struct sweep_cell *c = &t->rows[x->order[i] * y->count + y->order[k]].cells[metric];
            if (c->n)
                buf_printf(&f->data, "%d %d %.6f %zu\n", i, k, c->mean, c->n);
            else
                buf_printf(&f->data, "%d %d NaN 0\n", i, k);
        }
        buf_printf(&f->data, "\n");
    }
}

static int draw_map(const struct sweep *s, const struct sweep_table *t, int metric, const char *out,
                    struct err *e)
{
    autofree char *name = mem_printf("%s-map", s->metrics[metric]);
    struct figure f = {.name = name, .template = figure_template_sweep_map};
    const struct sweep_axis *axes = s->grid.axes;
    struct scale x, y;
    int status = 0;
    make_scale(&x, &axes[0]);
    make_scale(&y, &axes[1]);
    if (x.numbers && y.numbers && x.count > 1 && y.count > 1) {
        put_cells(&f, s, t, metric, &x, &y);
        sweep_figures_head(&f, s, t, metric, "");
        set_label(&f, "figure_x", axes[0].path);
        set_label(&f, "figure_y", axes[1].path);
        figure_set_number(&f, "figure_height", MAP_PX);
        figure_set_number(&f, "top_down", false);
        figure_set_number(&f, "columns", x.count);
        figure_set_number(&f, "rows", y.count);
        figure_set_number(&f, "written", t->row_count <= CELLS_MAX);
        set_tics(&f, "tics_x", &axes[0], &x, true);
        set_tics(&f, "tics_y", &axes[1], &y, true);
        status = figure_draw(&f, out, e);
    }
    free_scale(&x);
    free_scale(&y);
    return status;
}

/* --- all --------------------------------------------------------------------------------------------------------------------- */

static bool has_values(const struct sweep_table *t, int metric)
{
    for (int i = 0; i < t->row_count; i++)
        if (t->rows[i].cells[metric].n)
            return true;
    return false;
}

static int draw_metric(const struct sweep *s, const struct sweep_table *t, int metric, const char *out,
                       struct err *e)
{
    int curves = t->row_count / s->grid.axes[0].count, status;
    if (!has_values(t, metric))
        return 0;
    status = curves <= CURVES_MAX ? draw_lines(s, t, metric, out, e) : sweep_matrix_draw(s, t, metric, out, e);
    if (s->grid.axis_count == 2 && (status == 0 || status == -ENOENT)) {
        int map = draw_map(s, t, metric, out, status ? NULL : e);
        status = status ? status : map;
    }
    return status;
}

int sweep_figures(const struct sweep *s, const struct sweep_table *t, const char *out, struct err *e)
{
    int missing = 0, status = files_make_folder(out, 0755, e);
    for (int i = 0; i <= s->metric_count && status == 0 && s->grid.axis_count; i++) {
        struct err *first = missing ? NULL : e;
        status = i < s->metric_count ? draw_metric(s, t, i, out, first) : sweep_stages_draw(s, t, out, first);
        if (status == -ENOENT) {
            missing = status;
            status = 0;
        }
    }
    return status ? status : missing;
}
