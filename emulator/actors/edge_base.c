/* The base image ahead of the container that needs it: a source whose migration has an early part announces it (PREPULL), and an edge server
 * without the image pulls it meanwhile. The announcement decides nothing: without it, or when its pull has failed, whoever needs the image
 * pulls it. */
#include "edge.h"

/* Twice or late, it has nothing to add. */
void edge_pull_ahead(struct edge *edge, const struct msg *m)
{
    struct edge_client *client = edge_client_of(edge, m->mud);
    if (!edge->lacks_base || edge->ahead.runs || m->offload.migration <= client->container)
        return;
    edge->ahead = (struct edge_pull){true, m->mud, m->offload.migration, actor_now(&edge->actor)};
    edge_operate(client, OP_PULL, 0, 0, m->from);
}

/* It is no migration's, so that no migration calls it off, and names who announced it. */
bool edge_is_pull_ahead(const struct order *order)
{
    return order->operation == OP_PULL && order->migration == 0 && order->peer.role != PARTY_NONE;
}

bool edge_await_base(struct edge_client *client)
{
    client->awaits_base = client->edge->lacks_base && client->edge->ahead.runs;
    return client->awaits_base;
}

/* That of the announced migration is told already. */
static void report_wait(struct edge_client *client, const struct edge_pull *ahead, int32_t status)
{
    if (client->mud != ahead->mud || client->in.id != ahead->migration)
        edge_report_stage(client, client->in.id, OP_PULL, client->in.pull_begin, &(struct order_result){.status = status});
}

static void go_on(struct edge_client *client, const struct edge_pull *ahead, int32_t status)
{
    client->awaits_base = false;
    if (client->state == EDGE_STARTING) {
        edge_order_start(client);
        return;
    }
    report_wait(client, ahead, status);
    migration_need_base(client);
}

void edge_pulled_ahead(struct edge *edge, const struct order_result *result)
{
    const struct edge_pull ahead = edge->ahead;
    struct edge_client *announced = edge_client_of(edge, ahead.mud);
    size_t at = 0;
    edge->ahead.runs = false;
    edge_report_stage(announced, ahead.migration, OP_PULL, ahead.begin, result);
    if (result->status == 0)
        edge_report_pull(announced, (int32_t)ahead.migration, result);
    else
        actor_note(&edge->actor, (int32_t)ahead.mud, (int32_t)ahead.migration,
                   "the base image could not be pulled ahead: %s", result->reason);
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));)
        if (client->awaits_base)
            go_on(client, &ahead, result->status);
}
