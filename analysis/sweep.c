#include "sweep.h"
#include "files.h"
#include "json_file.h"
#include "mem.h"
#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(json_object *object, const char *key, json_object *value)
{
    json_object_object_add(object, key, value);
}

static json_object *texts_json(char *const *texts, int count)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < count; i++)
        json_object_array_add(list, json_text(texts[i]));
    return list;
}

static json_object *vary_json(const struct sweep_grid *grid)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < grid->axis_count; i++)
        json_object_array_add(list, json_text(grid->axes[i].text));
    return list;
}

static json_object *sweep_json(const struct sweep *s)
{
    json_object *o = json_object_new_object();
    add(o, "roamlab", json_text(ROAMLAB_VERSION));
    add(o, "world", json_text(s->world));
    add(o, "scenario", json_text(s->scenario));
    add(o, "settings", texts_json(s->settings, s->setting_count));
    add(o, "vary", vary_json(&s->grid));
    add(o, "seed", json_object_new_uint64(s->seed));
    add(o, "seeds", json_object_new_int(s->seeds));
    add(o, "metrics", texts_json(s->metrics, s->metric_count));
    add(o, "sha256", texts_json(s->hashes, s->hash_count));
    if (s->against)
        add(o, "against", json_text(s->against));
    if (s->paper_count)
        add(o, "paper", texts_json(s->papers, s->paper_count));
    return o;
}

