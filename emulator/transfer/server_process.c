#include "server_process.h"
#include "mem.h"
#include "ssh_keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { POLL_MS = 10, GRACE_MS = 500, PREDECESSOR_MS = 5000, WORDS_MAX = 32 };

/* The last line of the log, for an error. */
static char *log_words(const struct transfer_server *server)
{
    autoclose int fd = open(server->log, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? mem_copy_string("") : ssh_last_words(fd);
}

static void give_up(struct transfer_server *server, int code, const char *what)
{
    struct err e = ERR_INIT;
    autofree char *words = log_words(server);
    server_process_stop(server);
    err_set(&e, code, "%s of %s at %s port %u: %s%s%s", server->program, server->host.name,
            server->host.address, server->host.port, what, words[0] ? ": " : "", words);
    err_hint(&e, "see %s", server->log);
    server->changed(server, -code, &e);
}

static void server_ended(struct process *process, int status)
{
    struct transfer_server *server = container_of(process, struct transfer_server, process);
    char what[64];
    snprintf(what, sizeof what, "ended with status %d", status);
    give_up(server, EPIPE, what);
}

static void poll_port(struct timer *timer)
{
    struct transfer_server *server = container_of(timer, struct transfer_server, poll);
    if (transfer_accepts(&server->host)) {
        server->ready = true;
        server->changed(server, 0, NULL);
    } else if (simtime_before(loop_now(server->loop), server->deadline)) {
        loop_arm_after(server->loop, timer, simtime_ms(POLL_MS));
    } else {
        give_up(server, ETIMEDOUT, "its port does not accept");
    }
}

static int launch(struct transfer_server *server, const struct server_program *program, struct err *e)
{
    static const char *const plain[] = {"unshare", "--pid", "--fork", "--kill-child=KILL"};
    const char *const prepared[] = {
        "unshare", "--pid", "--mount",      "--propagation",        "slave", "--fork", "--kill-child=KILL",
        "sh",      "-ec",   program->setup, program->setup_argument};
    const char *const *head = program->setup ? prepared : plain;
    size_t words = program->setup ? ARRAY_LEN(prepared) : ARRAY_LEN(plain);
    const char *argv[WORDS_MAX] = {NULL};
    memcpy(argv, head, words * sizeof *head);
    for (size_t i = 0; program->argv[i] && words < WORDS_MAX - 1; i++)
        argv[words++] = program->argv[i];
    autoclose int log_fd = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return err_errno(e, "open %s", server->log);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.stdout_fd = options.stderr_fd = log_fd;
    server->process.ended = server_ended;
    return process_start(server->loop, &server->process, &options, e);
}

/* The server of a process that was killed ends after it, a busy machine later. */
static bool stays_taken(const struct transfer_host *host)
{
    struct simtime give_up = simtime_add(clock_monotonic(), simtime_ms(PREDECESSOR_MS));
    while (transfer_accepts(host)) {
        if (simtime_before(give_up, clock_monotonic()))
            return true;
        usleep(POLL_MS * 1000);
    }
    return false;
}

static int begin(struct transfer_server *server, const struct server_program *program, struct err *e)
{
    struct in_addr address;
    if (inet_pton(AF_INET, server->host.address, &address) != 1)
        return err_set(e, EINVAL, "\"%s\" is not an IPv4 address", server->host.address);
    if (stays_taken(&server->host))
        return err_set(e, EADDRINUSE, "%s port %u: something else accepts there", server->host.address,
                       server->host.port);
    return launch(server, program, e);
}

int server_process_start(struct transfer_server *server, const struct transfer_settings *settings,
                         const struct transfer_host *host, const struct server_program *program,
                         struct err *e)
{
    autofree char *file = mem_printf("%s.log", program->program);
    autofree char *log = ssh_path(settings->folder, host->name, file, e);
    if (!log)
        return -EINVAL;
    server->host = *host;
    server->loop = settings->loop;
    server->program = program->program;
    server->ready = false;
    server->poll.fire = poll_port;
    snprintf(server->log, sizeof server->log, "%s", log);
    if (begin(server, program, e) < 0)
        return err_wrap(e, "%s of %s", program->program, host->name);
    server->deadline = simtime_add(loop_now(settings->loop), settings->connect_timeout);
    loop_arm_after(settings->loop, &server->poll, simtime_ms(POLL_MS));
    return 0;
}

void server_process_stop(struct transfer_server *server)
{
    if (!server->loop)
        return;
    struct pollfd ended = {.fd = server->process.watch.fd, .events = POLLIN};
    loop_cancel(server->loop, &server->poll);
    if (server->process.pid > 0) {
        /* The server ends by TERM and the namespace with it; unshare, which blocks TERM, then reaps it. */
        process_signal(&server->process, SIGTERM);
        poll(&ended, 1, GRACE_MS);
    }
    process_kill(&server->process);
    server->ready = false;
}
