#include "sweep_sides.h"
#include "mem.h"
#include "sweep_figures.h"

bool sweep_side_has(const struct sweep_side *side, int axis)
{
    const struct sweep_axis *a = &side->grid->axes[axis];
    bool numbers = true;
    double number;
    for (int i = 0; i < a->count; i++)
        numbers &= sweep_grid_number(a->values[i], &number);
    switch (side->which) {
    case SWEEP_NO_AXES:
        return false;
    case SWEEP_WORDS:
        return !numbers;
    case SWEEP_NUMBERS:
        return numbers;
    case SWEEP_ALL_AXES:
        return true;
    }
    return false;
}

struct sweep_side sweep_side_of(const struct sweep_grid *grid, enum sweep_axes which)
{
    struct sweep_side side = {.grid = grid, .which = which, .count = 1};
    for (int i = 0; i < grid->axis_count; i++)
        if (sweep_side_has(&side, i)) {
            side.axes++;
            side.count *= grid->axes[i].count;
        }
    return side;
}

int sweep_side_place(const struct sweep_side *side, int point)
{
    int place = 0;
    for (int i = 0; i < side->grid->axis_count; i++)
        if (sweep_side_has(side, i))
            place = place * side->grid->axes[i].count + sweep_grid_index(side->grid, point, i);
    return place;
}

/* The first of the points that stand there. */
static int point_at(const struct sweep_side *side, int place)
{
    int point = 0;
    while (sweep_side_place(side, point) != place)
        point++;
    return point;
}

static char *take_text(struct buf *buf)
{
    char *text = mem_copy_string(buf_text(buf));
    buf_free(buf);
    return text;
}

char *sweep_side_label(const struct sweep_side *side)
{
    struct buf label = BUF_INIT;
    for (int i = 0; i < side->grid->axis_count; i++) {
        autofree char *one = sweep_figures_label(side->grid->axes[i].path);
        if (sweep_side_has(side, i))
            buf_printf(&label, "%s%s", label.len ? " · " : "", one);
    }
    return take_text(&label);
}

char *sweep_side_title(const struct sweep_side *side, int place)
{
    struct buf title = BUF_INIT;
    int point = point_at(side, place);
    for (int i = 0; i < side->grid->axis_count; i++)
        if (sweep_side_has(side, i))
            sweep_figures_add_value(&title, side->grid, point, i);
    return take_text(&title);
}

static char *name_of(const struct sweep_side *side, int place)
{
    struct buf name = BUF_INIT;
    int point = point_at(side, place);
    for (int i = 0; i < side->grid->axis_count; i++)
        if (sweep_side_has(side, i))
            buf_printf(&name, "%s%s", name.len ? " · " : "", sweep_grid_value(side->grid, point, i));
    return take_text(&name);
}

void sweep_side_set_tics(const struct sweep_side *side, struct figure *figure, const char *name)
{
    struct buf tics = BUF_INIT;
    for (int i = 0; i < side->count; i++) {
        autofree char *one = name_of(side, i);
        figure_add_tic(&tics, one, i);
    }
    figure_set_text(figure, name, buf_text(&tics));
    buf_free(&tics);
}
