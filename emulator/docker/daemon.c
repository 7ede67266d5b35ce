#include "daemon.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PING_EVERY_MS = 50, STOP_SECONDS = 15 };

static void ping(struct docker_daemon *d);

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

static int make_folders(const char *root, struct err *e)
{
    static const char *const parts[] = {"", "/data", "/exec", "/tmp"};
    if (root[0] != '/' || strlen(root) > DAEMON_ROOT_MAX)
        return err_set(e, ENAMETOOLONG, "dockerd: %s: not an absolute path of at most %d bytes", root,
                       DAEMON_ROOT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        autofree char *path = mem_printf("%s%s", root, parts[i]);
        int status = files_make_folder(path, i == 0 ? 0711 : 0700, e);
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

static int write_config(const struct docker_daemon *d, struct err *e)
{
    autofree char *path = mem_printf("%s/daemon.json", d->root), *key = mem_printf("%s/key.json", d->root);
    autofree char *cgroup = docker_daemon_cgroup(d->root);
    struct json_object *config =
        json_tokener_parse("{\"experimental\": true, \"storage-driver\": \"overlay2\", \"bridge\": \"none\", "
                           "\"iptables\": false,"
                           " \"ip-forward\": false, \"ip-masq\": false, \"userland-proxy\": false, "
                           "\"log-driver\": \"json-file\","
                           " \"exec-opts\": [\"native.cgroupdriver=cgroupfs\"]}");
    json_object_object_add(config, "cgroup-parent", json_object_new_string(cgroup));
    if (writes_key(d->path))
        json_object_object_add(config, "deprecated-key-path", json_object_new_string(key));
    int status = files_write(path, json_object_to_json_string_ext(config, JSON_C_TO_STRING_PRETTY), e);
    json_object_put(config);
    return status < 0 ? err_wrap(e, "dockerd") : 0;
}

/* This process's environment with PATH and TMPDIR of its own; free() the array and its last two strings. */
static const char **environment_of(const struct docker_daemon *d)
{
    size_t count = 0, used = 0;
    while (environ[count])
        count++;
    const char **copy = mem_alloc_array(count + 3, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "PATH=", 5) && strncmp(environ[i], "TMPDIR=", 7) &&
            strncmp(environ[i], "DOCKER_", 7))
            copy[used++] = environ[i];
    copy[used++] = mem_printf("PATH=%s", d->path);
    copy[used] = mem_printf("TMPDIR=%s/tmp", d->root);
    return copy;
}

static void free_environment(const char **environment)
{
    size_t count = 0;
    while (environment[count])
        count++;
    free((char *)environment[count - 1]);
    free((char *)environment[count - 2]);
    free(environment);
}

/* The last line of dockerd's log that is an error: what it says on the way out bears no time, or a level. */
static void quote_log(const struct docker_daemon *d, struct buf *out)
{
    autofree char *path = mem_printf("%s/dockerd.log", d->root);
    struct buf log = BUF_INIT;
    char *save, *failure = NULL;
    files_read(path, 16384, &log, NULL);
    buf_text(&log);
    char *line = log.len ? strtok_r((char *)log.data, "\n", &save) : NULL;
    for (; line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, "time=", 5) || strstr(line, "level=fatal"))
            failure = line;
    if (failure)
        buf_printf(out, ": %.300s", failure);
    buf_free(&log);
}

static void finish(struct docker_daemon *d, int status)
{
    struct err e = d->err;
    d->starting = d->stopping = false;
    d->done(d, status, &e);
}

static void quit_start(struct docker_daemon *d, int status)
{
    docker_api_cancel(&d->request);
    loop_cancel(d->loop, &d->timer);
    process_kill(&d->process);
    finish(d, status);
}

static int clean(struct background *b, struct err *e)
{
    const struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    return docker_daemon_clean(d->root, d->keep_data, e);
}

static void cleaned(struct background *b, int status, const struct err *e)
{
    struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    process_kill(&d->process);
    d->err = *e;
    finish(d, status);
}

static void start_cleaning(struct docker_daemon *d)
{
    loop_cancel(d->loop, &d->timer);
    d->background.done = cleaned;
    int status = background_start(d->loop, &d->background, clean, &d->err);
    if (status < 0)
        finish(d, status);
}

static void dockerd_ended(struct process *process, int status)
{
    struct docker_daemon *d = container_of(process, struct docker_daemon, process);
    if (d->stopping) {
        if (timer_armed(&d->timer))
            start_cleaning(d);
        return;
    }
    struct buf quote = BUF_INIT;
    quote_log(d, &quote);
    if (status > 128)
        err_set(&d->err, ECHILD, "dockerd was ended by signal %d", status - 128);
    else
        err_set(&d->err, ECHILD, "dockerd ended with status %d%s", status, buf_text(&quote));
    err_hint(&d->err, "see %s/dockerd.log", d->root);
    buf_free(&quote);
    if (d->starting)
        quit_start(d, -ECHILD);
    else if (d->died)
        d->died(d, &d->err);
}

