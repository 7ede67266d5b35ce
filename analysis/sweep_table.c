#include "sweep_table.h"
#include "buf.h"
#include "json_file.h"
#include "mean_migration.h"
#include "mem.h"
#include "result.h"
#include "statistics.h"
#include "sweep_change.h"
#include "sweep_csv.h"
#include "table.h"
#include "version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- from results to cells --------------------------------------------------------------------------------------------- */

static void add_sentence(json_object *why, char *sentence)
{
    json_object_array_add(why, json_text(sentence));
    free(sentence);
}

/* "requests.lost is 2, must be at most 0". */
static void add_expectation(json_object *why, json_object *x)
{
    double value = json_number_at(x, "value"), min = json_number_at(x, "bound.min"),
           max = json_number_at(x, "bound.max");
    bool low = isfinite(min) && !(value >= min);
    if (json_number_at(x, "holds") == 1)
        return;
    if (isfinite(value))
        add_sentence(why, mem_printf("%s is %g, must be at %s %g", json_text_at(x, "metric"), value,
                                     low ? "least" : "most", low ? min : max));
    else
        add_sentence(why, mem_printf("there is no %s", json_text_at(x, "metric")));
}

/* Why result_exit_status says 1; empty if it does not. */
static json_object *reasons(json_object *result)
{
    json_object *why = json_object_new_array();
    json_object *expectations = json_at(result, "expectations"),
                *broken = json_at(result, "invariants.broken");
    if (result_exit_status(result) == 0)
        return why;
    for (size_t i = 0; expectations && i < json_object_array_length(expectations); i++)
        add_expectation(why, json_object_array_get_idx(expectations, i));
    for (size_t i = 0; broken && i < json_object_array_length(broken); i++)
        json_object_array_add(why, json_object_get(json_object_array_get_idx(broken, i)));
    if (json_number_at(result, "drift_ms.valid") == 0)
        add_sentence(why, mem_copy_string("the machine was too slow"));
    if (json_object_array_length(why) == 0)
        add_sentence(why, mem_printf("migrations.failed is %g, and no expectation allows it",
                                     result_metric(result, "migrations.failed")));
    return why;
}

static void note_reasons(const struct sweep *s, struct sweep_table *t, int run, json_object *result)
{
    json_object *why = reasons(result);
    if (json_object_array_length(why) == 0) {
        json_object_put(why);
        return;
    }
    json_object *bad = json_object_new_object();
    json_object_object_add(bad, "point", json_object_new_int(sweep_point_of(s, run)));
    json_object_object_add(bad, "seed", json_object_new_uint64(sweep_seed_of(s, run)));
    json_object_object_add(bad, "why", why);
    json_object_array_add(t->bad, bad);
    t->rows[sweep_point_of(s, run)].bad_runs++;
    t->bad_runs++;
}

/* Takes the result over. */
static void note_refusal(struct sweep_table *t, struct sweep_row *row, json_object *result)
{
    if (!row->refused)
        row->refused = mem_copy_string(sweep_refusal(result));
    t->refused++;
    json_object_put(result);
}

/* Each run's first migration, as if the runs were repetitions of one. */
static void note_migration(json_object *firsts, json_object *result)
{
    json_object *first = json_object_get(json_at(result, "migrations.0"));
    if (!first)
        return;
    json_object_array_add(firsts, first);
    json_object_object_add(first, "repetition", json_object_new_int((int)json_object_array_length(firsts)));
}

/* Takes them over. */
static json_object *mean_of(json_object *firsts)
{
    json_object *runs = json_object_new_object();
    json_object_object_add(runs, "repetitions", json_object_new_int((int)json_object_array_length(firsts)));
    json_object_object_add(runs, "migrations", firsts);
    json_object *mean = mean_migration(runs, 0);
    json_object_put(runs);
    return mean;
}

static const char *const cell_names[] = {"n", "mean", "ci95", "min", "max"};

const char *sweep_cell_name(int i)
{
    return i < (int)ARRAY_LEN(cell_names) ? cell_names[i] : NULL;
}

json_object *sweep_cell_number(const struct sweep_cell *cell, int i)
{
    const double numbers[] = {(double)cell->n, cell->mean, cell->ci95, cell->min, cell->max};
    return json_rounded(numbers[i], 6);
}

static struct sweep_cell sum_up(double *values, size_t n)
{
    statistics_sort(values, n);
    struct sweep_cell cell = {.n = n,
                              .mean = statistics_mean(values, n),
                              .ci95 = statistics_ci95(values, n),
                              .min = n ? values[0] : NAN,
                              .max = n ? values[n - 1] : NAN};
    if (n > 1 && cell.min == cell.max) { /* sums of alike values are not quite multiples */
        cell.mean = cell.min;
        cell.ci95 = 0;
    }
    return cell;
}

