/* A migration at its target: the base pulled if it is missing, the stages, what comes of them. */
#include "edge.h"
#include "migration.h"

#include <errno.h>

static void run_target_stages(struct edge_client *client)
{
    struct migration *m = &client->in;
    migration_begin_stages(client, m, AT_TARGET);
    if (m->operating > m->pages || m->reconstructing)
        return;
    m->state = MIGRATION_READY;
    edge_handle(client, EDGE_EV_INSTALLED, NULL);
}

static void target_ends_broken(struct edge_client *client)
{
    struct migration *m = &client->in;
    actor_clear_alarm(&client->edge->actor, &m->alarm);
    struct msg failed = {.type = MSG_OFFLOAD, .from = client->edge->actor.self, .mud = client->mud};
    failed.offload = (struct offload){.type = OFFLOAD_FAILED,
                                      .mud = client->mud,
                                      .sequence = m->sequence,
                                      .migration = m->id,
                                      .status = m->failure};
    edge_handle(client, EDGE_EV_BROKEN, &failed);
}

void migration_fail_target(struct edge_client *client, int32_t status, enum operation operation, const char *reason)
{
    struct actor *actor = &client->edge->actor;
    struct migration *m = &client->in;
    actor_note(actor, (int32_t)client->mud, (int32_t)m->id, "migration failed: %s: %s",
               operation_name(operation), reason);
    m->failure = status;
    m->state = MIGRATION_UNDOING;
    if (m->operating)
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, m->id);
    else
        target_ends_broken(client);
}

/* Before the stages, where the image is missing that they need. */
void migration_need_base(struct edge_client *client)
{
    struct migration *m = &client->in;
    if (!m->strategy->needs_base || !client->edge->lacks_base) {
        run_target_stages(client);
        return;
    }
    m->state = MIGRATION_WORKING;
    m->pull_begin = actor_now(&client->edge->actor);
    if (!edge_await_base(client))
        migration_operate(client, m, OP_PULL);
}

static void end_target_stage(struct edge_client *client, const struct order *order,
                             const struct order_result *result)
{
    struct migration *m = &client->in;
    if (order->operation != OP_PULL) {
        migration_end_stage(client, m, order, result);
        return;
    }
    edge_report_stage(client, m->id, OP_PULL, m->pull_begin, result);
    if (result->status == 0)
        edge_report_pull(client, (int32_t)m->id, result);
}

void migration_target_operation_done(struct edge_client *client, const struct order *order,
                                     const struct order_result *result)
{
    struct migration *m = &client->in;
    m->operating--;
    m->pages &= order->operation != OP_FETCH_PAGES;
    if (m->state != MIGRATION_UNDOING && order->operation == OP_FETCH_PAGES) {
        migration_pages_fetched(client, order, result);
    } else if (m->state != MIGRATION_UNDOING) {
        if (order->operation == OP_REPLAY_LOG && result->status == 0) {
            edge_reconstruct(client, result->log);
            return;
        }
        end_target_stage(client, order, result);
        if (result->status < 0)
            migration_fail_target(client, result->status, order->operation, result->reason);
        else
            run_target_stages(client);
    } else if (m->operating == 0 && m->failure) {
        target_ends_broken(client);
    } else if (m->operating == 0) {
        migration_fail_target(client, -ECANCELED, order->operation, "called off");
    }
}

void migration_reconstructed(struct edge_client *client, int32_t status, const char *reason)
{
    const struct order order = {.operation = OP_REPLAY_LOG};
    const struct order_result result = {.status = status, .reason = reason};
    migration_end_stage(client, &client->in, &order, &result);
    if (status < 0)
        migration_fail_target(client, status, OP_REPLAY_LOG, reason);
    else
        run_target_stages(client);
}

void migration_lose_target(struct edge_client *client)
{
    migration_fail_target(client, -ESRCH, OP_RESTORE, "the container ended by itself");
}

void migration_prepare(struct edge_client *client, const struct msg *msg)
{
    struct migration *m = &client->in;
    *m = (struct migration){.id = msg->offload.migration,
                            .strategy = edge_strategy(client, msg->offload.flags & OFFLOAD_SNAPSHOT),
                            .peer = msg->from,
                            .ap = msg->offload.peer,
                            .sequence = msg->offload.sequence,
                            .cut = msg->offload.until,
                            .begin = actor_now(&client->edge->actor),
                            .alarm = m->alarm};
    for (int i = 0; i < m->strategy->stage_count; i++)
        if (m->strategy->stages[i].place == AT_SOURCE)
            m->ended |= 1U << i;
}
