/* Result files: JSON with numbers rounded to what they mean, written whole or not at all. */
#ifndef ROAMLAB_JSON_FILE_H
#define ROAMLAB_JSON_FILE_H

#include "err.h"

#include <json-c/json.h>
#include <stdbool.h>

/* The value with that many decimals at most, trailing zeros cut; null if it is not finite. */
json_object *json_rounded(double value, int decimals);
/* The text, or null for NULL. */
json_object *json_text(const char *text);
/* The value at a dotted path ("migrations.0.total_s"), borrowed; NULL if there is none (JSON's null also is
 * NULL). */
json_object *json_at(json_object *root, const char *path);
/* Numbers as they are, true as 1 and false as 0, NAN for everything else. */
double json_number(json_object *value);
/* json_number(json_at(…)). */
double json_number_at(json_object *root, const char *path);
/* The string at the path, borrowed, or "". */
const char *json_text_at(json_object *root, const char *path);

/* Writes FOLDER/NAME through a temporary file: readers see the old file or the new one, also if several processes on several
 * machines write it. */
int json_file_write(const char *folder, const char *name, json_object *root, struct err *e);
/* Reads FOLDER/NAME; json_object_put() it. */
int json_file_read(const char *folder, const char *name, json_object **root, struct err *e);

#endif
