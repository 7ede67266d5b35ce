/* The receiving side of carrier nfs: looks for new files in this host's folder of the store, reads what their senders announce (nfs_file.h), and
 * writes into them how far it is and, at the end, whether all is there, intact. A file that vanishes was called off, or its sender has the
 * verdict. */
#ifndef ROAMLAB_NFS_INBOX_H
#define ROAMLAB_NFS_INBOX_H

#include "transfer.h"

/* As serve and stop of struct carrier. */
int nfs_inbox_serve(struct transfer_server *server, const struct transfer_settings *settings,
                    const struct transfer_host *host, struct err *e);
void nfs_inbox_stop(struct transfer_server *server);

#endif
