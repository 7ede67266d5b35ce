/* Carrier nfs: through a folder that a third host serves (nfs_server.h). The sender writes a file there (nfs_file.h), the receiver, which looks
 * for new names all the time (nfs_inbox.h), reads it, and what each has to say to the other stands in the file: the hosts have no other
 * connection. The sender removes the file at the end.
 *
 * Without `pipeline` the receiver reads what is complete, as with a shared folder; with it, what has been written so far. Byeon et al. 2021
 * compare this way with scp. Names and contents cross the network readable. */
#include "nfs_file.h"
#include "nfs_inbox.h"
#include "nfs_mount.h"
#include "nfs_server.h"
#include "nfs_slots.h"
#include "mem.h"
#include "server_process.h"
#include "stream_content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_MS = 10, NAME_MAX_BYTES = 200 };

struct transfer_peer {
    struct transfer_settings settings;
    struct transfer_host host;
    struct nfs_mount mount;
    struct sending *sendings;
    transfer_opened *opened;
    void *context;
    unsigned numbers;
    struct simtime heard; /* when the store last answered */
};

/* A job under way. It outlives its job until libnfs has answered all that was asked for it. */
struct sending {
    struct sending *next;
    struct transfer_peer *peer;
    struct transfer_job *job; /* NULL: over */
    struct stream_content *content;
    char *name; /* in the store */
    struct nfsfh *file;
    int calls; /* under way */
    struct nfs_slots writes;
    struct nfs_offer offer; /* the latest: `available` is what the store has without holes */
    struct nfs_receipt receipt;
    uint64_t queued, announced;
    bool read_all, announcing, announced_complete, looking, creating;
    struct timer work, look, patience;
    struct err failure;
};

static struct loop *loop_of(const struct sending *s)
{
    return s->peer->settings.loop;
}

static void ignore(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)status, (void)nfs, (void)data, (void)context;
}

/* --- the end of a sending -------------------------------------------------------------------------------------------------------- */

static void share_wire_bytes(struct transfer_peer *peer)
{
    uint64_t more = nfs_mount_new_wire_bytes(&peer->mount), count = 0;
    for (struct sending *s = peer->sendings; s; s = s->next)
        count++;
    for (struct sending *s = peer->sendings; s; s = s->next)
        s->job->wire_bytes += more / count;
}

static void close_file(struct sending *s)
{
    if (s->file)
        nfs_mount_close_file(&s->peer->mount, s->file);
    s->file = NULL;
}

static void free_sending(struct sending *s)
{
    close_file(s);
    nfs_slots_clear(&s->writes);
    free(s->name);
    free(s);
}

/* An answer has come; false: the sending is over, and may be gone now. */
static bool answered(struct sending *s, int status)
{
    s->calls--;
    if (status >= 0)
        s->peer->heard = loop_now(loop_of(s));
    if (s->job)
        return true;
    if (s->calls == 0)
        free_sending(s);
    return false;
}

/* Leaves the job as it was before send(), results aside. */
static void release(struct sending *s)
{
    struct sending **at = &s->peer->sendings;
    share_wire_bytes(s->peer);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->job->wire_bytes += s->receipt.wire_bytes;
    s->job->end = loop_now(loop_of(s));
    s->job->state = TRANSFER_IDLE;
    s->job = NULL;
    stream_content_free(steal(s->content));
    loop_cancel(loop_of(s), &s->work);
    loop_cancel(loop_of(s), &s->look);
    loop_cancel(loop_of(s), &s->patience);
    if (s->file) {
        nfs_unlink_async(s->peer->mount.nfs, s->name, ignore, NULL);
        nfs_mount_stir(&s->peer->mount);
    }
    if (s->calls == 0)
        free_sending(s);
}

static void finish(struct sending *s, const struct err *e)
{
    struct transfer_job *job = s->job;
    struct err err = *e;
    if (err.code)
        err_wrap(&err, "nfs: %s to host %s (%s) through host %s", s->name + 1, s->peer->host.name,
                 s->peer->host.address, s->peer->settings.store.name);
    release(s);
    job->done(job, -err.code, err.code ? &err : NULL);
}

