#include "calibrate_runs.h"
#include "event_reader.h"
#include "files.h"
#include "json_file.h"
#include "mem.h"
#include "play.h"
#include "result.h"
#include "statistics.h"
#include "transfer.h"
#include "world_layout.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

static char *read_document(const char *folder, struct err *e)
{
    struct event_reader *reader = NULL;
    if (event_reader_open(folder, EVENT_MASK(EVENT_STAGE), &reader, e) < 0)
        return NULL;
    char *document = event_reader_fact(reader, "document");
    event_reader_close(reader);
    if (!document)
        err_set(e, EINVAL, "%s: no scenario in it", folder);
    return document;
}

static int read_one(const char *folder, struct calibrate_runs *runs, struct err *e)
{
    runs->list = mem_resize(runs->list, (runs->count + 1) * sizeof *runs->list);
    struct calibrate_run *run = &runs->list[runs->count++];
    *run = (struct calibrate_run){.folder = mem_copy_string(folder)};
    int status = json_file_read(folder, "result.json", &run->result, e);
    if (status < 0)
        return status;
    run->document = read_document(folder, e);
    if (!run->document)
        return -e->code;
    if (result_metric(run->result, "migrations.finished") == 0)
        return err_set(e, EINVAL, "%s: no migration finished in it", folder);
    return 0;
}

int calibrate_runs_read(const char *folder, struct calibrate_runs *runs, struct err *e)
{
    json_object *result = NULL;
    *runs = (struct calibrate_runs){0};
    int status = json_file_read(folder, "result.json", &result, e);
    if (status < 0)
        return status;
    int repetitions = result_repetitions(folder, result);
    json_object_put(result);
    if (repetitions == 0)
        return read_one(folder, runs, e);
    for (int i = 1; i <= repetitions && status == 0; i++) {
        autofree char *one = mem_printf("%s/rep-%d", folder, i);
        status = read_one(one, runs, e);
    }
    return status;
}

void calibrate_runs_free(struct calibrate_runs *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        free(runs->list[i].folder);
        free(runs->list[i].document);
        json_object_put(runs->list[i].result);
    }
    free(runs->list);
    *runs = (struct calibrate_runs){0};
}

/* --- virtual time says ------------------------------------------------------------------------------------------------------------ */

static struct scenario *parse(const struct calibrate_run *run, const struct scenario_setting *settings,
                              int count, struct err *e)
{
    return scenario_parse(run->folder, run->document, strlen(run->document), settings, count, e);
}

static int play(struct scenario *s, uint64_t seed, json_object **result, struct err *e)
{
    const char *base = getenv("TMPDIR");
    autofree char *scratch = mem_printf("%s/roamlab-calibrate-XXXXXX", base ? base : "/tmp");
    struct play p;
    if (!mkdtemp(scratch))
        return err_errno(e, "%s", scratch);
    play_init(&p, s, false);
    int status = play_once(&p, seed, scratch, result, e);
    play_free(&p);
    files_remove(scratch, NULL);
    return status;
}

/* The same scenario and seed, with some values changed. */
static int simulate(const struct calibrate_run *run, const struct scenario_setting *settings, int count,
                    json_object **result, struct err *e)
{
    struct scenario *s = parse(run, settings, count, e);
    int status = s ? play(s, json_object_get_uint64(json_at(run->result, "seed")), result, e) : -EINVAL;
    scenario_free(s);
    return status;
}

/* The k-th stage of that name; NULL if there is none. */
static json_object *find_stage(json_object *migration, const char *name, int k)
{
    json_object *stages = json_at(migration, "stages");
    for (size_t i = 0; stages && i < json_object_array_length(stages); i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        if (strcmp(json_text_at(stage, "name"), name) == 0 && k-- == 0)
            return stage;
    }
    return NULL;
}

/* Which one of its name the i-th stage is. */
static int rank_of(json_object *stages, size_t i)
{
    const char *name = json_text_at(json_object_array_get_idx(stages, i), "name");
    int rank = 0;
    for (size_t k = 0; k < i; k++)
        rank += strcmp(json_text_at(json_object_array_get_idx(stages, k), "name"), name) == 0;
    return rank;
}

/* --- fitting ------------------------------------------------------------------------------------------------------------------------ */

