#include "ssh_master.h"
#include "files.h"
#include "mem.h"
#include "ssh_keys.h"
#include "tcp_count.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { POLL_MS = 10 };

/* Paths are relative: ssh, scp and rsync run in FOLDER/HOST. ControlMaster stays off for copies; the master says -M.
 * Without the control socket a copy would quietly open a connection of its own: ProxyCommand makes that fail
 * instead, and the master overrides it. */
static const char fixed_configuration[] = "User root\n"
                                          "IdentityFile ../user_key\n"
                                          "IdentitiesOnly yes\n"
                                          "IdentityAgent none\n"
                                          "PreferredAuthentications publickey\n"
                                          "UserKnownHostsFile ../known_hosts\n"
                                          "GlobalKnownHostsFile none\n"
                                          "StrictHostKeyChecking yes\n"
                                          "UpdateHostKeys no\n"
                                          "CheckHostIP no\n"
                                          "BatchMode yes\n"
                                          "Compression no\n"
                                          "ControlPersist no\n"
                                          "RequestTTY no\n"
                                          "ForwardAgent no\n"
                                          "ServerAliveInterval 15\n"
                                          "ServerAliveCountMax 3\n"
                                          "LogLevel ERROR\n"
                                          "ProxyCommand exec false\n";

static int write_configuration(struct ssh_master *master, struct err *e)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "HostName %s\nPort %u\nHostKeyAlias %s\n", master->host.address, master->host.port,
               master->host.address);
    buf_printf(&text, "ControlPath %s.socket\n%s", master->name, fixed_configuration);
    autofree char *path = mem_printf("%s/%s.config", master->place, master->name);
    int status = files_replace(path, buf_text(&text), e);
    buf_free(&text);
    return status;
}

static char *socket_path(const struct ssh_master *master)
{
    return mem_printf("%s/%s.socket", master->place, master->name);
}

static void master_failed(struct ssh_master *master, int code, const char *what)
{
    struct err e = ERR_INIT;
    autofree char *words = ssh_last_words(master->messages_fd);
    ssh_master_close(master);
    err_set(&e, code, "ssh: connection to host %s (%s port %u): %s%s%s", master->host.name,
            master->host.address, master->host.port, what, words[0] ? ": " : "", words);
    master->changed(master, -code, &e);
}

static void ssh_ended(struct process *process, int status)
{
    (void)status;
    struct ssh_master *master = container_of(process, struct ssh_master, process);
    bool was_open = master->state == SSH_MASTER_OPEN;
    master_failed(master, was_open ? ECONNRESET : ECONNREFUSED, was_open ? "broken" : "refused");
}

/* ssh makes the control socket when the peer has let it in. */
static void poll_socket(struct timer *timer)
{
    struct ssh_master *master = container_of(timer, struct ssh_master, poll);
    autofree char *path = socket_path(master);
    if (access(path, F_OK) == 0) {
        master->state = SSH_MASTER_OPEN;
        master->changed(master, 0, NULL);
    } else if (simtime_before(loop_now(master->settings.loop), master->deadline)) {
        loop_arm_after(master->settings.loop, timer, simtime_ms(POLL_MS));
    } else {
        master_failed(master, ETIMEDOUT, "does not stand in time");
    }
}

int ssh_master_init(struct ssh_master *master, const struct transfer_settings *settings,
                    const struct transfer_host *host, struct err *e)
{
    master->settings = *settings;
    master->host = *host;
    master->messages_fd = master->connection = -1;
    master->poll.fire = poll_socket;
    master->process.ended = ssh_ended;
    snprintf(master->name, sizeof master->name, "to-%s-%u", host->address, host->port);
    master->place = ssh_path(settings->folder, settings->self, NULL, e);
    return master->place ? write_configuration(master, e) : -EINVAL;
}

void ssh_master_free(struct ssh_master *master)
{
    if (master->place)
        ssh_master_close(master);
    free(master->place);
}

static int launch(struct ssh_master *master, struct err *e)
{
    autofree char *configuration = mem_printf("%s.config", master->name);
    const char *const argv[] = {"ssh", "-F", configuration, "-o", "ProxyCommand=none",
                                "-M",  "-N", "peer",        NULL};
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    options.directory = master->place;
    options.stderr_fd = master->messages_fd;
    return process_start(master->settings.loop, &master->process, &options, e);
}

int ssh_master_connect(struct ssh_master *master, struct err *e)
{
    autofree char *path = socket_path(master);
    if (master->state != SSH_MASTER_CLOSED)
        return 0;
    unlink(path); /* an agent that was killed has left it: it would pass for the new one */
    master->messages_fd = memfd_create("ssh", MFD_CLOEXEC);
    int status = master->messages_fd < 0 ? err_errno(e, "memfd") : launch(master, e);
    if (status < 0) {
        ssh_master_close(master);
        return err_wrap(e, "ssh: connection to host %s", master->host.name);
    }
    struct loop *loop = master->settings.loop;
    master->state = SSH_MASTER_CONNECTING;
    master->deadline = simtime_add(loop_now(loop), master->settings.connect_timeout);
    loop_arm_after(loop, &master->poll, simtime_ms(POLL_MS));
    return 0;
}

void ssh_master_close(struct ssh_master *master)
{
    autofree char *path = socket_path(master);
    loop_cancel(master->settings.loop, &master->poll);
    process_kill(&master->process);
    unlink(path);
    if (master->messages_fd >= 0)
        close(master->messages_fd);
    master->messages_fd = master->connection = -1;
    master->state = SSH_MASTER_CLOSED;
}

/* A copy of descriptor `number` of the ssh process; it is closed again at once, so that it never keeps alive
 * a connection whose ssh is gone. */
static bool info_of(struct ssh_master *master, int number, struct tcp_info *info)
{
    autoclose int fd = (int)syscall(SYS_pidfd_getfd, master->process.watch.fd, number, 0);
    return fd >= 0 && tcp_info_get(fd, info);
}

/* What goes over the connection ends before ssh itself does: the connection tells. */
static bool is_gone(struct ssh_master *master)
{
    struct pollfd ended = {.fd = master->process.watch.fd, .events = POLLIN};
    struct tcp_info info;
    return poll(&ended, 1, 0) > 0 ||
           (master->connection >= 0 && !(info_of(master, master->connection, &info) && tcp_stands(&info)));
}

void ssh_master_check(struct ssh_master *master)
{
    if (master->process.pid > 0 && is_gone(master))
        ssh_master_close(master);
}

static void find_connection(struct ssh_master *master)
{
    autofree char *path = mem_printf("/proc/%d/fd", (int)master->process.pid);
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct tcp_info info;
    while (folder && master->connection < 0 && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && info_of(master, atoi(entry->d_name), &info))
            master->connection = atoi(entry->d_name);
    if (folder)
        closedir(folder);
}

static struct tcp_info connection_info(struct ssh_master *master)
{
    struct tcp_info info = {0};
    if (master->state == SSH_MASTER_OPEN && master->connection < 0)
        find_connection(master);
    if (master->connection < 0 || !info_of(master, master->connection, &info))
        return (struct tcp_info){0};
    return info;
}

uint64_t ssh_master_wire_bytes(struct ssh_master *master)
{
    struct tcp_info info = connection_info(master);
    return tcp_wire_bytes(&info);
}

uint64_t ssh_master_progress(struct ssh_master *master)
{
    struct tcp_info info = connection_info(master);
    return tcp_progress(&info);
}
