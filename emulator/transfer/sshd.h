/* The receiving side of carriers scp and rsync: an OpenSSH server of the run's own, on the host's address and a private
 * port.
 *
 * It accepts the run's user key and root, nothing else: no passwords, no PAM, no forwarding, no terminal, no
 * sftp. The copying program is started by root's login shell there, without bash's start-up file. No DNS look-up, no message
 * of the day. Its log is FOLDER/HOST/sshd.log.
 *
 * If root's password is locked ("!" in /etc/shadow), which OpenSSH without PAM
 * takes as no admission even by key, the server alone sees an /etc/shadow without the lock, in a mount
 * namespace of its own. /run/sshd, the empty folder of OpenSSH's privilege separation, is made if it is
 * missing and stays: other servers of the machine share it. */
#ifndef ROAMLAB_SSHD_H
#define ROAMLAB_SSHD_H

#include "transfer.h"

/* As serve of struct carrier; server_process_stop() ends it. */
int sshd_start(struct transfer_server *server, const struct transfer_settings *settings,
               const struct transfer_host *host, struct err *e);

#endif
