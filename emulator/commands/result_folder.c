#include "result_folder.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

char *result_folder_make(const char *name, struct err *e)
{
    char stamp[32], more[16] = "";
    time_t now = time(NULL);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime(&now));
    if (files_make_folder("results", 0755, e) < 0)
        return NULL;
    for (int count = 2;; count++) {
        char *path = mem_printf("results/%s-%s%s", name, stamp, more);
        if (mkdir(path, 0755) == 0)
            return path;
        if (errno != EEXIST) {
            err_errno(e, "create folder %s", path);
            free(path);
            return NULL;
        }
        free(path);
        snprintf(more, sizeof more, "-%d", count);
    }
}