/* In this order, so that the most telling difference is named. */
static int compare(const char *folder, json_object *there, json_object *ours, struct err *e)
{
    static const struct {
        const char *key, *what;
    } parts[] = {
        {"roamlab", "another version of roamlab"},
        {"scenario", "another scenario"},
        {"world", "another world"},
        {"vary", "other values of --vary"},
        {"settings", "other values of --set"},
        {"seed", "another first seed"},
        {"sha256", "the scenario's file as it was before a change"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        json_object *a = json_at(there, parts[i].key), *b = json_at(ours, parts[i].key);
        if (json_object_equal(a, b))
            continue;
        bool texts = json_object_is_type(a, json_type_string);
        err_set(e, EEXIST, "%s: holds a sweep with %s%s%s", folder, parts[i].what, texts ? ": " : "",
                texts ? json_object_get_string(a) : "");
        return err_hint(e, "choose another folder with -o, or remove this one");
    }
    return 0;
}

static bool exists(const char *folder, const char *name)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int claim(const struct sweep *s, json_object *ours, struct err *e)
{
    json_object *there = NULL;
    int status = 0;
    if (exists(s->folder, "result.json")) {
        err_set(e, EEXIST, "%s: holds the result of a run", s->folder);
        return err_hint(e, "choose another folder with -o");
    }
    if (exists(s->folder, "sweep.json")) {
        status = json_file_read(s->folder, "sweep.json", &there, e);
        if (status == 0)
            status = compare(s->folder, there, ours, e);
    }
    if (status == 0 && !json_object_equal(there, ours))
        status = json_file_write(s->folder, "sweep.json", ours, e);
    json_object_put(there);
    return status;
}

int sweep_claim(const struct sweep *s, struct err *e)
{
    autofree char *runs = mem_printf("%s/runs", s->folder);
    int status = files_make_folder(runs, 0755, e);
    if (status < 0)
        return status;
    json_object *ours = sweep_json(s);
    status = claim(s, ours, e);
    json_object_put(ours);
    return status;
}

/* --- reading it again ---------------------------------------------------------------------------------------------- */

static void free_texts(char **texts, int count)
{
    for (int i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static char **texts_at(json_object *root, const char *path, int *count)
{
    json_object *list = json_at(root, path);
    size_t length = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    char **texts = mem_alloc_array(length + 1, sizeof *texts);
    *count = 0;
    for (size_t i = 0; i < length; i++) {
        json_object *text = json_object_array_get_idx(list, i);
        if (json_object_is_type(text, json_type_string))
            texts[(*count)++] = mem_copy_string(json_object_get_string(text));
    }
    return texts;
}

static int read_axes(struct sweep_grid *grid, json_object *root, struct err *e)
{
    int count, status = 0;
    char **texts = texts_at(root, "vary", &count);
    for (int i = 0; i < count && status == 0; i++) {
        status = sweep_grid_add(grid, texts[i], e);
        if (status < 0)
            err_wrap(e, "vary: %.80s", texts[i]);
    }
    free_texts(texts, count);
    return status;
}

static int read_json(struct sweep *s, json_object *root, struct err *e)
{
    int hashes = 0;
    s->world = mem_copy_string(json_text_at(root, "world"));
    s->scenario = mem_copy_string(json_text_at(root, "scenario"));
    s->settings = texts_at(root, "settings", &s->setting_count);
    s->metrics = texts_at(root, "metrics", &s->metric_count);
    s->hashes = texts_at(root, "sha256", &hashes);
    s->papers = texts_at(root, "paper", &s->paper_count);
    s->against = json_at(root, "against") ? mem_copy_string(json_text_at(root, "against")) : NULL;
    s->seed = json_object_get_uint64(json_at(root, "seed"));
    s->seeds = json_object_get_int(json_at(root, "seeds"));
    int status = read_axes(&s->grid, root, e);
    s->hash_count = hashes;
    if (status < 0)
        return status;
    bool whole = s->seeds >= 1 && s->seeds <= SWEEP_SEEDS_MAX && hashes == sweep_grid_points(&s->grid);
    return whole ? 0 : err_set(e, EINVAL, "seeds, points and their hashes do not fit together");
}

int sweep_read(const char *folder, struct sweep *s, struct err *e)
{
    json_object *root = NULL;
    *s = (struct sweep){.folder = mem_copy_string(folder)};
    int status = json_file_read(folder, "sweep.json", &root, e);
    if (status < 0)
        return status;
    status = read_json(s, root, e);
    json_object_put(root);
    return status < 0 ? err_wrap(e, "%s/sweep.json", folder) : 0;
}

void sweep_free(struct sweep *s)
{
    free(s->folder);
    free(s->world);
    free(s->scenario);
    free_texts(s->settings, s->setting_count);
    free_texts(s->hashes, s->hash_count);
    free_texts(s->metrics, s->metric_count);
    free_texts(s->papers, s->paper_count);
    free(s->against);
    sweep_grid_free(&s->grid);
}

/* --- its runs -------------------------------------------------------------------------------------------------------- */

int sweep_runs(const struct sweep *s)
{
    return sweep_grid_points(&s->grid) * s->seeds;
}

int sweep_point_of(const struct sweep *s, int run)
{
    return run / s->seeds;
}

uint64_t sweep_seed_of(const struct sweep *s, int run)
{
    return s->seed + (uint64_t)(run % s->seeds);
}

char *sweep_run_name(const struct sweep *s, int run)
{
    autofree char *point = sweep_grid_name(&s->grid, sweep_point_of(s, run));
    return mem_printf("run %d (%s%sseed %" PRIu64 ")", run, point, point[0] ? ", " : "",
                      sweep_seed_of(s, run));
}

static char *file_of(const struct sweep *s, int run)
{
    return mem_printf("runs/%05d-seed-%" PRIu64 ".json", sweep_point_of(s, run), sweep_seed_of(s, run));
}

json_object *sweep_result(const struct sweep *s, int run)
{
    autofree char *name = file_of(s, run);
    json_object *result = NULL;
    if (json_file_read(s->folder, name, &result, NULL) < 0)
        return NULL;
    if (strcmp(json_text_at(result, "scenario.sha256"), s->hashes[sweep_point_of(s, run)]) == 0 &&
        json_object_get_uint64(json_at(result, "seed")) == sweep_seed_of(s, run))
        return result;
    json_object_put(result);
    return NULL;
}

int sweep_keep_result(const struct sweep *s, int run, json_object *result, struct err *e)
{
    autofree char *name = file_of(s, run);
    return json_file_write(s->folder, name, result, e);
}

int sweep_keep_refusal(const struct sweep *s, int run, const char *why, struct err *e)
{
    json_object *o = json_object_new_object(), *scenario = json_object_new_object();
    json_object_object_add(scenario, "sha256", json_text(s->hashes[sweep_point_of(s, run)]));
    json_object_object_add(o, "scenario", scenario);
    json_object_object_add(o, "seed", json_object_new_uint64(sweep_seed_of(s, run)));
    json_object_object_add(o, "refused", json_text(why));
    int status = sweep_keep_result(s, run, o, e);
    json_object_put(o);
    return status;
}

const char *sweep_refusal(json_object *result)
{
    const char *why = json_text_at(result, "refused");
    return why[0] ? why : NULL;
}
