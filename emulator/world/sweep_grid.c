#include "sweep_grid.h"
#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char FORM[] = "PATH=V1,V2,… or PATH=FROM:TO:STEP";

static void free_axis(struct sweep_axis *axis)
{
    for (int i = 0; i < axis->count; i++)
        free(axis->values[i]);
    free(axis->values);
    free(axis->path);
    free(axis->text);
    *axis = (struct sweep_axis){0};
}

static int add_value(struct sweep_axis *axis, char *value, struct err *e)
{
    if (axis->count == SWEEP_POINTS_MAX) {
        free(value);
        return err_set(e, EINVAL, "has more than %d values", SWEEP_POINTS_MAX);
    }
    if ((axis->count & (axis->count - 1)) == 0) /* full at every power of two */
        axis->values = mem_resize(axis->values, (size_t)(axis->count ? 2 * axis->count : 1) * sizeof(char *));
    axis->values[axis->count++] = value;
    return 0;
}

/* FROM:TO:STEP, three numbers and nothing else. */
static bool is_range(const char *text, double range[3])
{
    for (int i = 0; i < 3; i++) {
        char *end;
        range[i] = strtod(text, &end);
        if (end == text || *end != (i < 2 ? ':' : '\0') || !isfinite(range[i]))
            return false;
        text = end + 1;
    }
    return true;
}

/* Every value by its own multiple of the step: sums would drift. */
static int add_range(struct sweep_axis *axis, const double range[3], struct err *e)
{
    double steps = (range[1] - range[0]) / range[2];
    if (!(steps >= 0) || steps > SWEEP_POINTS_MAX) {
        err_set(e, EINVAL, "%g:%g:%g is not a range", range[0], range[1], range[2]);
        return err_hint(e, "FROM:TO:STEP, with a step that leads from FROM to TO");
    }
    int status = 0;
    for (int i = 0; i <= (int)(steps + 1e-9) && status == 0; i++)
        status = add_value(axis, mem_printf("%.12g", range[0] + i * range[2] + 0.0), e);
    return status;
}

/* The length up to the next comma that parts values. */
static size_t value_length(const char *text)
{
    int depth = 0;
    bool quoted = false;
    size_t i = 0;
    for (; text[i] && (text[i] != ',' || depth > 0 || quoted); i++) {
        if (quoted && text[i] == '\\' && text[i + 1])
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (strchr("[{", text[i]) != NULL) - (strchr("]}", text[i]) != NULL);
    }
    return i;
}

static int add_values(struct sweep_axis *axis, const char *text, struct err *e)
{
    int status = 0;
    for (bool more = true; more && status == 0;) {
        size_t len = value_length(text);
        char *value = mem_printf("%.*s", (int)len, text);
        double range[3];
        if (len == 0) {
            err_set(e, EINVAL, "has an empty value");
            status = err_hint(e, "%s", FORM);
        } else if (is_range(value, range)) {
            status = add_range(axis, range, e);
        } else {
            status = add_value(axis, steal(value), e);
        }
        free(value);
        more = text[len] == ',';
        text += len + 1;
    }
    return status;
}

static int check_axis(const struct sweep_grid *grid, const struct sweep_axis *axis, struct err *e)
{
    if (strcmp(axis->path, "seed") == 0 || strcmp(axis->path, "repeat") == 0) {
        err_set(e, EINVAL, "is no axis: every point has the same seeds");
        return err_hint(e, "sweep --seed N --seeds N");
    }
    for (int i = 0; i < grid->axis_count; i++)
        if (strcmp(grid->axes[i].path, axis->path) == 0)
            return err_set(e, EINVAL, "is varied already");
    if ((long)sweep_grid_points(grid) * axis->count > SWEEP_POINTS_MAX)
        return err_set(e, EINVAL, "makes more than %d points", SWEEP_POINTS_MAX);
    return 0;
}

int sweep_grid_add(struct sweep_grid *grid, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        err_set(e, EINVAL, "is not an axis");
        return err_hint(e, "%s", FORM);
    }
    if (grid->axis_count == SWEEP_AXES_MAX)
        return err_set(e, EINVAL, "is one axis too many: %d at most", SWEEP_AXES_MAX);
    struct sweep_axis axis = {.text = mem_copy_string(text),
                              .path = mem_printf("%.*s", (int)(equals - text), text)};
    int status = add_values(&axis, equals + 1, e);
    if (status == 0)
        status = check_axis(grid, &axis, e);
    if (status == 0)
        grid->axes[grid->axis_count++] = axis;
    else
        free_axis(&axis);
    return status;
}

void sweep_grid_free(struct sweep_grid *grid)
{
    for (int i = 0; i < grid->axis_count; i++)
        free_axis(&grid->axes[i]);
    grid->axis_count = 0;
}

int sweep_grid_points(const struct sweep_grid *grid)
{
    int points = 1;
    for (int i = 0; i < grid->axis_count; i++)
        points *= grid->axes[i].count;
    return points;
}

int sweep_grid_index(const struct sweep_grid *grid, int point, int axis)
{
    for (int i = grid->axis_count - 1; i > axis; i--)
        point /= grid->axes[i].count;
    return point % grid->axes[axis].count;
}

const char *sweep_grid_value(const struct sweep_grid *grid, int point, int axis)
{
    return grid->axes[axis].values[sweep_grid_index(grid, point, axis)];
}

bool sweep_grid_number(const char *value, double *number)
{
    char *end;
    *number = strtod(value, &end);
    return value[strspn(value, "0123456789+-.eE")] == '\0' && end != value && !*end && isfinite(*number);
}

void sweep_grid_settings(const struct sweep_grid *grid, int point, struct scenario_setting *settings)
{
    for (int i = 0; i < grid->axis_count; i++)
        settings[i] = (struct scenario_setting){grid->axes[i].path, sweep_grid_value(grid, point, i)};
}

char *sweep_grid_name(const struct sweep_grid *grid, int point)
{
    struct buf name = BUF_INIT;
    for (int i = 0; i < grid->axis_count; i++)
        buf_printf(&name, "%s%s=%s", i ? " " : "", grid->axes[i].path, sweep_grid_value(grid, point, i));
    char *text = mem_copy_string(buf_text(&name));
    buf_free(&name);
    return text;
}

/* Behind "PATH=VALUE " if the text begins so, else NULL. */
static const char *behind(const struct sweep_axis *axis, int value, const char *text)
{
    autofree char *setting = mem_printf("%s=%s ", axis->path, axis->values[value]);
    return strncmp(text, setting, strlen(setting)) == 0 ? text + strlen(setting) : NULL;
}

int sweep_grid_find(const struct sweep_grid *grid, const char **text)
{
    const char *at = *text;
    int point = 0;
    for (int i = 0; i < grid->axis_count; i++) {
        const struct sweep_axis *axis = &grid->axes[i];
        const char *next = NULL;
        int value = 0;
        while (value < axis->count && !(next = behind(axis, value, at)))
            value++;
        if (!next)
            return -1;
        point = point * axis->count + value;
        at = next;
    }
    *text = at;
    return point;
}

int sweep_grid_first(const struct sweep_grid *grid, int point, int axis)
{
    int step = 1;
    for (int i = axis + 1; i < grid->axis_count; i++)
        step *= grid->axes[i].count;
    return point - sweep_grid_index(grid, point, axis) * step;
}
