#include "figure_parts.h"
#include "json_file.h"
#include "mean_migration.h"
#include "mem.h"
#include "strategy.h"

#include <math.h>
#include <string.h>

enum { FIGURES_MAX = 6 };

const char *figure_stage_kind(const char *stage)
{
    enum operation operation = operation_of(stage);
    switch (operation) {
    case OP_PULL:
    case OP_STORE:
        return "transfer";
    case OP_START:
    case OP_REPLAY_LOG:
    case OP_MERGE:
    case OP_LOAD:
    case OP_LOAD_BASE:
    case OP_CREATE:
    case OP_PUT_LAYER:
    case OP_RESTORE:
    case OP_RESTORE_STATE:
        return "target";
    case OP_REPLAY:
    case OP_SWITCH:
        return "switch";
    default:
        return operation_is_transfer(operation) || operation_received(operation) != OPERATIONS ? "transfer" : "source";
    }
}

static void add_stage(struct figure *figure, size_t row, json_object *stage, double migration_begin_s)
{
    const char *name = json_text_at(stage, "name");
    double length = json_number_at(stage, "seconds"), moved = json_number_at(stage, "bytes");
    struct buf label = BUF_INIT;
    if (length < 1)
        buf_printf(&label, "%.*f ms", length < 0.1 ? 1 : 0, length * 1000);
    else
        buf_printf(&label, "%.2f s", length);
    if (moved > 0)
        buf_printf(&label, ", %.*f MB", moved < 1e7 ? 2 : 1, moved / 1e6);
    buf_printf(&figure->data, "%zu \"%s\" %.6f %.6f %s \"%s\"\n", row, name,
               json_number_at(stage, "begin_s") - migration_begin_s, length, figure_stage_kind(name), buf_text(&label));
    buf_free(&label);
}

static void set_title(struct figure *figure, json_object *result, json_object *m, int k)
{
    const char *outcome = json_text_at(m, "outcome");
    double means_of = json_number_at(m, "means_of");
    autofree char *subject = figure_subject(result);
    autofree char *title = mem_printf("Stages of migration %d: %s", k + 1, subject);
    autofree char *means =
        means_of > 1 ? mem_printf(", means of %.0f repetitions", means_of) : mem_copy_string("");
    autofree char *note = mem_printf(
        "%s from %s to %s by %s: %.2f s, %s%s", json_text_at(m, "mud"), json_text_at(m, "from"),
        json_text_at(m, "to"), json_text_at(m, "strategy"), json_number_at(m, "total_s"), outcome, means);
    figure_set_text(figure, "figure_title", title);
    figure_set_text(figure, "figure_note", note);
    figure_set_text(figure, "end_name", strcmp(outcome, "finished") == 0 ? "commit" : outcome);
}

/* The end, or when the last page has come, which may be later. */
static double shown_s(json_object *m)
{
    json_object *stages = json_at(m, "stages");
    double shown = json_number_at(m, "total_s");
    for (size_t i = 0; i < json_object_array_length(stages); i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        if (operation_is_of_pages(operation_of(json_text_at(stage, "name"))))
            shown = fmax(shown, json_number_at(stage, "begin_s") - json_number_at(m, "begin_s") +
                                    json_number_at(stage, "seconds"));
    }
    return shown;
}

static int draw_one(json_object *result, json_object *m, int k, const char *out, struct err *e)
{
    autofree char *name = k ? mem_printf("stages-%d", k + 1) : mem_copy_string("stages");
    struct figure figure = {.name = name, .template = figure_template_stages};
    json_object *stages = json_at(m, "stages");
    size_t count = json_object_array_length(stages);
    double ready = json_number_at(m, "ready_s"), begin_s = json_number_at(m, "begin_s");
    buf_printf(&figure.data, "# row  stage  begin_s  seconds  kind  label\n");
    for (size_t i = 0; i < count; i++)
        add_stage(&figure, i + 1, json_object_array_get_idx(stages, i), begin_s);
    set_title(&figure, result, m, k);
    figure_set_text(&figure, "figure", name);
    figure_set_number(&figure, "rows", (double)count);
    figure_set_number(&figure, "total", json_number_at(m, "total_s"));
    figure_set_number(&figure, "shown", shown_s(m));
    figure_set_number(&figure, "ready", isfinite(ready) ? ready : -1);
    return figure_draw(&figure, out, e);
}

int figure_stages(const char *folder, json_object *result, const char *out, struct err *e)
{
    (void)folder;
    int status = 0;
    for (int k = 0; k < FIGURES_MAX; k++) {
        json_object *m = mean_migration(result, k);
        int one = 0;
        if (!m)
            break;
        if (json_object_array_length(json_at(m, "stages")) > 0 && isfinite(json_number_at(m, "total_s")))
            one = draw_one(result, m, k, out, status ? NULL : e);
        json_object_put(m);
        status = status ? status : one;
    }
    return status;
}
