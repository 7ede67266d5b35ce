/* Where the time of the migrations of a sweep goes: a row for each point, with the stages of its first migration. */
#include "json_file.h"
#include "mem.h"
#include "sweep_figures.h"
#include "sweep_sides.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_TOGETHER = 40, ROWS_MAX = 100, SHEETS_MAX = 12, ROW_PX = 22, MARGIN_PX = 180, LEAST_PX = 420 };

/* One figure: the points of a place of `apart`, a row for each place of `rows`. */
struct sheet {
    const struct sweep *sweep;
    const struct sweep_table *table;
    struct sweep_side apart, rows;
    int number;
    struct figure figure;
    struct buf ends;
    size_t stages, least, most; /* in all; runs behind a row */
    int filled;                 /* rows */
    double shown_s;
};

/* Returns when the last one ends; pages may come after the commit. */
static double put_stages(struct sheet *sheet, int row, json_object *migration)
{
    json_object *stages = json_at(migration, "stages");
    double began_s = json_number_at(migration, "begin_s"), last_s = 0;
    size_t count = stages ? json_object_array_length(stages) : 0;
    for (size_t i = 0; i < count; i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        const char *name = json_text_at(stage, "name");
        double begin_s = json_number_at(stage, "begin_s") - began_s,
               end_s = begin_s + json_number_at(stage, "seconds");
        buf_printf(&sheet->figure.data, "%d %.6f %.6f %s \"%s\"\n", row, begin_s, end_s,
                   figure_stage_kind(name), name);
        last_s = fmax(last_s, end_s);
    }
    sheet->stages += count;
    return last_s;
}

/* Its text stands behind all that is in the row. */
static void put_end(struct sheet *sheet, int row, json_object *migration, double last_s)
{
    const char *outcome = json_text_at(migration, "outcome");
    double total_s = json_number_at(migration, "total_s");
    bool finished = strcmp(outcome, "finished") == 0;
    last_s = fmax(last_s, isfinite(total_s) ? total_s : 0);
    sheet->shown_s = fmax(sheet->shown_s, last_s);
    if (!isfinite(total_s))
        return;
    buf_printf(&sheet->ends, "%d %.6f %.6f \"%.3g s%s%s\"\n", row, total_s, last_s, total_s,
               finished ? "" : ", ", finished ? "" : outcome);
}

static void count_runs(struct sheet *sheet, json_object *migration)
{
    size_t n = (size_t)json_number_at(migration, "means_of");
    sheet->least = sheet->most && sheet->least < n ? sheet->least : n;
    sheet->most = sheet->most > n ? sheet->most : n;
}

static void put_points(struct sheet *sheet)
{
    buf_printf(&sheet->figure.data, "# row begin_s end_s kind stage\n");
    for (int point = 0; point < sheet->table->row_count; point++) {
        json_object *migration = sheet->table->rows[point].migration;
        int row = sweep_side_place(&sheet->rows, point);
        if (!migration || sweep_side_place(&sheet->apart, point) != sheet->number)
            continue;
        put_end(sheet, row, migration, put_stages(sheet, row, migration));
        count_runs(sheet, migration);
        sheet->filled++;
    }
}

static void describe(struct sheet *sheet)
{
    struct figure *f = &sheet->figure;
    const struct sweep *s = sheet->sweep;
    autofree char *place = sweep_side_title(&sheet->apart, sheet->number),
                  *label = sweep_side_label(&sheet->rows),
                  *title = mem_printf("Stages of the first migration: %s (%s)", s->scenario, s->world),
                  *runs = sweep_figures_runs(sheet->least, sheet->most),
                  *note = mem_printf("%s%s%s%s", place, place[0] ? "; " : "", runs,
                                     sheet->filled < sheet->rows.count ? "; empty: no migration" : "");
    figure_set_text(f, "figure_file", f->name);
    figure_set_text(f, "figure_title", title);
    figure_set_text(f, "figure_note", note);
    figure_set_text(f, "figure_y", label);
    figure_set_number(f, "figure_height", fmax(LEAST_PX, sheet->rows.count * ROW_PX + MARGIN_PX));
    figure_set_number(f, "rows", sheet->rows.count);
    figure_set_number(f, "shown", sheet->shown_s);
    sweep_side_set_tics(&sheet->rows, f, "tics_y");
}

static int draw(struct sheet *sheet, const char *out, struct err *e)
{
    autofree char *name =
        sheet->apart.count == 1 ? mem_copy_string("stages") : mem_printf("stages-%d", sheet->number + 1);
    int status = 0;
    sheet->figure = (struct figure){.name = name, .template = figure_template_sweep_stages};
    put_points(sheet);
    describe(sheet);
    if (sheet->stages && sheet->ends.len) {
        buf_printf(&sheet->figure.data, "\n\n# row total_s last_s label\n%s", buf_text(&sheet->ends));
        status = figure_draw(&sheet->figure, out, e);
    } else {
        buf_free(&sheet->figure.data);
        buf_free(&sheet->figure.settings);
    }
    buf_free(&sheet->ends);
    return status;
}

int sweep_stages_draw(const struct sweep *s, const struct sweep_table *t, const char *out, struct err *e)
{
    bool together = t->row_count <= ROWS_TOGETHER;
    struct sweep_side apart = sweep_side_of(&s->grid, together ? SWEEP_NO_AXES : SWEEP_NUMBERS),
                      rows = sweep_side_of(&s->grid, together ? SWEEP_ALL_AXES : SWEEP_WORDS);
    int status = 0;
    if (apart.count > SHEETS_MAX || rows.count > ROWS_MAX)
        return 0;
    for (int i = 0; i < apart.count && (status == 0 || status == -ENOENT); i++) {
        struct sheet sheet = {.sweep = s, .table = t, .apart = apart, .rows = rows, .number = i};
        int one = draw(&sheet, out, status ? NULL : e);
        status = status ? status : one;
    }
    return status;
}
