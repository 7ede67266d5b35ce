/* A metric over many axes as one table in colours: a row for each combination of words (strategy, carrier), a column for each one of numbers (rate,
 * size). */
#include "mem.h"
#include "sweep_figures.h"
#include "sweep_sides.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 100, COLUMNS_MAX = 12, CELLS_WRITTEN = 600, ROW_PX = 19, MARGIN_PX = 260, LEAST_PX = 640 };

static void set_side(struct figure *f, const struct sweep_side *side, const char *tics_name,
                     const char *label_name)
{
    autofree char *label = sweep_side_label(side);
    sweep_side_set_tics(side, f, tics_name);
    figure_set_text(f, label_name, label);
}

static void put_cells(struct figure *f, const struct sweep_table *t, int metric, const struct sweep_side *x,
                      const struct sweep_side *y)
{
    autofree int *points = mem_alloc_array((size_t)t->row_count, sizeof *points);
    for (int point = 0; point < t->row_count; point++)
        points[sweep_side_place(x, point) * y->count + sweep_side_place(y, point)] = point;
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
    struct sweep_side x = sweep_side_of(&s->grid, SWEEP_NUMBERS), y = sweep_side_of(&s->grid, SWEEP_WORDS);
    autofree char *name = mem_printf("%s-matrix", s->metrics[metric]);
    struct figure f = {.name = name, .template = figure_template_sweep_map};
    if (!x.axes || !y.axes || x.count > COLUMNS_MAX || y.count > ROWS_MAX)
        return 0;
    put_cells(&f, t, metric, &x, &y);
    sweep_figures_head(&f, s, t, metric, "; empty: not possible here, or no such value");
    set_side(&f, &x, "tics_x", "figure_x");
    set_side(&f, &y, "tics_y", "figure_y");
    figure_set_number(&f, "columns", x.count);
    figure_set_number(&f, "rows", y.count);
    figure_set_number(&f, "written", t->row_count <= CELLS_WRITTEN);
    figure_set_number(&f, "top_down", true);
    figure_set_number(&f, "figure_height", fmax(LEAST_PX, y.count * ROW_PX + MARGIN_PX));
    return figure_draw(&f, out, e);
}
