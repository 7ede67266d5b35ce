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
    {.name = "against",
     .kind = KEY_TEXT,
     .field = KEY_NO_FIELD,
     .max = SWEEP_PATH_MAX,
     .help = "one of the keys of vary: its table says how much the metrics differ, in per cent, from those at that key's first value"},
    {.name = "paper",
     .kind = KEY_TEXTS,
     .field = KEY_NO_FIELD,
     .min = 1,
     .max = SCENARIO_METRICS_MAX,
     .help = "what a paper says of that, such as [\"links.0.rtt_ms=20 migration.strategy=c-migr migration_s.mean=-80\"], shown beside it; binds nothing"},
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

static int add_axes(const struct scenario_sweep *sweep, struct sweep_grid *grid, const struct scenario_place *place,
                    struct err *e)
{
    int status = 0;
    for (int i = 0; i < sweep->vary_count && status == 0; i++) {
        status = sweep_grid_add(grid, sweep->vary[i], e);
        if (status < 0)
            scenario_wrap(PLACE_INDEX(place, i), e);
    }
    return status;
}

static int check_against(const struct scenario_sweep *sweep, const struct sweep_grid *grid, const struct scenario_place *place,
                         struct err *e)
{
    for (int i = 0; sweep->against && i < grid->axis_count; i++)
        if (strcmp(grid->axes[i].path, sweep->against) == 0)
            return 0;
    return sweep->against ? scenario_error(place, e, "%.64s is none of the keys of vary", sweep->against) : 0;
}

/* A metric with a number behind it. */
static bool is_claim(const char *text)
{
    autofree char *metric = mem_printf("%.*s", (int)strcspn(text, "="), text);
    double percent;
    text += strlen(metric);
    return *text == '=' && metric_exists(metric) && sweep_grid_number(text + 1, &percent);
}

static int check_papers(const struct scenario_sweep *sweep, const struct sweep_grid *grid, const struct scenario_place *place,
                        struct err *e)
{
    for (int i = 0; i < sweep->paper_count; i++) {
        const char *claim = sweep->papers[i];
        if (!sweep->against)
            return scenario_error(place, e, "needs sweep.against");
        if (sweep_grid_find(grid, &claim) < 0 || !is_claim(claim))
            return scenario_error(PLACE_INDEX(place, i), e,
                                  "does not name a value of each key of vary, in their order, and METRIC=PERCENT");
    }
    return 0;
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
    const char *against = scenario_word(object, "against");
    struct sweep_grid grid = {0};
    sweep->metric_count = take_texts(object, "metrics", &sweep->metrics);
    sweep->against = against ? mem_copy_string(against) : NULL;
    sweep->paper_count = take_texts(object, "paper", &sweep->papers);
    int status = add_axes(sweep, &grid, PLACE_NAMED(place, "vary"), e);
    if (status == 0)
        status = check_metrics(sweep, PLACE_NAMED(place, "metrics"), e);
    if (status == 0)
        status = check_against(sweep, &grid, PLACE_NAMED(place, "against"), e);
    if (status == 0)
        status = check_papers(sweep, &grid, PLACE_NAMED(place, "paper"), e);
    sweep_grid_free(&grid);
    return status;
}

void scenario_free_sweep(struct scenario_sweep *sweep)
{
    for (int i = 0; i < sweep->vary_count; i++)
        free(sweep->vary[i]);
    for (int i = 0; i < sweep->metric_count; i++)
        free(sweep->metrics[i]);
    for (int i = 0; i < sweep->paper_count; i++)
        free(sweep->papers[i]);
    free(sweep->vary);
    free(sweep->metrics);
    free(sweep->papers);
    free(sweep->against);
}
