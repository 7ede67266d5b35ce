#include "distribution.h"
#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

static const char *const names[] = {
    [LINK_NORMAL] = "normal", [LINK_PARETO] = "pareto", [LINK_PARETONORMAL] = "paretonormal"};
static const char *const folders[] = {"/usr/lib/x86_64-linux-gnu/tc", "/usr/lib/aarch64-linux-gnu/tc",
                                      "/usr/lib/tc", "/usr/lib64/tc", "/lib/tc"};

/* Reads one integer at *at and moves behind it. */
static int parse_value(const char *name, int line, const char **at, const char *end, int16_t *value,
                       struct err *e)
{
    char digits[8] = "", *rest;
    size_t len = 0;
    while (*at + len < end && !isspace((unsigned char)(*at)[len]))
        len++;
    memcpy(digits, *at, len < sizeof digits ? len : sizeof digits - 1);
    long number = strtol(digits, &rest, 10);
    if (len >= sizeof digits || *rest || rest == digits || number < INT16_MIN || number > INT16_MAX)
        return err_set(e, EINVAL, "%s:%d: \"%.*s\" is not an integer from -32768 to 32767", name, line,
                       (int)(len < 40 ? len : 40), *at);
    *value = (int16_t)number;
    *at += len;
    return 0;
}

static int parse_values(const char *name, const char *at, const char *end, struct link_table *table,
                        struct err *e)
{
    int line = 1;
    bool fresh = true; /* nothing but blanks on this line so far */
    while (at < end) {
        if (*at == '#' && fresh) {
            while (at < end && *at != '\n')
                at++;
        } else if (isspace((unsigned char)*at)) {
            fresh = fresh || *at == '\n';
            line += *at++ == '\n';
        } else if (table->count == TABLE_VALUES_MAX) {
            return err_set(e, EINVAL, "%s:%d: more than %d values", name, line, TABLE_VALUES_MAX);
        } else {
            int status = parse_value(name, line, &at, end, &table->values[table->count++], e);
            if (status < 0)
                return status;
            fresh = false;
        }
    }
    return table->count ? 0 : err_set(e, EINVAL, "%s: no values", name);
}

struct link_table *table_parse(const char *name, const char *text, size_t len, struct err *e)
{
    autofree struct link_table *table = mem_alloc(sizeof *table + TABLE_VALUES_MAX * sizeof table->values[0]);
    return parse_values(name, text, text + len, table, e) < 0 ? NULL : steal(table);
}

struct link_table *table_load(const char *path, struct err *e)
{
    autofclose FILE *file = fopen(path, "re");
    if (!file) {
        err_errno(e, "%s", path);
        return NULL;
    }
    autofree char *text = mem_alloc(FILE_MAX);
    size_t len = fread(text, 1, FILE_MAX, file);
    if (ferror(file) || len == FILE_MAX) {
        err_set(e, ferror(file) ? EIO : EFBIG, "%s: %s", path, ferror(file) ? "cannot be read" : "too long");
        return NULL;
    }
    return table_parse(path, text, len, e);
}

static struct link_table *find(const char *name, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        struct err why = ERR_INIT;
        autofree char *path = mem_printf("%s/%s.dist", folders[i], name);
        struct link_table *table = table_load(path, &why);
        if (table || why.code != ENOENT) {
            if (!table && e)
                *e = why;
            return table;
        }
    }
    err_set(e, ENOENT, "distribution %s: no %s.dist in %s", name, name, folders[0]);
    err_hint(e, "apt-get install iproute2");
    return NULL;
}

int table_of(const struct link_params *params, const struct link_table **table, struct err *e)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct link_table *known[ARRAY_LEN(names)];
    *table = NULL;
    if (params->jitter.ns == 0 || params->distribution == LINK_UNIFORM)
        return 0;
    if (params->distribution == LINK_TABLE) {
        *table = params->table;
        return *table ? 0 : err_set(e, EINVAL, "distribution: a table's file is missing");
    }
    pthread_mutex_lock(&lock);
    struct link_table **entry = &known[params->distribution];
    struct err why = ERR_INIT;
    if (!*entry)
        *entry = find(names[params->distribution], &why);
    *table = *entry;
    pthread_mutex_unlock(&lock);
    if (*table)
        return 0;
    if (e)
        *e = why;
    return -why.code;
}
