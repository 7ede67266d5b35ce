/* Containers that end without being asked to. What only the live one knew is lost: the device is declared unavailable, unless another container
 * may serve it already. */
#include "edge.h"

void edge_lose_container(struct edge_client *client, enum edge_event event)
{
    edge_forget_requests(client);
    client->lost = true;
    actor_clear_alarm(&client->edge->actor, &client->order_alarm);
    edge_report_container(client, client->container, "lost");
    actor_note(&client->edge->actor, (int32_t)client->mud, -1,
               "the only live container is lost: the device is unavailable from now on");
    edge_enter_state(client, EDGE_EMPTY, event);
}

void edge_lose_incomplete(struct edge_client *client, const char *why)
{
    client->lost = true;
    edge_report_container(client, client->container, "lost");
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)client->container,
               "the rest of the container's memory will never come: %s: the device is unavailable from now on", why);
    edge_remove_container(client, OP_DISCARD, client->container, EDGE_EV_BROKEN);
    edge_begin_pending(client);
}

void edge_live_died(struct edge_client *client, const struct msg *m)
{
    (void)m;
    actor_note(&client->edge->actor, (int32_t)client->mud, -1, "the live container ended by itself");
    migration_forget_pages(client);
    if (migration_runs(&client->out))
        migration_lose_source(client);
    else
        edge_lose_container(client, EDGE_EV_DIED);
}

void edge_restored_died(struct edge_client *client, const struct msg *m)
{
    (void)m;
    courier_drop(&client->edge->courier, OFFLOAD_EDGE_READY, client->mud, client->container);
    migration_lose_target(client);
}
