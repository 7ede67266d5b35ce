#include "migration.h"
#include "edge.h"

#include <errno.h>
#include <stdio.h>

enum {
    PUT_OFFS_MAX = 20,
    SOURCE_PATIENCE = 4, /* operations' timeouts that the target may take in all */
};

static const struct rules *rules_of(const struct edge_client *client)
{
    return client->edge->actor.rules;
}

static void set_alarm(struct edge_client *client, struct migration *m, struct simtime after)
{
    actor_set_alarm(&client->edge->actor, &m->alarm, after);
}

void migration_tell(struct edge_client *client, const struct migration *m, struct party to, uint8_t type, int32_t status)
{
    struct offload o = {.type = type,
                        .mud = client->mud,
                        .sequence = m->sequence,
                        .migration = m->id,
                        .number = m->cut,
                        .until = m->cut,
                        .status = status,
                        .flags = type == OFFLOAD_INSTALL && edge_from_snapshot(client, m) ? OFFLOAD_SNAPSHOT : 0,
                        .peer = m->ap};
    courier_send_offload(&client->edge->courier, to, &o);
}

/* --- walking the stages ---------------------------------------------------------------------------------------------------- */

/* Transfers are bounded by their progress, which the port watches, not by their duration. */
static bool has_time_limit(enum operation operation)
{
    return !operation_is_transfer(operation) && operation_received(operation) == OPERATIONS && operation != OP_PULL;
}

/* A source that waits for what the target sends does so only as long as for the rest: the target may have forgotten it. Pages are asked for
 * when all else is there: who waits for that is INSTALLING. */
static struct simtime time_limit(const struct edge_client *client, const struct migration *m, enum operation operation)
{
    struct simtime limit = rules_of(client)->timeouts.operation;
    if (has_time_limit(operation))
        return limit;
    bool waits = m == &client->out && operation_received(operation) != OPERATIONS && operation != OP_SERVE_PAGES;
    return waits ? simtime_scale(limit, SOURCE_PATIENCE) : SIMTIME_NEVER;
}

static void watch_stages(struct edge_client *client, struct migration *m)
{
    const struct strategy *strategy = m->strategy;
    struct simtime limit = SIMTIME_NEVER;
    for (int i = 0; i < strategy->stage_count; i++)
        if (m->begun & ~m->ended & 1U << i)
            limit = simtime_min(limit, time_limit(client, m, strategy->stages[i].operation));
    if (limit.ns == SIMTIME_NEVER.ns)
        actor_clear_alarm(&client->edge->actor, &m->alarm);
    else
        set_alarm(client, m, limit);
}

void migration_operate(struct edge_client *client, struct migration *m, enum operation operation)
{
    m->operating++;
    edge_operate(client, operation, m->id, client->container, m->peer);
}

/* Before the freeze: what is with the container is finished, what comes waits. */
static void drain(struct edge_client *client)
{
    client->out.state = MIGRATION_DRAINING;
    client->gate_closed = true;
    set_alarm(client, &client->out, rules_of(client)->timeouts.gate_drain);
    if (edge_undrained(client) == 0)
        migration_drained(client);
}

/* What freezes waits for the cut. */
void migration_begin_stages(struct edge_client *client, struct migration *m, enum place place)
{
    const struct strategy *strategy = m->strategy;
    m->state = MIGRATION_WORKING;
    for (int i; (i = strategy_next(strategy, place, m->begun, m->ended)) >= 0;) {
        enum operation operation = strategy->stages[i].operation;
        if (operation == OP_FREEZE && !m->cut_taken) {
            drain(client);
            return;
        }
        if (operation == OP_TAKE_LOG && !edge_commands_reach(client, m->cut)) {
            migration_call_off(client, -ENOBUFS, "the command log does not hold all that was executed");
            return;
        }
        m->begun |= 1U << i;
        m->stage_begin[i] = actor_now(&client->edge->actor);
        m->files = true;
        m->frozen |= operation == OP_FREEZE;
        m->sent |= operation_is_transfer(operation);
        m->pages |= operation_is_of_pages(operation);
        migration_operate(client, m, operation);
    }
    watch_stages(client, m);
}

void migration_end_stage(struct edge_client *client, struct migration *m, const struct order *order,
                         const struct order_result *result)
{
    const struct strategy *strategy = m->strategy;
    int i = 0;
    while (i < strategy->stage_count - 1 && strategy->stages[i].operation != order->operation)
        i++;
    m->ended |= 1U << i;
    edge_report_stage(client, m->id, order->operation, m->stage_begin[i], result);
}

