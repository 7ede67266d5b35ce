#include "daemon.h"
#include "users_engine.h"
#include "files.h"
#include "mem.h"
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PING_EVERY_MS = 50, LOOK_EVERY_MS = 10, STOP_SECONDS = 15 };

static void ping(struct docker_daemon *d);

static bool has_own(const struct docker_daemon *d, const char *entry)
{
    return !strncmp(entry, "PATH=", 5) || !strncmp(entry, "TMPDIR=", 7) || !strncmp(entry, "DOCKER_", 7) ||
           (d->authority && !strncmp(entry, "SSL_CERT_FILE=", 14));
}

/* This process's environment with PATH, TMPDIR and, if it has one, authority of its own. Programs in Go trust SSL_CERT_FILE in place of the
 * machine's authorities; Docker's certs.d is in /etc/docker, for all dockerds of the machine. free_environment() it. */
static char **environment_of(const struct docker_daemon *d)
{
    size_t count = 0, used = 0;
    while (environ[count])
        count++;
    char **copy = mem_alloc_array(count + 4, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        if (!has_own(d, environ[i]))
            copy[used++] = mem_copy_string(environ[i]);
    copy[used++] = mem_printf("PATH=%s/criu/bin:%s", d->root, d->path);
    copy[used++] = mem_printf("TMPDIR=%s/tmp", d->root);
    if (d->authority)
        copy[used++] = mem_printf("SSL_CERT_FILE=%s", d->authority);
    return copy;
}

static void free_environment(char **environment)
{
    for (size_t i = 0; environment[i]; i++)
        free(environment[i]);
    free(environment);
}

/* The last line of the log that is an error: what a program says on the way out bears no time, or a level. */
static void quote_log(const char *path, struct buf *out)
{
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

static void kill_both(struct docker_daemon *d)
{
    process_kill(&d->process);
    process_kill(&d->containerd);
}

static void quit_start(struct docker_daemon *d, int status)
{
    docker_api_cancel(&d->request);
    loop_cancel(d->loop, &d->timer);
    kill_both(d);
    finish(d, status);
}

static int clean(struct background *b, struct err *e)
{
    const struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    return d->users_engine ? docker_users_engine_leave(d->users_engine, e) : docker_daemon_clean(d->root, d->keep_data, e);
}

static void cleaned(struct background *b, int status, const struct err *e)
{
    struct docker_daemon *d = container_of(b, struct docker_daemon, background);
    kill_both(d);
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

/* One of the two programs ended by itself. */
static void fell(struct docker_daemon *d, const char *program, int status)
{
    autofree char *log = mem_printf("%s/%s.log", d->root, program);
    struct buf quote = BUF_INIT;
    quote_log(log, &quote);
    if (status == PROCESS_STATUS_UNKNOWN)
        err_set(&d->err, ECHILD, "%s ended%s", program, buf_text(&quote));
    else if (status > 128)
        err_set(&d->err, ECHILD, "%s was ended by signal %d", program, status - 128);
    else
        err_set(&d->err, ECHILD, "%s ended with status %d%s", program, status, buf_text(&quote));
    err_hint(&d->err, "see %s", log);
    buf_free(&quote);
    if (d->starting)
        quit_start(d, -ECHILD);
    else if (d->died)
        d->died(d, &d->err);
}

static void dockerd_ended(struct process *process, int status)
{
    struct docker_daemon *d = container_of(process, struct docker_daemon, process);
    if (!d->stopping)
        fell(d, "dockerd", status);
    else if (timer_armed(&d->timer))
        start_cleaning(d);
}

static void containerd_ended(struct process *process, int status)
{
    struct docker_daemon *d = container_of(process, struct docker_daemon, containerd);
    if (!d->stopping)
        fell(d, "containerd", status);
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

static int spawn(struct docker_daemon *d, struct process *process, const char *const *argv, struct err *e)
{
    autofree char *log = mem_printf("%s/%s.log", d->root, argv[0]);
    autoclose int log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return err_errno(e, "%s: open %s", argv[0], log);
    char **environment = environment_of(d);
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    o.environment = (const char *const *)environment;
    o.net_namespace = d->net_namespace;
    o.stdout_fd = o.stderr_fd = log_fd;
    o.outlive = d->outlive;
    int status = process_start(d->loop, process, &o, e);
    free_environment(environment);
    if (status == -ENOENT)
        err_hint(e, "apt-get install docker.io");
    return status;
}

/* Left to itself, dockerd takes the machine's containerd if there is one; containers would then run in the
 * machine's network namespace and with its CRIU. */
static int spawn_containerd(struct docker_daemon *d, struct err *e)
{
    autofree char *config = mem_printf("%s/containerd.toml", d->root);
    const char *const argv[] = {"containerd", "--config", config, NULL};
    return spawn(d, &d->containerd, argv, e);
}

static int spawn_dockerd(struct docker_daemon *d, struct err *e)
{
    autofree char *data = mem_printf("--data-root=%s/data", d->root),
                  *exec = mem_printf("--exec-root=%s/exec", d->root);
    autofree char *host = mem_printf("--host=unix://%s/docker.sock", d->root);
    autofree char *pid = mem_printf("--pidfile=%s/docker.pid", d->root);
    autofree char *config = mem_printf("--config-file=%s/daemon.json", d->root);
    autofree char *socket = docker_root_containerd_socket(d->root);
    autofree char *containerd = mem_printf("--containerd=%s", socket);
    const char *const argv[] = {"dockerd", data, exec, host, pid, config, containerd, NULL};
    return spawn(d, &d->process, argv, e);
}

/* A Unix socket accepts or refuses at once, so this does not block. */
static bool accepts(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static void look_for_containerd(struct timer *timer)
{
    struct docker_daemon *d = container_of(timer, struct docker_daemon, timer);
    autofree char *socket = docker_root_containerd_socket(d->root);
    if (accepts(socket)) {
        int status = spawn_dockerd(d, &d->err);
        timer->fire = ping_again;
        if (status < 0)
            quit_start(d, status);
        else
            loop_arm_after(d->loop, timer, simtime_ms(PING_EVERY_MS));
    } else if (simtime_before(loop_now(d->loop), d->give_up)) {
        loop_arm_after(d->loop, timer, simtime_ms(LOOK_EVERY_MS));
    } else {
        err_set(&d->err, ETIMEDOUT, "containerd does not answer within %d s", DAEMON_START_SECONDS);
        quit_start(d, err_hint(&d->err, "see %s/containerd.log", d->root));
    }
}

static int start(struct docker_daemon *d, const struct docker_paging *paging, struct err *e)
{
    int status = docker_root_prepare(d->root, d->path, e);
    if (status == 0)
        status = docker_root_configure_criu(d->root, d->dump_namespace, paging, e);
    if (status < 0)
        return status;
    autofree char *url = mem_printf("unix://%s/docker.sock", d->root);
    d->api = docker_api_new(d->loop, &(struct docker_address){.url = url}, e);
    return d->api ? spawn_containerd(d, e) : -ENOMEM;
}

static void set_up(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options)
{
    const char *path = getenv("PATH");
    bool own_criu = options->criu_folder && *options->criu_folder;
    d->loop = loop;
    d->root = mem_copy_string(options->root);
    d->authority = mem_copy_string(options->authority);
    d->net_namespace = mem_copy_string(options->net_namespace);
    d->dump_namespace = mem_copy_string(options->dump_namespace);
    d->network = mem_copy_string("host");
    d->criu = mem_printf("%s%scriu", own_criu ? options->criu_folder : "", own_criu ? "/" : "");
    d->page_keys = mem_copy_string(options->paging ? options->paging->keys : NULL);
    d->paging_patience = options->paging ? options->paging->patience : SIMTIME_ZERO;
    d->path = mem_printf("%s%s%s:/usr/sbin:/sbin", own_criu ? options->criu_folder : "", own_criu ? ":" : "",
                         path ? path : "/usr/bin:/bin");
    docker_places_below(&d->places, d->root);
    d->process.ended = dockerd_ended;
    d->containerd.ended = containerd_ended;
    d->request.done = ponged;
    d->outlive = options->outlive;
    d->give_up = simtime_add(loop_now(loop), simtime_s(DAEMON_START_SECONDS));
    d->err = (struct err)ERR_INIT;
    d->starting = true;
}

/* `begun`: what the beginning of a start has come to. It goes on with the timer. */
static int go_on_starting(struct docker_daemon *d, int begun)
{
    if (begun < 0) {
        d->starting = false;
        docker_daemon_free(d);
        return begun;
    }
    loop_arm_after(d->loop, &d->timer, simtime_ms(LOOK_EVERY_MS));
    return 0;
}

int docker_daemon_start(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                        struct err *e)
{
    set_up(d, loop, options);
    d->timer.fire = look_for_containerd;
    return go_on_starting(d, start(d, options->paging, e));
}

static int adopt_program(struct docker_daemon *d, struct process *process, const char *program, struct err *e)
{
    pid_t pid = docker_find_program(d->root, program);
    return pid ? process_adopt(d->loop, process, pid, e) : err_set(e, ESRCH, "%s is gone", program);
}

static int adopt(struct docker_daemon *d, struct err *e)
{
    autofree char *url = mem_printf("unix://%s/docker.sock", d->root);
    int status = adopt_program(d, &d->containerd, "containerd", e);
    if (status == 0)
        status = adopt_program(d, &d->process, "dockerd", e);
    if (status == 0 && !(d->api = docker_api_new(d->loop, &(struct docker_address){.url = url}, e)))
        status = -ENOMEM;
    return status;
}

int docker_daemon_adopt(struct docker_daemon *d, struct loop *loop, const struct daemon_options *options,
                        struct err *e)
{
    set_up(d, loop, options);
    d->timer.fire = ping_again;
    return go_on_starting(d, adopt(d, e));
}

static void stop_waited(struct timer *timer)
{
    start_cleaning(container_of(timer, struct docker_daemon, timer));
}

void docker_daemon_stop(struct docker_daemon *d, bool keep_data)
{
    docker_api_cancel(&d->request);
    background_cancel(&d->background);
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
    kill_both(d);
    docker_api_free(steal(d->api));
    free(steal(d->root));
    free(steal(d->net_namespace));
    free(steal(d->authority));
    free(steal(d->path));
    free(steal(d->criu));
    free(steal(d->page_keys));
    free(steal(d->dump_namespace));
    free(steal(d->network));
    docker_places_free(&d->places);
    docker_users_engine_free(steal(d->users_engine));
    d->loop = NULL;
}
