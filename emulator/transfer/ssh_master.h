/* The kept connection of carriers scp and rsync: one `ssh -M -N` per peer, over whose control socket every copy to
 * that peer goes.
 *
 * It is opened early because it is what costs: ten round trips, 2.0 s at RTT 200 ms. Strict: the host key
 * must be the one of known_hosts, the user key of the run is the only identity, no agent, no configuration of
 * the user or the system. Cipher: OpenSSH's default; compression: off. A silent peer is noticed within a
 * minute (ServerAliveInterval), a job that stalls sooner (progress_timeout).
 *
 * All its files lie in FOLDER/HOST, where it runs, so that its socket's path is short whatever FOLDER is: a
 * Unix socket's path has 108 bytes, of which ssh takes 18 for a temporary name. */
#ifndef ROAMLAB_SSH_MASTER_H
#define ROAMLAB_SSH_MASTER_H

#include "transfer.h"

enum ssh_master_state { SSH_MASTER_CLOSED, SSH_MASTER_CONNECTING, SSH_MASTER_OPEN };

struct ssh_master {
    /* 0: connected. Otherwise the attempt failed, or the standing connection broke; either way it is closed
     * now. */
    void (*changed)(struct ssh_master *master, int status, const struct err *e);

    struct transfer_settings settings;
    struct transfer_host host;
    enum ssh_master_state state;
    char *place;   /* FOLDER/HOST */
    char name[64]; /* of its files there: to-ADDRESS-PORT */
    struct process process;
    struct timer poll;
    struct simtime deadline;
    int messages_fd;
    int connection; /* the TCP socket's number in the ssh process, -1 = not looked for yet */
};

/* Writes the configuration; connects nothing. `changed` is the caller's to set. */
int ssh_master_init(struct ssh_master *master, const struct transfer_settings *settings,
                    const struct transfer_host *host, struct err *e);
/* Closes and frees what it owns. */
void ssh_master_free(struct ssh_master *master);

/* Starts to connect; harmless if it is connecting or connected. */
int ssh_master_connect(struct ssh_master *master, struct err *e);
/* Drops the connection; `changed` is not called. */
void ssh_master_close(struct ssh_master *master);
/* A master that has ended, or whose connection is gone, though the loop has not said so yet, becomes closed. */
void ssh_master_check(struct ssh_master *master);

/* IP bytes sent over this connection so far, from the kernel's TCP_INFO: payload with resends, plus 52 bytes
 * of IPv4 and TCP headers (with timestamps) per segment. 0 if not connected or not to be had. */
uint64_t ssh_master_wire_bytes(struct ssh_master *master);

/* What the peer's TCP has acknowledged and sent so far: it moves as long as the peer does. 0 as above. */
uint64_t ssh_master_progress(struct ssh_master *master);

#endif
