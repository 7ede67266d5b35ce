/* The command log: the requests that a container has executed since it was fresh, or since its last snapshot, so that another one can be
 * brought into the same state without the state itself (Kim22's future work). It is kept at the edge server that holds the container and
 * moves with the migration; the target's container executes it before the access point replays the rest. */
#include "edge.h"
#include "migration.h"

#include <errno.h>

static const struct rules *rules_of(const struct edge_client *client)
{
    return client->edge->actor.rules;
}

bool edge_keeps_commands(const struct edge_client *client)
{
    return strategy_has(rules_of(client)->strategy, OP_TAKE_LOG);
}

void edge_keep_command(struct edge_client *client, const struct replay_entry *command, uint64_t digest)
{
    struct offload o = replay_message(command, OFFLOAD_REQUEST, client->mud, 0);
    if (client->commands.len >= rules_of(client)->command_log_max) {
        if (client->commands.entries[0].number == client->snapshot.next)
            actor_note(
                &client->edge->actor, (int32_t)client->mud, -1,
                "the command log passed migration.command_log_max: the container cannot be reconstructed any more");
        replay_drop(&client->commands, client->commands.entries[0].number);
    }
    struct replay_entry *kept = replay_add(&client->commands, &o);
    kept->answered = true;
    kept->source_digest = digest;
}

bool edge_commands_reach(const struct edge_client *client, uint32_t until)
{
    const struct replay_log *log = &client->commands;
    uint32_t missing;
    uint32_t from = client->snapshot.next;
    if (log->len == 0)
        return until == from;
    return log->entries[0].number == from && !replay_gap(log, from, &missing) && replay_last(log) + 1 == (int64_t)until;
}

/* --- at the target ----------------------------------------------------------------------------------------------------------- */

static void deliver_command(struct edge_client *client, struct replay_entry *command)
{
    struct offload o = replay_message(command, OFFLOAD_REPLAY, client->mud, client->in.sequence);
    o.migration = client->in.id;
    o.flags = 0;
    command->replay_sent = true;
    edge_deliver(client, &o);
}

/* At most a window at a time: the service holds no more. */
static void deliver_commands(struct edge_client *client)
{
    uint32_t last = client->in.reconstructed + rules_of(client)->window;
    for (uint32_t i = client->in.reconstructed; i < client->commands.len && i < last; i++)
        if (!client->commands.entries[i].replay_sent)
            deliver_command(client, &client->commands.entries[i]);
}

static void end_or_go_on(struct edge_client *client)
{
    struct migration *m = &client->in;
    if (m->reconstructed < client->commands.len) {
        deliver_commands(client);
        actor_set_alarm(&client->edge->actor, &m->alarm, rules_of(client)->timeouts.control_retry);
        return;
    }
    m->reconstructing = false;
    migration_reconstructed(client, 0, NULL);
}

void edge_reconstruct(struct edge_client *client, const struct replay_log *log)
{
    replay_free(&client->commands);
    replay_copy(&client->commands, log);
    for (size_t i = 0; i < client->commands.len; i++)
        client->commands.entries[i].replay_sent = false;
    if (edge_from_snapshot(client, &client->in))
        client->snapshot.next = log->len ? log->entries[0].number : client->in.cut;
    client->in.reconstructing = true;
    client->in.reconstructed = 0;
    client->in.progress = actor_now(&client->edge->actor);
    end_or_go_on(client);
}

static void fail(struct edge_client *client, int32_t status, const char *reason)
{
    client->in.reconstructing = false;
    migration_reconstructed(client, status, reason);
}

/* The container answers in order. */
void edge_reconstruct_answers(struct edge_client *client, const struct msg *m)
{
    struct migration *in = &client->in;
    if (!in->reconstructing) {
        actor_report_unexpected(&client->edge->actor, client->mud, "installing", "answer");
        return;
    }
    const struct replay_entry *command = &client->commands.entries[in->reconstructed];
    if (m->offload.type != OFFLOAD_REPLAYED || m->offload.number != command->number)
        return;
    if (m->offload.digest != command->source_digest) {
        fail(client, -EBADMSG, "a command of the log gave another digest");
        return;
    }
    in->reconstructed++;
    in->progress = actor_now(&client->edge->actor);
    end_or_go_on(client);
}

void edge_reconstruct_again(struct edge_client *client)
{
    struct actor *actor = &client->edge->actor;
    struct migration *m = &client->in;
    if (simtime_sub(actor_now(actor), m->progress).ns > actor->rules->timeouts.control_give_up.ns) {
        fail(client, -ETIMEDOUT, "the container executed no command for timeouts.control_give_up_ms");
        return;
    }
    for (size_t i = m->reconstructed; i < client->commands.len; i++)
        client->commands.entries[i].replay_sent = false;
    end_or_go_on(client);
}
