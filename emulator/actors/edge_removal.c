/* REMOVE: what a migration that is called off has brought goes. Who asks may not know that it is committed; the target knows. */
#include "edge.h"
#include "mem.h"

#include <errno.h>

/* A source whose pages the target may need learns whether there is something to undo. */
void edge_acknowledge_removal(struct edge_client *client, const struct msg *m)
{
    bool serves = (client->state == EDGE_LIVE || client->lost) && m->offload.migration == client->container;
    struct offload ack = {.type = OFFLOAD_ACK,
                          .acked = OFFLOAD_REMOVE,
                          .mud = m->mud,
                          .sequence = m->offload.sequence,
                          .migration = m->offload.migration,
                          .status = serves ? -EEXIST : 0};
    actor_send_offload(&client->edge->actor, m->from, &ack);
}

/* The source lost sight of its access point; but the migration is committed, the device is served here, or was. A source that is in doubt waits
 * for STOP alone. Where the container was used there is nothing to compare: it may have forgotten how far it was. */
static void stop_source(struct edge_client *client, const struct msg *m)
{
    bool gone = m->offload.migration <= client->served;
    struct offload o = {.type = OFFLOAD_STOP,
                        .mud = client->mud,
                        .sequence = client->sequence,
                        .migration = m->offload.migration,
                        .number = client->state == EDGE_LIVE && !gone && !client->used ? client->next : UINT32_MAX};
    if (!(m->offload.flags & OFFLOAD_FORGOTTEN))
        edge_acknowledge_removal(client, m);
    courier_send_offload(&client->edge->courier, m->from, &o);
}

/* The container that the migration brought has served, and gone, or was lost. */
static bool has_served(const struct edge_client *client, uint32_t migration)
{
    return migration <= client->served ||
           (client->lost && client->container == migration && client->removed < migration);
}

/* Files that were sent before anything was installed, or that the target of a migration from here sent back; acknowledged when they are gone,
 * see removal_done(). */
void edge_remove_files(struct edge_client *client, const struct msg *m)
{
    if (m->offload.flags & OFFLOAD_FORGOTTEN && has_served(client, m->offload.migration)) {
        stop_source(client, m);
        return;
    }
    struct actor *actor = &client->edge->actor;
    uint32_t id = m->offload.migration;
    bool outgoing = party_equal(m->from, actor->self);
    client->removed = id > client->removed && !outgoing ? id : client->removed;
    if (client->files_of)
        return; /* one after the other: REMOVE is repeated */
    client->files_of = id;
    actor_set_alarm(actor, &client->files_alarm, actor->rules->timeouts.operation);
    edge_operate(client, OP_DISCARD, id, id, m->from);
}

void edge_files_alarm_rings(struct alarm *alarm)
{
    const struct edge_client *client = container_of(alarm, struct edge_client, files_alarm);
    const struct actor *actor = &client->edge->actor;
    actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->files_of);
}

/* INSTALLING, STANDBY, or LIVE but never used: called off before the commit. */
void edge_remove_incoming(struct edge_client *client, const struct msg *m)
{
    struct actor *actor = &client->edge->actor;
    if (m->offload.migration != client->container) {
        edge_remove_files(client, m);
        return;
    }
    if (client->state == EDGE_LIVE && m->offload.flags & OFFLOAD_FORGOTTEN) {
        if (!client->recovering)
            stop_source(client, m);
        return;
    }
    if (client->state == EDGE_LIVE && m->offload.sequence < client->fence) {
        edge_acknowledge_removal(client, m);
        return;
    }
    if (client->state == EDGE_LIVE && client->used && m->from.role == PARTY_EDGE) {
        stop_source(client, m);
        return;
    }
    client->removed = client->container;
    client->removal = *m;
    courier_drop(&client->edge->courier, OFFLOAD_EDGE_READY, client->mud, client->container);
    if (client->in.operating > client->in.pages) {
        client->in.state = MIGRATION_UNDOING;
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->in.id);
        return;
    }
    client->in.state = MIGRATION_NONE;
    edge_remove_container(client, OP_DISCARD, client->container, EDGE_EV_REMOVE);
}

/* Files of another migration may have come meanwhile. */
void edge_remove_meanwhile(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration != client->order.migration)
        edge_remove_files(client, m);
}
