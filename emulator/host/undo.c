#include "undo.h"
#include "files.h"
#include "interrupt.h"
#include "mem.h"
#include "mounts.h"
#include "namespace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, HURRIED_MS = 200, ROUND_MS = 10, KILLED_MS = 20000 /* what is killed ends as soon as the machine finds time */ };

/* With processes that are asked to end, one after the other: whoever presses Ctrl-C waits for them. */
static int patience_ms(void)
{
    return interrupt_signal() ? HURRIED_MS : PATIENCE_MS;
}

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
    for (int waited = 0; undo_process_start(pid) == start; waited += ROUND_MS) {
        if (waited >= patience_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = ROUND_MS * 1000000L}, NULL);
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
    if (ended_within(pid, start, patience_ms()))
        return 0;
    signal_process(pid, SIGKILL);
    return ended_within(pid, start, KILLED_MS) ? 0 : err_set(e, EBUSY, "process %d does not end", pid);
}

static int undo_netns(const char *name, struct err *e)
{
    int status = namespace_end_processes(name, patience_ms(), e);
    return status < 0 ? status : namespace_remove(name, e);
}

static int undo_mounts(const char *path, struct err *e)
{
    return mounts_remove(path, "", "", e);
}

/* What came into a folder while it was being removed, a cleaner's lock say, goes the next time. */
static int remove_folder(const char *path, struct err *e)
{
    int status = files_remove(path, e);
    for (int waited = 0; status == -ENOTEMPTY && waited < PATIENCE_MS; waited += ROUND_MS) {
        nanosleep(&(struct timespec){.tv_nsec = ROUND_MS * 1000000L}, NULL);
        status = files_remove(path, e);
    }
    return status;
}

int undo_folder(const char *path, struct err *e)
{
    if (path[0] != '/' || strcmp(path, "/") == 0 || strstr(path, "/.."))
        return err_set(e, EINVAL, "folder %s: not an absolute path below /", path);
    int status = undo_mounts(path, e);
    return status < 0 ? status : remove_folder(path, e);
}

const struct journal_kind undo_kinds[] = {
    {"netns", undo_netns}, {"process", undo_process}, {"mount", undo_mounts}, {"folder", undo_folder},
    {NULL, NULL},
};