/* `values`: room for all seeds of each metric. */
static void make_row(const struct sweep *s, struct sweep_table *t, int point, double *values, size_t *counts)
{
    struct sweep_row *row = &t->rows[point];
    json_object *firsts = json_object_new_array();
    memset(counts, 0, (size_t)s->metric_count * sizeof *counts);
    for (int run = point * s->seeds; run < (point + 1) * s->seeds; run++) {
        json_object *result = sweep_result(s, run);
        if (!result)
            continue;
        row->runs++;
        if (sweep_refusal(result)) {
            note_refusal(t, row, result);
            continue;
        }
        note_reasons(s, t, run, result);
        note_migration(firsts, result);
        for (int m = 0; m < s->metric_count; m++) {
            double value = result_metric(result, s->metrics[m]);
            if (isfinite(value))
                values[(size_t)m * (size_t)s->seeds + counts[m]++] = value;
        }
        json_object_put(result);
    }
    t->runs += row->runs;
    row->migration = mean_of(firsts);
    row->cells = mem_alloc_array((size_t)s->metric_count + 1, sizeof *row->cells);
    for (int m = 0; m < s->metric_count; m++)
        row->cells[m] = sum_up(values + (size_t)m * (size_t)s->seeds, counts[m]);
}

void sweep_table_make(const struct sweep *s, struct sweep_table *t)
{
    size_t metrics = (size_t)s->metric_count + 1;
    autofree double *values = mem_alloc_array(metrics * (size_t)s->seeds, sizeof *values);
    autofree size_t *counts = mem_alloc_array(metrics, sizeof *counts);
    *t = (struct sweep_table){.row_count = sweep_grid_points(&s->grid), .bad = json_object_new_array()};
    t->rows = mem_alloc_array((size_t)t->row_count, sizeof *t->rows);
    for (int point = 0; point < t->row_count; point++)
        make_row(s, t, point, values, counts);
}

void sweep_table_free(struct sweep_table *t)
{
    for (int i = 0; i < t->row_count; i++) {
        free(t->rows[i].cells);
        free(t->rows[i].refused);
        json_object_put(t->rows[i].migration);
    }
    free(t->rows);
    json_object_put(t->bad);
}

/* --- table.json ----------------------------------------------------------------------------------------------------------- */

static json_object *settings_json(const struct sweep_grid *grid, int point)
{
    json_object *o = json_object_new_object();
    for (int i = 0; i < grid->axis_count; i++) {
        const char *text = sweep_grid_value(grid, point, i);
        double number;
        json_object_object_add(o, grid->axes[i].path,
                               sweep_grid_number(text, &number) ? json_rounded(number, 9) : json_text(text));
    }
    return o;
}

static void add_percent(json_object *cell, const char *name, double percent)
{
    if (isfinite(percent))
        json_object_object_add(cell, name, json_rounded(percent, 3));
}

static json_object *cell_json(const struct sweep *s, const struct sweep_table *t, int point, int metric)
{
    json_object *o = json_object_new_object();
    const char *name;
    for (int i = 0; (name = sweep_cell_name(i)); i++)
        json_object_object_add(o, name, sweep_cell_number(&t->rows[point].cells[metric], i));
    add_percent(o, "change_percent", sweep_change(s, t, point, metric));
    add_percent(o, "paper_percent", sweep_change_of_paper(s, point, metric));
    return o;
}

static json_object *row_json(const struct sweep *s, const struct sweep_table *t, int point)
{
    const struct sweep_row *row = &t->rows[point];
    json_object *o = json_object_new_object(), *metrics = json_object_new_object();
    json_object_object_add(o, "point", json_object_new_int(point));
    json_object_object_add(o, "settings", settings_json(&s->grid, point));
    json_object_object_add(o, "runs", json_object_new_int(row->runs));
    json_object_object_add(o, "bad_runs", json_object_new_int(row->bad_runs));
    for (int m = 0; m < s->metric_count; m++)
        json_object_object_add(metrics, s->metrics[m], cell_json(s, t, point, m));
    json_object_object_add(o, "metrics", metrics);
    if (row->migration)
        json_object_object_add(o, "stages", json_object_get(json_at(row->migration, "stages")));
    if (row->refused)
        json_object_object_add(o, "refused", json_text(row->refused));
    return o;
}

static json_object *table_json(const struct sweep *s, const struct sweep_table *t)
{
    json_object *o = json_object_new_object(), *settings = json_object_new_array(),
                *points = json_object_new_array();
    for (int i = 0; i < s->setting_count; i++)
        json_object_array_add(settings, json_text(s->settings[i]));
    for (int i = 0; i < t->row_count; i++)
        json_object_array_add(points, row_json(s, t, i));
    json_object_object_add(o, "roamlab", json_text(ROAMLAB_VERSION));
    json_object_object_add(o, "scenario", json_text(s->scenario));
    json_object_object_add(o, "world", json_text(s->world));
    json_object_object_add(o, "settings", settings);
    json_object_object_add(o, "seed", json_object_new_uint64(s->seed));
    json_object_object_add(o, "seeds", json_object_new_int(s->seeds));
    json_object_object_add(o, "points", points);
    json_object_object_add(o, "bad_runs", json_object_get(t->bad));
    return o;
}