static void ponged(struct docker_request *request, int status, struct json_object *answer,
                   const struct err *e)
{
    (void)answer;
    struct docker_daemon *d = container_of(request, struct docker_daemon, request);
    if (status == 0) {
        finish(d, 0);
        return;
    }
    if (simtime_before(loop_now(d->loop), d->give_up)) {
        loop_arm_after(d->loop, &d->timer, simtime_ms(PING_EVERY_MS));
        return;
    }
    d->err = *e;
    quit_start(d, err_wrap(&d->err, "dockerd does not answer within %d s", DAEMON_START_SECONDS));
}

static void ping_again(struct timer *timer)
{
    ping(container_of(timer, struct docker_daemon, timer));
}

static void ping(struct docker_daemon *d)
{
    int status = docker_api_request(d->api, &d->request, "GET", NULL, &d->err, "/_ping");
    if (status < 0)
        quit_start(d, status);
}

static int spawn(struct docker_daemon *d, struct err *e)
{
    autofree char *data = mem_printf("--data-root=%s/data", d->root),
                  *exec = mem_printf("--exec-root=%s/exec", d->root);
    autofree char *host = mem_printf("--host=unix://%s/docker.sock", d->root);
    autofree char *pid = mem_printf("--pidfile=%s/docker.pid", d->root),
                  *config = mem_printf("--config-file=%s/daemon.json", d->root);
    autofree char *log = mem_printf("%s/dockerd.log", d->root);
    const char *argv[] = {"dockerd", data, exec, host, pid, config, NULL};
    autoclose int log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return err_errno(e, "dockerd: open %s", log);
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    o.environment = environment_of(d);
    o.net_namespace = d->net_namespace;
    o.stdout_fd = o.stderr_fd = log_fd;
    int status = process_start(d->loop, &d->process, &o, e);
    free_environment((const char **)o.environment);
    if (status == -ENOENT)
        err_hint(e, "apt-get install docker.io");
    return status;
}

static int start(struct docker_daemon *d, struct err *e)
{
    int status = make_folders(d->root, e);
    if (status == 0)
        status = check_root(d->root, e);
    if (status == 0)
        status = write_config(d, e);
    if (status < 0)
        return status;
    autofree char *socket_path = mem_printf("%s/docker.sock", d->root);
    d->api = docker_api_new(d->loop, socket_path, e);
    return d->api ? spawn(d, e) : -e->code;
}

int docker_daemon_start(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                        struct err *e)
{
    const char *path = getenv("PATH");
    bool own_criu = options->criu_folder && *options->criu_folder;
    d->loop = loop;
    d->root = mem_copy_string(options->root);
    d->net_namespace = mem_copy_string(options->net_namespace);
    d->path = mem_printf("%s%s%s:/usr/sbin:/sbin", own_criu ? options->criu_folder : "", own_criu ? ":" : "",
                         path ? path : "/usr/bin:/bin");
    d->process.ended = dockerd_ended;
    d->request.done = ponged;
    d->timer.fire = ping_again;
    d->give_up = simtime_add(loop_now(loop), simtime_s(DAEMON_START_SECONDS));
    d->err = (struct err)ERR_INIT;
    d->starting = true;
    int status = start(d, e);
    if (status < 0) {
        d->starting = false;
        docker_daemon_free(d);
        return status;
    }
    loop_arm_after(loop, &d->timer, simtime_ms(PING_EVERY_MS));
    return 0;
}

static void stop_waited(struct timer *timer)
{
    start_cleaning(container_of(timer, struct docker_daemon, timer));
}

void docker_daemon_stop(struct docker_daemon *d, bool keep_data)
{
    docker_api_cancel(&d->request);
    d->stopping = true;
    d->keep_data = keep_data;
    d->err = (struct err)ERR_INIT;
    d->timer.fire = stop_waited;
    bool wait = keep_data && d->process.pid;
    if (wait)
        kill(d->process.pid, SIGTERM);
    loop_arm_after(d->loop, &d->timer, wait ? simtime_s(STOP_SECONDS) : SIMTIME_ZERO);
}

void docker_daemon_free(struct docker_daemon *d)
{
    if (!d->loop)
        return;
    background_cancel(&d->background);
    if (d->api)
        docker_api_cancel(&d->request);
    loop_cancel(d->loop, &d->timer);
    process_kill(&d->process);
    docker_api_free(steal(d->api));
    free(steal(d->root));
    free(steal(d->net_namespace));
    free(steal(d->path));
    d->loop = NULL;
}
