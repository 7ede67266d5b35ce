#include "nfs_inbox.h"
#include "mem.h"
#include "nfs_file.h"
#include "nfs_mount.h"
#include "nfs_server.h"
#include "nfs_slots.h"
#include "server_process.h"
#include "stream_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_MS = 10 };

struct nfs_inbox {
    struct transfer_server *server;
    struct loop *loop;
    struct nfs_mount mount;
    struct arrival *arrivals;
    struct timer scan;
    bool scanning;
};

/* A file of the store. It outlives its place in the list until all that was asked for it is answered. */
struct arrival {
    struct arrival *next;
    struct nfs_inbox *inbox; /* NULL: over */
    struct nfs_mount *mount;
    char *name;
    bool seen; /* in the present scan */
    struct nfs_file *file;
    int calls; /* under way */
    struct nfs_slots reads;
    struct nfs_offer offer;
    struct nfs_receipt receipt;
    struct stream_intake *intake;
    uint64_t asked, told;
    bool looking, telling, told_end;
    struct timer look;
};

/* --- the end of an arrival ------------------------------------------------------------------------------------------------------- */

static void free_arrival(struct arrival *a)
{
    if (a->file)
        nfs_mount_call(a->mount, &(struct nfs_call){.op = NFS_CLOSE, .file = a->file}, NULL, NULL);
    nfs_slots_clear(&a->reads);
    free(a->name);
    free(a);
}

/* False: the arrival is over, and may be gone now. */
static bool answered(struct arrival *a)
{
    a->calls--;
    if (a->inbox)
        return true;
    if (a->calls == 0)
        free_arrival(a);
    return false;
}

static void remove_arrival(struct arrival *a)
{
    struct arrival **at = &a->inbox->arrivals;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    loop_cancel(a->inbox->loop, &a->look);
    stream_intake_free(steal(a->intake));
    a->inbox = NULL;
    if (a->calls == 0)
        free_arrival(a);
}

/* --- what the sides say ----------------------------------------------------------------------------------------------------------- */

static void tell(struct arrival *a);

static void told(int status, void *data, void *context)
{
    (void)data;
    struct arrival *a = context;
    if (!answered(a))
        return;
    a->telling = false;
    if (status >= 0)
        tell(a);
}

static void tell(struct arrival *a)
{
    struct buf part = BUF_INIT;
    bool news = a->receipt.taken > a->told || (a->receipt.ended && !a->told_end);
    if (!news || a->telling)
        return;
    a->telling = true;
    a->told = a->receipt.taken;
    a->told_end = a->receipt.ended;
    a->receipt.wire_bytes += nfs_mount_new_wire_bytes(a->mount);
    nfs_receipt_encode(&a->receipt, &part);
    a->calls++;
    const struct nfs_call write = {.op = NFS_WRITE,
                                   .file = a->file,
                                   .offset = NFS_FILE_RECEIVER,
                                   .len = part.len,
                                   .bytes = part.data};
    nfs_mount_call(a->mount, &write, told, a);
    buf_free(&part);
}

static void end(struct arrival *a, const struct err *e)
{
    a->receipt.ended = true;
    a->receipt.err = *e;
    stream_intake_free(steal(a->intake));
    tell(a);
}

static void read_on(struct arrival *a);

static void take_offer(struct arrival *a, const struct nfs_offer *offer)
{
    struct err e = ERR_INIT;
    a->offer = *offer;
    if (!a->intake && transfer_admits(&a->inbox->mount.settings, offer->folder, &e) == 0)
        a->intake = stream_intake_open(offer->folder, &e);
    if (!a->intake)
        end(a, &e);
    else
        read_on(a);
}

static void looked(int status, void *data, void *context)
{
    struct arrival *a = context;
    struct nfs_offer offer = {0};
    struct err e = ERR_INIT;
    if (!answered(a))
        return;
    a->looking = false;
    if (status < 0 || a->receipt.ended) /* called off: the next scan sees it gone */
        return;
    int offered = nfs_offer_decode(data, (size_t)status, &offer, &e);
    if (offered < 0)
        end(a, &e);
    else if (offered && (offer.available > a->offer.available || (offer.complete && !a->offer.complete)))
        take_offer(a, &offer);
    else
        loop_arm_after(a->inbox->loop, &a->look, simtime_ms(LOOK_EVERY_MS));
}

static void look(struct timer *timer)
{
    struct arrival *a = container_of(timer, struct arrival, look);
    if (a->looking)
        return;
    a->looking = true;
    a->calls++;
    const struct nfs_call read = {
        .op = NFS_READ, .file = a->file, .offset = NFS_FILE_SENDER, .len = NFS_FILE_PART};
    nfs_mount_call(a->mount, &read, looked, a);
}

/* --- content -------------------------------------------------------------------------------------------------------------------------- */

static void check_whole(struct arrival *a)
{
    struct err e = ERR_INIT;
    if (a->receipt.taken != a->offer.available || a->receipt.ended)
        return;
    if (!a->offer.complete) {
        loop_arm_after(a->inbox->loop, &a->look, SIMTIME_ZERO);
        return;
    }
    stream_intake_finish(a->intake, a->offer.digest, &e);
    end(a, &e);
}

