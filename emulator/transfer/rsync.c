/* Carrier rsync: rsync over a kept connection (ssh_copy.h) to the peer's own SSH server (sshd.h): encrypted, and compressed by zstd where both
 * sides have it.
 *
 * A file appears under its name when all of it is there and its digest has been compared. What arrived before a cut is kept beside it and
 * not sent again (--partial-dir), nor is what an older file of that name has in common with it. */
#include "mem.h"
#include "server_process.h"
#include "ssh_copy.h"
#include "ssh_keys.h"
#include "sshd.h"

/* "/." makes rsync refuse a folder that is not there. No time stamps are carried, so none are compared (--ignore-times). */
static void rsync_command(struct ssh_command *command, const char *configuration, const char *shell,
                          const struct transfer_job *job)
{
    (void)configuration;
    autofree char *target = mem_printf("peer:%s/.", job->remote);
    const char *const words[] = {"rsync",
                                 "--recursive",
                                 "--compress",
                                 "--ignore-times",
                                 "--partial-dir=.rsync-partial",
                                 "--secluded-args",
                                 "--rsh",
                                 shell,
                                 "--",
                                 job->local,
                                 target};
    ssh_command_add(command, words, ARRAY_LEN(words));
}

static bool resumes(const struct transfer_job *job)
{
    (void)job;
    return true;
}

static int rsync_open(struct transfer_peer **peer, const struct transfer_settings *settings,
                      const struct transfer_host *host, transfer_opened *opened, void *context, struct err *e)
{
    static const struct ssh_program rsync = {"rsync", "rsync", resumes, rsync_command};
    return ssh_copy_open(peer, &rsync, settings, host, opened, context, e);
}

const struct carrier carrier_rsync = {
    .name = "rsync",
    .help =
        "rsync over SSH and zstd, over a connection opened early and kept; contents checked, resumes after a cut",
    .arrives_whole = true,
    .prepare = ssh_keys_make,
    .serve = sshd_start,
    .stop = server_process_stop,
    .open = rsync_open,
    .close = ssh_copy_close,
    .send = ssh_copy_send,
    .cancel = ssh_copy_cancel,
};
