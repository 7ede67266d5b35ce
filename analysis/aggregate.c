#include "json_file.h"
#include "mem.h"
#include "result_parts.h"
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct repetitions {
    json_object **results;
    int count;
};

static void free_repetitions(struct repetitions *r)
{
    for (int i = 0; i < r->count; i++)
        json_object_put(r->results[i]);
    free(r->results);
}

static int read_repetitions(const char *folder, int count, struct repetitions *r, struct err *e)
{
    r->results = mem_alloc_array((size_t)count, sizeof(json_object *));
    for (; r->count < count; r->count++) {
        autofree char *one = mem_printf("%s/rep-%d", folder, r->count + 1);
        int status = json_file_read(one, "result.json", &r->results[r->count], e);
        if (status < 0)
            return status;
    }
    return 0;
}

/* The finite values of a metric over the repetitions. */
static size_t values_of(const struct repetitions *r, const char *path, double *values)
{
    size_t count = 0;
    for (int i = 0; i < r->count; i++) {
        double value = json_number_at(r->results[i], path);
        if (isfinite(value))
            values[count++] = value;
    }
    return count;
}

enum summing { MEAN, CI95, SUM, MIN, MAX };

static double summed_up(const struct repetitions *r, const char *path, enum summing how)
{
    autofree double *values = mem_alloc_array((size_t)r->count, sizeof *values);
    size_t count = values_of(r, path, values);
    statistics_sort(values, count);
    if (how == MEAN)
        return statistics_mean(values, count);
    if (how == CI95)
        return statistics_ci95(values, count);
    if (how == SUM)
        return count ? statistics_mean(values, count) * (double)count : 0;
    if (count == 0)
        return NAN;
    return values[how == MIN ? 0 : count - 1];
}

/* One field of the aggregate: PART.KEY of every repetition, summed up. */
static void add_field(json_object *o, const struct repetitions *r, const char *part, const char *key,
                      enum summing how, int decimals)
{
    autofree char *path = mem_printf("%s.%s", part, key);
    json_object_object_add(o, key, json_rounded(summed_up(r, path, how), decimals));
}

/* How many repetitions have that value. */
static void add_n(json_object *o, const struct repetitions *r, const char *path)
{
    autofree double *values = mem_alloc_array((size_t)r->count, sizeof *values);
    json_object_object_add(o, "n", json_object_new_int64((int64_t)values_of(r, path, values)));
}

/* "ci95" and "n" belong to "mean" and stand behind it. */
static void add_mean(json_object *o, const struct repetitions *r, const char *part, int decimals)
{
    autofree char *path = mem_printf("%s.mean", part);
    add_field(o, r, part, "mean", MEAN, decimals);
    json_object_object_add(o, "ci95", json_rounded(summed_up(r, path, CI95), decimals));
    add_n(o, r, path);
}

static json_object *requests_json(const struct repetitions *r)
{
    static const char *const keys[] = {"sent", "answered", "abandoned", "lost", "duplicated"};
    json_object *o = json_object_new_object();
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        add_field(o, r, "requests", keys[i], SUM, 0);
    return o;
}

static json_object *spread_json(const struct repetitions *r, const char *part)
{
    json_object *o = json_object_new_object();
    add_mean(o, r, part, 3);
    add_field(o, r, part, "p50", MEAN, 3);
    add_field(o, r, part, "p95", MEAN, 3);
    add_field(o, r, part, "p99", MEAN, 3);
    add_field(o, r, part, "max", MAX, 3);
    return o;
}