/* done() is never called from within send() or a libnfs callback: through the timer. */
static void finish_soon(struct sending *s, const struct err *e)
{
    if (s->job->state == TRANSFER_FAILING)
        return;
    s->job->state = TRANSFER_FAILING;
    s->failure = *e;
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void fail(struct sending *s, int status, const char *what, const void *words)
{
    struct err e = ERR_INIT;
    err_set(&e, status < 0 ? -status : EIO, "%s: %s", what, words ? (const char *)words : "failed");
    finish_soon(s, &e);
}

static void moved(struct sending *s)
{
    loop_arm_after(loop_of(s), &s->patience, s->peer->settings.progress_timeout);
}

/* The store is silent: a new mount must not queue behind it, and what else goes over it ends with it. */
static void lose_mount(struct transfer_peer *peer, const struct err *e)
{
    for (struct sending *s = peer->sendings; s; s = s->next)
        finish_soon(s, e);
    nfs_mount_close(&peer->mount);
}

static void close_files(struct nfs_mount *mount)
{
    struct transfer_peer *peer = container_of(mount, struct transfer_peer, mount);
    for (struct sending *s = peer->sendings; s; s = s->next)
        close_file(s);
}

static void out_of_patience(struct timer *timer)
{
    struct sending *s = container_of(timer, struct sending, patience);
    struct transfer_peer *peer = s->peer;
    struct simtime limit = peer->settings.progress_timeout;
    struct err e = ERR_INIT;
    if (s->job->state == TRANSFER_FAILING)
        return;
    bool store_is_silent = !simtime_before(loop_now(loop_of(s)), simtime_add(peer->heard, limit));
    err_set(&e, ETIMEDOUT, "no byte for %g s", simtime_seconds(limit));
    if (store_is_silent)
        lose_mount(peer, &e);
    else
        finish(s, &e);
}

/* --- what the sides say ------------------------------------------------------------------------------------------------------------- */

static void announced(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)nfs;
    struct sending *s = context;
    if (!answered(s, status))
        return;
    s->announcing = false;
    if (status < 0)
        fail(s, status, "write", data);
    else
        loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void announce(struct sending *s)
{
    bool complete = s->read_all && s->offer.available == s->queued;
    bool news =
        complete ? !s->announced_complete : s->peer->settings.pipeline && s->offer.available > s->announced;
    struct buf part = BUF_INIT;
    if (!news || s->announcing)
        return;
    s->offer.complete = s->announced_complete = complete;
    s->announced = s->offer.available;
    s->announcing = true;
    nfs_offer_encode(&s->offer, &part);
    s->calls++;
    if (nfs_pwrite_async(s->peer->mount.nfs, s->file, NFS_FILE_SENDER, part.len, part.data, announced, s) < 0)
        announced(-EIO, NULL, NULL, s);
    buf_free(&part);
}

static void looked(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)nfs;
    struct sending *s = context;
    struct nfs_receipt receipt = {0};
    struct err e = ERR_INIT;
    if (!answered(s, status))
        return;
    s->looking = false;
    if (status < 0) {
        fail(s, status, "read", data);
        return;
    }
    int told = nfs_receipt_decode(data, (size_t)status, &receipt, &e);
    if (told < 0)
        finish_soon(s, &e);
    if (told > 0 && receipt.taken > s->receipt.taken)
        moved(s);
    if (told > 0)
        s->receipt = receipt;
    if (told > 0 && receipt.ended)
        finish_soon(s, &receipt.err);
    loop_arm_after(loop_of(s), &s->look, simtime_ms(LOOK_EVERY_MS));
}

static void look(struct timer *timer)
{
    struct sending *s = container_of(timer, struct sending, look);
    if (s->job->state != TRANSFER_RUNNING || s->looking)
        return;
    s->looking = true;
    s->calls++;
    if (nfs_pread_async(s->peer->mount.nfs, s->file, NFS_FILE_RECEIVER, NFS_FILE_PART, looked, s) < 0)
        looked(-EIO, NULL, NULL, s);
    nfs_mount_stir(&s->peer->mount);
}

/* --- content -------------------------------------------------------------------------------------------------------------------------- */

/* What has been asked for others waits behind this content. */
static void all_moved(struct transfer_peer *peer)
{
    for (struct sending *s = peer->sendings; s; s = s->next)
        if (s->calls)
            moved(s);
}

static void written(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)nfs;
    struct nfs_slot *slot = context;
    struct sending *s = slot->owner;
    if (!answered(s, status))
        return;
    if (status < 0 || (size_t)status != slot->len) {
        fail(s, status, "write", status < 0 ? data : "the store took less than it was given");
        return;
    }
    slot->answered = true;
    while ((slot = nfs_slots_take(&s->writes))) {
        s->offer.available += slot->len;
        free(slot);
    }
    moved(s);
    all_moved(s->peer);
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