struct fitting {
    struct calibration *calibration;
    const struct layout *layout;
    json_object *measured,
        *bare; /* a migration, and the same in virtual time with a carrier that takes nothing */
};

/* Of the edge server that results call so; -1 = there is none. */
static int host_of(const struct layout *l, const char *edge)
{
    for (int i = 0; i < l->edge_count; i++)
        if (strcmp(l->edges[i].name, edge) == 0)
            return l->edges[i].host;
    return -1;
}

/* What waits for a dump has the time behind it for its own. */
static double transfer_ms(json_object *migration, json_object *stage, bool limited)
{
    double begin_s = json_number_at(stage, "begin_s"), end_s = begin_s + json_number_at(stage, "seconds");
    enum operation operation = operation_of(json_text_at(stage, "name"));
    bool waits = operation == OP_SEND_MEMORY || (operation == OP_SEND_LAYER && !limited);
    json_object *dump = waits ? find_stage(migration, operation_name(OP_DUMP), 0) : NULL;
    if (dump)
        begin_s = fmax(begin_s, json_number_at(dump, "begin_s") + json_number_at(dump, "seconds"));
    return 1000 * (end_s - begin_s);
}

static void add_transfer(const struct fitting *f, enum operation operation, json_object *stage, json_object *bare)
{
    int from = host_of(f->layout, json_text_at(f->measured, "from")),
        to = host_of(f->layout, json_text_at(f->measured, "to"));
    if (!bare || from < 0 || to < 0)
        return;
    struct layout_path path = layout_path(f->layout, from, to);
    double ms = transfer_ms(f->measured, stage, path.rate_bps);
    calibration_add_transfer(f->calibration, carrier_of(f->layout->carrier)->name,
                             (double)layout_operation_bytes(f->layout, operation) / 1e6,
                             simtime_to_ms(path.rtt), ms, ms - transfer_ms(f->bare, bare, path.rate_bps));
}

/* Made of what virtual time plays one by one: requests, files side by side; or not the carrier's. */
static bool is_no_cost(enum operation operation)
{
    return operation == OP_REPLAY_LOG || operation == OP_SEND_BASE || operation == OP_FETCH_PAGES;
}

/* Each of the base's layers costs; the stage waits for them, too. */
static void add_layers(const struct fitting *f, json_object *stage)
{
    double layers = json_number_at(stage, "parts"), mb = json_number_at(stage, "bytes") / 1e6;
    if (layers > 0)
        calibration_add(f->calibration, OP_LOAD_BASE, mb / layers, 1000 * json_number_at(stage, "busy_s") / layers);
}

static void add_stage(const struct fitting *f, json_object *stages, size_t i)
{
    json_object *stage = json_object_array_get_idx(stages, i);
    enum operation operation = operation_of(json_text_at(stage, "name"));
    double ms = 1000 * json_number_at(stage, "seconds");
    if (operation == OP_LOAD_BASE)
        add_layers(f, stage);
    if (operation == OPERATIONS || is_no_cost(operation) || !operation_is_ordered(operation) || json_at(stage, "error") ||
        operation_received(operation) != OPERATIONS)
        return;
    if (operation_is_transfer(operation))
        add_transfer(f, operation, stage, find_stage(f->bare, operation_name(operation), rank_of(stages, i)));
    else
        calibration_add(f->calibration, operation, (double)layout_operation_bytes(f->layout, operation) / 1e6,
                        ms);
}

static int fit_run(const struct calibrate_run *run, struct calibration *calibration, struct err *e)
{
    static const char nothing[] = "{\"fixed_ms\": 0, \"ms_per_mb\": 0, \"round_trips\": 0}";
    struct scenario *s = parse(run, NULL, 0, e);
    struct layout layout;
    json_object *bare = NULL;
    if (!s)
        return -EINVAL;
    autofree char *path = mem_printf("carriers.%s", s->migration.carrier);
    int status = simulate(run, &(struct scenario_setting){path, nothing}, 1, &bare, e);
    json_object *migrations = json_at(run->result, "migrations"), *others = json_at(bare, "migrations");
    world_layout_init(&layout, s, s->seed);
    for (size_t i = 0; status == 0 && i < json_object_array_length(migrations); i++) {
        struct fitting f = {calibration, &layout, json_object_array_get_idx(migrations, i),
                            json_object_array_get_idx(others, i)};
        json_object *stages = json_at(f.measured, "stages");
        for (size_t k = 0; k < json_object_array_length(stages); k++)
            add_stage(&f, stages, k);
    }
    world_layout_free(&layout);
    json_object_put(bare);
    scenario_free(s);
    return status;
}

