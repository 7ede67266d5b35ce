/* Snapshots of a container that is reconstructed from its log (strategy log-replay): every so many executed requests memory and layer of one
 * instant are kept beside the container, and the log before them is dropped. They stay at the edge server until a migration needs them, and
 * arrive with it as the new container's own.
 *
 * The container is not drained for it. It waits while the snapshot is taken; what it executed by then and has not answered yet is in the log
 * as well, and is answered from the reply cache when the log is executed. */
#include "edge.h"
#include "migration.h"

static const struct rules *rules_of(const struct edge_client *client)
{
    return client->edge->actor.rules;
}

static bool keeps_snapshots(const struct edge_client *client)
{
    return rules_of(client)->snapshot_every && rules_of(client)->strategy->from_snapshot;
}

const struct strategy *edge_strategy(const struct edge_client *client, bool snapshot)
{
    const struct strategy *strategy = rules_of(client)->strategy;
    return snapshot && strategy->from_snapshot ? strategy->from_snapshot : strategy;
}

bool edge_from_snapshot(const struct edge_client *client, const struct migration *m)
{
    return m->strategy && m->strategy == rules_of(client)->strategy->from_snapshot;
}

/* A log that holds too little, as after a restart, needs one as well. */
static bool needs_snapshot(const struct edge_client *client)
{
    return client->snapshot.distrusted || client->commands.len >= rules_of(client)->snapshot_every ||
           !edge_commands_reach(client, client->next);
}

static bool may_take_snapshot(const struct edge_client *client)
{
    return client->state == EDGE_LIVE && !client->ordered && !client->recovering &&
           !migration_runs(&client->out) && client->next > 0 && client->next >= client->snapshot.not_before;
}

void edge_take_snapshot_if_due(struct edge_client *client)
{
    if (!keeps_snapshots(client) || !may_take_snapshot(client) || !needs_snapshot(client))
        return;
    client->snapshot.running = true;
    client->snapshot.coming = client->next;
    edge_order(client, OP_SNAPSHOT, client->container);
}

static void keep(struct edge_client *client, const struct order_result *result)
{
    struct edge_snapshot *s = &client->snapshot;
    *s = (struct edge_snapshot){.next = s->coming};
    replay_drop_through(&client->commands, s->next - 1, false);
    actor_note(&client->edge->actor, (int32_t)client->mud, -1, "snapshot at request %u: %lld bytes", s->next,
               (long long)result->bytes);
}

void edge_snapshot_done(struct edge_client *client, const struct order_result *result)
{
    struct edge_snapshot *s = &client->snapshot;
    if (!s->running)
        return; /* called off, with its container */
    s->running = false;
    edge_order_ended(client);
    if (result->status == 0) {
        keep(client, result);
    } else {
        s->not_before = client->next + rules_of(client)->snapshot_every;
        actor_note(&client->edge->actor, (int32_t)client->mud, -1, "no snapshot: %s", result->reason);
    }
    edge_begin_pending(client);
}

void edge_forget_snapshot(struct edge_client *client)
{
    struct actor *actor = &client->edge->actor;
    bool under_way = client->snapshot.running || client->snapshot.thawing;
    client->snapshot = (struct edge_snapshot){0};
    if (!under_way)
        return;
    edge_order_ended(client);
    actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->container);
}

bool edge_thaw_after_snapshot(struct edge_client *client)
{
    client->snapshot.thawing = keeps_snapshots(client);
    if (client->snapshot.thawing)
        edge_order(client, OP_THAW, client->container);
    return client->snapshot.thawing;
}

/* If it could not be, the container does not answer, and it is tried again. */
void edge_snapshot_thawed(struct edge_client *client)
{
    if (!client->snapshot.thawing)
        return;
    client->snapshot.thawing = false;
    edge_order_ended(client);
    edge_probe_next(client);
}
