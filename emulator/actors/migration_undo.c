/* The undo of a migration at its source: one step after the other, each an operation. */
#include "edge.h"
#include "migration.h"

#include <errno.h>

enum { UNDO_FAILURES_MAX = 20 };

void migration_note_end(struct edge_client *client, enum migration_outcome outcome)
{
    const struct migration *m = &client->out;
    client->end = (struct owner_end){.migration = m->id, .peer = m->peer, .outcome = outcome, .status = m->status};
    client->end_begin = m->begin;
}

void migration_tell_end(struct edge_client *client)
{
    static const char *const outcomes[] = {
        [MIGRATION_FINISHED] = "finished", [MIGRATION_FAILED] = "failed", [MIGRATION_SUPERSEDED] = "superseded"};
    const struct owner_end *end = &client->end;
    struct report r = REPORT_INIT;
    r.kind = EVENT_MIGRATION;
    r.reporter = r.sender = client->edge->actor.self;
    r.peer = end->peer;
    r.text = outcomes[end->outcome];
    r.mud = (int32_t)client->mud;
    r.number = end->again ? EVENT_TOLD_AGAIN : -1;
    r.migration = (int32_t)end->migration;
    r.begin = client->end_begin;
    r.value = end->status;
    client->edge->actor.port->operations->report(client->edge->actor.port, &r);
    client->end = (struct owner_end){0};
}

static void give_up_source(struct migration *m)
{
    m->lost = m->worthless = true;
    m->halted = m->unproven = false;
    m->cut_taken = m->files = false; /* they go with the container */
    m->undo_failures = 0;
}

/* What is revived must be what was halted. If it never says so, it is no better than what cannot be revived. */
static void prove(struct edge_client *client)
{
    struct migration *m = &client->out;
    struct simtime now = actor_now(&client->edge->actor);
    if (m->undo_failures == 0)
        m->patience = simtime_add(now, client->edge->actor.rules->timeouts.operation);
    if (m->undo_failures++ < UNDO_FAILURES_MAX || simtime_before(now, m->patience)) {
        migration_probe(client);
        return;
    }
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)m->id, "undo: the container does not answer: given up");
    give_up_source(m);
    migration_undo(client);
}

static void undo_by(struct edge_client *client, enum operation operation)
{
    migration_operate(client, &client->out, operation);
    actor_set_alarm(&client->edge->actor, &client->out.alarm, client->edge->actor.rules->timeouts.operation);
}

void migration_undo(struct edge_client *client)
{
    struct migration *m = &client->out;
    m->state = MIGRATION_UNDOING;
    if (m->operating)
        return;
    if (m->frozen) {
        undo_by(client, OP_THAW);
    } else if (m->halted) {
        undo_by(client, OP_REVIVE);
    } else if (m->unproven) {
        prove(client);
    } else if (m->worthless) {
        undo_by(client, OP_STOP);
    } else if (m->cut_taken || m->files) {
        m->cut_taken = m->files = false;
        undo_by(client, OP_DISCARD);
    } else {
        actor_clear_alarm(&client->edge->actor, &m->alarm);
        if (!m->lost)
            edge_open_gate(client);
        if (m->sent) {
            edge_remember_leftover(client, m);
            migration_tell(client, m, m->peer, OFFLOAD_REMOVE, 0);
        }
        if (m->status)
            migration_tell(client, m, m->ap, OFFLOAD_FAILED, m->status);
        migration_note_end(client, m->status ? MIGRATION_FAILED : MIGRATION_SUPERSEDED);
        if (m->lost) /* its record must know of the end by then */
            edge_lose_container(client, EDGE_EV_BROKEN);
        edge_migration_ended(client);
    }
}

static void explain(struct edge_client *client, const char *what, int32_t status, const char *reason)
{
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)client->out.id, "%s: %s", what, reason);
    client->out.status = status;
}

/* Nothing of the migration is asked or begun any more. */
static void halt(struct edge_client *client)
{
    static const uint8_t asked[] = {OFFLOAD_INSTALL, OFFLOAD_CUT, OFFLOAD_REMOVE};
    struct actor *actor = &client->edge->actor;
    const struct migration *m = &client->out;
    for (unsigned i = 0; i < sizeof asked; i++)
        courier_drop(&client->edge->courier, asked[i], client->mud, m->id);
    if (m->operating)
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, m->id);
}

void migration_call_off(struct edge_client *client, int32_t status, const char *reason)
{
    if (client->out.state == MIGRATION_UNDOING)
        return;
    explain(client, status ? "migration failed" : "migration called off", status, reason);
    halt(client);
    migration_undo(client);
}

