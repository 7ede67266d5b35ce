#include "json_file.h"
#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 30 };

json_object *json_rounded(double value, int decimals)
{
    if (!isfinite(value))
        return NULL;
    char text[400];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    if (strchr(text, '.')) {
        char *end = text + strlen(text);
        while (end[-1] == '0')
            *--end = '\0';
        if (end[-1] == '.')
            end[-1] = '\0';
    }
    if (strcmp(text, "-0") == 0)
        strcpy(text, "0");
    return json_object_new_double_s(strtod(text, NULL), text);
}

json_object *json_text(const char *text)
{
    return text ? json_object_new_string(text) : NULL;
}

static json_object *step(json_object *from, const char *key)
{
    json_object *next = NULL;
    if (json_object_is_type(from, json_type_object)) {
        json_object_object_get_ex(from, key, &next);
    } else if (json_object_is_type(from, json_type_array)) {
        char *end;
        size_t index = strtoul(key, &end, 10);
        if (*key >= '0' && *key <= '9' && !*end)
            next = json_object_array_get_idx(from, index);
    }
    return next;
}

json_object *json_at(json_object *root, const char *path)
{
    autofree char *copy = mem_copy_string(path);
    char *rest = NULL;
    for (char *key = strtok_r(copy, ".", &rest); key && root; key = strtok_r(NULL, ".", &rest))
        root = step(root, key);
    return root;
}

double json_number(json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return json_object_get_boolean(value) ? 1 : 0;
    case json_type_int:
    case json_type_double:
        return json_object_get_double(value);
    default:
        return NAN;
    }
}

double json_number_at(json_object *root, const char *path)
{
    return json_number(json_at(root, path));
}

const char *json_text_at(json_object *root, const char *path)
{
    json_object *value = json_at(root, path);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* Of this process on this machine alone. */
static char *name_temporary(const char *path)
{
    struct utsname machine;
    uname(&machine);
    return mem_printf("%s.%s-%d.tmp", path, machine.nodename, (int)getpid());
}

int json_file_write(const char *folder, const char *name, json_object *root, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    autofree char *temporary = name_temporary(path);
    const char *text = json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    FILE *f = fopen(temporary, "we");
    if (!f)
        return err_errno(e, "%s", temporary);
    bool written = fputs(text, f) >= 0 && fputc('\n', f) >= 0;
    if ((fclose(f) == 0 && written) && rename(temporary, path) == 0)
        return 0;
    err_errno(e, "%s", path);
    unlink(temporary);
    return -e->code;
}

static int read_text(const char *path, struct buf *text, struct err *e)
{
    autofclose FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(e, "%s", path);
    char chunk[65536];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        if (text->len + got > FILE_MAX)
            return err_set(e, EFBIG, "%s: larger than 1 GiB", path);
        buf_add(text, chunk, got);
    }
    return ferror(f) ? err_errno(e, "%s", path) : 0;
}

int json_file_read(const char *folder, const char *name, json_object **root, struct err *e)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    struct buf text = BUF_INIT;
    int status = read_text(path, &text, e);
    if (status == 0) {
        enum json_tokener_error wrong;
        *root = json_tokener_parse_verbose(buf_text(&text), &wrong);
        if (!*root)
            status = err_set(e, EINVAL, "%s: %s", path, json_tokener_error_desc(wrong));
    } else {
        err_hint(e, "give the folder of a result, the one with %s in it", name);
    }
    buf_free(&text);
    return status;
}
