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
#include <unistd.h>

struct parent_of {
    pid_t pid, parent;
};

static bool has_word(const struct buf *cmdline, const char *word)
{
    const char *first = (const char *)cmdline->data, *end = first + cmdline->len;
    for (const char *a = first; a < end; a += strlen(a) + 1)
        if (!strcmp(a, word))
            return true;
    return false;
}

/* Its command line comes in any case. */
static bool names_container(pid_t pid, const struct docker_container *c, struct buf *cmdline)
{
    autofree char *path = mem_printf("/proc/%d/cmdline", pid);
    return files_read(path, 0, cmdline, NULL) == 0 && cmdline->len && buf_text(cmdline) && has_word(cmdline, c->id);
}

static bool is_shim_of(pid_t pid, const struct docker_container *c, struct buf *cmdline)
{
    return names_container(pid, c, cmdline) && strstr((const char *)cmdline->data, "containerd-shim");
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

pid_t docker_shim_find_runc(const struct docker_container *c)
{
    size_t count;
    struct parent_of *list = list_processes(&count);
    pid_t found = 0;
    for (size_t i = 0; c->id && i < count && !found; i++) {
        struct buf cmdline = BUF_INIT;
        if (names_container(list[i].pid, c, &cmdline) && has_word(&cmdline, "restore"))
            found = list[i].pid;
        buf_free(&cmdline);
    }
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
