#include "paper_table.h"
#include "json_file.h"
#include "mem.h"
#include "result.h"
#include "table.h"

#include <math.h>
#include <string.h>

static const char *const worlds[] = {"sim", "real"};

static json_object *expectation_of(json_object *result, const char *metric)
{
    json_object *list = json_at(result, "expectations");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *x = json_object_array_get_idx(list, i);
        if (json_at(x, "paper") && !strcmp(json_text_at(x, "metric"), metric))
            return x;
    }
    return NULL;
}

static bool is_about(json_object *result, const char *scenario, const char *world)
{
    return !strcmp(json_text_at(result, "scenario.name"), scenario) &&
           !strcmp(json_text_at(result, "world"), world);
}

static void add_value(struct table *t, json_object *result, const char *metric)
{
    json_object *x = result ? expectation_of(result, metric) : NULL;
    double value = json_number_at(x, "value"), interval = result_beside_mean(result, metric, "ci95");
    if (!isfinite(value))
        table_add(t, "–");
    else if (isfinite(interval))
        table_add(t, "%.4g ± %.2g (n %g)", value, interval, result_beside_mean(result, metric, "n"));
    else
        table_add(t, "%.4g (n %g)", value, json_number_at(result, "repetitions"));
}

static json_object *first_about(json_object *const *results, size_t count, const char *scenario,
                                const char *world)
{
    for (size_t i = 0; i < count; i++)
        if (is_about(results[i], scenario, world))
            return results[i];
    return NULL;
}

static bool is_first_of_scenario(json_object *const *results, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (!strcmp(json_text_at(results[j], "scenario.name"), json_text_at(results[i], "scenario.name")))
            return false;
    return true;
}

static int add_scenario(struct table *t, json_object *const *results, size_t count, json_object *result)
{
    const char *scenario = json_text_at(result, "scenario.name");
    json_object *list = json_at(result, "expectations");
    int rows = 0;
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *x = json_object_array_get_idx(list, i);
        const char *metric = json_text_at(x, "metric");
        if (!json_at(x, "paper"))
            continue;
        table_add(t, "%s", rows++ ? "" : scenario);
        table_add(t, "%s", metric);
        table_add(t, "%g", json_number_at(x, "paper"));
        for (size_t w = 0; w < ARRAY_LEN(worlds); w++)
            add_value(t, first_about(results, count, scenario, worlds[w]), metric);
    }
    return rows;
}

int paper_table_print(json_object *const *results, size_t count, FILE *out)
{
    struct table t;
    table_init(&t, "llrrr");
    static const char *const heads[] = {"scenario", "metric", "paper", "sim", "real"};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, "%s", heads[i]);
    int rows = 0;
    for (size_t i = 0; i < count; i++)
        if (is_first_of_scenario(results, i))
            rows += add_scenario(&t, results, count, results[i]);
    table_print(&t, 0, out);
    return rows;
}