static void take_slots(struct arrival *a)
{
    struct err e = ERR_INIT;
    for (struct nfs_slot *slot; (slot = nfs_slots_take(&a->reads)); free(slot))
        if (!a->receipt.ended && stream_intake_take(a->intake, slot->bytes, slot->len, &e) < 0)
            end(a, &e);
        else
            a->receipt.taken += slot->len;
    tell(a);
}

static void got(int status, void *data, void *context)
{
    struct nfs_slot *slot = context;
    struct arrival *a = slot->owner;
    struct err e = ERR_INIT;
    if (!answered(a) || a->receipt.ended || status < 0)
        return;
    if ((size_t)status != slot->len) {
        err_set(&e, EIO, "nfs: the store has less of a file than its sender announced");
        end(a, &e);
        return;
    }
    memcpy(slot->bytes, data, slot->len);
    slot->answered = true;
    take_slots(a);
    read_on(a);
}

static void read_on(struct arrival *a)
{
    struct nfs_slot *slot;
    while (a->asked < a->offer.available && !a->receipt.ended && (slot = nfs_slots_add(&a->reads, a))) {
        uint64_t left = a->offer.available - a->asked;
        slot->len = left < NFS_SLOT_BYTES ? (size_t)left : NFS_SLOT_BYTES;
        const struct nfs_call read = {
            .op = NFS_READ, .file = a->file, .offset = NFS_FILE_CONTENT + a->asked, .len = slot->len};
        a->calls++;
        a->asked += slot->len;
        nfs_mount_call(a->mount, &read, got, slot);
    }
    check_whole(a);
}

/* --- the folder ----------------------------------------------------------------------------------------------------------------------- */

static void opened(int status, void *data, void *context)
{
    struct arrival *a = context;
    if (status >= 0)
        a->file = data;
    if (!answered(a))
        return;
    if (status < 0)
        remove_arrival(a); /* it has gone meanwhile, or the next scan finds it again */
    else
        loop_arm_after(a->inbox->loop, &a->look, SIMTIME_ZERO);
}

static void add_arrival(struct nfs_inbox *inbox, const char *name)
{
    struct arrival *a = mem_alloc(sizeof *a);
    *a = (struct arrival){.next = inbox->arrivals,
                          .inbox = inbox,
                          .mount = &inbox->mount,
                          .name = mem_copy_string(name),
                          .seen = true,
                          .look.fire = look,
                          .calls = 1};
    inbox->arrivals = a;
    nfs_mount_call(&inbox->mount, &(struct nfs_call){.op = NFS_OPEN, .name = a->name}, opened, a);
}

static void see(struct nfs_inbox *inbox, const char *name)
{
    struct arrival *a = inbox->arrivals;
    while (a && strcmp(a->name, name) != 0)
        a = a->next;
    if (a)
        a->seen = true;
    else if (name[0] != '.')
        add_arrival(inbox, name);
}

static void forget_vanished(struct nfs_inbox *inbox)
{
    for (struct arrival *a = inbox->arrivals, *next; a; a = next) {
        next = a->next;
        if (!a->seen)
            remove_arrival(a);
    }
}

static void scanned(int status, void *data, void *context)
{
    struct nfs_inbox *inbox = context;
    inbox->scanning = false;
    if (status < 0)
        return;
    for (struct arrival *a = inbox->arrivals; a; a = a->next)
        a->seen = false;
    for (const char *name = data; *name; name += strlen(name) + 1)
        see(inbox, name);
    forget_vanished(inbox);
}

static void scan(struct timer *timer)
{
    struct nfs_inbox *inbox = container_of(timer, struct nfs_inbox, scan);
    loop_arm_after(inbox->loop, timer, simtime_ms(LOOK_EVERY_MS));
    if (inbox->scanning)
        return;
    inbox->scanning = true;
    nfs_mount_call(&inbox->mount, &(struct nfs_call){.op = NFS_LIST}, scanned, inbox);
}

static void mount_changed(struct nfs_mount *mount, int status, const struct err *e)
{
    struct nfs_inbox *inbox = container_of(mount, struct nfs_inbox, mount);
    if (status == 0)
        loop_arm_after(inbox->loop, &inbox->scan, SIMTIME_ZERO);
    inbox->server->changed(inbox->server, status, e);
}

int nfs_inbox_serve(struct transfer_server *server, const struct transfer_settings *settings,
                    const struct transfer_host *host, struct err *e)
{
    (void)e;
    autofree char *path = nfs_server_inbox(settings->folder, host->name);
    struct nfs_inbox *inbox = server->nfs = mem_alloc(sizeof *inbox);
    *inbox = (struct nfs_inbox){
        .server = server, .loop = settings->loop, .mount.changed = mount_changed, .scan.fire = scan};
    nfs_mount_open(&inbox->mount, settings, path);
    return 0;
}

void nfs_inbox_stop(struct transfer_server *server)
{
    struct nfs_inbox *inbox = steal(server->nfs);
    if (!inbox) {
        server_process_stop(server);
        return;
    }
    while (inbox->arrivals)
        remove_arrival(inbox->arrivals);
    loop_cancel(inbox->loop, &inbox->scan);
    nfs_mount_close(&inbox->mount);
    free(inbox);
}
