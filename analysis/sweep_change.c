#include "sweep_change.h"

#include <math.h>
#include <string.h>

/* -1 if it is not varied, or there is none. */
static int axis_against(const struct sweep *s)
{
    for (int i = 0; s->against && i < s->grid.axis_count; i++)
        if (strcmp(s->grid.axes[i].path, s->against) == 0)
            return i;
    return -1;
}

bool sweep_compares(const struct sweep *s)
{
    return axis_against(s) >= 0;
}

double sweep_change(const struct sweep *s, const struct sweep_table *t, int point, int metric)
{
    int axis = axis_against(s), other = axis < 0 ? point : sweep_grid_first(&s->grid, point, axis);
    const struct sweep_cell *cell = &t->rows[point].cells[metric], *first = &t->rows[other].cells[metric];
    if (other == point || !cell->n || !first->n || first->mean == 0)
        return NAN;
    return 100 * (cell->mean / first->mean - 1);
}

double sweep_change_of_paper(const struct sweep *s, int point, int metric)
{
    const char *name = s->metrics[metric];
    size_t len = strlen(name);
    for (int i = 0; i < s->paper_count; i++) {
        const char *claim = s->papers[i];
        double percent;
        if (sweep_grid_find(&s->grid, &claim) == point && strncmp(claim, name, len) == 0 &&
            claim[len] == '=' && sweep_grid_number(claim + len + 1, &percent))
            return percent;
    }
    return NAN;
}
