/* Carrier nfs: through a folder that a third host serves (nfs_server.h). The sender writes a file there (nfs_sending.h, nfs_file.h), the
 * receiver, which looks for new names all the time (nfs_inbox.h), reads it, and what each has to say to the other stands in the file: the
 * hosts have no other connection. The sender removes the file at the end.
 *
 * Without `pipeline` the receiver reads what is complete, as with a shared folder; with it, what has been written so far. Byeon et al. 2021
 * compare this way with scp. Names and contents cross the network readable. */
#include "mem.h"
#include "nfs_inbox.h"
#include "nfs_sending.h"
#include "nfs_server.h"
#include "stream_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 200 };

static void close_files(struct nfs_mount *mount)
{
    struct transfer_peer *peer = container_of(mount, struct transfer_peer, mount);
    for (struct nfs_sending *s = peer->sendings; s; s = s->next)
        nfs_sending_close_file(s);
}

static void mount_changed(struct nfs_mount *mount, int status, const struct err *e)
{
    struct transfer_peer *peer = container_of(mount, struct transfer_peer, mount);
    nfs_sendings_share_wire_bytes(peer);
    for (struct nfs_sending *s = peer->sendings; s; s = s->next)
        if (status == 0)
            nfs_sending_run(s);
        else
            nfs_sending_finish_soon(s, e);
    if (peer->opened)
        peer->opened(peer->context, status, e);
}

static void open_mount(struct transfer_peer *peer)
{
    autofree char *inbox = nfs_server_inbox(peer->settings.folder, peer->host.name);
    nfs_mount_open(&peer->mount, &peer->settings, inbox);
}

static int nfs_open_peer(struct transfer_peer **out, const struct transfer_settings *settings,
                         const struct transfer_host *host, transfer_opened *opened, void *context,
                         struct err *e)
{
    (void)e;
    struct transfer_peer *peer = *out = mem_alloc(sizeof *peer);
    *peer =
        (struct transfer_peer){.settings = *settings, .host = *host, .opened = opened, .context = context};
    peer->mount.changed = mount_changed;
    peer->mount.emptied = close_files;
    open_mount(peer);
    return 0;
}

static struct nfs_sending *sending_of(const struct transfer_job *job)
{
    struct nfs_sending *s = job->state == TRANSFER_IDLE ? NULL : job->peer->sendings;
    while (s && s->job != job)
        s = s->next;
    return s;
}

static void nfs_cancel(struct transfer_job *job)
{
    struct nfs_sending *s = sending_of(job);
    if (s)
        nfs_sending_release(s);
}

static void nfs_close_peer(struct transfer_peer *peer)
{
    if (!peer)
        return;
    while (peer->sendings)
        nfs_sending_release(peer->sendings);
    nfs_mount_close(&peer->mount);
    free(peer);
}

/* Unique, and says what it is: "es1-2f81c-3-image.tar". */
static char *name_of(struct transfer_peer *peer, const char *local)
{
    const char *slash = strrchr(local, '/');
    return mem_printf("%s-%llx-%u-%.*s", peer->settings.self,
                      (unsigned long long)loop_now(peer->settings.loop).ns, ++peer->numbers, NAME_MAX_BYTES,
                      slash ? slash + 1 : local);
}

static int nfs_send(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                    const char *remote_folder, struct err *e)
{
    if (job->state != TRANSFER_IDLE)
        return err_set(e, EBUSY, "nfs: %s to host %s: the job has not ended", local, peer->host.name);
    struct stream_content *content =
        transfer_measure(local, &job->bytes, e) == 0 ? stream_content_open(local, NULL, e) : NULL;
    if (!content)
        return err_wrap(e, "nfs: to host %s", peer->host.name);
    struct nfs_sending *s = nfs_sending_add(peer, job, content, name_of(peer, local), remote_folder);
    if (!peer->mount.path)
        open_mount(peer);
    if (peer->mount.mounted)
        nfs_sending_run(s);
    return 0;
}

const struct carrier carrier_nfs = {
    .name = "nfs",
    .help =
        "through an NFS server on a third host (migration.nfs_host), mounted early and kept; contents checked, resumes after "
        "a cut; names and contents are readable on the way",
    .arrives_whole = true,
    .prepare = nfs_server_prepare,
    .serve_store = nfs_server_start,
    .serve = nfs_inbox_serve,
    .stop = nfs_inbox_stop,
    .open = nfs_open_peer,
    .close = nfs_close_peer,
    .send = nfs_send,
    .cancel = nfs_cancel,
};
