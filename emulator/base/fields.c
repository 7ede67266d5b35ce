#include "fields.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void field_trim(const char **text, size_t *len)
{
    while (*len && is_blank((*text)[0]))
        ++*text, --*len;
    while (*len && is_blank((*text)[*len - 1]))
        --*len;
}

bool field_next(const char **rest, size_t *rest_len, const char **field, size_t *len)
{
    if (!*rest)
        return false;
    const char *comma = memchr(*rest, ',', *rest_len);
    *field = *rest;
    *len = comma ? (size_t)(comma - *rest) : *rest_len;
    *rest_len -= comma ? *len + 1 : *len;
    *rest = comma ? comma + 1 : NULL;
    field_trim(field, len);
    return true;
}