int calibrate_runs_fit(const struct calibrate_runs *runs, struct calibration *calibration, struct err *e)
{
    int status = 0;
    for (size_t i = 0; i < runs->count && status == 0; i++)
        status = fit_run(&runs->list[i], calibration, e);
    return status;
}

/* --- predicting --------------------------------------------------------------------------------------------------------------------- */

static double median(double *values, size_t count)
{
    statistics_sort(values, count);
    return statistics_percentile(values, count, 0.5);
}

/* Of the first migration over the runs. */
static double median_measured(const struct calibrate_runs *runs, const char *path)
{
    autofree double *values = mem_alloc_array(runs->count, sizeof *values);
    for (size_t i = 0; i < runs->count; i++)
        values[i] = json_number_at(runs->list[i].result, path);
    return median(values, runs->count);
}

/* Of the k-th stage of that name; runs do not end their stages in one order. NAN: some have none. */
static double median_stage(const struct calibrate_runs *runs, const char *name, int k)
{
    autofree double *values = mem_alloc_array(runs->count, sizeof *values);
    for (size_t i = 0; i < runs->count; i++) {
        json_object *stage = find_stage(json_at(runs->list[i].result, "migrations.0"), name, k);
        if (!stage)
            return NAN;
        values[i] = json_number_at(stage, "seconds");
    }
    return median(values, runs->count);
}

static char *find_most_off(const struct calibrate_runs *runs, json_object *predicted)
{
    json_object *measured = json_at(runs->list[0].result, "migrations.0.stages");
    const char *worst = "";
    double off = 0;
    for (size_t i = 0; i < json_object_array_length(measured); i++) {
        json_object *stage = json_object_array_get_idx(measured, i);
        const char *name = json_text_at(stage, "name");
        int rank = rank_of(measured, i);
        json_object *other = find_stage(json_at(predicted, "migrations.0"), name, rank);
        double by = other ? json_number_at(other, "seconds") - median_stage(runs, name, rank) : 0;
        if (strcmp(name, "stop") != 0 && fabs(by) > fabs(off)) {
            off = by;
            worst = name;
        }
    }
    return mem_printf("%s %+.2f s", worst, off);
}

static char *describe(const struct scenario *s)
{
    struct layout layout;
    world_layout_init(&layout, s, s->seed);
    struct layout_path path = s->edge_count > 1 ? layout_path(&layout, s->edges[0].host, s->edges[1].host)
                                                : (struct layout_path){0};
    world_layout_free(&layout);
    return mem_printf("%s by %s%s: %g + %g + %g MB, %g Mbit/s, %g ms", s->migration.strategy->name,
                      s->migration.carrier, s->migration.pipeline ? ", overlapped" : "", s->service.base_mb,
                      s->service.layer_mb, s->service.memory_mb, (double)path.rate_bps / 1e6,
                      simtime_to_ms(path.rtt));
}

int calibrate_runs_predict(const struct calibrate_runs *runs, const char *costs,
                           struct calibrate_prediction *p, struct err *e)
{
    const struct scenario_setting settings[] = {{"costs", "{}"}, {"carriers", "{}"}, {"costs_file", costs}};
    json_object *predicted = NULL;
    *p = (struct calibrate_prediction){.runs = runs->count};
    struct scenario *s = parse(&runs->list[0], NULL, 0, e);
    int status = s ? simulate(&runs->list[0], settings, costs ? 3 : 2, &predicted, e) : -EINVAL;
    if (status == 0) {
        p->what = describe(s);
        p->measured_s = median_measured(runs, "migrations.0.total_s");
        p->predicted_s = json_number_at(predicted, "migrations.0.total_s");
        p->most_off = find_most_off(runs, predicted);
    }
    json_object_put(predicted);
    scenario_free(s);
    return status;
}

void calibrate_prediction_free(struct calibrate_prediction *p)
{
    free(p->what);
    free(p->most_off);
    *p = (struct calibrate_prediction){0};
}
