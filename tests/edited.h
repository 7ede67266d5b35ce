/* A text with a part of it replaced. */
#ifndef ROAMLAB_EDITED_H
#define ROAMLAB_EDITED_H

#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Its first `old`, which must be there, becomes `new`; free() it. */
static inline char *edited(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    if (!at)
        fail_msg("there is no %s", old);
    return mem_printf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

#endif
