/* What survives a restart of the edge server: the owner record is kept as things change, and read once at the start. Migrations that ran
 * have failed; the live container goes on, if it still exists. */
#include "edge.h"
#include "mem.h"

#include <errno.h>
#include <string.h>

/* --- keeping ---------------------------------------------------------------------------------------------------------------- */

/* HALT may do its work after this process has ended. */
static bool may_be_halted(const struct migration *m)
{
    return m->halted || m->unproven || m->worthless || (m->frozen && migration_has_begun(m, OP_HALT));
}

static void fill_outgoing(const struct migration *m, struct owner_record *r)
{
    if (!migration_runs(m))
        return;
    r->out = m->id;
    r->out_ap = m->ap;
    r->out_peer = m->peer;
    r->frozen = m->frozen;
    r->halted = may_be_halted(m);
    r->sent = m->sent;
    r->told = m->told && m->state != MIGRATION_UNDOING;
    r->cut = m->cut;
    r->halted_next = m->last_probe.number;
    r->halted_digest = m->last_probe.digest;
    r->halted_checksum = m->last_probe.checksum;
}

static void keep(struct edge_client *client)
{
    struct port *port = client->edge->actor.port;
    struct owner_record r;
    if (!port->keeps_owners)
        return;
    memset(&r, 0, sizeof r);
    r.mud = client->mud;
    r.state = (uint8_t)client->state;
    r.container = client->container;
    r.sequence = client->sequence;
    r.fence = client->fence;
    r.ended = client->ended;
    r.removed = client->removed;
    r.served = client->served;
    r.lost = client->lost;
    r.used = client->used;
    r.owner = client->owner;
    r.operation = client->order.operation;
    r.removal = client->order.migration;
    r.in_ap = client->in.ap;
    r.loads_told = client->edge->loads_told;
    r.end = client->end;
    r.leftovers = client->leftovers;
    r.leftover_count = client->leftover_count;
    fill_outgoing(&client->out, &r);
    port->operations->keep_owner(port, client->edge->actor.self, &r);
}

void edge_keep_owner(struct edge_client *client)
{
    keep(client);
    if (!client->end.migration)
        return;
    migration_tell_end(client);
    keep(client);
}

void edge_remember_leftover(struct edge_client *client, const struct migration *m)
{
    edge_forget_leftover(client, m->peer, m->id);
    size_t count = client->leftover_count++;
    struct owner_leftover *all = mem_resize(client->leftovers, client->leftover_count * sizeof *all);
    memmove(all + 1, all, count * sizeof *all);
    all[0] = (struct owner_leftover){m->id, m->peer, m->ap, m->sequence};
    client->leftovers = all;
}

void edge_forget_leftover(struct edge_client *client, struct party edge, uint32_t migration)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < client->leftover_count; i++)
        if (client->leftovers[i].migration != migration || !party_equal(client->leftovers[i].edge, edge))
            client->leftovers[kept++] = client->leftovers[i];
    client->leftover_count = kept;
}

/* --- recovering ------------------------------------------------------------------------------------------------------------- */

/* The container alone knows what it has executed. Until it says so, the gate stays closed. */
void edge_ask_next(struct edge_client *client)
{
    client->recovering = client->gate_closed = true;
    if (!edge_thaw_after_snapshot(client))
        edge_probe_next(client);
}

void edge_probe_next(struct edge_client *client)
{
    struct actor *actor = &client->edge->actor;
    struct offload o = {
        .type = OFFLOAD_PROBE, .mud = client->mud, .sequence = client->sequence, .peer = actor->self};
    actor_set_alarm(actor, &client->order_alarm, actor->rules->timeouts.control_retry);
    edge_deliver(client, &o);
}

void edge_report_executed_meanwhile(struct edge_client *client)
{
    edge_report_executed(client, client->next - 1, "executed up to here");
}

void edge_recovered(struct edge_client *client, const struct offload *probed)
{
    client->recovering = false;
    client->next = probed->number > client->next ? probed->number : client->next;
    actor_clear_alarm(&client->edge->actor, &client->order_alarm);
    edge_forget_snapshot(client);
    edge_report_executed_meanwhile(client);
    if (migration_runs(&client->out) && client->out.state != MIGRATION_INSTALLING)
        return;
    edge_open_gate(client);
    edge_begin_pending(client);
}

