#include "mounts.h"
#include "mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

enum { ROUNDS = 10000 };

/* mountinfo writes blanks, tabs, line breaks and backslashes of a path in octal. */
static void decode_octal(char *path)
{
    char *to = path;
    for (const char *from = path; *from; to++) {
        unsigned code;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strcmp(folder, "/") ? strlen(folder) : 0;
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The last mount at or below the folder, which nothing else is mounted on. NULL if there is none; free()
 * it. */
static char *last_mount(const char *folder, const char *text, const char *other)
{
    autofclose FILE *file = fopen("/proc/self/mountinfo", "re");
    autofree char *line = NULL;
    char *found = NULL;
    size_t size = 0;
    while (file && getline(&line, &size, file) > 0) {
        autofree char *point = NULL;
        if (sscanf(line, "%*s %*s %*s %*s %ms", &point) != 1)
            continue;
        decode_octal(point);
        if (is_below(point, folder) && strstr(point, text) && strstr(point, other)) {
            free(found);
            found = steal(point);
        }
    }
    return found;
}

int mounts_remove(const char *folder, const char *text, const char *other, struct err *e)
{
    autofree char *real = realpath(folder, NULL); /* as mountinfo names it */
    for (int round = 0; real && round < ROUNDS; round++) {
        autofree char *point = last_mount(real, text, other);
        if (!point)
            return 0;
        if (umount2(point, UMOUNT_NOFOLLOW) < 0 && umount2(point, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
            return err_errno(e, "unmount %s", point);
    }
    return real ? err_set(e, EBUSY, "unmount %s: new mounts keep appearing", folder) : 0;
}
