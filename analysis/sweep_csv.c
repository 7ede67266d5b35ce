#include "sweep_csv.h"
#include "json_file.h"
#include "mem.h"
#include "text_file.h"

#include <string.h>

static void put_field(struct buf *csv, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        buf_printf(csv, "%s,", text);
        return;
    }
    buf_add_u8(csv, '"');
    for (; *text; text++)
        buf_printf(csv, *text == '"' ? "\"\"" : "%c", *text);
    buf_printf(csv, "\",");
}

static void put_number(struct buf *csv, json_object *number)
{
    put_field(csv, number ? json_object_to_json_string(number) : "");
    json_object_put(number);
}

static void end_line(struct buf *csv)
{
    csv->len--; /* the last field's comma */
    buf_printf(csv, "\n");
}

/* The first columns of both files. */
static void put_axes(struct buf *csv, const struct sweep *s)
{
    put_field(csv, "point");
    for (int i = 0; i < s->grid.axis_count; i++)
        put_field(csv, s->grid.axes[i].path);
}

static void put_point(struct buf *csv, const struct sweep *s, int point)
{
    buf_printf(csv, "%d,", point);
    for (int i = 0; i < s->grid.axis_count; i++)
        put_field(csv, sweep_grid_value(&s->grid, point, i));
}

static void put_names(struct buf *csv, const struct sweep *s)
{
    const char *number;
    put_field(csv, "runs");
    put_field(csv, "bad_runs");
    for (int m = 0; m < s->metric_count; m++)
        for (int i = 0; (number = sweep_cell_name(i)); i++) {
            autofree char *name = mem_printf("%s %s", s->metrics[m], number);
            put_field(csv, name);
        }
    put_field(csv, "refused");
    end_line(csv);
}

static void put_row(struct buf *csv, const struct sweep *s, const struct sweep_row *row, int point)
{
    put_point(csv, s, point);
    buf_printf(csv, "%d,%d,", row->runs, row->bad_runs);
    for (int m = 0; m < s->metric_count; m++)
        for (int i = 0; sweep_cell_name(i); i++)
            put_number(csv, sweep_cell_number(&row->cells[m], i));
    put_field(csv, row->refused ? row->refused : "");
    end_line(csv);
}

static void put_stages(struct buf *csv, const struct sweep *s, json_object *migration, int point)
{
    json_object *stages = json_at(migration, "stages");
    double began_s = json_number_at(migration, "begin_s");
    for (size_t i = 0; stages && i < json_object_array_length(stages); i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        put_point(csv, s, point);
        put_number(csv, json_object_get(json_at(migration, "means_of")));
        put_field(csv, json_text_at(stage, "name"));
        put_number(csv, json_rounded(json_number_at(stage, "begin_s") - began_s, 6));
        put_number(csv, json_object_get(json_at(stage, "seconds")));
        put_number(csv, json_object_get(json_at(stage, "bytes")));
        end_line(csv);
    }
}

static int write_and_free(struct buf *csv, const char *folder, const char *name, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    int status = text_file_write(path, csv, e);
    buf_free(csv);
    return status;
}

static int write_table(const struct sweep *s, const struct sweep_table *t, const char *folder, struct err *e)
{
    struct buf csv = BUF_INIT;
    put_axes(&csv, s);
    put_names(&csv, s);
    for (int i = 0; i < t->row_count; i++)
        put_row(&csv, s, &t->rows[i], i);
    return write_and_free(&csv, folder, "table.csv", e);
}

static int write_stages(const struct sweep *s, const struct sweep_table *t, const char *folder, struct err *e)
{
    struct buf csv = BUF_INIT;
    put_axes(&csv, s);
    buf_printf(&csv, "means_of,stage,begin_s,seconds,bytes\n");
    for (int i = 0; i < t->row_count; i++)
        put_stages(&csv, s, t->rows[i].migration, i);
    return write_and_free(&csv, folder, "stages.csv", e);
}

int sweep_csv_write(const struct sweep *s, const struct sweep_table *t, const char *folder, struct err *e)
{
    int status = write_table(s, t, folder, e);
    return status < 0 ? status : write_stages(s, t, folder, e);
}
