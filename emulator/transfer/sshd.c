#include "sshd.h"
#include "buf.h"
#include "files.h"
#include "mem.h"
#include "server_process.h"
#include "ssh_keys.h"

#include <errno.h>
#include <shadow.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"
#define PRIVILEGE_SEPARATION_FOLDER "/run/sshd"

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

int sshd_start(struct transfer_server *server, const struct transfer_settings *settings,
               const struct transfer_host *host, struct err *e)
{
    autofree char *configuration = ssh_path(settings->folder, host->name, "sshd_config", e);
    autofree char *shadow = ssh_path(settings->folder, host->name, "shadow", e);
    if (!configuration || !shadow)
        return -EINVAL;
    bool locked = root_is_locked();
    const char *const argv[] = {SSHD, "-D", "-e", "-f", configuration, NULL};
    const struct server_program sshd = {.program = "sshd",
                                        .setup =
                                            locked ? "mount --bind \"$0\" /etc/shadow; exec \"$@\"" : NULL,
                                        .setup_argument = shadow,
                                        .argv = argv};
    int status = check_machine(e);
    if (status == 0)
        status = write_configuration(configuration, settings->folder, host, e);
    if (status == 0 && locked)
        status = files_replace(shadow, "root:*:1::::::\n", e);
    return status < 0 ? err_wrap(e, "sshd of %s", host->name)
                      : server_process_start(server, settings, host, &sshd, e);
}
