/* What access points and other edges ask of a device's container: to migrate, to be installed, to serve, to go because the device is served
 * elsewhere. Each message may come late or more than once. */
#include "edge.h"

#include <errno.h>

void edge_refuse_migrate(struct edge_client *client, const struct msg *m)
{
    edge_acknowledge(client, m);
    struct offload failed = {.type = OFFLOAD_FAILED,
                             .mud = client->mud,
                             .sequence = client->sequence,
                             .migration = m->offload.migration,
                             .status = -ENOENT};
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)m->offload.migration,
               client->state == EDGE_LIVE ? "cannot migrate: asked by an access point of an older time"
                                          : "cannot migrate: no container of this device runs here");
    courier_send_offload(&client->edge->courier, m->from, &failed);
}

/* The container has not served yet: what is asked is of a time before it. */
void edge_migrate_before(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration <= client->container)
        edge_acknowledge(client, m);
    else
        edge_refuse_migrate(client, m);
}

void edge_migrate_later(struct edge_client *client, const struct msg *m)
{
    edge_acknowledge(client, m);
    client->pending_migrate = *m;
}

/* Another access point decides for the device, or has claimed it. */
static bool decides_no_more(const struct edge_client *client, const struct msg *m)
{
    bool of_another = m->offload.sequence < client->sequence && !party_equal(m->from, client->owner);
    return of_another || m->offload.sequence < client->fence || edge_token_is_void(client, m);
}

/* The access point has forgotten how far it was, or one of an older association, of which it does not know, has begun one as well. A
 * repetition of what is over is no better. */
static bool number_is_used(const struct edge_client *client, const struct msg *m)
{
    const struct migration *out = &client->out;
    uint32_t id = m->offload.migration;
    return (id <= client->ended && id != out->id) ||
           (migration_runs(out) && id <= out->id && m->offload.sequence > out->sequence && !party_equal(m->from, out->ap));
}

void edge_migrate(struct edge_client *client, const struct msg *m)
{
    const struct msg *pending = &client->pending_migrate;
    uint32_t id = m->offload.migration;
    if (decides_no_more(client, m)) {
        edge_refuse_migrate(client, m);
        if (m->offload.sequence >= client->fence && edge_token_is_void(client, m))
            edge_say_void(client, m->from);
        return;
    }
    client->sequence = m->offload.sequence > client->sequence ? m->offload.sequence : client->sequence;
    client->owner = m->from;
    client->used = true; /* it is taken for the anchor: what brought the container is committed */
    if (number_is_used(client, m)) {
        edge_refuse_migrate(client, m);
        return;
    }
    edge_acknowledge(client, m);
    if (id <= client->out.id ||
        (pending->mud != MUD_NONE && id < pending->offload.migration))
        return; /* a repetition */
    edge_take_snapshot_if_due(client);
    if (!migration_runs(&client->out) && !client->recovering && !client->snapshot.running && !client->in.pages) {
        migration_begin(client, m);
        return;
    }
    client->pending_migrate = *m;
    if (!migration_runs(&client->out))
        return;
    migration_call_off(client, 0, "a newer migration supersedes it");
}

/* Whether the target has been told, the restarted edge does not know. */
static void tell_to_remove(struct edge_client *client, const struct msg *m)
{
    struct offload o = {.type = OFFLOAD_REMOVE,
                        .mud = client->mud,
                        .sequence = m->offload.sequence,
                        .migration = m->offload.migration};
    courier_send_offload(&client->edge->courier, m->offload.peer, &o);
}

/* Whoever did not begin it, or has forgotten it, cannot know whether it is committed. */
static void cancel_outgoing(struct edge_client *client, const struct msg *m)
{
    const struct migration *out = &client->out;
    bool of_another = !party_equal(m->from, out->ap);
    bool knows = !of_another && !(m->offload.flags & OFFLOAD_FORGOTTEN);
    if (of_another && m->offload.sequence < out->sequence)
        return;
    if (knows)
        migration_call_off(client, m->offload.status, "the access point called it off");
    else if (migration_may_be_served(out))
        migration_ask_back(client, m->offload.status);
    else
        migration_doubt(client, m->offload.status, of_another ? "another access point called it off" : "the access point has forgotten it");
}

