#include "places.h"
#include "files.h"
#include "mem.h"
#include "proc.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void docker_places_below(struct docker_places *p, const char *root)
{
    *p = (struct docker_places){
        .data = mem_printf("%s/data", root),
        .runc = mem_printf("%s/exec/runtime-runc/moby", root),
        .work = mem_printf("%s/data/containerd/daemon/io.containerd.runtime.v2.task/moby", root),
        .tmp = mem_printf("%s/tmp", root)};
}

void docker_places_free(struct docker_places *p)
{
    free(p->data);
    free(p->runc);
    free(p->work);
    free(p->tmp);
    free(p->path);
    *p = (struct docker_places){0};
}

/* containerd gives its shims its own environment; it unpacks where Go's os.MkdirTemp puts things. */
static char *temporary_folder(pid_t shim)
{
    char *folder = proc_text_after(shim, "environ", "XDG_RUNTIME_DIR=");
    if (!folder || !*folder) {
        free(folder);
        folder = proc_text_after(shim, "environ", "TMPDIR=");
    }
    return folder && *folder ? folder : (free(folder), mem_copy_string("/tmp"));
}

/* The shim stands in its container's folder, whose options.json names runc's root, and whose `work` leads to where logs are written. */
static char *runc_root(const char *bundle, struct err *e)
{
    autofree char *path = mem_printf("%s/options.json", bundle);
    struct buf text = BUF_INIT;
    struct json_object *options = NULL, *root = NULL;
    int status = files_read(path, 0, &text, e);
    if (status == 0 && (options = json_tokener_parse(buf_text(&text))))
        json_object_object_get_ex(options, "root", &root);
    char *found = root ? mem_printf("%s/moby", json_object_get_string(root)) : NULL;
    if (status == 0 && !found)
        err_set(e, EPROTO, "%s names no root", path);
    json_object_put(options);
    buf_free(&text);
    return found;
}

static char *work_folder(const char *bundle)
{
    char target[4096];
    autofree char *path = mem_printf("%s/work", bundle);
    ssize_t len = readlink(path, target, sizeof target - 1);
    target[len > 0 ? len : 0] = '\0';
    if (strrchr(target, '/'))
        *strrchr(target, '/') = '\0';
    return mem_copy_string(target);
}

static bool sees_our_files(pid_t pid)
{
    struct stat own, other;
    autofree char *path = mem_printf("/proc/%d/ns/mnt", pid);
    return stat("/proc/self/ns/mnt", &own) == 0 && stat(path, &other) == 0 && own.st_ino == other.st_ino;
}

int docker_places_find(struct docker_places *p, pid_t pid, const char *data, struct err *e)
{
    char bundle[4096];
    pid_t shim = proc_status(pid, "PPid");
    autofree char *cwd = mem_printf("/proc/%d/cwd", shim);
    ssize_t len = readlink(cwd, bundle, sizeof bundle - 1);
    bundle[len > 0 ? len : 0] = '\0';
    if (!strstr(bundle, "io.containerd.runtime.v2.task/moby/"))
        return err_set(e, EOPNOTSUPP, "the Engine's containers have no containerd shim of runc beside them");
    if (!sees_our_files(shim)) {
        err_set(e, EOPNOTSUPP, "the Engine has a mount namespace of its own");
        return err_hint(e, "run it without MountFlags and PrivateTmp in its systemd unit");
    }
    *p = (struct docker_places){.runc = runc_root(bundle, e)};
    if (!p->runc)
        return -EOPNOTSUPP;
    p->data = mem_copy_string(data);
    p->work = work_folder(bundle);
    p->tmp = temporary_folder(shim);
    p->path = proc_text_after(shim, "environ", "PATH=");
    if (!p->path)
        p->path = mem_copy_string("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    return 0;
}
