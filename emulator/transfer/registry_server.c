#include "registry_server.h"
#include "files.h"
#include "mem.h"
#include "registry_keys.h"
#include "ssh_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

enum { POLL_MS = 10 };

/* Uploads that were cut stay where they are: the run's folder goes with all of it. HTTP/2 would let one connection have 1 MB in flight. */
static int configure(const char *folder, const struct transfer_host *host, const char *path, struct err *e)
{
    autofree char *data = registry_path(folder, host->name, ".data"),
                  *key = registry_path(folder, host->name, ".key"),
                  *certificate = registry_path(folder, host->name, ".pem"),
                  *passwords = registry_path(folder, "htpasswd", "");
    uint64_t secret;
    RAND_bytes((unsigned char *)&secret, sizeof secret);
    autofree char *text = mem_printf(
        "version: 0.1\n"
        "log: {level: warn, accesslog: {disabled: true}}\n"
        "storage: {filesystem: {rootdirectory: '%s'}, delete: {enabled: true},"
        " maintenance: {uploadpurging: {enabled: false}}}\n"
        "http: {addr: '%s:%d', secret: '%016llx', relativeurls: true, http2: {disabled: true},"
        " tls: {certificate: '%s', key: '%s'}}\n"
        "auth: {htpasswd: {realm: roamlab, path: '%s'}}\n",
        data, host->address, REGISTRY_PORT, (unsigned long long)secret, certificate, key, passwords);
    return files_replace(path, text, e);
}

static void give_up(struct registry_server *server, int code, const char *what)
{
    struct err e = ERR_INIT;
    autoclose int fd = open(server->log, O_RDONLY | O_CLOEXEC);
    autofree char *words = fd < 0 ? mem_copy_string("") : ssh_last_words(fd);
    err_set(&e, code, "registry of %s at %s port %d: %s%s%.300s", server->host.name, server->host.address,
            REGISTRY_PORT, what, words[0] ? ": " : "", words);
    registry_server_stop(server);
    server->changed(server, -code, &e);
}

static void ended(struct process *process, int status)
{
    struct registry_server *server = container_of(process, struct registry_server, process);
    autofree char *what = mem_printf("docker-registry ended with status %d", status);
    give_up(server, EPIPE, what);
}

static void poll_port(struct timer *timer)
{
    struct registry_server *server = container_of(timer, struct registry_server, poll);
    if (transfer_accepts(&server->host))
        server->changed(server, 0, NULL);
    else if (simtime_before(loop_now(server->loop), server->deadline))
        loop_arm_after(server->loop, timer, simtime_ms(POLL_MS));
    else
        give_up(server, ETIMEDOUT, "its port does not accept");
}

static int launch(struct registry_server *server, const char *configuration, struct err *e)
{
    autoclose int log_fd = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return err_errno(e, "open %s", server->log);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *const[]){"docker-registry", "serve", configuration, NULL};
    options.stdout_fd = options.stderr_fd = log_fd;
    server->process.ended = ended;
    int status = process_start(server->loop, &server->process, &options, e);
    return status == -ENOENT ? err_hint(e, "apt-get install docker-registry") : status;
}

int registry_server_start(struct registry_server *server, const struct transfer_settings *settings,
                          const struct transfer_host *host, struct err *e)
{
    autofree char *configuration = registry_path(settings->folder, host->name, ".yml");
    server->loop = settings->loop;
    server->host = (struct transfer_host){host->name, host->address, REGISTRY_PORT, NULL};
    server->log = registry_path(settings->folder, host->name, ".log");
    server->poll.fire = poll_port;
    server->deadline = simtime_add(loop_now(settings->loop), settings->connect_timeout);
    int status =
        transfer_accepts(&server->host)
            ? err_set(e, EADDRINUSE, "%s port %d: something else accepts there", host->address, REGISTRY_PORT)
            : 0;
    if (status == 0)
        status = registry_certificate_make(settings->folder, host, e);
    if (status == 0)
        status = configure(settings->folder, host, configuration, e);
    if (status == 0)
        status = launch(server, configuration, e);
    if (status < 0) {
        registry_server_stop(server);
        return err_wrap(e, "registry of %s", host->name);
    }
    loop_arm_after(server->loop, &server->poll, simtime_ms(POLL_MS));
    return 0;
}

void registry_server_stop(struct registry_server *server)
{
    if (!server->loop)
        return;
    loop_cancel(server->loop, &server->poll);
    process_kill(&server->process);
    free(steal(server->log));
    server->loop = NULL;
}
