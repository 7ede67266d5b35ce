#include "root.h"
#include "embed.h"
#include "files.h"
#include "mem.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* runc.h's program. */
EMBED(docker_runc, "roamlab-runc");
extern const char docker_runc[];
extern const uint64_t docker_runc_size;

/* overlay2 keeps deletions as devices and marks in extended attributes that an overlay below cannot store. */
static int check_root(const char *root, struct err *e)
{
    struct statfs fs;
    if (statfs(root, &fs) < 0)
        return err_errno(e, "dockerd: %s", root);
    if (fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == NFS_SUPER_MAGIC) {
        err_set(e, EOPNOTSUPP, "dockerd: %s lies on %s, where overlay2 cannot work", root,
                fs.f_type == NFS_SUPER_MAGIC ? "NFS" : "an overlay file system");
        return err_hint(e, "choose a folder on ext4 or xfs");
    }
    return 0;
}

static int check_path(const char *root, struct err *e)
{
    if (root[0] != '/' || strlen(root) > DAEMON_ROOT_MAX)
        return err_set(e, ENAMETOOLONG, "dockerd: %s: not an absolute path of at most %d bytes", root,
                       DAEMON_ROOT_MAX);
    if (strpbrk(root, "'\"\\\n"))
        return err_set(e, EINVAL, "dockerd: %s: quotes, backslashes and line breaks do not work in its path",
                       root);
    return 0;
}

static int make_folders(const char *root, struct err *e)
{
    static const char *const parts[] = {"/data", "/exec", "/tmp", "/criu/bin", "/criu/tmp"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        autofree char *path = mem_printf("%s%s", root, parts[i]);
        int status = files_make_folder(path, 0700, e);
        if (status < 0)
            return err_wrap(e, "dockerd");
    }
    return 0;
}

/* Until version 23 dockerd writes a key of its own to /etc/docker unless told where. */
static bool writes_key(const char *path_variable)
{
    autofree char *path = mem_printf("PATH=%s", path_variable), *output = NULL;
    const char *const argv[] = {"dockerd", "--version", NULL}, *const environment[] = {path, NULL};
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    o.environment = environment;
    int major = 0;
    return process_run(&o, &output, NULL) == 0 && sscanf(output, "Docker version %d.", &major) == 1 &&
           major < 23;
}

/* Without what dockerd sets up for other users: a bridge, packet filter rules, and the containerd image
 * store, whose container layers have no folder. */
static const char dockerd_settings[] =
    "{\"experimental\": true, \"storage-driver\": \"overlay2\","
    " \"features\": {\"containerd-snapshotter\": false},"
    " \"bridge\": \"none\", \"iptables\": false, \"ip6tables\": false,"
    " \"ip-forward\": false, \"ip-masq\": false, \"userland-proxy\": false,"
    " \"log-driver\": \"json-file\","
    " \"exec-opts\": [\"native.cgroupdriver=cgroupfs\"]}";

static int configure_dockerd(const char *root, const char *path_variable, struct err *e)
{
    autofree char *path = mem_printf("%s/daemon.json", root), *key = mem_printf("%s/key.json", root);
    autofree char *cgroup = docker_daemon_cgroup(root);
    struct json_object *config = json_tokener_parse(dockerd_settings);
    json_object_object_add(config, "cgroup-parent", json_object_new_string(cgroup));
    if (writes_key(path_variable))
        json_object_object_add(config, "deprecated-key-path", json_object_new_string(key));
    int status = files_replace(path, json_object_to_json_string_ext(config, JSON_C_TO_STRING_PRETTY), e);
    json_object_put(config);
    return status < 0 ? err_wrap(e, "dockerd") : 0;
}

char *docker_root_containerd_socket(const char *root)
{
    return mem_printf("%s/exec/containerd/containerd.sock", root);
}

/* Root and state are those that a dockerd gives to the containerd that it starts itself; "opt" would be
 * /opt/containerd. */
static int configure_containerd(const char *root, struct err *e)
{
    autofree char *path = mem_printf("%s/containerd.toml", root),
                  *socket = docker_root_containerd_socket(root);
    autofree char *text = mem_printf("version = 2\n"
                                     "root = \"%s/data/containerd/daemon\"\n"
                                     "state = \"%s/exec/containerd/daemon\"\n"
                                     "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
                                     "[grpc]\n"
                                     "address = \"%s\"\n"
                                     "[plugins.\"io.containerd.internal.v1.opt\"]\n"
                                     "path = \"%s/data/containerd/opt\"\n",
                                     root, root, socket, root);
    int status = files_write(path, text, e);
    return status < 0 ? err_wrap(e, "containerd") : 0;
}

int docker_root_write_runc(const char *root, struct err *e)
{
    autofree char *path = mem_printf("%s/criu/bin/runc", root);
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    ssize_t put = fd < 0 ? -1 : write(fd, docker_runc, docker_runc_size);
    if (put < 0)
        return err_errno(e, "dockerd: %s", path);
    if ((uint64_t)put < docker_runc_size)
        return err_set(e, ENOSPC, "dockerd: %s: no space left on device", path);
    return 0;
}

int docker_root_prepare(const char *root, const char *path, struct err *e)
{
    int status = check_path(root, e);
    if (status == 0)
        status = files_make_folder(root, 0711, e);
    if (status == 0)
        status = check_root(root, e);
    if (status == 0)
        status = configure_dockerd(root, path, e); /* first: by it the root is known to be ours */
    if (status == 0)
        status = make_folders(root, e);
    if (status == 0)
        status = docker_root_write_runc(root, e);
    return status == 0 ? configure_containerd(root, e) : status;
}

int docker_root_configure_criu(const char *root, bool unlocked, const struct docker_paging *paging, struct err *e)
{
    autofree char *folder = mem_printf("%s/criu/.criu", root), *path = mem_printf("%s/default.conf", folder);
    struct buf text = BUF_INIT;
    if (unlocked)
        buf_printf(&text, "network-lock skip\n");
    if (paging)
        buf_printf(&text, "address %s\ntls\ntls-no-cn-verify\ntls-cacert %s.pem\ntls-cert %s.pem\ntls-key %s.key\n",
                   paging->address, paging->keys, paging->keys, paging->keys);
    int status = files_make_folder(folder, 0700, e);
    if (status == 0)
        status = files_write(path, buf_text(&text), e);
    buf_free(&text);
    return status;
}
