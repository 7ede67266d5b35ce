/* What tests leave that are killed themselves: they work in folders that are named after them, so that the next one can clean up. */
#ifndef ROAMLAB_ORPHANS_H
#define ROAMLAB_ORPHANS_H

#include "mem.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Hands each folder PREFIX + PID to `clean` whose process is gone, or has had the number of this one, which calls it before it makes its own. */
static inline void orphans_clean(const char *prefix, void (*clean)(const char *folder))
{
    glob_t found = {0};
    autofree char *pattern = mem_printf("%s*", prefix);
    glob(pattern, GLOB_ONLYDIR, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        pid_t pid = (pid_t)atoi(found.gl_pathv[i] + strlen(prefix));
        if (pid == getpid() || (pid > 1 && kill(pid, 0) < 0 && errno == ESRCH))
            clean(found.gl_pathv[i]);
    }
    globfree(&found);
}

#endif
