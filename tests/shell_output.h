/* What a shell command prints. */
#ifndef ROAMLAB_TEST_SHELL_OUTPUT_H
#define ROAMLAB_TEST_SHELL_OUTPUT_H

#include "folder.h"
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
    char *text = folder_read_stream(f);
    *status = pclose(f);
    return text;
}

#endif
