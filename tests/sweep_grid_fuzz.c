/* Whatever stands behind --vary, it is refused with a reason or gives points that all have a value on every axis. Axes stand
 * on lines of their own. */
#include "mem.h"
#include "sweep_grid.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOOKED_AT = 1000 };

static void look(const struct sweep_grid *grid)
{
    int points = sweep_grid_points(grid);
    if (points < 1 || points > SWEEP_POINTS_MAX)
        abort();
    for (int i = 0; i < points && i < LOOKED_AT; i++) {
        struct scenario_setting settings[SWEEP_AXES_MAX];
        sweep_grid_settings(grid, i, settings);
        for (int axis = 0; axis < grid->axis_count; axis++)
            if (!settings[axis].path[0] || !settings[axis].value[0])
                abort();
        autofree char *name = sweep_grid_name(grid, i), *text = mem_printf("%s x", name);
        const char *rest = text;
        if (sweep_grid_find(grid, &rest) >= points || rest < text || rest > text + strlen(text))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sweep_grid grid = {0};
    char *text = mem_printf("%.*s", (int)size, (const char *)data), *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct err e = ERR_INIT;
        if (sweep_grid_add(&grid, line, &e) < 0 && (e.code <= 0 || !e.text[0]))
            abort();
    }
    look(&grid);
    sweep_grid_free(&grid);
    free(text);
    return 0;
}
