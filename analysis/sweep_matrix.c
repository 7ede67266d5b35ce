/* A metric over many axes as one table in colours: a row for each combination of words (strategy, carrier), a column for each one of numbers (rate,
 * size). */
#include "mem.h"
#include "sweep_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 100, COLUMNS_MAX = 12, CELLS_WRITTEN = 600, ROW_PX = 19, MARGIN_PX = 260, LEAST_PX = 640 };

/* The axes of one side, and how many combinations they have. */
struct side {
    bool numbers; /* those whose values are all numbers, or the others */
    int axes, count;
};

static bool is_of(const struct side *side, const struct sweep_axis *axis)
{
    bool numbers = true;
    double number;
    for (int i = 0; i < axis->count; i++)
        numbers &= sweep_grid_number(axis->values[i], &number);
    return numbers == side->numbers;
}

static struct side side_of(const struct sweep_grid *grid, bool numbers)
{
    struct side side = {.numbers = numbers, .count = 1};
    for (int i = 0; i < grid->axis_count; i++)
        if (is_of(&side, &grid->axes[i])) {
            side.axes++;
            side.count *= grid->axes[i].count;
        }
    return side;
}

/* Which combination of its axes a point has. */
static int place_on(const struct side *side, const struct sweep_grid *grid, int point)
{
    int place = 0;
    for (int i = 0; i < grid->axis_count; i++)
        if (is_of(side, &grid->axes[i]))
            place = place * grid->axes[i].count + sweep_grid_index(grid, point, i);
    return place;
}

/* "c-migr · scp", "20 · 100": the values of the first point that stands there. */
static void put_tic(struct buf *tics, const struct side *side, const struct sweep_grid *grid, int place)
{
    int point = 0;
    const char *between = "";
    while (place_on(side, grid, point) != place)
        point++;
    buf_printf(tics, "%s\"", tics->len ? ", " : "");
    for (int i = 0; i < grid->axis_count; i++) {
        if (!is_of(side, &grid->axes[i]))
            continue;
        buf_printf(tics, "%s", between);
        for (const char *c = sweep_grid_value(grid, point, i); *c; c++)
            buf_printf(tics, strchr("\"\\", *c) ? "\\%c" : "%c", *c);
        between = " · ";
    }
    buf_printf(tics, "\" %d", place);
}

static void set_side(struct figure *f, const struct sweep_grid *grid, const struct side *side,
                     const char *tics_name, const char *label_name)
{
    struct buf tics = BUF_INIT, label = BUF_INIT;
    for (int i = 0; i < side->count; i++)
        put_tic(&tics, side, grid, i);
    for (int i = 0; i < grid->axis_count; i++) {
        autofree char *one = sweep_figures_label(grid->axes[i].path);
        if (is_of(side, &grid->axes[i]))
            buf_printf(&label, "%s%s", label.len ? " · " : "", one);
    }
    figure_set_text(f, tics_name, buf_text(&tics));
    figure_set_text(f, label_name, buf_text(&label));
    buf_free(&tics);
    buf_free(&label);
}

static void put_cells(struct figure *f, const struct sweep *s, const struct sweep_table *t, int metric,
                      const struct side *x, const struct side *y)
{
    autofree int *points = mem_alloc_array((size_t)t->row_count, sizeof *points);
    for (int point = 0; point < t->row_count; point++)
        points[place_on(x, &s->grid, point) * y->count + place_on(y, &s->grid, point)] = point;
    buf_printf(&f->data, "# x y mean n, by place\n");
    for (int i = 0; i < t->row_count; i++) {
        const struct sweep_cell *c = &t->rows[points[i]].cells[metric];
        if (c->n)
            buf_printf(&f->data, "%d %d %.6f %zu\n", i / y->count, i % y->count, c->mean, c->n);
        else
            buf_printf(&f->data, "%d %d NaN 0\n", i / y->count, i % y->count);
        if (i % y->count == y->count - 1)
            buf_printf(&f->data, "\n");
    }
}

int sweep_matrix_draw(const struct sweep *s, const struct sweep_table *t, int metric, const char *out,
                      struct err *e)
{
    struct side x = side_of(&s->grid, true), y = side_of(&s->grid, false);
    autofree char *name = mem_printf("%s-matrix", s->metrics[metric]);
    struct figure f = {.name = name, .template = figure_template_sweep_map};
    if (!x.axes || !y.axes || x.count > COLUMNS_MAX || y.count > ROWS_MAX)
        return 0;
    put_cells(&f, s, t, metric, &x, &y);
    sweep_figures_head(&f, s, t, metric, "; empty: not possible here, or no such value");
    set_side(&f, &s->grid, &x, "tics_x", "figure_x");
    set_side(&f, &s->grid, &y, "tics_y", "figure_y");
    figure_set_number(&f, "columns", x.count);
    figure_set_number(&f, "rows", y.count);
    figure_set_number(&f, "written", t->row_count <= CELLS_WRITTEN);
    figure_set_number(&f, "top_down", true);
    figure_set_number(&f, "figure_height", fmax(LEAST_PX, y.count * ROW_PX + MARGIN_PX));
    return figure_draw(&f, out, e);
}
