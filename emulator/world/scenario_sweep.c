#include "scenario_key.h"
#include "mem.h"
#include "metric.h"
#include "sweep_grid.h"

#include <stdlib.h>
#include <string.h>

static const struct scenario_key sweep_rows[] = {
    {.name = "vary",
     .kind = KEY_TEXTS,
     .field = KEY_NO_FIELD,
     .min = 1,
     .max = SWEEP_AXES_MAX,
     .help =
         "keys and their values, such as [\"links.0.rtt_ms=20:200:20\", \"migration.strategy=p-migr,c-migr\"]"},
    {.name = "metrics",
     .kind = KEY_TEXTS,
     .field = KEY_NO_FIELD,
     .min = 1,
     .max = SCENARIO_METRICS_MAX,
     .help = "what its table and figures show, such as [\"migration_s.mean\"]"},
};
const struct scenario_keys scenario_sweep_keys = {sweep_rows, ARRAY_LEN(sweep_rows)};

static int take_texts(json_object *object, const char *key, char ***texts)
{
    json_object *list = scenario_member(object, key);
    size_t count = list ? json_object_array_length(list) : 0;
    *texts = mem_alloc_array(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        (*texts)[i] = mem_copy_string(json_object_get_string(json_object_array_get_idx(list, i)));
    return (int)count;
}

static int check_axes(const struct scenario_sweep *sweep, const struct scenario_place *place, struct err *e)
{
    struct sweep_grid grid = {0};
    int status = 0;
    for (int i = 0; i < sweep->vary_count && status == 0; i++) {
        status = sweep_grid_add(&grid, sweep->vary[i], e);
        if (status < 0)
            scenario_wrap(PLACE_INDEX(place, i), e);
    }
    sweep_grid_free(&grid);
    return status;
}

static int check_metrics(const struct scenario_sweep *sweep, const struct scenario_place *place,
                         struct err *e)
{
    for (int i = 0; i < sweep->metric_count; i++) {
        if (metric_exists(sweep->metrics[i]))
            continue;
        scenario_error(PLACE_INDEX(place, i), e, "there is no metric %.64s", sweep->metrics[i]);
        return scenario_names_hint(metric_at, sweep->metrics[i], e);
    }
    return 0;
}

int scenario_build_sweep(struct scenario *s, json_object *root, struct err *e)
{
    const struct scenario_place *place = PLACE_NAMED(NULL, "sweep");
    json_object *object = scenario_member(root, "sweep");
    struct scenario_sweep *sweep = &s->sweep;
    sweep->vary_count = take_texts(object, "vary", &sweep->vary);
    sweep->metric_count = take_texts(object, "metrics", &sweep->metrics);
    int status = check_axes(sweep, PLACE_NAMED(place, "vary"), e);
    return status < 0 ? status : check_metrics(sweep, PLACE_NAMED(place, "metrics"), e);
}

void scenario_free_sweep(struct scenario_sweep *sweep)
{
    for (int i = 0; i < sweep->vary_count; i++)
        free(sweep->vary[i]);
    for (int i = 0; i < sweep->metric_count; i++)
        free(sweep->metrics[i]);
    free(sweep->vary);
    free(sweep->metrics);
}
