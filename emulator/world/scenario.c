#include "scenario_key.h"

#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int take_files(const struct scenario *s, json_object *root, struct err *e)
{
    json_object *list = scenario_member(root, "links");
    int status = scenario_take_costs(root, s->path, e);
    for (size_t i = 0; list && i < json_object_array_length(list) && status == 0; i++)
        status = scenario_take_files(json_object_array_get_idx(list, i), s->path,
                                     PLACE_INDEX(PLACE_NAMED(NULL, "links"), (int)i), e);
    return status;
}

static int fill_in(struct scenario *s, json_object *root, const struct scenario_setting *settings,
                   int setting_count, struct err *e)
{
    if (!json_object_is_type(root, json_type_object))
        return scenario_check_shape(root, e);
    for (int i = 0; i < setting_count; i++)
        if (scenario_set(root, &settings[i], e) < 0)
            return -EINVAL;
    if (scenario_check_shape(root, e) < 0 || take_files(s, root, e) < 0 || scenario_build(s, root, e) < 0)
        return -EINVAL;
    json_object_object_del(root, "sweep"); /* no part of a run */
    s->text = mem_copy_string(
        json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    scenario_hash_text(s);
    return scenario_check_rules(s, e);
}

struct scenario *scenario_parse(const char *path, const char *text, size_t len,
                                const struct scenario_setting *settings, int setting_count, struct err *e)
{
    struct scenario *s = mem_alloc(sizeof *s);
    s->path = mem_copy_string(path);
    json_object *root = scenario_text_read(text, len, e);
    bool good = root && fill_in(s, root, settings, setting_count, e) == 0;
    json_object_put(root);
    if (good)
        return s;
    err_wrap(e, "%.240s", path);
    scenario_free(s);
    return NULL;
}

struct scenario *scenario_read(const char *path, const struct scenario_setting *settings, int setting_count,
                               struct err *e)
{
    struct buf text = BUF_INIT;
    struct scenario *s = NULL;
    if (scenario_read_file(path, SCENARIO_BYTES_MAX, &text, e) < 0)
        err_wrap(e, "%.240s", path);
    else
        s = scenario_parse(path, (const char *)text.data, text.len, settings, setting_count, e);
    buf_free(&text);
    return s;
}

bool scenario_begins_entry(const struct scenario *s, int i)
{
    return i == 0 || s->muds[i - 1].entry != s->muds[i].entry;
}

char *scenario_entry_name(const struct scenario_mud *mud)
{
    size_t len = mud->counted ? (size_t)(strrchr(mud->name, '-') - mud->name) : strlen(mud->name);
    return mem_printf("%.*s", (int)len, mud->name);
}

static void free_muds(struct scenario *s)
{
    for (int i = 0; i < s->mud_count; i++) {
        free(s->muds[i].name);
        if (!s->muds[i].visits_shared)
            free(s->muds[i].visits);
        if (scenario_begins_entry(s, i))
            free(s->muds[i].track);
    }
    free(s->muds);
}

void scenario_free(struct scenario *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->host_count; i++) {
        free(s->hosts[i].name);
        free(s->hosts[i].ssh);
        free(s->hosts[i].interface);
        free(s->hosts[i].command);
        free(s->hosts[i].docker);
        free(s->hosts[i].docker_certs);
    }
    for (int i = 0; i < s->edge_count; i++)
        free(s->edges[i].name);
    for (int i = 0; i < s->ap_count; i++)
        free(s->aps[i].name);
    for (int i = 0; i < s->expect_count; i++)
        free(s->expects[i].metric);
    for (int i = 0; i < s->link_count; i++)
        scenario_free_shaping(&s->links[i]);
    free_muds(s);
    scenario_free_registries(s);
    free(s->supervision.orders);
    scenario_free_sweep(&s->sweep);
    for (int i = 0; i < s->mobility_count; i++) {
        free(s->mobilities[i].name);
        free(s->mobilities[i].tracks);
    }
    free(s->mobilities);
    track_paths_free(s->paths);
    free(s->hosts);
    free(s->edges);
    free(s->aps);
    free(s->links);
    free(s->faults);
    free(s->expects);
    free(s->path);
    free(s->text);
    free(s->name);
    free(s->description);
    free(s);
}
