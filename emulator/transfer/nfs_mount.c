#include "nfs_mount.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void give_up(struct nfs_mount *m)
{
    struct err e = m->failure;
    nfs_mount_close(m);
    m->changed(m, -e.code, &e);
}

static void too_late(struct timer *timer)
{
    struct nfs_mount *m = container_of(timer, struct nfs_mount, deadline);
    if (!m->failure.code)
        err_set(&m->failure, ETIMEDOUT, "nfs: %s port %u does not answer", m->settings.store.address,
                m->settings.store.port);
    give_up(m);
}

void nfs_mount_open(struct nfs_mount *m, const struct transfer_settings *settings, const char *path)
{
    m->settings = *settings;
    m->path = mem_copy_string(path);
    m->failure = (struct err)ERR_INIT;
    m->client = nfs_client_choose(settings->nfs_client);
    m->deadline.fire = too_late;
    loop_arm_after(settings->loop, &m->deadline, settings->connect_timeout);
    m->client->open(m);
}

void nfs_mount_stands(struct nfs_mount *m)
{
    loop_cancel(m->settings.loop, &m->deadline);
    m->mounted = true;
    m->changed(m, 0, NULL);
}

void nfs_mount_refused(struct nfs_mount *m, int status, const char *words)
{
    err_set(&m->failure, -status, "nfs: mount %s of %s: %s", m->path, m->settings.store.address,
            words ? words : strerror(-status));
}

void nfs_mount_lost(struct nfs_mount *m, const struct err *e)
{
    m->failure = *e;
    loop_arm_after(m->settings.loop, &m->deadline, SIMTIME_ZERO);
}

void nfs_mount_close(struct nfs_mount *m)
{
    if (!m->path)
        return;
    m->client->close(m);
    loop_cancel(m->settings.loop, &m->deadline);
    m->mounted = false;
    free(steal(m->path));
}

void nfs_mount_call(struct nfs_mount *m, const struct nfs_call *call, nfs_answer *answered, void *context)
{
    if (m->session)
        m->client->call(m, call, answered, context);
    else if (answered)
        answered(-ENOTCONN, NULL, context);
}

uint64_t nfs_mount_new_wire_bytes(struct nfs_mount *m)
{
    uint64_t before = m->wire_bytes, now = m->session ? m->client->wire_bytes(m) : 0;
    m->wire_bytes = now;
    return now >= before ? now - before : now;
}
