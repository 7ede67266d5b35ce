/* The server program of a carrier (sshd, an NFS server): started, awaited until its port accepts, watched, ended.
 *
 * It runs in a PID namespace of its own: whatever ends it (server_process_stop, or SIGKILL to the process that started it) ends all that it
 * has started, too. */
#ifndef ROAMLAB_SERVER_PROCESS_H
#define ROAMLAB_SERVER_PROCESS_H

#include "transfer.h"

/* `program` is its name in messages; it writes to FOLDER/HOST/PROGRAM.log. Run are, as root of a mount namespace if `setup` is not NULL, the
 * lines of shell `setup`, and in their place `argv` (NULL-terminated). The setup's lines see setup_argument as $0. -EADDRINUSE if something
 * accepts at the host's port and does not end within 5 s, for which this blocks. */
struct server_program {
    const char *program, *setup, *setup_argument;
    const char *const *argv;
};
int server_process_start(struct transfer_server *server, const struct transfer_settings *settings,
                         const struct transfer_host *host, const struct server_program *program,
                         struct err *e);
/* Harmless if it does not run. */
void server_process_stop(struct transfer_server *server);

#endif