bool migration_has_begun(const struct migration *m, enum operation operation)
{
    for (int i = 0; i < m->strategy->stage_count; i++)
        if (m->strategy->stages[i].operation == operation)
            return m->begun & 1U << i;
    return false;
}

/* Before the target is told it can do nothing, and what is frozen answers no probe, without which nothing is committed, unless it keeps only its pages. */
static bool may_be_committed(const struct migration *m)
{
    bool away = !m->frozen || migration_has_begun(m, OP_SERVE_PAGES);
    return m->told && away && (m->state == MIGRATION_WORKING || m->state == MIGRATION_INSTALLING);
}

void migration_ask_target(struct edge_client *client)
{
    const struct migration *m = &client->out;
    struct offload o = {.type = OFFLOAD_REMOVE,
                        .flags = OFFLOAD_FORGOTTEN,
                        .mud = client->mud,
                        .sequence = m->sequence,
                        .migration = m->id};
    courier_send_offload(&client->edge->courier, m->peer, &o);
}

void migration_fail(struct edge_client *client, int32_t status, const char *reason)
{
    if (!may_be_committed(&client->out)) {
        migration_call_off(client, status, reason);
        return;
    }
    explain(client, "migration in doubt", status, reason);
    halt(client);
    if (client->out.asked_back)
        migration_ask_target(client);
    migration_await_verdict(client);
}

void migration_doubt(struct edge_client *client, int32_t status, const char *reason)
{
    struct migration *m = &client->out;
    if (m->doubted)
        return;
    if (!may_be_committed(m)) {
        migration_call_off(client, status, reason);
        return;
    }
    m->doubted = true;
    m->state = MIGRATION_INSTALLING;
    explain(client, "migration in doubt", status, reason);
    actor_clear_alarm(&client->edge->actor, &m->alarm);
    halt(client);
    migration_ask_target(client);
}

void migration_disproved(struct edge_client *client)
{
    halt(client);
    migration_undo(client);
}

/* Nothing of the container is left to be undone. If the target may serve already, the verdict is the access point's. */
void migration_lose_source(struct edge_client *client)
{
    struct migration *m = &client->out;
    m->lost = true;
    m->frozen = m->halted = m->unproven = false;
    if (m->state == MIGRATION_UNDOING)
        migration_undo(client);
    else if (m->told)
        migration_ask_to_fail(client);
    else
        migration_call_off(client, -ESRCH, "its container ended by itself");
}

/* A step that fails is tried again after a while: on it depends that the device is served. At last it is given up, with a word. */
static bool undo_step_stands(struct edge_client *client, const struct order *order, const struct order_result *result)
{
    struct migration *m = &client->out;
    if (result->status == 0)
        return true;
    m->undo_failed = result->status != -ECANCELED;
    if (++m->undo_failures < UNDO_FAILURES_MAX)
        return false;
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)m->id, "undo: %s: %s: given up",
               operation_name(order->operation), result->reason);
    return true;
}

/* A checkpoint may have been damaged: what it gives must be what was halted. */
void migration_undo_probed(struct edge_client *client, const struct offload *o)
{
    struct migration *m = &client->out;
    const struct offload *halted = &m->last_probe;
    if (o->number == halted->number && o->digest == halted->digest && o->checksum == halted->checksum) {
        m->unproven = false;
        client->next = o->number; /* unknown after a restart */
        edge_report_container(client, client->container, "live");
    } else {
        give_up_source(m);
    }
    migration_undo(client);
}

/* The first operation that ends here may be a stage that was called off. */
void migration_undo_step_done(struct edge_client *client, const struct order *order, const struct order_result *result)
{
    struct migration *m = &client->out;
    m->undo_failed = false;
    if (order->operation == OP_THAW && undo_step_stands(client, order, result)) {
        m->frozen = false;
        m->undo_failures = 0;
        if (strategy_is_lazy(client->edge->actor.rules->strategy))
            edge_report_container(client, client->container, "live");
    } else if (order->operation == OP_HALT && result->status == 0) {
        m->frozen = false;
        m->halted = true;
        edge_report_container(client, client->container, "halted");
    } else if (order->operation == OP_REVIVE && undo_step_stands(client, order, result)) {
        m->halted = false;
        m->unproven = true;
        m->undo_failures = 0;
        if (result->status < 0)
            give_up_source(m);
    } else if (order->operation == OP_STOP && undo_step_stands(client, order, result)) {
        m->worthless = false;
    } else if (order->operation == OP_DISCARD && !undo_step_stands(client, order, result)) {
        m->files = true;
    }
    if (m->undo_failed)
        actor_set_alarm(&client->edge->actor, &m->alarm, client->edge->actor.rules->timeouts.control_retry);
    else
        migration_undo(client);
}
