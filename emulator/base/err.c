#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void start(struct err *e, int code, const char *format, va_list args)
{
    e->code = code;
    e->hint[0] = '\0';
    vsnprintf(e->text, sizeof e->text, format, args);
}

int err_set(struct err *e, int code, const char *format, ...)
{
    if (e) {
        va_list args;
        va_start(args, format);
        start(e, code, format, args);
        va_end(args);
    }
    return -code;
}

int err_errno(struct err *e, const char *format, ...)
{
    int code = errno ? errno : EIO;
    if (e) {
        va_list args;
        va_start(args, format);
        start(e, code, format, args);
        va_end(args);
        size_t used = strlen(e->text);
        snprintf(e->text + used, sizeof e->text - used, ": %s", strerror(code));
    }
    return -code;
}

int err_wrap(struct err *e, const char *format, ...)
{
    if (!e)
        return -EIO;
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s", inner);
    return -e->code;
}

int err_hint(struct err *e, const char *format, ...)
{
    if (!e)
        return -EIO;
    if (!e->hint[0]) {
        va_list args;
        va_start(args, format);
        vsnprintf(e->hint, sizeof e->hint, format, args);
        va_end(args);
    }
    return -e->code;
}

void err_print(const struct err *e)
{
    if (e->hint[0])
        fprintf(stderr, "roamlab: %s (%s)\n", e->text, e->hint);
    else
        fprintf(stderr, "roamlab: %s\n", e->text);
}