/* One slot a turn of the loop: requests pass in between. */
static void write_some(struct sending *s)
{
    struct nfs_slot *slot = s->read_all ? NULL : nfs_slots_add(&s->writes, s);
    struct err e = ERR_INIT;
    if (!slot)
        return;
    ssize_t got = stream_content_read(s->content, slot->bytes, NFS_SLOT_BYTES, &e);
    if (got <= 0) {
        slot->answered = true;
        s->read_all = true;
        if (got < 0)
            finish_soon(s, &e);
        else
            stream_content_digest(s->content, s->offer.digest);
    } else {
        slot->len = (size_t)got;
        s->calls++;
        if (nfs_pwrite_async(s->peer->mount.nfs, s->file, NFS_FILE_CONTENT + s->queued, slot->len,
                             slot->bytes, written, slot) < 0)
            written(-EIO, NULL, NULL, slot);
        s->queued += slot->len;
    }
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void created(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)nfs;
    struct sending *s = context;
    if (status >= 0)
        s->file = data;
    if (!answered(s, status))
        return;
    if (status < 0) {
        fail(s, status, "create", data);
        return;
    }
    moved(s);
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
    loop_arm_after(loop_of(s), &s->look, SIMTIME_ZERO);
}

static void create(struct sending *s)
{
    s->creating = true;
    s->calls++;
    if (nfs_create_async(s->peer->mount.nfs, s->name, O_RDWR | O_CREAT | O_EXCL, 0600, created, s) < 0)
        created(-EIO, NULL, NULL, s);
}

static void work(struct timer *timer)
{
    struct sending *s = container_of(timer, struct sending, work);
    struct nfs_mount *mount = &s->peer->mount;
    if (s->job->state == TRANSFER_FAILING) {
        finish(s, &s->failure);
        return;
    }
    if (!s->creating)
        create(s);
    if (s->file) {
        write_some(s);
        announce(s);
    }
    nfs_mount_stir(mount);
}

/* --- the carrier --------------------------------------------------------------------------------------------------------------------- */

static void run(struct sending *s)
{
    s->job->state = TRANSFER_RUNNING;
    s->peer->heard = loop_now(loop_of(s));
    moved(s);
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void mount_changed(struct nfs_mount *mount, int status, const struct err *e)
{
    struct transfer_peer *peer = container_of(mount, struct transfer_peer, mount);
    share_wire_bytes(peer);
    for (struct sending *s = peer->sendings; s; s = s->next)
        if (status == 0)
            run(s);
        else
            finish_soon(s, e);
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

static struct sending *sending_of(const struct transfer_job *job)
{
    struct sending *s = job->state == TRANSFER_IDLE ? NULL : job->peer->sendings;
    while (s && s->job != job)
        s = s->next;
    return s;
}

static void nfs_cancel(struct transfer_job *job)
{
    struct sending *s = sending_of(job);
    if (s)
        release(s);
}

static void nfs_close_peer(struct transfer_peer *peer)
{
    if (!peer)
        return;
    while (peer->sendings)
        release(peer->sendings);
    nfs_mount_close(&peer->mount);
    free(peer);
}

/* Unique, and says what it is: "/es1-2f81c-3-image.tar". */
static char *name_of(struct transfer_peer *peer, const char *local)
{
    const char *slash = strrchr(local, '/');
    return mem_printf("/%s-%llx-%u-%.*s", peer->settings.self,
                      (unsigned long long)loop_now(peer->settings.loop).ns, ++peer->numbers, NAME_MAX_BYTES,
                      slash ? slash + 1 : local);
}

static int nfs_send(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                    const char *remote_folder, struct err *e)
{
    if (job->state != TRANSFER_IDLE)
        return err_set(e, EBUSY, "nfs: %s to host %s: the job has not ended", local, peer->host.name);
    struct stream_content *content =
        transfer_measure(local, &job->bytes, e) == 0 ? stream_content_open(local, e) : NULL;
    if (!content)
        return err_wrap(e, "nfs: to host %s", peer->host.name);
    struct sending *s = mem_alloc(sizeof *s);
    *s = (struct sending){.peer = peer, .job = job, .content = content, .name = name_of(peer, local)};
    snprintf(s->offer.folder, sizeof s->offer.folder, "%s", remote_folder);
    s->work.fire = work;
    s->look.fire = look;
    s->patience.fire = out_of_patience;
    share_wire_bytes(peer);
    s->next = peer->sendings;
    peer->sendings = s;
    job->peer = peer;
    job->begin = loop_now(peer->settings.loop);
    job->wire_bytes = 0;
    job->state = TRANSFER_WAITING;
    if (!peer->mount.path)
        open_mount(peer);
    if (peer->mount.mounted)
        run(s);
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
