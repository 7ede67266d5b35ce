#include "figure_parts.h"
#include "json_file.h"
#include "mem.h"
#include "strategy.h"

#include <math.h>
#include <string.h>

enum { FIGURES_MAX = 6 };

static const char *kind_of(const char *stage)
{
    switch (operation_of(stage)) {
    case OP_SEND_MEMORY:
    case OP_SEND_LAYER:
    case OP_SEND_IMAGE:
        return "transfer";
    case OP_LOAD:
    case OP_CREATE:
    case OP_RESTORE:
        return "target";
    case OP_REPLAY:
    case OP_SWITCH:
        return "switch";
    default:
        return "source";
    }
}

/* The k-th migration of a repetition; NULL if there is none. */
static json_object *migration_at(json_object *result, int repetition, int k)
{
    json_object *list = json_at(result, "migrations");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *m = json_object_array_get_idx(list, i);
        double of = json_number_at(m, "repetition");
        if ((isnan(of) || (int)of == repetition) && k-- == 0)
            return m;
    }
    return NULL;
}

static bool same_stages(json_object *a, json_object *b)
{
    json_object *x = json_at(a, "stages"), *y = json_at(b, "stages");
    size_t count = json_object_array_length(x);
    if (json_object_array_length(y) != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(json_text_at(json_object_array_get_idx(x, i), "name"),
                   json_text_at(json_object_array_get_idx(y, i), "name")) != 0)
            return false;
    return true;
}

/* Mean of a field of the k-th migration over the repetitions that went through the same stages; `from_begin`:
 * counted from the migration's begin. */
static double mean_of(json_object *result, int k, const char *path, bool from_begin)
{
    json_object *first = migration_at(result, 1, k);
    double sum = 0;
    int count = 0, repetitions = (int)json_number_at(result, "repetitions");
    for (int r = 1; r <= repetitions; r++) {
        json_object *m = migration_at(result, r, k);
        if (!m || !same_stages(first, m))
            continue;
        sum += json_number_at(m, path) - (from_begin ? json_number_at(m, "begin_s") : 0);
        count++;
    }
    return sum / count;
}

static void add_stage(struct figure *figure, json_object *result, int k, size_t i, const char *name)
{
    autofree char *begin = mem_printf("stages.%zu.begin_s", i),
                  *seconds = mem_printf("stages.%zu.seconds", i);
    autofree char *bytes = mem_printf("stages.%zu.bytes", i);
    double length = mean_of(result, k, seconds, false), moved = mean_of(result, k, bytes, false);
    struct buf label = BUF_INIT;
    if (length < 1)
        buf_printf(&label, "%.*f ms", length < 0.1 ? 1 : 0, length * 1000);
    else
        buf_printf(&label, "%.2f s", length);
    if (moved > 0)
        buf_printf(&label, ", %.*f MB", moved < 1e7 ? 2 : 1, moved / 1e6);
    buf_printf(&figure->data, "%zu \"%s\" %.6f %.6f %s \"%s\"\n", i + 1, name,
               mean_of(result, k, begin, true), length, kind_of(name), buf_text(&label));
    buf_free(&label);
}

static void set_title(struct figure *figure, json_object *result, json_object *m, int k)
{
    autofree char *subject = figure_subject(result);
    autofree char *title = mem_printf("Stages of migration %d: %s", k + 1, subject);
    int repetitions = (int)json_number_at(result, "repetitions");
    autofree char *means =
        repetitions > 1 ? mem_printf(", means of %d repetitions", repetitions) : mem_copy_string("");
    autofree char *note =
        mem_printf("%s from %s to %s by %s: %.2f s, %s%s", json_text_at(m, "mud"), json_text_at(m, "from"),
                   json_text_at(m, "to"), json_text_at(m, "strategy"), mean_of(result, k, "total_s", false),
                   json_text_at(m, "outcome"), means);
    figure_set_text(figure, "figure_title", title);
    figure_set_text(figure, "figure_note", note);
    figure_set_text(figure, "end_name",
                    strcmp(json_text_at(m, "outcome"), "finished") == 0 ? "commit"
                                                                        : json_text_at(m, "outcome"));
}

static int draw_one(json_object *result, json_object *m, int k, const char *out, struct err *e)
{
    autofree char *name = k ? mem_printf("stages-%d", k + 1) : mem_copy_string("stages");
    struct figure figure = {.name = name, .template = figure_template_stages};
    json_object *stages = json_at(m, "stages");
    size_t count = json_object_array_length(stages);
    double ready = mean_of(result, k, "ready_s", false);
    buf_printf(&figure.data, "# row  stage  begin_s  seconds  kind  label\n");
    for (size_t i = 0; i < count; i++)
        add_stage(&figure, result, k, i, json_text_at(json_object_array_get_idx(stages, i), "name"));
    set_title(&figure, result, m, k);
    figure_set_text(&figure, "figure", name);
    figure_set_number(&figure, "rows", (double)count);
    figure_set_number(&figure, "total", mean_of(result, k, "total_s", false));
    figure_set_number(&figure, "ready", isfinite(ready) ? ready : -1);
    return figure_draw(&figure, out, e);
}

int figure_stages(json_object *result, const char *out, struct err *e)
{
    int status = 0;
    for (int k = 0; k < FIGURES_MAX && status == 0; k++) {
        json_object *m = migration_at(result, 1, k);
        if (!m)
            break;
        if (json_object_array_length(json_at(m, "stages")) > 0 && isfinite(json_number_at(m, "total_s")))
            status = draw_one(result, m, k, out, e);
    }
    return status;
}