void edge_cancel(struct edge_client *client, const struct msg *m)
{
    uint32_t id = m->offload.migration;
    edge_acknowledge(client, m);
    if (m->offload.flags & OFFLOAD_FORGOTTEN)
        edge_forget_held(client);
    if (client->pending_migrate.mud != MUD_NONE && client->pending_migrate.offload.migration == id)
        client->pending_migrate.mud = MUD_NONE;
    if (migration_runs(&client->out) && client->out.id == id)
        cancel_outgoing(client, m);
    else if (id > client->ended)
        client->ended = id; /* its MIGRATE may still be on the way */
    if (client->restarted && m->offload.peer.role == PARTY_EDGE && !(migration_runs(&client->out) && client->out.id == id))
        tell_to_remove(client, m);
}

void edge_migration_ended(struct edge_client *client)
{
    client->ended = client->out.id > client->ended ? client->out.id : client->ended;
    client->snapshot.distrusted |= client->out.status < 0 && edge_from_snapshot(client, &client->out);
    client->out = (struct migration){.alarm = client->out.alarm};
    replay_drop_through(&client->log, UINT32_MAX, true);
    edge_forget_long_answered(client);
    edge_keep_owner(client);
    edge_begin_pending(client);
}

void edge_begin_pending(struct edge_client *client)
{
    struct msg next = client->pending_migrate;
    client->pending_migrate.mud = MUD_NONE;
    if (next.mud != MUD_NONE)
        edge_handle(client, EDGE_EV_MIGRATE, &next);
}

/* Another access point has claimed the device meanwhile. */
static void refuse_install(struct edge_client *client, const struct msg *m)
{
    struct offload failed = {.type = OFFLOAD_FAILED,
                             .mud = client->mud,
                             .sequence = m->offload.sequence,
                             .migration = m->offload.migration,
                             .status = -ESTALE};
    courier_send_offload(&client->edge->courier, m->offload.peer, &failed);
}

void edge_install(struct edge_client *client, const struct msg *m)
{
    uint32_t id = m->offload.migration;
    edge_acknowledge(client, m);
    if (id <= client->removed || id <= client->container || id <= client->ended)
        return; /* a repetition, after what it installed has gone */
    if (m->offload.sequence < client->fence) {
        refuse_install(client, m);
        return;
    }
    client->container = m->offload.migration;
    client->next = m->offload.until;
    client->sequence = m->offload.sequence > client->sequence ? m->offload.sequence : client->sequence;
    migration_prepare(client, m);
    edge_enter_state(client, EDGE_INSTALLING, EDGE_EV_INSTALL);
    migration_need_base(client);
}

/* The device is served at its target, or beyond: nothing of the migration is repeated or undone any more. */
static void finish_outgoing(struct edge_client *client, uint32_t migration)
{
    struct actor *actor = &client->edge->actor;
    if (migration_runs(&client->out))
        migration_note_end(client, MIGRATION_FINISHED);
    if (client->out.operating)
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->out.id);
    actor_clear_alarm(&client->edge->actor, &client->out.alarm);
    client->ended = migration > client->ended ? migration : client->ended;
    client->out = (struct migration){.alarm = client->out.alarm};
    courier_drop(&client->edge->courier, OFFLOAD_CUT, client->mud, migration);
    courier_drop(&client->edge->courier, OFFLOAD_INSTALL, client->mud, migration);
    courier_drop(&client->edge->courier, OFFLOAD_REMOVE, client->mud, migration);
}

/* What is here is of an older time: it goes first; INSTALL is repeated until it is acknowledged. The device is served at the edge that
 * sends it, so if a migration from here still waits for its verdict, that is STOP. */
