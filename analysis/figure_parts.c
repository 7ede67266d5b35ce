#include "figure_parts.h"
#include "embed.h"
#include "json_file.h"
#include "mem.h"
#include "process.h"
#include "text_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

EMBED(figure_template_response_time, "analysis/figures/response-time.gp");
EMBED(figure_template_stages, "analysis/figures/stages.gp");
EMBED(figure_template_migration_time, "analysis/figures/migration-time.gp");
EMBED(figure_template_response_overlay, "analysis/figures/response-overlay.gp");
EMBED(figure_template_scale, "analysis/figures/scale.gp");
EMBED(figure_template_sweep_lines, "analysis/figures/sweep-lines.gp");
EMBED(figure_template_sweep_map, "analysis/figures/sweep-map.gp");
EMBED(figure_template_sweep_stages, "analysis/figures/sweep-stages.gp");
EMBED(figure_template_cpu, "analysis/figures/cpu.gp");
EMBED(figure_template_whereabouts, "analysis/figures/whereabouts.gp");

void figure_set_text(struct figure *figure, const char *name, const char *text)
{
    buf_printf(&figure->settings, "%s = '", name);
    for (; *text; text++) {
        bool quote = *text == '\''; /* doubled inside gnuplot's single quotes */
        buf_printf(&figure->settings, quote ? "''" : "%c", (unsigned char)*text < ' ' ? ' ' : *text);
    }
    buf_printf(&figure->settings, "'\n");
}

void figure_set_number(struct figure *figure, const char *name, double value)
{
    buf_printf(&figure->settings, "%s = %.9g\n", name, value);
}

void figure_add_tic(struct buf *tics, const char *text, double at)
{
    buf_printf(tics, "%s\"", tics->len ? ", " : "");
    for (; *text; text++)
        buf_printf(tics, strchr("\"\\", *text) ? "\\%c" : "%c", *text);
    buf_printf(tics, "\" %g", at);
}

static int write_file(const char *folder, const char *name, const char *extension, const struct buf *content,
                      struct err *e)
{
    autofree char *path = mem_printf("%s/%s.%s", folder, name, extension);
    return text_file_write(path, content, e);
}

static int run_gnuplot(const struct figure *figure, const char *folder, struct err *e)
{
    autofree char *script = mem_printf("%s.gp", figure->name);
    const char *const argv[] = {"gnuplot", script, NULL};
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.directory = folder;
    options.interruptible = true;
    int status = process_run(&options, NULL, e);
    if (status == -ENOENT)
        err_hint(e, "apt-get install gnuplot-nox, then draw with roamlab plot; data and scripts are in %s",
                 folder);
    return status;
}

int figure_draw(struct figure *figure, const char *folder, struct err *e)
{
    int status = write_file(folder, figure->name, "dat", &figure->data, e);
    buf_add(&figure->settings, figure->template, strlen(figure->template));
    if (status == 0)
        status = write_file(folder, figure->name, "gp", &figure->settings, e);
    if (status == 0)
        status = run_gnuplot(figure, folder, e);
    buf_free(&figure->data);
    buf_free(&figure->settings);
    if (status < 0)
        err_wrap(e, "figure %s", figure->name);
    return status;
}

char *figure_subject(json_object *result)
{
    return mem_printf("%s (%s)", json_text_at(result, "scenario.name"), json_text_at(result, "world"));
}

/* As far as the folders of all results lie in the same one. */
static size_t common_folder(const char *const *folders, int count)
{
    size_t common = 0;
    for (size_t at = 0; folders[0][at]; at++) {
        for (int i = 1; i < count; i++)
            if (folders[i][at] != folders[0][at])
                return common;
        if (folders[0][at] == '/' && folders[0][at + 1])
            common = at + 1;
    }
    return common;
}

static bool is_alike(char *const *labels, int count, int which)
{
    int alike = 0;
    for (int i = 0; i < count; i++)
        alike += strcmp(labels[i], labels[which]) == 0;
    return alike > 1;
}

static void tell_apart(char **labels, const char *const *folders, int count)
{
    autofree bool *alike = mem_alloc_array((size_t)count, sizeof *alike);
    size_t common = common_folder(folders, count);
    for (int i = 0; i < count; i++)
        alike[i] = is_alike(labels, count, i);
    for (int i = 0; i < count; i++) {
        autofree char *label = labels[i];
        const char *own = folders[i] + common;
        size_t len = strlen(own) - (own[0] && own[strlen(own) - 1] == '/');
        labels[i] = alike[i] ? mem_printf("%s, %.*s", label, (int)len, own) : steal(label);
    }
}

char **figure_labels(const char *const *folders, int count, char *(*name)(const char *folder, json_object *result), struct err *e)
{
    char **labels = mem_alloc_array((size_t)count, sizeof *labels);
    int status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        json_object *result = NULL;
        status = json_file_read(folders[i], "result.json", &result, e);
        labels[i] = status == 0 ? name(folders[i], result) : NULL;
        json_object_put(result);
    }
    if (status == 0) {
        tell_apart(labels, folders, count);
        return labels;
    }
    figure_labels_free(labels, count);
    return NULL;
}

void figure_labels_free(char **labels, int count)
{
    for (int i = 0; labels && i < count; i++)
        free(labels[i]);
    free(labels);
}
