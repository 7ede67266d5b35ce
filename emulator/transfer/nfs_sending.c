#include "nfs_sending.h"
#include "mem.h"
#include "stream_content.h"

#include <errno.h>
#include <stdlib.h>

enum { LOOK_EVERY_MS = 10 };

static struct loop *loop_of(const struct nfs_sending *s)
{
    return s->peer->settings.loop;
}

/* --- the end of a sending -------------------------------------------------------------------------------------------------------- */

void nfs_sendings_share_wire_bytes(struct transfer_peer *peer)
{
    uint64_t more = nfs_mount_new_wire_bytes(&peer->mount), count = 0;
    for (struct nfs_sending *s = peer->sendings; s; s = s->next)
        count++;
    for (struct nfs_sending *s = peer->sendings; s; s = s->next)
        s->job->wire_bytes += more / count;
}

void nfs_sending_close_file(struct nfs_sending *s)
{
    if (s->file)
        nfs_mount_call(&s->peer->mount, &(struct nfs_call){.op = NFS_CLOSE, .file = s->file}, NULL, NULL);
    s->file = NULL;
}

static void free_sending(struct nfs_sending *s)
{
    nfs_sending_close_file(s);
    nfs_slots_clear(&s->writes);
    free(s->name);
    free(s);
}

/* An answer has come; false: the sending is over, and may be gone now. */
static bool answered(struct nfs_sending *s, int status)
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

void nfs_sending_release(struct nfs_sending *s)
{
    struct nfs_sending **at = &s->peer->sendings;
    nfs_sendings_share_wire_bytes(s->peer);
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
    if (s->file)
        nfs_mount_call(&s->peer->mount, &(struct nfs_call){.op = NFS_REMOVE, .name = s->name}, NULL, NULL);
    if (s->calls == 0)
        free_sending(s);
}

static void finish(struct nfs_sending *s, const struct err *e)
{
    struct transfer_job *job = s->job;
    struct err err = *e;
    if (err.code)
        err_wrap(&err, "nfs: %s to host %s (%s) through host %s", s->name, s->peer->host.name,
                 s->peer->host.address, s->peer->settings.store.name);
    nfs_sending_release(s);
    job->done(job, -err.code, err.code ? &err : NULL);
}

