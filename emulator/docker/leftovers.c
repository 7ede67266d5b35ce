/* What a dockerd of ours leaves when it is killed: processes, mounts, control groups, sockets, files. */
#include "container.h"
#include "files.h"
#include "mem.h"
#include "mounts.h"
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 5, WAIT_ROUNDS = 4000 };

void docker_sha256_hex(const char *text, char out[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    for (int i = 0; i < 32; i++)
        sprintf(out + 2 * i, "%02x", digest[i]);
}

char *docker_daemon_cgroup(const char *root)
{
    char hash[65];
    docker_sha256_hex(root, hash);
    return mem_printf("/roamlab-%.16s", hash);
}

/* True if `text` names `root` or something below it. */
static bool names_root(const char *text, const char *root)
{
    size_t len = strlen(root);
    for (const char *at = strstr(text, root); at; at = strstr(at + 1, root)) {
        bool begins = at == text || at[-1] == '=' || at[-1] == '/' || at[-1] == ':';
        if (begins && (at[len] == '\0' || at[len] == '/'))
            return true;
    }
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The programs of a Docker Engine, and of a trial of CRIU; nothing else is ended for having the root in its arguments. */
static bool engine_program(const char *argv0)
{
    static const char *const names[] = {"dockerd",         "containerd",   "containerd-shim-runc-v2",
                                        "containerd-shim", "docker-proxy", "runc",
                                        "docker-init",     "docker-untar", "docker-applyLayer",
                                        "criu",            "roamlab-service"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(base_name(argv0), names[i]))
            return true;
    return false;
}

/* runc starts it as "criu swrk 3"; then it says by its command line whom it dumps, if it was built to. */
static bool is_dump_of(const struct buf *cmdline, pid_t pid)
{
    autofree char *title = mem_printf("dump --rpc -t %d", pid);
    const char *found = memmem(cmdline->data, cmdline->len, title, strlen(title));
    return (found && !isdigit((unsigned char)found[strlen(title)])) || memmem(cmdline->data, cmdline->len, "swrk", 5);
}

bool docker_end_dump(pid_t pid)
{
    pid_t tracer = proc_status(pid, "TracerPid");
    autofree char *path = mem_printf("/proc/%d/cmdline", tracer);
    struct buf cmdline = BUF_INIT;
    if (tracer > 1)
        files_read(path, 0, &cmdline, NULL);
    bool dumps = cmdline.len && buf_text(&cmdline) && is_dump_of(&cmdline, pid), ends = tracer > 1 && !cmdline.len;
    if (dumps)
        kill(tracer, SIGKILL);
    buf_free(&cmdline);
    return dumps || ends;
}

/* Is the process one of the Engine below `root`? Its command line comes in any case. */
static bool belongs(pid_t pid, const char *root, struct buf *cmdline)
{
    autofree char *path = mem_printf("/proc/%d/cmdline", pid);
    bool found = false;
    if (files_read(path, 0, cmdline, NULL) < 0 || !cmdline->len)
        return false;
    const char *text = buf_text(cmdline), *end = text + cmdline->len;
    if (engine_program(text))
        for (const char *a = text; a < end && !found; a += strlen(a) + 1)
            found = names_root(a, root);
    return found;
}

/* Hands each process of the Engine to `visit`; how many times that said true. */
static int each_process(const char *root, bool (*visit)(pid_t pid, const struct buf *cmdline, void *context), void *context)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        struct buf cmdline = BUF_INIT;
        if (pid > 1 && pid != getpid() && belongs(pid, root, &cmdline))
            count += visit(pid, &cmdline, context);
        buf_free(&cmdline);
    }
    if (proc)
        closedir(proc);
    return count;
}

static bool kill_one(pid_t pid, const struct buf *cmdline, void *context)
{
    (void)context;
    docker_shim_remove_socket(cmdline);
    return kill(pid, SIGKILL) == 0;
}

struct wanted {
    const char *program;
    pid_t pid;
};

static bool compare_name(pid_t pid, const struct buf *cmdline, void *context)
{
    struct wanted *wanted = context;
    bool is = !strcmp(base_name((const char *)cmdline->data), wanted->program);
    wanted->pid = is ? pid : wanted->pid;
    return is;
}

pid_t docker_find_program(const char *root, const char *program)
{
    struct wanted wanted = {program, 0};
    each_process(root, compare_name, &wanted);
    return wanted.pid;
}

