/* Tables of delay distributions in iproute2's form: text, whitespace between integers of 16 bits, # begins a
 * comment line. A table holds the inverse of the distribution's cumulative function, scaled by 8192: netem
 * takes entry (draw mod count). */
#ifndef ROAMLAB_DISTRIBUTION_H
#define ROAMLAB_DISTRIBUTION_H

#include "link.h"

enum { TABLE_VALUES_MAX = 16384, TABLE_SCALE = 8192 };

/* Parses `text`; `name` is for messages, which say "NAME:LINE: WHAT". NULL and `e` (EINVAL) on failure; free() it. */
struct link_table *table_parse(const char *name, const char *text, size_t len, struct err *e);

/* The file at `path`. NULL and `e` on failure; free() it. */
struct link_table *table_load(const char *path, struct err *e);

/* The table that the parameters ask for, *table = NULL for uniform: the user's own, or iproute2's, read
 * once a process (it stays). ENOENT and the package to install if there is none. */
int table_of(const struct link_params *params, const struct link_table **table, struct err *e);

#endif
