/* Aligned columns on a terminal. Widths are counted in characters, not bytes. */
#ifndef ROAMLAB_TABLE_H
#define ROAMLAB_TABLE_H

#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 8 };

struct table {
    char **cells; /* row by row; owned */
    int columns, count;
    const char *align; /* one character a column: l or r */
};

/* As many columns as `align` has characters; `align` must outlive the table. */
void table_init(struct table *table, const char *align);
/* The next cell, from left to right. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Every line begins with `indent` blanks; columns stand two blanks apart; no blanks at the ends of lines.
 * Frees the cells. */
void table_print(struct table *table, int indent, FILE *out);

#endif
