#include "undo.h"
#include "buf.h"
#include "mem.h"
#include "namespace.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, OPEN_FOLDERS = 16 };

uint64_t undo_process_start(int pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    autofclose FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    /* The name in parentheses may hold anything: fields are counted from the last one. */
    const char *at = strrchr(text, ')');
    uint64_t start = 0;
    if (!at || at[1] != ' ' || at[2] == 'Z' ||
        sscanf(at + 2, "%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
               &start) != 1)
        return 0;
    return start;
}

static bool ended_within(int pid, uint64_t start, int patience_ms)
{
    for (int waited = 0; undo_process_start(pid) == start; waited += 10) {
        if (waited >= patience_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return true;
}

/* A group that it leads is its own; any other may hold strangers. */
static void signal_process(int pid, int signal)
{
    kill(getpgid(pid) == pid ? -pid : pid, signal);
}

static int undo_process(const char *argument, struct err *e)
{
    int pid;
    uint64_t start;
    if (sscanf(argument, "%d %" SCNu64, &pid, &start) != 2 || pid <= 1 || start == 0)
        return err_set(e, EINVAL, "process %s: not a number and a start time", argument);
    if (pid == getpid() || undo_process_start(pid) != start)
        return 0;
    signal_process(pid, SIGTERM);
    if (ended_within(pid, start, PATIENCE_MS))
        return 0;
    signal_process(pid, SIGKILL);
    return ended_within(pid, start, PATIENCE_MS) ? 0 : err_set(e, EBUSY, "process %d does not end", pid);
}

static int undo_netns(const char *name, struct err *e)
{
    int status = namespace_end_processes(name, PATIENCE_MS, e);
    return status < 0 ? status : namespace_remove(name, e);
}

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
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The last mount at or below the folder, which nothing else is mounted on. NULL if there is none; free()
 * it. */
static char *last_mount(const char *folder)
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
        if (is_below(point, folder)) {
            free(found);
            found = steal(point);
        }
    }
    return found;
}

int undo_mounts(const char *path, struct err *e)
{
    autofree char *real = realpath(path, NULL); /* as mountinfo names it */
    while (real) {
        autofree char *point = last_mount(real);
        if (!point)
            return 0;
        if (umount2(point, UMOUNT_NOFOLLOW) < 0 && umount2(point, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
            return err_errno(e, "unmount %s", point);
    }
    return 0;
}

static int remove_entry(const char *path, const struct stat *what, int kind, struct FTW *place)
{
    (void)what, (void)kind, (void)place;
    return remove(path) < 0 && errno != ENOENT ? errno : 0;
}

int undo_folder(const char *path, struct err *e)
{
    if (path[0] != '/' || strcmp(path, "/") == 0 || strstr(path, "/.."))
        return err_set(e, EINVAL, "folder %s: not an absolute path below /", path);
    struct stat what;
    if (lstat(path, &what) < 0)
        return errno == ENOENT ? 0 : err_errno(e, "folder %s", path);
    int status = undo_mounts(path, e);
    if (status < 0)
        return status;
    int code = nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (code < 0)
        return err_errno(e, "folder %s", path);
    return code ? err_set(e, code, "folder %s: %s", path, strerror(code)) : 0;
}

const struct journal_kind undo_kinds[] = {
    {"netns", undo_netns}, {"process", undo_process}, {"mount", undo_mounts}, {"folder", undo_folder},
    {NULL, NULL},
};
