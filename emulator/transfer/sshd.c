#include "sshd.h"
#include "files.h"
#include "mem.h"
#include "ssh_keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <shadow.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"
#define PRIVILEGE_SEPARATION_FOLDER "/run/sshd"

enum { POLL_MS = 10, GRACE_MS = 500 };

/* StrictModes would refuse a run folder anywhere below /tmp; ssh_keys.h makes the folder itself private.
 * SHLVL: bash under an SSH server reads ~/.bashrc, which may be slow or print, unless it thinks it is not the
 * outermost shell. ClientAlive: a session whose client has vanished without a word ends within a minute. */
static const char fixed_configuration[] = "PidFile none\n"
                                          "StrictModes no\n"
                                          "AllowUsers root\n"
                                          "PermitRootLogin prohibit-password\n"
                                          "AuthenticationMethods publickey\n"
                                          "PasswordAuthentication no\n"
                                          "KbdInteractiveAuthentication no\n"
                                          "UsePAM no\n"
                                          "UseDNS no\n"
                                          "PrintMotd no\n"
                                          "PrintLastLog no\n"
                                          "PermitTTY no\n"
                                          "PermitUserRC no\n"
                                          "DisableForwarding yes\n"
                                          "Compression no\n"
                                          "MaxSessions 1000\n"
                                          "MaxStartups 1000\n"
                                          "ClientAliveInterval 15\n"
                                          "ClientAliveCountMax 3\n"
                                          "LogLevel VERBOSE\n"
                                          "SetEnv SHLVL=1\n";

static int write_configuration(const char *path, const char *folder, const struct transfer_host *host,
                               struct err *e)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "ListenAddress %s\nPort %u\n", host->address, host->port);
    buf_printf(&text, "HostKey \"%s/%s/host_key\"\n", folder, host->name);
    buf_printf(&text, "AuthorizedKeysFile \"%s/authorized_keys\"\n%s", folder, fixed_configuration);
    int status = files_replace(path, buf_text(&text), e);
    buf_free(&text);
    return status;
}

static int check_machine(struct err *e)
{
    if (access(SSHD, X_OK) < 0) {
        err_errno(e, "%s", SSHD);
        return err_hint(e, "apt-get install openssh-server");
    }
    if (mkdir(PRIVILEGE_SEPARATION_FOLDER, 0755) < 0 && errno != EEXIST)
        return err_errno(e, "make folder %s", PRIVILEGE_SEPARATION_FOLDER);
    return 0;
}

static bool root_is_locked(void)
{
    const struct spwd *entry = getspnam("root");
    return entry && entry->sp_pwdp[0] == '!';
}

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
    sshd_stop(server);
    err_set(&e, code, "sshd of %s at %s port %u: %s%s%s", server->host.name, server->host.address,
            server->host.port, what, words[0] ? ": " : "", words);
    err_hint(&e, "see %s", server->log);
    server->changed(server, -code, &e);
}

static void sshd_ended(struct process *process, int status)
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

static int launch(struct transfer_server *server, const char *configuration, const char *shadow,
                  struct err *e)
{
    /* $1 is bound over /etc/shadow, the rest is the server's command line. */
    static const char unlock[] = "mount --bind \"$1\" /etc/shadow && shift && exec \"$@\"";
    const char *const plain[] = {"unshare", "--pid", "--fork", "--kill-child=KILL", SSHD,
                                 "-D",      "-e",    "-f",     configuration,       NULL};
    const char *const unlocked[] = {"unshare",
                                    "--pid",
                                    "--mount",
                                    "--propagation",
                                    "slave",
                                    "--fork",
                                    "--kill-child=KILL",
                                    "sh",
                                    "-c",
                                    unlock,
                                    "sh",
                                    shadow,
                                    SSHD,
                                    "-D",
                                    "-e",
                                    "-f",
                                    configuration,
                                    NULL};
    autoclose int log_fd = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return err_errno(e, "open %s", server->log);
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = shadow ? unlocked : plain;
    options.stdout_fd = options.stderr_fd = log_fd;
    server->process.ended = sshd_ended;
    return process_start(server->loop, &server->process, &options, e);
}

int sshd_start(struct transfer_server *server, const struct transfer_settings *settings,
               const struct transfer_host *host, struct err *e)
{
    autofree char *configuration = ssh_path(settings->folder, host->name, "sshd_config", e);
    autofree char *shadow = ssh_path(settings->folder, host->name, "shadow", e);
    autofree char *log = ssh_path(settings->folder, host->name, "sshd.log", e);
    struct in_addr address;
    if (!configuration || !shadow || !log)
        return -EINVAL;
    if (inet_pton(AF_INET, host->address, &address) != 1)
        return err_set(e, EINVAL, "sshd of %s: \"%s\" is not an IPv4 address", host->name, host->address);
    server->host = *host;
    server->loop = settings->loop;
    server->ready = false;
    server->poll.fire = poll_port;
    snprintf(server->log, sizeof server->log, "%s", log);
    bool locked = root_is_locked();
    int status = check_machine(e);
    if (status == 0 && transfer_accepts(host))
        status =
            err_set(e, EADDRINUSE, "%s port %u: something else accepts there", host->address, host->port);
    if (status == 0)
        status = write_configuration(configuration, settings->folder, host, e);
    if (status == 0 && locked)
        status = files_replace(shadow, "root:*:1::::::\n", e);
    if (status == 0)
        status = launch(server, configuration, locked ? shadow : NULL, e);
    if (status < 0)
        return err_wrap(e, "sshd of %s", host->name);
    server->deadline = simtime_add(loop_now(settings->loop), settings->connect_timeout);
    loop_arm_after(settings->loop, &server->poll, simtime_ms(POLL_MS));
    return 0;
}

void sshd_stop(struct transfer_server *server)
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