static json_object *roaming_json(const struct repetitions *r)
{
    static const char *const phases[] = {"probe", "authentication", "reassociation"};
    json_object *o = json_object_new_object(), *outage = json_object_new_object(), *means = json_object_new_object();
    add_field(o, r, "roaming", "associations", SUM, 0);
    add_field(o, r, "roaming", "handoffs", SUM, 0);
    json_object_object_add(o, "handoff_ms", spread_json(r, "roaming.handoff_ms"));
    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        add_field(means, r, "roaming.phases_ms", phases[i], MEAN, 3);
    add_n(means, r, "roaming.phases_ms.probe");
    json_object_object_add(o, "phases_ms", means);
    add_field(o, r, "roaming", "outages", SUM, 0);
    add_field(outage, r, "roaming.outage_s", "total", SUM, 6);
    add_mean(outage, r, "roaming.outage_s", 6);
    add_field(outage, r, "roaming.outage_s", "max", MAX, 6);
    json_object_object_add(o, "outage_s", outage);
    return o;
}

static json_object *migration_s_json(const struct repetitions *r)
{
    json_object *o = json_object_new_object();
    add_mean(o, r, "migration_s", 6);
    add_field(o, r, "migration_s", "min", MIN, 6);
    add_field(o, r, "migration_s", "max", MAX, 6);
    return o;
}

/* Totals over the repetitions, all of which have the same links. */
static json_object *links_json(const struct repetitions *r)
{
    static const char *const directions[] = {"forward", "back"}, *const keys[] = {"packets", "bytes", "dropped", "lost"};
    json_object *list = json_object_new_array(), *first = r->count ? json_at(r->results[0], "links") : NULL;
    for (size_t i = 0; first && i < json_object_array_length(first); i++) {
        json_object *o = json_object_new_object(), *link = json_object_array_get_idx(first, i);
        json_object_object_add(o, "between", json_object_get(json_at(link, "between")));
        for (size_t k = 0; k < ARRAY_LEN(directions); k++) {
            autofree char *part = mem_printf("links.%zu.%s", i, directions[k]);
            json_object *sums = json_object_new_object();
            for (size_t n = 0; json_at(link, directions[k]) && n < ARRAY_LEN(keys); n++)
                add_field(sums, r, part, keys[n], SUM, 0);
            if (json_object_object_length(sums))
                json_object_object_add(o, directions[k], sums);
            else
                json_object_put(sums);
        }
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *warming_json(const struct repetitions *r)
{
    json_object *o = json_object_new_object();
    add_field(o, r, "warming", "connections", SUM, 0);
    add_field(o, r, "warming", "bytes", SUM, 0);
    return o;
}

/* What any repetition leaked. NULL if none was captured. */
static json_object *packet_checks_json(const struct repetitions *r)
{
    static const char *const sums[] = {"packets", "bytes", "gaps"}, *const secrets[] = {"names", "contents", "credentials"};
    json_object *first = r->count ? json_at(r->results[0], "packet_check") : NULL;
    if (!first)
        return NULL;
    json_object *o = json_object_new_object();
    json_object_object_add(o, "carrier", json_text(json_text_at(first, "carrier")));
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        add_field(o, r, "packet_check", sums[i], SUM, 0);
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        autofree char *path = mem_printf("packet_check.%s", secrets[i]);
        json_object_object_add(o, secrets[i], json_object_new_boolean(summed_up(r, path, MAX) > 0));
    }
    return o;
}

static json_object *clocks_json(const struct repetitions *r)
{
    json_object *o = json_object_new_object();
    add_field(o, r, "clock_ms", "uncertainty", MAX, 3);
    add_field(o, r, "clock_ms", "bound", MAX, 3);
    json_object_object_add(o, "valid", json_object_new_boolean(summed_up(r, "clock_ms.valid", MIN) == 1));
    return o;
}

static json_object *drift_json(const struct repetitions *r)
{
    json_object *o = json_object_new_object();
    add_field(o, r, "drift_ms", "p50", MEAN, 3);
    add_field(o, r, "drift_ms", "p99", MAX, 3);
    add_field(o, r, "drift_ms", "max", MAX, 3);
    add_field(o, r, "drift_ms", "bound", MAX, 3);
    json_object_object_add(o, "valid", json_object_new_boolean(summed_up(r, "drift_ms.valid", MIN) == 1));
    return o;
}

static json_object *migrations_json(const struct repetitions *r)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < r->count; i++) {
        json_object *of_one = json_at(r->results[i], "migrations");
        for (size_t k = 0; of_one && k < json_object_array_length(of_one); k++) {
            json_object *copy = json_object_new_object();
            json_object_object_add(copy, "repetition", json_object_new_int(i + 1));
            json_object_object_foreach(json_object_array_get_idx(of_one, k), key, value)
            {
                json_object_object_add(copy, key, json_object_get(value));
            }
            json_object_array_add(list, copy);
        }
    }
    return list;
}

