/* The gate before a device's container: requests go in, replies come out, and what passed since the cut is kept. */
#include "edge.h"

enum { HOPS = 8 }; /* a late reply may be forwarded this often on its way after the token */

void edge_deliver(struct edge_client *client, const struct offload *o)
{
    struct actor *actor = &client->edge->actor;
    actor->port->operations->deliver(actor->port, actor->self, client->container, o);
}

static void deliver_entry(struct edge_client *client, struct replay_entry *entry)
{
    struct offload o = replay_message(entry, OFFLOAD_REQUEST, client->mud, client->sequence);
    o.flags = 0;
    o.digest = 0;
    o.peer = client->owner;
    entry->delivered = true;
    edge_deliver(client, &o);
}

/* The container answers nothing that is a window old: whoever sent it has its reply. */
static bool long_answered(const struct edge_client *client, uint32_t number)
{
    return (uint64_t)number + client->edge->actor.rules->window < client->next;
}

/* What the container is waiting for must come in while the gate is closed, or it never drains. */
static bool others_wait_for(const struct edge_client *client, uint32_t number)
{
    for (size_t i = 0; i < client->log.len; i++) {
        const struct replay_entry *entry = &client->log.entries[i];
        if (entry->number > number && entry->delivered && !entry->answered)
            return client->out.state == MIGRATION_DRAINING;
    }
    return false;
}

void edge_serve(struct edge_client *client, const struct msg *m)
{
    if (m->offload.sequence < client->sequence) {
        actor_note(&client->edge->actor, (int32_t)client->mud, -1, "refused SVCQ %u of an older association",
                   m->offload.number);
        return;
    }
    if (edge_token_is_void(client, m)) {
        edge_say_void(client, m->offload.peer);
        return;
    }
    client->sequence = m->offload.sequence;
    client->owner = m->offload.peer;
    client->via = m->from;
    client->used = true;
    if (long_answered(client, m->offload.number))
        return;
    struct replay_entry *entry = replay_add(&client->log, &m->offload);
    if (!client->gate_closed || others_wait_for(client, m->offload.number))
        deliver_entry(client, entry);
}

void edge_open_gate(struct edge_client *client)
{
    if (client->recovering)
        return;
    client->gate_closed = false;
    for (size_t i = 0; i < client->log.len; i++)
        if (!client->log.entries[i].delivered)
            deliver_entry(client, &client->log.entries[i]);
}

void edge_forget_held(struct edge_client *client)
{
    for (size_t i = client->log.len; i-- > 0;)
        if (!client->log.entries[i].delivered)
            replay_drop(&client->log, client->log.entries[i].number);
}

void edge_deliver_undrained(struct edge_client *client)
{
    for (size_t i = 0; i < client->log.len; i++)
        if (client->log.entries[i].delivered && !client->log.entries[i].answered)
            deliver_entry(client, &client->log.entries[i]);
}

uint32_t edge_undrained(const struct edge_client *client)
{
    uint32_t count = 0;
    for (size_t i = 0; i < client->log.len; i++)
        count += client->log.entries[i].delivered && !client->log.entries[i].answered;
    return count;
}

void edge_report_executed(struct edge_client *client, uint32_t number, const char *text)
{
    struct actor *actor = &client->edge->actor;
    struct report r = REPORT_INIT;
    r.kind = EVENT_EXECUTED;
    r.reporter = actor->self;
    r.text = text;
    r.mud = (int32_t)client->mud;
    r.number = (int32_t)number;
    r.value = client->container;
    actor->port->operations->report(actor->port, &r);
}

/* What has become a window old behind others in the container's queue gets no answer any more. */
void edge_forget_long_answered(struct edge_client *client)
{
    uint32_t window = client->edge->actor.rules->window;
    if (!client->out.cut_taken && client->next > window)
        replay_drop_through(&client->log, client->next - window - 1, false);
}

