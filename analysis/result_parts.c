#include "result_parts.h"
#include "json_file.h"
#include "mem.h"
#include "version.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static json_object *scenario_json(const struct result_input *input)
{
    json_object *o = json_object_new_object();
    const char *name = input->name ? input->name : input->scenario ? input->scenario->name : NULL;
    json_object_object_add(o, "name", json_text(name));
    json_object_object_add(o, "sha256", json_text(input->scenario ? input->scenario->sha256 : NULL));
    return o;
}

static json_object *environment_json(const struct result_input *input)
{
    json_object *o = json_object_new_object();
    for (int i = 0; i < input->environment_count; i++) {
        const struct result_fact *fact = &input->environment[i];
        json_object_object_add(o, fact->key,
                               fact->text ? json_text(fact->text) : json_rounded(fact->number, 6));
    }
    return o;
}

json_object *result_head(const struct result_input *input, int repetitions)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "roamlab", json_text(ROAMLAB_VERSION));
    json_object_object_add(o, "world", json_text(input->world));
    json_object_object_add(o, "scenario", scenario_json(input));
    json_object_object_add(o, "seed", json_object_new_uint64(input->seed));
    json_object_object_add(o, "repetitions", json_object_new_int(repetitions));
    if (input->command)
        json_object_object_add(o, "command", json_text(input->command));
    json_object_object_add(o, "environment", environment_json(input));
    return o;
}

json_object *result_expectation(const struct scenario_expect *x, double value)
{
    json_object *o = json_object_new_object(), *bound = json_object_new_object();
    if (x->has_min)
        json_object_object_add(bound, "min", json_rounded(x->min, 6));
    if (x->has_max)
        json_object_object_add(bound, "max", json_rounded(x->max, 6));
    bool holds = isfinite(value) && (!x->has_min || value >= x->min) && (!x->has_max || value <= x->max);
    json_object_object_add(o, "metric", json_text(x->metric));
    json_object_object_add(o, "bound", bound);
    if (x->has_paper)
        json_object_object_add(o, "paper", json_rounded(x->paper, 6));
    json_object_object_add(o, "value", json_rounded(value, 6));
    json_object_object_add(o, "holds", json_object_new_boolean(holds));
    return o;
}

static double count_outcomes(json_object *migrations, const char *outcome)
{
    size_t count = 0, all = json_object_array_length(migrations);
    for (size_t i = 0; i < all; i++)
        count += strcmp(json_text_at(json_object_array_get_idx(migrations, i), "outcome"), outcome) == 0;
    return (double)count;
}

double result_metric(json_object *result, const char *path)
{
    json_object *migrations = json_at(result, "migrations");
    const char *of_all = strncmp(path, "migrations.", 11) == 0 ? path + 11 : "";
    if (!json_object_is_type(migrations, json_type_array))
        return json_number_at(result, path);
    if (strcmp(of_all, "count") == 0)
        return (double)json_object_array_length(migrations);
    if (strcmp(of_all, "finished") == 0 || strcmp(of_all, "failed") == 0 || strcmp(of_all, "superseded") == 0)
        return count_outcomes(migrations, of_all);
    return json_number_at(result, path);
}

double result_beside_mean(json_object *result, const char *metric, const char *name)
{
    const char *last = strrchr(metric, '.');
    if (!last || strcmp(last, ".mean") != 0)
        return NAN;
    autofree char *path = mem_printf("%.*s.%s", (int)(last - metric), metric, name);
    return json_number_at(result, path);
}

bool result_allows_failed_migrations(json_object *result)
{
    json_object *expectations = json_at(result, "expectations");
    for (size_t i = 0; expectations && i < json_object_array_length(expectations); i++)
        if (strcmp(json_text_at(json_object_array_get_idx(expectations, i), "metric"), "migrations.failed") == 0)
            return true;
    return false;
}

int result_exit_status(json_object *result)
{
    json_object *expectations = json_at(result, "expectations");
    bool good = json_number_at(result, "invariants.ok") == 1 && json_number_at(result, "drift_ms.valid") == 1 &&
                json_number_at(result, "clock_ms.valid") != 0;
    for (size_t i = 0; expectations && i < json_object_array_length(expectations); i++)
        good &= json_number_at(json_object_array_get_idx(expectations, i), "holds") == 1;
    return good && (result_allows_failed_migrations(result) || result_metric(result, "migrations.failed") == 0) ? 0 : 1;
}

int result_repetitions(const char *folder, json_object *result)
{
    autofree char *first = mem_printf("%s/rep-1", folder);
    return access(first, F_OK) == 0 ? (int)json_number_at(result, "repetitions") : 0;
}
