#include "decimal.h"

#include <stdlib.h>
#include <string.h>

bool decimal_parse(const char *text, size_t len, double *number)
{
    char copy[64], *end;
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *number = strtod(copy, &end);
    return strspn(copy, "0123456789.eE+-") == len && end == copy + len;
}