static json_object *invariants_json(const struct repetitions *r)
{
    json_object *o = json_object_new_object(), *list = json_object_new_array();
    for (int i = 0; i < r->count; i++) {
        json_object *broken = json_at(r->results[i], "invariants.broken");
        for (size_t k = 0; broken && k < json_object_array_length(broken); k++) {
            autofree char *sentence = mem_printf(
                "repetition %d: %s", i + 1, json_object_get_string(json_object_array_get_idx(broken, k)));
            json_object_array_add(list, json_text(sentence));
        }
    }
    json_object_object_add(o, "ok", json_object_new_boolean(json_object_array_length(list) == 0));
    json_object_object_add(o, "broken", list);
    return o;
}

static bool is_about_the_mean(const char *metric)
{
    return strncmp(metric, "response_ms.", 12) == 0 || strncmp(metric, "migration_s.", 12) == 0;
}

static json_object *expectation_json(const struct repetitions *r, json_object *aggregate,
                                     const struct scenario_expect *x)
{
    if (is_about_the_mean(x->metric))
        return result_expectation(x, result_metric(aggregate, x->metric));
    json_object *o = NULL;
    for (int i = 0; i < r->count; i++) {
        json_object_put(o);
        o = result_expectation(x, result_metric(r->results[i], x->metric));
        if (json_number_at(o, "holds") == 0)
            break;
    }
    return o;
}

static json_object *events_json(const struct repetitions *r)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "received", json_rounded(summed_up(r, "events.received", SUM), 0));
    json_object_object_add(o, "reported", json_rounded(summed_up(r, "events.reported", SUM), 0));
    return o;
}

static json_object *aggregate_json(const struct repetitions *r, const struct result_input *input)
{
    json_object *o = result_head(input, r->count), *expectations = json_object_new_array();
    json_object_object_add(o, "requests", requests_json(r));
    json_object_object_add(o, "response_ms", spread_json(r, "response_ms"));
    json_object_object_add(o, "roaming", roaming_json(r));
    json_object_object_add(o, "migrations", migrations_json(r));
    json_object_object_add(o, "migration_s", migration_s_json(r));
    json_object_object_add(o, "links", links_json(r));
    json_object_object_add(o, "warming", warming_json(r));
    if (summed_up(r, "events.reported", SUM) > 0)
        json_object_object_add(o, "events", events_json(r));
    json_object *packet_check = packet_checks_json(r);
    if (packet_check)
        json_object_object_add(o, "packet_check", packet_check);
    json_object_object_add(o, "invariants", invariants_json(r));
    json_object_object_add(o, "drift_ms", drift_json(r));
    if (isfinite(summed_up(r, "clock_ms.uncertainty", MAX)))
        json_object_object_add(o, "clock_ms", clocks_json(r));
    for (int i = 0; input->scenario && i < input->scenario->expect_count; i++)
        json_object_array_add(expectations, expectation_json(r, o, &input->scenario->expects[i]));
    json_object_object_add(o, "expectations", expectations);
    return o;
}

int result_of_repetitions(const char *folder, int repetitions, const struct result_input *input,
                          json_object **result, struct err *e)
{
    struct repetitions r = {0};
    json_object *o = NULL;
    int status = read_repetitions(folder, repetitions, &r, e);
    if (status == 0) {
        o = aggregate_json(&r, input);
        status = json_file_write(folder, "result.json", o, e);
    }
    free_repetitions(&r);
    if (status < 0 || !result)
        json_object_put(o);
    else
        *result = o;
    return status;
}