/* done() is never called from within send() or an answer: through the timer. */
void nfs_sending_finish_soon(struct nfs_sending *s, const struct err *e)
{
    if (s->job->state == TRANSFER_FAILING)
        return;
    s->job->state = TRANSFER_FAILING;
    s->failure = *e;
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void fail(struct nfs_sending *s, int status, const char *what, const void *words)
{
    struct err e = ERR_INIT;
    err_set(&e, status < 0 ? -status : EIO, "%s: %s", what, words ? (const char *)words : "failed");
    nfs_sending_finish_soon(s, &e);
}

static void moved(struct nfs_sending *s)
{
    loop_arm_after(loop_of(s), &s->patience, s->peer->settings.progress_timeout);
}

/* The store is silent: a new mount must not queue behind it, and what else goes over it ends with it. */
static void lose_mount(struct transfer_peer *peer, const struct err *e)
{
    for (struct nfs_sending *s = peer->sendings; s; s = s->next)
        nfs_sending_finish_soon(s, e);
    nfs_mount_close(&peer->mount);
}

static void out_of_patience(struct timer *timer)
{
    struct nfs_sending *s = container_of(timer, struct nfs_sending, patience);
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

static void announced(int status, void *data, void *context)
{
    struct nfs_sending *s = context;
    if (!answered(s, status))
        return;
    s->announcing = false;
    void (*stored)(struct transfer_job *) =
        s->offer.complete && !s->peer->settings.pipeline && status >= 0 ? steal(s->job->stored) : NULL;
    if (stored) {
        nfs_sendings_share_wire_bytes(s->peer);
        stored(s->job);
    }
    if (status < 0)
        fail(s, status, "write", data);
    else
        loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void announce(struct nfs_sending *s)
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
    const struct nfs_call write = {
        .op = NFS_WRITE, .file = s->file, .offset = NFS_FILE_SENDER, .len = part.len, .bytes = part.data};
    nfs_mount_call(&s->peer->mount, &write, announced, s);
    buf_free(&part);
}

static void looked(int status, void *data, void *context)
{
    struct nfs_sending *s = context;
    struct nfs_receipt receipt = {0};
    struct err e = ERR_INIT;
    if (!answered(s, status))
        return;
    nfs_sendings_share_wire_bytes(s->peer); /* a connection that breaks takes its count with it */
    s->looking = false;
    if (status < 0) {
        fail(s, status, "read", data);
        return;
    }
    int told = nfs_receipt_decode(data, (size_t)status, &receipt, &e);
    if (told < 0)
        nfs_sending_finish_soon(s, &e);
    if (told > 0 && receipt.taken > s->receipt.taken)
        moved(s);
    if (told > 0)
        s->receipt = receipt;
    if (told > 0 && receipt.ended)
        nfs_sending_finish_soon(s, &receipt.err);
    loop_arm_after(loop_of(s), &s->look, simtime_ms(LOOK_EVERY_MS));
}

static void look(struct timer *timer)
{
    struct nfs_sending *s = container_of(timer, struct nfs_sending, look);
    if (s->job->state != TRANSFER_RUNNING || s->looking)
        return;
    s->looking = true;
    s->calls++;
    const struct nfs_call read = {
        .op = NFS_READ, .file = s->file, .offset = NFS_FILE_RECEIVER, .len = NFS_FILE_PART};
    nfs_mount_call(&s->peer->mount, &read, looked, s);
}

/* --- content -------------------------------------------------------------------------------------------------------------------------- */

/* What has been asked for others waits behind this content, even if its job has been cancelled. */
static void all_moved(struct transfer_peer *peer)
{
    for (struct nfs_sending *s = peer->sendings; s; s = s->next)
        if (s->calls)
            moved(s);
}

static void written(int status, void *data, void *context)
{
    struct nfs_slot *slot = context;
    struct nfs_sending *s = slot->owner;
    if (status >= 0)
        all_moved(s->peer);
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
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

/* One slot a turn of the loop: requests pass in between. */
static void write_some(struct nfs_sending *s)
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
            nfs_sending_finish_soon(s, &e);
        else
            stream_content_digest(s->content, s->offer.digest);
    } else {
        slot->len = (size_t)got;
        const struct nfs_call write = {.op = NFS_WRITE,
                                       .file = s->file,
                                       .offset = NFS_FILE_CONTENT + s->queued,
                                       .len = slot->len,
                                       .bytes = slot->bytes};
        s->calls++;
        s->queued += slot->len;
        nfs_mount_call(&s->peer->mount, &write, written, slot);
    }
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

static void created(int status, void *data, void *context)
{
    struct nfs_sending *s = context;
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

static void create(struct nfs_sending *s)
{
    s->creating = true;
    s->calls++;
    nfs_mount_call(&s->peer->mount, &(struct nfs_call){.op = NFS_CREATE, .name = s->name}, created, s);
}

static void work(struct timer *timer)
{
    struct nfs_sending *s = container_of(timer, struct nfs_sending, work);
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
}

void nfs_sending_run(struct nfs_sending *s)
{
    s->job->state = TRANSFER_RUNNING;
    s->peer->heard = loop_now(loop_of(s));
    moved(s);
    loop_arm_after(loop_of(s), &s->work, SIMTIME_ZERO);
}

struct nfs_sending *nfs_sending_add(struct transfer_peer *peer, struct transfer_job *job,
                                    struct stream_content *content, char *name, const char *remote_folder)
{
    struct nfs_sending *s = mem_alloc(sizeof *s);
    *s = (struct nfs_sending){.peer = peer, .job = job, .content = content, .name = name};
    snprintf(s->offer.folder, sizeof s->offer.folder, "%s", remote_folder);
    s->work.fire = work;
    s->look.fire = look;
    s->patience.fire = out_of_patience;
    nfs_sendings_share_wire_bytes(peer);
    s->next = peer->sendings;
    peer->sendings = s;
    job->peer = peer;
    job->begin = loop_now(peer->settings.loop);
    job->wire_bytes = 0;
    job->state = TRANSFER_WAITING;
    return s;
}
