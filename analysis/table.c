#include "table.h"
#include "buf.h"
#include "mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *table, const char *align)
{
    *table = (struct table){.columns = (int)strlen(align), .align = align};
}

void table_add(struct table *table, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table->cells = mem_resize(table->cells, (size_t)(table->count + 1) * sizeof(char *));
    table->cells[table->count++] = mem_copy_string(text);
}

static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80; /* not for the continuation bytes of UTF-8 */
    return width;
}

static void print_row(const struct table *t, int first, const int *widths, int indent, FILE *out)
{
    struct buf line = BUF_INIT;
    buf_printf(&line, "%*s", indent, "");
    for (int column = 0; column < t->columns && first + column < t->count; column++) {
        const char *cell = t->cells[first + column];
        int blanks = widths[column] - width_of(cell);
        bool right = t->align[column] == 'r';
        buf_printf(&line, "%s%*s%s%*s", column ? "  " : "", right ? blanks : 0, "", cell, right ? 0 : blanks,
                   "");
    }
    while (line.len && line.data[line.len - 1] == ' ')
        line.len--;
    fwrite(line.data, 1, line.len, out);
    fputc('\n', out);
    buf_free(&line);
}

void table_print(struct table *t, int indent, FILE *out)
{
    int widths[TABLE_COLUMNS_MAX] = {0};
    for (int i = 0; i < t->count; i++) {
        int width = width_of(t->cells[i]);
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    for (int i = 0; i < t->count; i += t->columns)
        print_row(t, i, widths, indent, out);
    for (int i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    t->cells = NULL;
    t->count = 0;
}
