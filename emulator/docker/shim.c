/* Ends a restore that hangs: the container's shim and all that it started. Docker's own API cannot,
 * because its Engine keeps the container locked until the restore has answered. */
#include "container.h"
#include "files.h"
#include "mem.h"
#include "mounts.h"
#include "proc.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct parent_of {
    pid_t pid, parent;
};

/* Its command line comes in any case. */
static bool is_shim_of(pid_t pid, const struct docker_container *c, struct buf *cmdline)
{
    autofree char *path = mem_printf("/proc/%d/cmdline", pid);
    bool shim = false, ours = false;
    if (files_read(path, 0, cmdline, NULL) == 0 && cmdline->len) {
        const char *first = buf_text(cmdline), *end = first + cmdline->len;
        shim = strstr(first, "containerd-shim");
        for (const char *a = first; a < end; a += strlen(a) + 1)
            ours = ours || !strcmp(a, c->id);
    }
    return shim && ours;
}

/* A shim's socket stands outside the root, under a name that follows from its address, namespace and
 * container. */
void docker_shim_remove_socket(const struct buf *cmdline)
{
    const char *end = (const char *)cmdline->data + cmdline->len;
    const char *address = NULL, *id = NULL, *name_space = "moby";
    if (!strstr((const char *)cmdline->data, "containerd-shim"))
        return;
    for (const char *a = (const char *)cmdline->data; a < end; a += strlen(a) + 1) {
        const char *value = a + strlen(a) + 1;
        if (value >= end)
            break;
        if (!strcmp(a, "-address"))
            address = value;
        else if (!strcmp(a, "-id"))
            id = value;
        else if (!strcmp(a, "-namespace"))
            name_space = value;
    }
    if (!address || !id)
        return;
    char hash[65];
    autofree char *key = mem_printf("%s/%s/%s", address, name_space, id);
    docker_sha256_hex(key, hash);
    autofree char *path = mem_printf("/run/containerd/s/%s", hash);
    unlink(path);
}

static struct parent_of *list_processes(size_t *count)
{
    struct parent_of *list = NULL;
    size_t capacity = 0;
    *count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 1)
            continue;
        if (*count == capacity)
            list = mem_resize(list, (capacity = capacity ? capacity * 2 : 256) * sizeof *list);
        list[(*count)++] = (struct parent_of){pid, proc_status(pid, "PPid")};
    }
    if (proc)
        closedir(proc);
    return list;
}

/* Parents first, so that none starts another child. */
static void kill_children(const struct parent_of *list, size_t count, pid_t root)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].parent == root) {
            kill(list[i].pid, SIGKILL);
            kill_children(list, count, list[i].pid);
        }
}

/* A CRIU that is killed leaves the machine's control groups mounted in the shim's folder, and containerd
 * would delete that folder with all that is in it once the shim is gone: so the shim stands still until
 * they are unmounted. */
static void end_restore(const struct docker_container *c, pid_t shim)
{
    size_t count;
    kill(shim, SIGSTOP);
    struct parent_of *list = list_processes(&count);
    kill_children(list, count, shim);
    free(list);
    mounts_remove("/", c->id, "/.criu.cgyard.", NULL);
    mounts_remove("/", c->id, "/criu-root", NULL);
    kill(shim, SIGKILL);
}

static bool holds(const struct buf *bytes, const char *what, size_t len)
{
    return bytes->len && memmem(bytes->data, bytes->len, what, len);
}

/* runc calls it "criu swrk", perhaps through a loader; later it names itself. What it restores has that name, too, until it is what it was, but
 * in a namespace of its own. */
static bool is_criu(pid_t pid)
{
    autofree char *command = mem_printf("/proc/%d/cmdline", pid), *space = mem_printf("/proc/%d/ns/pid", pid);
    struct buf cmdline = BUF_INIT;
    struct stat its, ours;
    bool is = files_read(command, 0, &cmdline, NULL) == 0 && (holds(&cmdline, "criu\0swrk", 9) || holds(&cmdline, "criu: restore", 13)) &&
              stat(space, &its) == 0 && stat("/proc/self/ns/pid", &ours) == 0 && its.st_ino == ours.st_ino;
    buf_free(&cmdline);
    return is;
}

static pid_t parent_in(const struct parent_of *list, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].pid == pid)
            return list[i].parent;
    return 0;
}

static bool is_below_shim(const struct parent_of *list, size_t count, pid_t pid, const struct docker_container *c)
{
    bool is = false;
    for (pid = parent_in(list, count, pid); pid > 1 && !is; pid = parent_in(list, count, pid)) {
        struct buf cmdline = BUF_INIT;
        is = is_shim_of(pid, c, &cmdline);
        buf_free(&cmdline);
    }
    return is;
}

pid_t docker_shim_find_criu(const struct docker_container *c)
{
    size_t count;
    struct parent_of *list = list_processes(&count);
    pid_t found = 0;
    for (size_t i = 0; c->id && i < count && !found; i++)
        if (is_criu(list[i].pid) && is_below_shim(list, count, list[i].pid, c))
            found = list[i].pid;
    free(list);
    return found;
}

void docker_shim_kill(const struct docker_container *c)
{
    size_t count;
    struct parent_of *list = list_processes(&count);
    for (size_t i = 0; c->id && i < count; i++) {
        struct buf cmdline = BUF_INIT;
        if (is_shim_of(list[i].pid, c, &cmdline)) {
            end_restore(c, list[i].pid);
            docker_shim_remove_socket(&cmdline);
        }
        buf_free(&cmdline);
    }
    free(list);
}