/* It has failed, unless the target was told: then the access point may have committed it, and what it needs has stayed. */
static void recover_outgoing(struct edge_client *client, const struct owner_record *r, bool exists)
{
    struct migration *m = &client->out;
    const struct strategy *strategy = client->edge->actor.rules->strategy;
    bool frozen = exists && r->frozen, may_be_committed = r->told && (!frozen || !strategy_source_serves(strategy));
    *m = (struct migration){.id = r->out,
                            .strategy = strategy,
                            .state = may_be_committed ? MIGRATION_INSTALLING : MIGRATION_UNDOING,
                            .ap = r->out_ap,
                            .peer = r->out_peer,
                            .sequence = r->sequence,
                            .cut = r->cut,
                            .cut_taken = true,
                            .frozen = frozen,
                            .halted = !exists && r->halted,
                            .unproven = exists && r->halted,
                            .lost = !exists && !r->halted,
                            .sent = r->sent,
                            .told = r->told,
                            .status = -ECONNRESET,
                            .begin = actor_now(&client->edge->actor),
                            .alarm = m->alarm};
    m->last_probe = (struct offload){.type = OFFLOAD_PROBED,
                                     .mud = client->mud,
                                     .number = r->halted_next,
                                     .digest = r->halted_digest,
                                     .checksum = r->halted_checksum};
}

/* What is revived is compared before it answers anybody. */
static void recover_live(struct edge_client *client, const struct owner_record *r, bool exists)
{
    client->gate_closed = true;
    if (r->out)
        recover_outgoing(client, r, exists);
    edge_enter_state(client, EDGE_LIVE, EDGE_EV_STARTED);
    if (exists)
        edge_ask_next(client);
    else if (!r->out)
        edge_lose_container(client, EDGE_EV_BROKEN);
    if (client->out.state == MIGRATION_INSTALLING)
        migration_await_verdict(client);
    if (client->out.state != MIGRATION_UNDOING)
        return;
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)client->out.id, "migration failed: the edge server restarted");
    migration_undo(client);
}

static void ask_again_to_remove(struct edge_client *client, const struct owner_record *r)
{
    client->leftovers = mem_alloc_array(r->leftover_count, sizeof *client->leftovers);
    client->leftover_count = r->leftover_count;
    for (uint32_t i = 0; i < r->leftover_count; i++) {
        const struct owner_leftover *left = &r->leftovers[i];
        const struct migration m = {.id = left->migration, .ap = left->ap, .sequence = left->sequence};
        client->leftovers[i] = *left;
        migration_tell(client, &m, left->edge, OFFLOAD_REMOVE, 0);
    }
}

/* Whether it has been told nobody here knows; who keeps what is reported does. */
static void tell_end_again(struct edge_client *client, const struct owner_record *r)
{
    client->end = r->end;
    client->end.again = r->end.migration;
    client->end_begin = actor_now(&client->edge->actor);
}

static void recover_incoming(struct edge_client *client, const struct owner_record *r)
{
    struct offload failed = {.type = OFFLOAD_FAILED,
                             .mud = client->mud,
                             .sequence = r->sequence,
                             .migration = r->container,
                             .status = -ECONNRESET};
    courier_send_offload(&client->edge->courier, r->in_ap, &failed);
    client->removed = r->container > client->removed ? r->container : client->removed;
    edge_remove_container(client, OP_DISCARD, r->container, EDGE_EV_BROKEN);
}

void edge_recover(struct edge *edge, const struct owner_record *r, bool exists)
{
    struct edge_client *client = edge_client_of(edge, r->mud);
    edge->loads_told = r->loads_told > edge->loads_told ? r->loads_told : edge->loads_told;
    client->container = r->container;
    client->sequence = r->sequence;
    client->fence = r->fence;
    client->ended = r->ended;
    client->removed = r->removed;
    client->served = r->served;
    client->lost = r->lost;
    client->used = r->used;
    client->owner = r->owner;
    client->restarted = true;
    ask_again_to_remove(client, r);
    tell_end_again(client, r);
    switch ((enum edge_state)r->state) {
    case EDGE_STARTING:
        edge_remove_container(client, OP_STOP, 0, EDGE_EV_BROKEN);
        break;
    case EDGE_LIVE:
        recover_live(client, r, exists);
        break;
    case EDGE_INSTALLING:
    case EDGE_STANDBY:
        recover_incoming(client, r);
        break;
    case EDGE_REMOVING:
        edge_remove_container(client, r->operation, r->removal, EDGE_EV_BROKEN);
        break;
    case EDGE_EMPTY:
    case EDGE_STATES:
        break;
    }
    edge_keep_owner(client);
    edge_tell_load(edge, r->mud); /* the newest of all, behind the last record */
}