void edge_install_over_older(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration <= client->container) {
        edge_acknowledge(client, m);
        return;
    }
    if (m->offload.migration <= client->out.id || client->out.operating || client->in.operating)
        return;
    uint32_t outgoing = client->out.id;
    bool stops = migration_runs(&client->out);
    if (stops)
        finish_outgoing(client, outgoing);
    if (client->state == EDGE_LIVE)
        client->served = client->container;
    client->in.state = MIGRATION_NONE;
    edge_remove_container(client, stops ? OP_STOP : OP_DISCARD, stops ? outgoing : client->container, EDGE_EV_INSTALL);
}

void edge_installed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_report_container(client, client->container, "standby");
    edge_enter_state(client, EDGE_STANDBY, EDGE_EV_INSTALLED);
    struct offload ready = {.type = OFFLOAD_EDGE_READY,
                            .mud = client->mud,
                            .sequence = client->in.sequence,
                            .migration = client->in.id,
                            .number = client->in.cut,
                            .peer = client->edge->actor.self};
    courier_send_offload(&client->edge->courier, client->in.ap, &ready);
}

static void install_failed(struct edge_client *client, const struct msg *m)
{
    struct offload failed = m->offload;
    courier_send_offload(&client->edge->courier, client->in.ap, &failed);
    edge_remove_container(client, OP_DISCARD, client->in.id, EDGE_EV_BROKEN);
    client->in.state = MIGRATION_NONE;
    client->removed = client->in.id;
}

void edge_activate(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration != client->container)
        return;
    client->in.state = MIGRATION_NONE;
    client->sequence = m->offload.sequence;
    client->owner = m->from;
    client->used = false;
    courier_drop(&client->edge->courier, OFFLOAD_EDGE_READY, client->mud, client->container);
    edge_report_container(client, client->container, "live");
    edge_enter_state(client, EDGE_LIVE, EDGE_EV_ACTIVATE);
    edge_acknowledge(client, m);
}

void edge_activate_again(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration == client->container)
        edge_acknowledge(client, m);
}

/* The target was activated, but never used: its access point failed the migration, and went on here. */
static bool target_lags(const struct edge_client *client, const struct msg *m)
{
    return client->out.doubted && m->from.role == PARTY_EDGE && m->offload.number < client->next;
}

/* By whom decides on it, or by its target, whoever has claimed the device since. */
static bool ends_outgoing(const struct edge_client *client, const struct msg *m)
{
    const struct migration *out = &client->out;
    return migration_runs(out) && out->id == m->offload.migration &&
           (party_equal(m->from, out->ap) || party_equal(m->from, out->peer));
}

/* A former target answers a question of long ago: what runs now has another target, or the same one anew. */
static bool of_an_older_migration(const struct edge_client *client, const struct msg *m)
{
    return m->from.role == PARTY_EDGE && migration_runs(&client->out) && client->out.id != m->offload.migration;
}

/* The user is served elsewhere: the AP's verdict on the outgoing migration. */
void edge_stop(struct edge_client *client, const struct msg *m)
{
    bool older = m->offload.sequence < client->fence && !ends_outgoing(client, m);
    if (m->offload.migration <= client->container || older || of_an_older_migration(client, m)) {
        edge_acknowledge(client, m);
        return;
    }
    if (target_lags(client, m)) {
        edge_acknowledge(client, m);
        migration_call_off(client, client->out.status, "more was executed here than at the target");
        return;
    }
    client->removal = *m;
    migration_leave(client, m->offload.migration);
}

void edge_leave(struct edge_client *client, uint32_t migration)
{
    finish_outgoing(client, migration);
    client->served = client->container;
    edge_remove_container(client, OP_STOP, migration, EDGE_EV_STOP);
}

/* The operation that REMOVE interrupted is over. */
static void interrupted(struct edge_client *client, const struct msg *m)
{
    (void)m;
    client->in.state = MIGRATION_NONE;
    edge_remove_container(client, OP_DISCARD, client->container, EDGE_EV_REMOVE);
}

void edge_broken_install(struct edge_client *client, const struct msg *m)
{
    if (client->removal.mud != MUD_NONE)
        interrupted(client, m);
    else
        install_failed(client, m);
}