/* Thaws and kills what runs in one control group and below; how many processes there are. */
static int kill_group(const char *folder)
{
    autofree char *procs = mem_printf("%s/cgroup.procs", folder);
    autofree char *state = mem_printf("%s/freezer.state", folder),
                  *freeze = mem_printf("%s/cgroup.freeze", folder);
    struct buf pids = BUF_INIT;
    int count = 0;
    if (files_read(procs, 0, &pids, NULL) == 0) {
        char *save;
        buf_text(&pids);
        for (char *p = pids.len ? strtok_r((char *)pids.data, "\n", &save) : NULL; p;
             p = strtok_r(NULL, "\n", &save)) {
            docker_end_dump((pid_t)strtol(p, NULL, 10));
            count += kill((pid_t)strtol(p, NULL, 10), SIGKILL) == 0;
        }
    }
    buf_free(&pids);
    if (access(state, W_OK) == 0)
        files_write(state, "THAWED", NULL);
    else if (access(freeze, W_OK) == 0)
        files_write(freeze, "0", NULL);
    DIR *groups = opendir(folder);
    for (struct dirent *entry; groups && (entry = readdir(groups));) {
        autofree char *below = mem_printf("%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            count += kill_group(below);
    }
    if (groups)
        closedir(groups);
    rmdir(folder);
    return count;
}

/* Does the same in every hierarchy that is mounted (one on cgroup v2, one per controller on v1). */
static int kill_groups(const char *root)
{
    autofree char *group = docker_daemon_cgroup(root);
    struct buf mounts = BUF_INIT;
    int count = 0;
    char *save;
    if (files_read("/proc/self/mounts", 0, &mounts, NULL) < 0)
        return 0;
    buf_text(&mounts);
    for (char *line = strtok_r((char *)mounts.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char where[256], type[64];
        if (sscanf(line, "%*s %255s %63s", where, type) != 2 || strncmp(type, "cgroup", 6))
            continue;
        autofree char *folder = mem_printf("%s%s", where, group);
        if (access(folder, F_OK) == 0)
            count += kill_group(folder);
    }
    buf_free(&mounts);
    return count;
}

int docker_end_processes(const char *root, struct err *e)
{
    for (int round = 0; round < WAIT_ROUNDS; round++) {
        int left = each_process(root, kill_one, NULL); /* the Engine first: it would restart what dies below it */
        left += kill_groups(root);
        if (left == 0)
            return 0;
        nanosleep(&(struct timespec){0, WAIT_MS * 1000000L}, NULL);
    }
    return err_set(e, EBUSY, "processes below %s do not end", root);
}

/* By it a root is known for ours. Written before all else and removed behind it: whoever is killed in between can be followed. An empty folder is
 * nobody's. */
#define MARK "daemon.json"

static int check_ours(const char *root, struct err *e)
{
    autofree char *config = mem_printf("%s/" MARK, root), *unfinished = mem_printf("%s.tmp", config);
    struct buf text = BUF_INIT;
    autofree char *group = docker_daemon_cgroup(root);
    bool ours = files_read(config, 0, &text, NULL) == 0 && strstr(buf_text(&text), group + 1);
    buf_free(&text);
    unlink(unfinished); /* by whoever was killed before the file had its name */
    if (ours || rmdir(root) == 0 || errno == ENOENT)
        return 0;
    return err_set(e, EINVAL, "%s is not the root of a dockerd of roamlab", root);
}

/* What no Engine starts with. */
static int is_volatile(const struct dirent *entry)
{
    static const char *const names[] = {"exec", "tmp", "criu", "docker.sock", "docker.pid"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(entry->d_name, names[i]))
            return true;
    return false;
}

static int is_not_mark(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return strcmp(name, ".") && strcmp(name, "..") && strcmp(name, MARK);
}

static int remove_parts(const char *root, int (*wanted)(const struct dirent *entry), struct err *e)
{
    struct dirent **entries = NULL;
    int count = scandir(root, &entries, wanted, NULL), status = 0;
    if (count < 0)
        return errno == ENOENT ? 0 : err_errno(e, "read %s", root);
    for (int i = 0; i < count; i++) {
        autofree char *path = mem_printf("%s/%s", root, entries[i]->d_name);
        free(entries[i]);
        status = status < 0 ? status : files_remove(path, e);
    }
    free(entries);
    return status;
}

int docker_daemon_clean(const char *root, bool keep_data, struct err *e)
{
    int status = check_ours(root, e);
    if (status == 0)
        status = docker_end_processes(root, e);
    if (status == 0)
        status = mounts_remove(root, "", "", e);
    if (status == 0)
        status = remove_parts(root, keep_data ? is_volatile : is_not_mark, e);
    if (status == 0 && !keep_data)
        status = files_remove(root, e);
    return status < 0 ? err_wrap(e, "dockerd: clean") : 0;
}
