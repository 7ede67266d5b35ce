#include "mean_migration.h"
#include "json_file.h"
#include "mem.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The k-th migration of a repetition; NULL if there is none. A single run's have no repetition. */
static json_object *migration_at(json_object *result, int repetition, int k)
{
    json_object *list = json_at(result, "migrations");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        json_object *m = json_object_array_get_idx(list, i);
        double of = json_number_at(m, "repetition");
        if ((isnan(of) || (int)of == repetition) && k-- == 0)
            return m;
    }
    return NULL;
}

static bool same_stages(json_object *a, json_object *b)
{
    json_object *x = json_at(a, "stages"), *y = json_at(b, "stages");
    size_t count = x ? json_object_array_length(x) : 0;
    if (!x || !y || json_object_array_length(y) != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(json_text_at(json_object_array_get_idx(x, i), "name"),
                   json_text_at(json_object_array_get_idx(y, i), "name")) != 0)
            return false;
    return true;
}

struct alike {
    json_object **list; /* borrowed: the same part of each migration */
    int count;
};

static json_object *merge(const struct alike *parts);

static json_object *merge_numbers(const struct alike *parts)
{
    double sum = 0;
    for (int i = 0; i < parts->count; i++)
        sum += json_number(parts->list[i]);
    return json_rounded(sum / parts->count, 6);
}

static json_object *merge_texts(const struct alike *parts)
{
    for (int i = 1; i < parts->count; i++)
        if (!json_object_equal(parts->list[0], parts->list[i]))
            return json_text("various");
    return json_object_get(parts->list[0]);
}

/* Of those that have the member. */
static json_object *merge_objects(const struct alike *parts)
{
    autofree json_object **members = mem_alloc_array((size_t)parts->count, sizeof *members);
    json_object *o = json_object_new_object();
    json_object_object_foreach(parts->list[0], key, value)
    {
        int count = 0;
        (void)value;
        for (int i = 0; i < parts->count; i++)
            if ((members[count] = json_object_object_get(parts->list[i], key)))
                count++;
        json_object_object_add(o, key, count ? merge(&(struct alike){members, count}) : NULL);
    }
    return o;
}

static json_object *merge_arrays(const struct alike *parts)
{
    autofree json_object **elements = mem_alloc_array((size_t)parts->count, sizeof *elements);
    json_object *list = json_object_new_array();
    for (size_t k = 0; k < json_object_array_length(parts->list[0]); k++) {
        for (int i = 0; i < parts->count; i++)
            elements[i] = json_object_array_get_idx(parts->list[i], k);
        json_object_array_add(list, merge(&(struct alike){elements, parts->count}));
    }
    return list;
}

static json_object *merge(const struct alike *parts)
{
    switch (json_object_get_type(parts->list[0])) {
    case json_type_object:
        return merge_objects(parts);
    case json_type_array:
        return merge_arrays(parts);
    case json_type_int:
    case json_type_double:
        return merge_numbers(parts);
    default:
        return merge_texts(parts);
    }
}

json_object *mean_migration(json_object *result, int k)
{
    double said = json_number_at(result, "repetitions");
    int repetitions = said > 1 ? (int)said : 1;
    struct alike alike = {mem_alloc_array((size_t)repetitions, sizeof(json_object *)), 0};
    autofree json_object **owned = alike.list;
    for (int r = 1; r <= repetitions; r++) {
        json_object *m = migration_at(result, r, k);
        if (m && (alike.count == 0 || same_stages(owned[0], m)))
            owned[alike.count++] = m;
    }
    if (alike.count == 0)
        return NULL;
    if (!json_at(owned[0], "repetition"))
        return json_object_get(owned[0]);
    json_object *mean = merge(&alike);
    json_object_object_del(mean, "repetition");
    json_object_object_add(mean, "means_of", json_object_new_int(alike.count));
    return mean;
}

json_object *mean_migrations(json_object *result)
{
    json_object *list = json_object_new_array(), *m;
    for (int k = 0; (m = mean_migration(result, k)); k++)
        json_object_array_add(list, m);
    return list;
}
