#include "nfs_server.h"
#include "files.h"
#include "mem.h"
#include "server_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GANESHA "/usr/bin/ganesha.nfsd"
#define RPCBIND "/usr/sbin/rpcbind"

/* What the two programs keep outside of their configuration. rpcbind leaves for the background once it accepts. */
static const char setup[] = "mount -t tmpfs tmpfs /run; mkdir /run/rpcbind\n"
                            "mount -t tmpfs tmpfs /var/lib/nfs; mkdir /var/lib/nfs/ganesha\n" RPCBIND "\n"
                            "exec \"$@\"";

char *nfs_server_inbox(const char *folder, const char *host)
{
    return mem_printf("%s/export/%s", folder, host);
}

int nfs_server_prepare(const char *folder, const struct transfer_host *hosts, int count, struct err *e)
{
    int status = files_make_folder(folder, 0700, e);
    for (int i = 0; status == 0 && i < count; i++) {
        autofree char *inbox = nfs_server_inbox(folder, hosts[i].name);
        status = files_make_folder(inbox, 0700, e);
    }
    return status;
}

static int check_machine(struct err *e)
{
    static const char *const needed[] = {GANESHA, RPCBIND};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (access(needed[i], X_OK) < 0) {
            err_errno(e, "%s", needed[i]);
            return err_hint(e, "apt-get install nfs-ganesha nfs-ganesha-vfs rpcbind");
        }
    return 0;
}

static const char configuration_format[] = "NFS_CORE_PARAM {\n"
                                           "    NFS_Port = %u;\n"
                                           "    MNT_Port = %d;\n"
                                           "    Protocols = 3;\n"
                                           "    Enable_NLM = false;\n"
                                           "    Enable_RQUOTA = false;\n"
                                           "}\n"
                                           "NFSv4 {\n"
                                           "    Graceless = true;\n"
                                           "}\n"
                                           "EXPORT {\n"
                                           "    Export_Id = 1;\n"
                                           "    Path = \"%s/export\";\n"
                                           "    Pseudo = /export;\n"
                                           "    Access_Type = RW;\n"
                                           "    Squash = No_Root_Squash;\n"
                                           "    SecType = sys;\n"
                                           "    Protocols = 3;\n"
                                           "    Transports = TCP;\n"
                                           "    FSAL {\n"
                                           "        Name = VFS;\n"
                                           "    }\n"
                                           "}\n";

int nfs_server_start(struct transfer_server *server, const struct transfer_settings *settings,
                     const struct transfer_host *host, struct err *e)
{
    autofree char *place = mem_printf("%s/%s", settings->folder, host->name),
                  *path = mem_printf("%s/ganesha.conf", place),
                  *configuration =
                      mem_printf(configuration_format, host->port, NFS_MOUNT_PORT, settings->folder);
    const char *const argv[] = {GANESHA, "-F",          "-f", path,       "-p", "/run/ganesha.pid",
                                "-L",    "/dev/stderr", "-N", "NIV_WARN", NULL};
    const struct server_program ganesha = {
        .program = "ganesha", .setup = setup, .setup_argument = "sh", .argv = argv};
    int status = check_machine(e);
    if (status == 0)
        status = files_make_folder(place, 0700, e);
    if (status == 0)
        status = files_replace(path, configuration, e);
    return status < 0 ? err_wrap(e, "NFS server of %s", host->name)
                      : server_process_start(server, settings, host, &ganesha, e);
}
