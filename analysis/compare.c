#include "compare.h"
#include "json_file.h"
#include "mean_migration.h"
#include "mem.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One leaf of a result. */
struct leaf {
    char *path;
    json_object *value; /* borrowed */
};

struct leaves {
    struct leaf *list;
    size_t count;
};

static void collect(struct leaves *leaves, const char *path, json_object *value);

static void collect_member(struct leaves *leaves, const char *path, const char *key, json_object *value)
{
    autofree char *longer = path[0] ? mem_printf("%s.%s", path, key) : mem_copy_string(key);
    collect(leaves, longer, value);
}

/* Elements that have a name are called by it: a stage keeps its row when another one stands before it. A name
 * that comes again gets its place behind it. */
static void collect_element(struct leaves *leaves, const char *path, json_object *array, size_t i)
{
    json_object *element = json_object_array_get_idx(array, i);
    const char *name = json_text_at(element, "name");
    size_t earlier = 0;
    for (size_t k = 0; k < i && name[0]; k++)
        earlier += strcmp(json_text_at(json_object_array_get_idx(array, k), "name"), name) == 0;
    autofree char *key = !name[0]  ? mem_printf("%zu", i)
                         : earlier ? mem_printf("%s %zu", name, earlier + 1)
                                   : mem_copy_string(name);
    collect_member(leaves, path, key, element);
}

static bool is_left_out(const char *path)
{
    static const char *const paths[] = {"expectations", "command", "scenario.sha256", "invariants.broken", "roamlab"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, ".name") == 0 && strstr(path, ".stages.");
}

static void collect(struct leaves *leaves, const char *path, json_object *value)
{
    if (is_left_out(path))
        return;
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            collect_member(leaves, path, key, member);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            collect_element(leaves, path, value, i);
    } else {
        leaves->list = mem_resize(leaves->list, (leaves->count + 1) * sizeof *leaves->list);
        leaves->list[leaves->count++] = (struct leaf){mem_copy_string(path), value};
    }
}

static void free_leaves(struct leaves *leaves)
{
    for (size_t i = 0; i < leaves->count; i++)
        free(leaves->list[i].path);
    free(leaves->list);
}

/* The leaf of that path, looked for from `hint` on: both results have nearly the same order. */
static const struct leaf *find(const struct leaves *leaves, const char *path, size_t hint)
{
    for (size_t i = 0; i < leaves->count; i++) {
        const struct leaf *leaf = &leaves->list[(hint + i) % leaves->count];
        if (strcmp(leaf->path, path) == 0)
            return leaf;
    }
    return NULL;
}

static void add_value(struct table *t, json_object *value)
{
    if (!value)
        table_add(t, "–");
    else if (json_object_is_type(value, json_type_string))
        table_add(t, "%s", json_object_get_string(value));
    else
        table_add(t, "%s", json_object_to_json_string(value));
}

static void add_difference(struct table *t, json_object *a, json_object *b)
{
    double x = json_number(a), y = json_number(b);
    bool truth = json_object_is_type(a, json_type_boolean);
    if (isfinite(x) && isfinite(y) && x != 0 && !truth)
        table_add(t, "%+.2f %%", (y - x) / fabs(x) * 100);
    else
        table_add(t, "%s", "");
}

static bool same(json_object *a, json_object *b)
{
    double x = json_number(a), y = json_number(b);
    if (isfinite(x) && isfinite(y))
        return x == y;
    return strcmp(json_object_to_json_string(a), json_object_to_json_string(b)) == 0;
}

/* A row if it is wanted; 1 if the values differ. */
static int add_row(struct table *t, const char *path, json_object *a, json_object *b, bool all)
{
    bool differs = !same(a, b);
    if (!differs && !all)
        return 0;
    table_add(t, "%s", path);
    add_value(t, a);
    add_value(t, b);
    add_difference(t, a, b);
    return differs;
}

/* The result with its migrations as means over the repetitions: a place in the list is the same migration in
 * both then, however often each was repeated. */
static json_object *with_means(json_object *result)
{
    json_object *o = json_object_new_object();
    json_object_object_foreach(result, key, value)
    {
        json_object_object_add(o, key, json_object_get(value));
    }
    json_object_object_add(o, "migrations", mean_migrations(result));
    return o;
}

int compare_print(json_object *a, json_object *b, const char *name_a, const char *name_b, bool all, FILE *out)
{
    struct leaves x = {0}, y = {0};
    json_object *means[] = {with_means(a), with_means(b)};
    struct table t;
    int different = 0;
    collect(&x, "", means[0]);
    collect(&y, "", means[1]);
    table_init(&t, "lrrr");
    table_add(&t, "metric");
    table_add(&t, "%s", name_a);
    table_add(&t, "%s", name_b);
    table_add(&t, "difference");
    for (size_t i = 0; i < x.count; i++) {
        const struct leaf *other = find(&y, x.list[i].path, i);
        different += add_row(&t, x.list[i].path, x.list[i].value, other ? other->value : NULL, all);
    }
    for (size_t i = 0; i < y.count; i++)
        if (!find(&x, y.list[i].path, i))
            different += add_row(&t, y.list[i].path, NULL, y.list[i].value, all);
    table_print(&t, 0, out);
    free_leaves(&x);
    free_leaves(&y);
    json_object_put(means[0]);
    json_object_put(means[1]);
    return different;
}
