#include "compare.h"
#include "json_file.h"
#include "mean_migration.h"
#include "mem.h"
#include "result.h"
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

/* `n`: of a mean, of how many values; else NAN. */
static void add_value(struct table *t, json_object *value, double n)
{
    if (!value)
        table_add(t, "–");
    else if (isfinite(n))
        table_add(t, "%s (n %.0f)", json_object_to_json_string(value), n);
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

struct rows {
    struct table table;
    json_object *const *results; /* both */
    bool all;
};

/* A row if it is wanted; 1 if the values differ. */
static int add_row(void *context, const char *path, json_object *a, json_object *b)
{
    struct rows *rows = context;
    struct table *t = &rows->table;
    bool differs = !same(a, b);
    if (!differs && !rows->all)
        return 0;
    table_add(t, "%s", path);
    add_value(t, a, result_beside_mean(rows->results[0], path, "n"));
    add_value(t, b, result_beside_mean(rows->results[1], path, "n"));
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

/* Two results' leaves side by side: all of a's, then those that only b has. */
struct comparison {
    struct leaves leaves[2];
    json_object *means[2];
};

static void begin_comparison(struct comparison *c, json_object *a, json_object *b)
{
    *c = (struct comparison){.means = {with_means(a), with_means(b)}};
    for (int i = 0; i < 2; i++)
        collect(&c->leaves[i], "", c->means[i]);
}

/* Calls `visit` for each, which returns 0 or 1; the sum. */
static int visit_pairs(const struct comparison *c, int (*visit)(void *, const char *, json_object *, json_object *),
                       void *context)
{
    const struct leaves *x = &c->leaves[0], *y = &c->leaves[1];
    int sum = 0;
    for (size_t i = 0; i < x->count; i++) {
        const struct leaf *other = find(y, x->list[i].path, i);
        sum += visit(context, x->list[i].path, x->list[i].value, other ? other->value : NULL);
    }
    for (size_t i = 0; i < y->count; i++)
        if (!find(x, y->list[i].path, i))
            sum += visit(context, y->list[i].path, NULL, y->list[i].value);
    return sum;
}

static void end_comparison(struct comparison *c)
{
    for (int i = 0; i < 2; i++) {
        free_leaves(&c->leaves[i]);
        json_object_put(c->means[i]);
    }
}

int compare_print(json_object *a, json_object *b, const char *name_a, const char *name_b, bool all, FILE *out)
{
    struct comparison c;
    struct rows rows = {.results = c.means, .all = all};
    begin_comparison(&c, a, b);
    table_init(&rows.table, "lrrr");
    table_add(&rows.table, "metric");
    table_add(&rows.table, "%s", name_a);
    table_add(&rows.table, "%s", name_b);
    table_add(&rows.table, "difference");
    int different = visit_pairs(&c, add_row, &rows);
    table_print(&rows.table, 0, out);
    end_comparison(&c);
    return different;
}

/* --- what has moved ------------------------------------------------------------------------------------------------ */

struct bound {
    double percent;
    FILE *out;
};

static bool is_metric(const char *path)
{
    static const char *const parts[] = {"requests.",    "response_ms.", "roaming.",   "migrations.",
                                        "migration_s.", "links.",       "invariants."};
    const char *last = strrchr(path, '.');
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strncmp(path, parts[i], strlen(parts[i])) == 0)
            return strcmp(last, ".ci95") != 0 && strcmp(last, ".n") != 0;
    return false;
}

static int report_move(void *context, const char *path, json_object *a, json_object *b)
{
    const struct bound *bound = context;
    double x = json_number(a), y = json_number(b);
    bool numbers = isfinite(x) && isfinite(y);
    if (!is_metric(path) || same(a, b) || (numbers && fabs(y - x) <= fabs(x) * bound->percent / 100))
        return 0;
    fprintf(bound->out, "moved: %s: %s, was %s", path, b ? json_object_get_string(b) : "nothing",
            a ? json_object_get_string(a) : "nothing");
    if (numbers && x != 0)
        fprintf(bound->out, " (%+.2f %%, at most %g %%)", (y - x) / fabs(x) * 100, bound->percent);
    fputc('\n', bound->out);
    return 1;
}

int compare_moved(json_object *a, json_object *b, double percent, FILE *out)
{
    struct comparison c;
    begin_comparison(&c, a, b);
    int moved = visit_pairs(&c, report_move, &(struct bound){percent, out});
    end_comparison(&c);
    return moved;
}