/* The target works, and the access point decides. One that has restarted has forgotten it, and says so as soon as it hears of it. */
static void await_decision(struct edge_client *client)
{
    const struct timeouts *timeouts = &rules_of(client)->timeouts;
    struct migration *m = &client->out;
    m->state = MIGRATION_INSTALLING;
    m->patience = simtime_add(actor_now(&client->edge->actor), simtime_scale(timeouts->operation, SOURCE_PATIENCE));
    set_alarm(client, m, timeouts->control_give_up);
}

static void look_after_decider(struct edge_client *client)
{
    struct migration *m = &client->out;
    if (m->left)
        return;
    if (m->status || !simtime_before(actor_now(&client->edge->actor), m->patience))
        migration_ask_to_fail(client);
    else
        migration_tell(client, m, m->ap, OFFLOAD_CUT, 0);
    set_alarm(client, m, rules_of(client)->timeouts.control_give_up);
}

static void tell_target(struct edge_client *client)
{
    struct migration *m = &client->out;
    if (!m->told)
        migration_tell(client, m, m->peer, OFFLOAD_INSTALL, 0);
    m->told = m->sent = true;
}

static void run_source_stages(struct edge_client *client)
{
    struct migration *m = &client->out;
    migration_begin_stages(client, m, AT_SOURCE);
    if (m->operating > m->pages || m->state != MIGRATION_WORKING)
        return;
    await_decision(client);
    tell_target(client);
}

/* The snapshot's number is known: what overlaps begins at the target, too. */
static void run_from_the_cut(struct edge_client *client)
{
    if (client->out.strategy->overlaps)
        tell_target(client);
    run_source_stages(client);
}

/* --- the source ------------------------------------------------------------------------------------------------------------ */

/* Without a snapshot: what has been executed until now. */
static void cut_in_passing(struct edge_client *client)
{
    struct migration *m = &client->out;
    m->cut = client->next;
    m->cut_taken = true;
    migration_tell(client, m, m->ap, OFFLOAD_CUT, 0);
}

/* What the target lacks from the start it can pull while this container still serves. */
static void let_base_be_pulled(struct edge_client *client)
{
    const struct migration *m = &client->out;
    const bool *lacks_base = rules_of(client)->lacks_base;
    struct offload o = {.type = OFFLOAD_PREPULL, .mud = client->mud, .sequence = m->sequence, .migration = m->id};
    if (m->strategy->needs_base && strategy_copies_ahead(m->strategy) && lacks_base && lacks_base[m->peer.index])
        actor_send_offload(&client->edge->actor, m->peer, &o);
}

void migration_begin(struct edge_client *client, const struct msg *msg)
{
    struct migration *m = &client->out;
    *m = (struct migration){.state = MIGRATION_WORKING,
                            .id = msg->offload.migration,
                            .strategy = edge_strategy(client, client->snapshot.next > 0),
                            .peer = msg->offload.peer,
                            .ap = msg->from,
                            .sequence = msg->offload.sequence,
                            .begin = actor_now(&client->edge->actor),
                            .alarm = m->alarm};
    client->sequence = m->sequence > client->sequence ? m->sequence : client->sequence;
    client->owner = m->ap;
    edge_keep_owner(client); /* whoever reads that it begins shall read its end */
    actor_mark(&client->edge->actor, client->mud, m->id, m->ap, "migr begins", 0);
    let_base_be_pulled(client);
    if (!strategy_has(m->strategy, OP_FREEZE))
        cut_in_passing(client);
    if (m->cut_taken)
        run_from_the_cut(client);
    else
        run_source_stages(client);
}

void migration_drained(struct edge_client *client)
{
    struct migration *m = &client->out;
    m->cut = client->next;
    m->cut_taken = true;
    if (strategy_source_serves(m->strategy)) {
        run_from_the_cut(client);
        return;
    }
    m->state = MIGRATION_PROBING;
    migration_probe(client);
}

void migration_probe(struct edge_client *client)
{
    const struct migration *m = &client->out;
    set_alarm(client, &client->out, rules_of(client)->timeouts.control_retry);
    struct offload o = {.type = OFFLOAD_PROBE,
                        .mud = client->mud,
                        .sequence = m->sequence,
                        .migration = m->id,
                        .number = m->cut,
                        .peer = client->edge->actor.self};
    edge_deliver(client, &o);
}