static void pass_reply(struct edge_client *client, const struct offload *answer)
{
    struct replay_entry *entry = replay_find(&client->log, answer->number);
    if (!(answer->flags & OFFLOAD_CACHED)) {
        client->next = answer->number + 1;
        if (client->recovering)
            edge_report_executed_meanwhile(client);
        else
            edge_report_executed(client, answer->number, "executed");
    }
    struct offload reply = *answer;
    reply.hops = HOPS;
    actor_send_offload(&client->edge->actor, client->via, &reply);
    if (entry && edge_keeps_commands(client) && !(answer->flags & OFFLOAD_CACHED))
        edge_keep_command(client, entry, answer->digest);
    if (entry && client->out.cut_taken) {
        entry->answered = true;
        entry->source_digest = answer->digest;
    } else {
        replay_drop(&client->log, answer->number);
    }
    edge_forget_long_answered(client);
    if (client->out.state == MIGRATION_DRAINING && edge_undrained(client) == 0)
        migration_drained(client);
    edge_take_snapshot_if_due(client);
}

static void pass_probed(struct edge_client *client, const struct offload *answer)
{
    bool own = party_equal(answer->peer, client->edge->actor.self);
    if (own && client->recovering && answer->migration == 0)
        edge_recovered(client, answer);
    else if (own)
        migration_probed(client, answer);
    else
        actor_send_offload(&client->edge->actor, answer->peer, answer);
}

void edge_live_answers(struct edge_client *client, const struct msg *m)
{
    if (m->offload.type == OFFLOAD_REPLY)
        pass_reply(client, &m->offload);
    else if (m->offload.type == OFFLOAD_PROBED)
        pass_probed(client, &m->offload);
}

static void executed_until(struct edge_client *client, uint32_t next)
{
    client->next = next > client->next ? next : client->next;
}

static void keep_replayed(struct edge_client *client, const struct offload *answer)
{
    const struct replay_entry *entry = replay_find(&client->log, answer->number);
    if (entry)
        edge_keep_command(client, entry, answer->digest);
    replay_drop(&client->log, answer->number);
}

void edge_standby_answers(struct edge_client *client, const struct msg *m)
{
    if (m->offload.type == OFFLOAD_PROBED) {
        executed_until(client, m->offload.number);
        pass_probed(client, &m->offload);
    } else if (m->offload.type == OFFLOAD_REPLAYED) {
        executed_until(client, m->offload.number + 1);
        keep_replayed(client, &m->offload);
        actor_send_offload(&client->edge->actor, client->in.ap, &m->offload);
    }
}

void edge_probe(struct edge_client *client, const struct msg *m)
{
    if (m->offload.sequence < client->fence)
        return; /* who asks decides no more */
    bool stands_still = client->out.frozen && client->out.told && !strategy_source_serves(client->out.strategy);
    if (client->out.halted || stands_still) {
        struct offload answer = client->out.last_probe;
        answer.migration = m->offload.migration;
        answer.until = m->offload.until;
        actor_send_offload(&client->edge->actor, m->from, &answer);
        return;
    }
    if (client->out.frozen && client->out.told) {
        client->out.early_probe = *m;
        return;
    }
    struct offload o = m->offload;
    o.peer = m->from;
    edge_deliver(client, &o);
}

void edge_replay(struct edge_client *client, const struct msg *m)
{
    if (edge_keeps_commands(client) && m->offload.number >= client->next)
        replay_add(&client->log, &m->offload)->delivered = true;
    edge_deliver(client, &m->offload);
}

void edge_send_logged(struct edge_client *client, const struct msg *m)
{
    for (size_t i = 0; i < client->log.len; i++) {
        const struct replay_entry *entry = &client->log.entries[i];
        if (entry->number < m->offload.number || entry->number > m->offload.until)
            continue;
        struct offload o = replay_message(entry, OFFLOAD_LOGGED, client->mud, client->sequence);
        o.migration = m->offload.migration;
        actor_send_offload(&client->edge->actor, m->from, &o);
    }
    edge_acknowledge(client, m);
}
