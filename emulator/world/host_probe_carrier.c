/* A carrier, tried by sending a file to itself over the loopback of a network namespace that is gone afterwards. */
#include "files.h"
#include "host_probe.h"
#include "mem.h"
#include "netlink.h"
#include "netns.h"
#include "transfer.h"
#include "wiring.h"

#include <errno.h>
#include <string.h>

enum { PORT = 2222, STORE_PORT = 2049, PATIENCE_S = 30 };

static const char contents[] = "what a migration carries\n";

struct trial {
    struct clock clock;
    struct loop *loop;
    struct timer timer;
    struct simtime patience;
    const struct carrier *carrier;
    const struct nfs_client *nfs_client;
    struct transfer_settings settings;
    struct transfer_host host;
    struct transfer_server server, store;
    struct transfer_peer *peer;
    struct transfer_job job;
    char *file;
    struct err err;
};

static void finish(struct trial *t, int status, const struct err *e)
{
    if (status < 0 && !t->err.code)
        t->err = *e;
    loop_stop(t->loop);
}

static void sent(struct transfer_job *job, int status, const struct err *e)
{
    finish(container_of(job, struct trial, job), status, e);
}

static void opened(void *context, int status, const struct err *e)
{
    struct trial *t = context;
    struct err err = ERR_INIT;
    t->job.done = sent;
    if (status < 0)
        finish(t, status, e);
    else if (t->job.state == TRANSFER_IDLE &&
             (status = t->carrier->send(t->peer, &t->job, t->file, t->settings.inbox, &err)) < 0)
        finish(t, status, &err);
}

static void served(struct transfer_server *server, int status, const struct err *e)
{
    struct trial *t = container_of(server, struct trial, server);
    struct err err = ERR_INIT;
    if (status < 0)
        finish(t, status, e);
    else if ((status = t->carrier->open(&t->peer, &t->settings, &t->host, opened, t, &err)) < 0)
        finish(t, status, &err);
}

static int serve(struct trial *t, struct err *e)
{
    return t->carrier->serve(&t->server, &t->settings, &t->host, e);
}

static void store_serves(struct transfer_server *store, int status, const struct err *e)
{
    struct trial *t = container_of(store, struct trial, store);
    struct err err = ERR_INIT;
    if (status < 0)
        finish(t, status, e);
    else if ((status = serve(t, &err)) < 0)
        finish(t, status, &err);
}

static void lost_patience(struct timer *timer)
{
    struct trial *t = container_of(timer, struct trial, timer);
    struct err e = ERR_INIT;
    finish(
        t,
        err_set(&e, ETIMEDOUT, "a file of %zu bytes was not sent within %g s", strlen(contents),
                simtime_seconds(t->patience)),
        &e);
}

static int play(struct trial *t, struct err *e)
{
    t->server.changed = served;
    t->timer.fire = lost_patience;
    loop_arm_after(t->loop, &t->timer, t->patience);
    t->store.changed = store_serves;
    int status = t->carrier->serve_store ? t->carrier->serve_store(&t->store, &t->settings, &t->settings.store, e)
                                         : serve(t, e);
    if (status == 0)
        status = host_probe_play(t->loop, e);
    loop_cancel(t->loop, &t->timer);
    t->carrier->cancel(&t->job);
    t->carrier->close(t->peer);
    t->carrier->stop(&t->server);
    t->carrier->stop(&t->store);
    if (status == 0 && t->err.code) {
        *e = t->err;
        status = -e->code;
    }
    return status;
}

static int compare(struct trial *t, struct err *e)
{
    struct buf got = BUF_INIT;
    autofree char *path = mem_printf("%s/file", t->settings.inbox);
    int status = files_read(path, 0, &got, e);
    if (status == 0 && strcmp(buf_text(&got), contents))
        status = err_set(e, EIO, "the file that was sent is not the one that arrived");
    buf_free(&got);
    return status;
}

static int send_to_itself(struct trial *t, const char *folder, struct err *e)
{
    autofree char *keys = mem_printf("%s/carrier", folder), *file = mem_printf("%s/file", folder),
                  *inbox = mem_printf("%s/inbox", folder);
    t->clock = clock_wall(SIMTIME_ZERO);
    t->host = (struct transfer_host){.name = "here", .address = "127.0.0.1", .port = PORT};
    t->settings = (struct transfer_settings){.folder = keys,
                                             .self = "here",
                                             .inbox = inbox,
                                             .store = {"here", "127.0.0.1", STORE_PORT, NULL},
                                             .nfs_client = t->nfs_client,
                                             .connect_timeout = t->patience,
                                             .progress_timeout = t->patience};
    t->file = file;
    int status = files_make_folder(inbox, 0700, e);
    if (status == 0)
        status = files_write(file, contents, e);
    if (status == 0)
        status = t->carrier->prepare(keys, &t->host, 1, e);
    if (status < 0)
        return status;
    t->settings.loop = t->loop = loop_new(&t->clock, e);
    status = t->loop ? play(t, e) : -e->code;
    loop_free(t->loop);
    return status == 0 ? compare(t, e) : status;
}

static int raise_loopback(struct err *e)
{
    struct netlink *netlink = netlink_open(NULL, e);
    int status = netlink ? wiring_up(netlink, "lo", e) : -e->code;
    netlink_free(netlink);
    return status;
}

int host_probe_carrier(const struct host_probe *probe, const struct host_probe_subject *subject, char *found,
                       size_t size, struct err *e)
{
    struct trial t = {.carrier = carrier_of(probe->argument), .patience = simtime_s(PATIENCE_S)};
    if (subject->scenario) {
        t.nfs_client = subject->scenario->migration.nfs_client;
        t.patience = simtime_max(t.patience, subject->scenario->timeouts.progress);
    }
    struct journal *journal = host_probe_journal(e);
    int back, status = journal ? netns_enter_private(&back, e) : -e->code;
    if (status == 0) {
        status = raise_loopback(e);
        if (status == 0)
            status = send_to_itself(&t, journal_folder(journal), e);
        netns_leave(back);
    }
    snprintf(found, size, "carried a file: %s", t.carrier->help);
    status = host_probe_end(journal, status, "as root: tools/setup run", e);
    return status < 0 ? err_wrap(e, "carrier %s", probe->argument) : 0;
}