/* --- files ----------------------------------------------------------------------------------------------------------------- */

int sweep_table_write(const struct sweep *s, const struct sweep_table *t, const char *folder, struct err *e)
{
    json_object *o = table_json(s, t);
    int status = json_file_write(folder, "table.json", o, e);
    json_object_put(o);
    return status < 0 ? status : sweep_csv_write(s, t, folder, e);
}

/* --- for people -------------------------------------------------------------------------------------------------------- */

enum { ROWS_MAX = 40, BAD_MAX = 10 };

static void put_percent(struct buf *text, const char *before, double percent)
{
    if (isfinite(percent))
        buf_printf(text, "%s%+.3g %%", before, percent);
}

static void add_cell(struct table *table, const struct sweep *s, const struct sweep_table *t, int point, int metric)
{
    const struct sweep_cell *c = &t->rows[point].cells[metric];
    struct buf text = BUF_INIT;
    if (c->n == 0)
        buf_printf(&text, "–");
    else if (c->n == 1)
        buf_printf(&text, "%.6g (n 1)", c->mean);
    else
        buf_printf(&text, "%.6g ± %.2g (n %zu)", c->mean, c->ci95, c->n);
    put_percent(&text, ", ", sweep_change(s, t, point, metric));
    put_percent(&text, ", paper ", sweep_change_of_paper(s, point, metric));
    table_add(table, "%s", buf_text(&text));
    buf_free(&text);
}

static void print_rows(const struct sweep *s, const struct sweep_table *t, int axes, int metrics, FILE *out)
{
    struct table table;
    char align[TABLE_COLUMNS_MAX + 1] = "";
    memset(align, 'r', (size_t)(axes + metrics));
    table_init(&table, align);
    for (int i = 0; i < axes; i++)
        table_add(&table, "%s", s->grid.axes[i].path);
    for (int m = 0; m < metrics; m++)
        table_add(&table, "%s", s->metrics[m]);
    for (int row = 0; row < t->row_count && row < ROWS_MAX; row++) {
        for (int i = 0; i < axes; i++)
            table_add(&table, "%s", sweep_grid_value(&s->grid, row, i));
        for (int m = 0; m < metrics; m++)
            add_cell(&table, s, t, row, m);
    }
    table_print(&table, 2, out);
    if (t->row_count > ROWS_MAX)
        fprintf(out, "  and %d more points\n", t->row_count - ROWS_MAX);
}

static void print_bad(const struct sweep *s, const struct sweep_table *t, FILE *out)
{
    size_t count = json_object_array_length(t->bad);
    if (count)
        fprintf(out, "\n  ✘ in %d of %d runs an expectation or an invariant does not hold\n", t->bad_runs,
                t->runs);
    for (size_t i = 0; i < count && i < BAD_MAX; i++) {
        json_object *bad = json_object_array_get_idx(t->bad, i);
        int point = json_object_get_int(json_at(bad, "point"));
        autofree char *name = sweep_grid_name(&s->grid, point);
        fprintf(out, "    point %d (%s), seed %s: %s\n", point, name,
                json_object_get_string(json_at(bad, "seed")), json_text_at(bad, "why.0"));
    }
    if (count > BAD_MAX)
        fprintf(out, "    and %zu more, see table.json\n", count - BAD_MAX);
}

static void print_refused(const struct sweep *s, const struct sweep_table *t, FILE *out)
{
    if (t->refused)
        fprintf(out, "\n  – %d of %d runs are not possible here (all of them: table.csv)\n", t->refused, t->runs);
    for (int i = 0, told = 0; i < t->row_count && told < BAD_MAX; i++) {
        autofree char *name = sweep_grid_name(&s->grid, i);
        told += t->rows[i].refused != NULL;
        if (t->rows[i].refused)
            fprintf(out, "    point %d (%s): %s\n", i, name, t->rows[i].refused);
    }
}

void sweep_table_print(const struct sweep *s, const struct sweep_table *t, FILE *out)
{
    int axes = s->grid.axis_count, room = TABLE_COLUMNS_MAX - axes;
    fprintf(out, "%s in the %s world: %d points, %d runs\n\n", s->scenario, s->world, t->row_count, t->runs);
    print_rows(s, t, axes, s->metric_count < room ? s->metric_count : room, out);
    if (s->metric_count > room)
        fprintf(out, "  and %d more metrics\n", s->metric_count - room);
    if (sweep_compares(s))
        fprintf(out, "\n  %%: more (+) or less (-) than at the first value of %s\n", s->against);
    print_bad(s, t, out);
    print_refused(s, t, out);
    fprintf(out, "\n  table       %s/table.csv, table.json\n", s->folder);
}
