/* Lazy pages: what goes on beside a migration's stages and past its commit. Until the last page is at the target neither side can go on
 * alone: the source's end is the target's, and nothing is undone at the source as long as the target may serve. */
#include "edge.h"
#include "migration.h"

#include <errno.h>

/* --- the source -------------------------------------------------------------------------------------------------------------- */

bool migration_may_be_served(const struct migration *m)
{
    return m->told && m->frozen && m->state != MIGRATION_UNDOING;
}

void migration_ask_back(struct edge_client *client, int32_t status)
{
    struct migration *m = &client->out;
    if (m->left || m->asked_back)
        return;
    m->asked_back = true;
    m->status = status;
    migration_ask_target(client);
}

void migration_answered_back(struct edge_client *client, uint32_t migration, int32_t status)
{
    struct migration *m = &client->out;
    if (!m->asked_back || m->id != migration)
        return;
    m->asked_back = false;
    if (status == 0) {
        migration_call_off(client, m->status, "nobody knows of it any more");
        return;
    }
    migration_leave(client, migration);
}

void migration_leave(struct edge_client *client, uint32_t migration)
{
    struct migration *m = &client->out;
    bool waits = m->pages && m->id == migration && m->state != MIGRATION_UNDOING;
    m->left = waits;
    if (!waits)
        edge_leave(client, migration);
}

void migration_pages_served(struct edge_client *client, const struct order_result *result)
{
    struct migration *m = &client->out;
    if (m->left)
        edge_leave(client, m->id);
    else if (result->status < 0)
        migration_await_verdict(client);
}

/* --- the target -------------------------------------------------------------------------------------------------------------- */

void migration_forget_pages(struct edge_client *client)
{
    struct actor *actor = &client->edge->actor;
    if (client->in.pages)
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->in.id);
}

void migration_pages_fetched(struct edge_client *client, const struct order *order,
                             const struct order_result *result)
{
    if (client->state == EDGE_EMPTY || client->state == EDGE_REMOVING)
        return; /* the container went before */
    migration_end_stage(client, &client->in, order, result);
    if (result->status == 0)
        edge_begin_pending(client);
    else if (client->state == EDGE_LIVE)
        edge_lose_incomplete(client, result->reason);
    else
        migration_fail_target(client, result->status, order->operation, result->reason);
}
