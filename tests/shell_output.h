/* What a shell command prints. */
#ifndef ROAMLAB_TEST_SHELL_OUTPUT_H
#define ROAMLAB_TEST_SHELL_OUTPUT_H

#include "buf.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

/* Standard output of the command, run in `folder`; free() it. `status` as waitpid() has it. */
static inline char *shell_output(const char *folder, const char *command, int *status)
{
    autofree char *whole = mem_printf("cd '%s' && { %s\n}", folder, command);
    FILE *f = popen(whole, "r");
    if (!f)
        abort();
    struct buf text = BUF_INIT;
    char chunk[4096];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&text, chunk, got);
    *status = pclose(f);
    char *copy = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return copy;
}

#endif