void edge_silence(struct edge *edge)
{
    struct actor *actor = &edge->actor;
    size_t at = 0;
    actor_clear_alarm(actor, &edge->courier.alarm);
    actor_clear_alarm(actor, &edge->supervision_alarm);
    actor_clear_alarm(actor, &edge->guard_alarm);
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));) {
        actor_clear_alarm(actor, &client->out.alarm);
        actor_clear_alarm(actor, &client->in.alarm);
        actor_clear_alarm(actor, &client->order_alarm);
        actor_clear_alarm(actor, &client->files_alarm);
    }
}

/* --- a claim ---------------------------------------------------------------------------------------------------------------- */

static uint32_t highest_migration(const struct edge_client *client)
{
    uint32_t highest = client->container;
    highest = client->ended > highest ? client->ended : highest;
    return client->removed > highest ? client->removed : highest;
}

void edge_say_owned(struct edge_client *client, const struct msg *m)
{
    bool live = client->state == EDGE_LIVE;
    struct offload o = {.type = OFFLOAD_OWNED,
                        .mud = client->mud,
                        .sequence = client->sequence,
                        .number = live ? client->next : 0,
                        .until = live || client->lost ? client->container : 0,
                        .digest = highest_migration(client),
                        .peer = client->owner,
                        .status = live           ? 0
                                  : client->lost ? -EOWNERDEAD
                                                 : -ENOENT};
    actor_send_offload(&client->edge->actor, m->from, &o);
}

bool edge_token_is_void(const struct edge_client *client, const struct msg *m)
{
    return m->offload.until < client->fence;
}

void edge_say_void(struct edge_client *client, struct party ap)
{
    struct offload o = {.type = OFFLOAD_OWNED,
                        .mud = client->mud,
                        .sequence = client->sequence,
                        .number = client->fence,
                        .peer = client->owner,
                        .status = -ESTALE};
    actor_send_offload(&client->edge->actor, ap, &o);
}

/* Who claimed has had the answer: it has begun a migration since. */
static bool comes_late(const struct edge_client *client, const struct msg *m)
{
    uint32_t sequence = m->offload.sequence;
    const struct msg *pending = &client->pending_migrate;
    bool incoming = client->state == EDGE_INSTALLING || client->state == EDGE_STANDBY;
    return (migration_runs(&client->out) && client->out.sequence >= sequence) ||
           (incoming && client->in.sequence >= sequence) ||
           (pending->mud != MUD_NONE && pending->offload.sequence >= sequence);
}

/* From now on nobody of an older association is listened to. What is under way ends first; the claim is repeated until it is answered.
 * A claim that is older itself learns it from the answer's sequence. */
void edge_claim(struct edge_client *client, const struct msg *m)
{
    if (comes_late(client, m))
        return;
    if (m->offload.sequence < client->sequence) {
        edge_say_owned(client, m);
        return;
    }
    client->sequence = client->fence = m->offload.sequence;
    client->pending_migrate.mud = MUD_NONE;
    edge_forget_held(client);
    if (client->state == EDGE_INSTALLING || client->state == EDGE_STANDBY) {
        migration_tell(client, &client->in, client->in.ap, OFFLOAD_FAILED, -ESTALE);
        struct msg remove = *m;
        remove.offload.type = OFFLOAD_REMOVE;
        remove.offload.migration = client->container;
        edge_remove_incoming(client, &remove);
    } else if (migration_may_be_served(&client->out)) {
        migration_ask_back(client, -ESTALE);
    } else if (migration_runs(&client->out)) {
        migration_doubt(client, -ESTALE, "another access point has claimed the device");
    } else if (client->state != EDGE_STARTING && client->state != EDGE_REMOVING && !client->recovering) {
        edge_say_owned(client, m);
    }
}
