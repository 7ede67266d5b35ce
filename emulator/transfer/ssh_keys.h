/* The throw-away keys of a run: one ed25519 host key per host, one user key for the run, and the list of all
 * host keys, so that every host key is checked from the first connection on.
 *
 *     FOLDER/user_key, user_key.pub, authorized_keys    the only key that a server accepts
 *     FOLDER/known_hosts                                "ADDRESS key" of every host
 *     FOLDER/HOST/host_key, host_key.pub                and this host's configuration, log, sockets
 *
 * Folders are 0700. They hold private keys: they live as long as the run. */
#ifndef ROAMLAB_SSH_KEYS_H
#define ROAMLAB_SSH_KEYS_H

#include "transfer.h"

/* Makes all of it by ssh-keygen, about 10 ms per host, blocking. Fails if the folder holds keys already. */
int ssh_keys_make(const char *folder, const struct transfer_host *hosts, int count, struct err *e);

/* FOLDER/HOST or FOLDER/HOST/FILE (file NULL-able): free() it. NULL and `e` if `folder` is not absolute, a
 * name would leave the folder, or the path has a character that OpenSSH's configuration cannot carry. */
char *ssh_path(const char *folder, const char *host, const char *file, struct err *e);

/* The last line that a program wrote to a descriptor or file, without line end; free() it. "" if nothing. */
char *ssh_last_words(int fd);

#endif
