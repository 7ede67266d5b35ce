/* What the figures have in common: their files, their templates (figures/NAME.gp, part of the program) and
 * gnuplot. */
#ifndef ROAMLAB_FIGURE_PARTS_H
#define ROAMLAB_FIGURE_PARTS_H

#include "buf.h"
#include "err.h"

#include <json-c/json.h>

/* One figure: its data, and what stands in front of the template in its .gp file. */
struct figure {
    const char *name;     /* of its files */
    const char *template; /* text of figures/NAME.gp */
    struct buf data, settings;
};

extern const char figure_template_response_time[], figure_template_stages[], figure_template_migration_time[],
    figure_template_response_overlay[], figure_template_sweep_lines[], figure_template_sweep_map[],
    figure_template_sweep_stages[], figure_template_whereabouts[], figure_template_scale[], figure_template_cpu[];

/* Adds `name = 'text'` or a number for gnuplot. */
void figure_set_text(struct figure *figure, const char *name, const char *text);
void figure_set_number(struct figure *figure, const char *name, double value);
/* One more of a list of tics as gnuplot has it: "text" at, … */
void figure_add_tic(struct buf *tics, const char *text, double at);
/* Writes FOLDER/NAME.dat and .gp, runs gnuplot there, and frees the figure's buffers in every case. */
int figure_draw(struct figure *figure, const char *folder, struct err *e);

/* "kim22-p-migr (sim)"; free() it. */
char *figure_subject(json_object *result);

/* What each of several results is called in one figure: what `name` says of it (owned), and where another is called the same, its folder, too:
 * "p-migr (sim), a". NULL on an error. */
char **figure_labels(const char *const *folders, int count, char *(*name)(const char *folder, json_object *result), struct err *e);
void figure_labels_free(char **labels, int count); /* NULL-safe */

int figure_response_time(const char *folder, json_object *result, const char *out, struct err *e);
int figure_response_overlay(const char *const *folders, int count, const char *out, struct err *e);
int figure_stages(const char *folder, json_object *result, const char *out, struct err *e);
/* Where a stage happens, as the figures' colours go: "source", "transfer", "target", "switch". */
const char *figure_stage_kind(const char *stage);
int figure_cpu(const char *folder, json_object *result, const char *out, struct err *e);
int figure_whereabouts(const char *folder, json_object *result, const char *out, struct err *e);

#endif