void migration_probed(struct edge_client *client, const struct offload *o)
{
    struct migration *m = &client->out;
    if (m->state == MIGRATION_UNDOING && m->unproven && o->migration == m->id)
        migration_undo_probed(client, o);
    if (m->state != MIGRATION_PROBING || o->migration != m->id || o->number != m->cut)
        return;
    m->last_probe = *o;
    run_from_the_cut(client);
}

static void put_off(struct edge_client *client)
{
    struct migration *m = &client->out;
    if (++m->put_offs > PUT_OFFS_MAX) {
        migration_call_off(client, -EBUSY, "the container never finished its requests, so that it could not be frozen");
        return;
    }
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)m->id,
               "dump put off, time %u: %u requests not finished", m->put_offs, edge_undrained(client));
    m->state = MIGRATION_PUT_OFF;
    m->cut_taken = false;
    edge_deliver_undrained(client);
    edge_open_gate(client);
    set_alarm(client, m, rules_of(client)->timeouts.gate_drain);
}

/* The snapshot is taken: the container goes on, or is gone for good (cold), or stands still and keeps the pages (lazy). */
static void cut_is_taken(struct edge_client *client, enum operation operation)
{
    struct migration *m = &client->out;
    m->frozen = operation == OP_DUMP_STATE;
    m->halted = operation == OP_HALT;
    if (operation == OP_THAW)
        edge_open_gate(client);
    else
        edge_report_container(client, client->container, "halted");
    migration_tell(client, m, m->ap, OFFLOAD_CUT, 0);
    if (operation == OP_THAW && m->early_probe.offload.type == OFFLOAD_PROBE)
        edge_probe(client, &m->early_probe);
}

/* --- both ------------------------------------------------------------------------------------------------------------------- */

static void source_operation_done(struct edge_client *client, const struct order *order, const struct order_result *result)
{
    struct migration *m = &client->out;
    m->operating--;
    m->pages &= order->operation != OP_SERVE_PAGES;
    if (m->state == MIGRATION_UNDOING) {
        migration_undo_step_done(client, order, result);
        return;
    }
    if (m->state == MIGRATION_INSTALLING && (m->status || m->doubted) && order->operation != OP_SERVE_PAGES)
        return; /* called off, because another failed or the target is asked */
    migration_end_stage(client, m, order, result);
    if (order->operation == OP_SERVE_PAGES && (m->left || (m->told && result->status < 0))) {
        migration_pages_served(client, result);
        return;
    }
    if (result->status < 0) {
        char reason[300];
        snprintf(reason, sizeof reason, "%s: %s", operation_name(order->operation), result->reason);
        migration_fail(client, result->status, reason);
        return;
    }
    if (order->operation == OP_THAW || order->operation == OP_HALT || order->operation == OP_DUMP_STATE)
        cut_is_taken(client, order->operation);
    run_source_stages(client);
}

void migration_operation_done(struct edge_client *client, const struct order *order, const struct order_result *result)
{
    if (client->out.operating && client->out.id == order->migration)
        source_operation_done(client, order, result);
    else
        migration_target_operation_done(client, order, result);
}

void migration_ask_to_fail(struct edge_client *client)
{
    const struct migration *m = &client->out;
    if (m->told && !m->left && m->state != MIGRATION_UNDOING)
        migration_tell(client, m, m->ap, OFFLOAD_FAILED, -ETIMEDOUT);
}

void migration_await_verdict(struct edge_client *client)
{
    await_decision(client);
    migration_ask_to_fail(client);
}

static void operation_timed_out(struct edge_client *client, struct migration *m)
{
    struct actor *actor = &client->edge->actor;
    if (m == &client->out && m->state != MIGRATION_UNDOING) {
        migration_fail(client, -ETIMEDOUT, "an operation did not end in time");
        return;
    }
    if (!m->operating) {
        migration_undo(client); /* the step that failed, again */
        return;
    }
    actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, m->id);
}

void migration_alarm_rings(struct edge_client *client, struct migration *m)
{
    switch (m->state) {
    case MIGRATION_DRAINING:
    case MIGRATION_PROBING:
        put_off(client);
        break;
    case MIGRATION_PUT_OFF:
        drain(client);
        break;
    case MIGRATION_WORKING:
    case MIGRATION_UNDOING:
        if (m->reconstructing)
            edge_reconstruct_again(client);
        else
            operation_timed_out(client, m);
        break;
    case MIGRATION_INSTALLING:
        look_after_decider(client);
        break;
    case MIGRATION_NONE:
    case MIGRATION_READY:
    case MIGRATION_STATES:
        break;
    }
}
