/* Files copied by a program over the kept connection to a peer (ssh_master.h): what carriers scp and rsync share.
 *
 * A connection that is cut is opened again and the program begins again over it: what it does not send twice is its own business. Three cuts
 * in a row, with less than 1 MiB between them if the program resumes, and a connection on which no byte moves for the progress time-out,
 * fail the job. */
#ifndef ROAMLAB_SSH_COPY_H
#define ROAMLAB_SSH_COPY_H

#include "transfer.h"

enum { SSH_COPY_WORDS = 24 };

struct ssh_program {
    const char *name, *package;
    bool resumes; /* from what has arrived */
    /* Adds to argv, behind the name, what sends job->local into the folder job->remote of host "peer" of that ssh
     * configuration; `shell` is ssh with it. Returns the word of argv that the caller frees. */
    char *(*command)(const char *argv[SSH_COPY_WORDS], const char *configuration, const char *shell,
                     const struct transfer_job *job);
};

/* As the functions of struct carrier. */
int ssh_copy_open(struct transfer_peer **peer, const struct ssh_program *program,
                  const struct transfer_settings *settings, const struct transfer_host *host,
                  transfer_opened *opened, void *context, struct err *e);
void ssh_copy_close(struct transfer_peer *peer);
int ssh_copy_send(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                  const char *remote_folder, struct err *e);
void ssh_copy_cancel(struct transfer_job *job);

#endif
