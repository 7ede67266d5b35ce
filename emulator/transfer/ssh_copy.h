/* Files copied by a program over the kept connection to a peer (ssh_master.h): what carriers scp and rsync share.
 *
 * A connection that is cut is opened again and the command for it begins over it: what it does not send twice is its own business. Three cuts
 * in a row, with less than 1 MiB between them if the job resumes, and a connection on which no byte moves for the progress time-out,
 * fail the job. */
#ifndef ROAMLAB_SSH_COPY_H
#define ROAMLAB_SSH_COPY_H

#include "transfer.h"

enum { SSH_COPY_WORDS = 24 };

/* A program and its arguments. */
struct ssh_command {
    char *words[SSH_COPY_WORDS]; /* owned, NULL behind the last */
    int count;
};

void ssh_command_add(struct ssh_command *command, const char *const *words, size_t count); /* copies them */

struct ssh_program {
    const char *name, *package;
    bool (*resumes)(const struct transfer_job *job); /* after a cut, from what has arrived */
    /* Adds what sends job->local into the folder job->remote of host "peer" of that ssh configuration, or, if job->cuts, the rest of it;
     * `shell` is ssh with that configuration. */
    void (*command)(struct ssh_command *command, const char *configuration, const char *shell,
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
