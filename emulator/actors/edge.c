#include "edge.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>

enum { HOPS = 8 }; /* a late reply may be forwarded this often on its way after the token */

static const char *const state_names[EDGE_STATES] = {
    [EDGE_EMPTY] = "empty",           [EDGE_STARTING] = "starting", [EDGE_LIVE] = "live",
    [EDGE_INSTALLING] = "installing", [EDGE_STANDBY] = "standby",   [EDGE_REMOVING] = "removing",
};

static const char *const event_names[EDGE_EVENTS] = {
    [EDGE_EV_ATTACH] = "attach",   [EDGE_EV_REQUEST] = "request",     [EDGE_EV_REPLAY] = "replay",
    [EDGE_EV_PROBE] = "probe",     [EDGE_EV_ANSWER] = "answer",       [EDGE_EV_MIGRATE] = "migrate",
    [EDGE_EV_CANCEL] = "cancel",   [EDGE_EV_FETCH] = "fetch",         [EDGE_EV_INSTALL] = "install",
    [EDGE_EV_ACTIVATE] = "activate", [EDGE_EV_REMOVE] = "remove",     [EDGE_EV_STOP] = "stop",
    [EDGE_EV_STARTED] = "started", [EDGE_EV_INSTALLED] = "installed", [EDGE_EV_BROKEN] = "broken",
    [EDGE_EV_REMOVED] = "removed",
};

static void enter_state(struct edge_client *client, enum edge_state state, enum edge_event event);

void edge_operate(struct edge_client *client, enum operation operation, uint32_t migration, uint32_t container, struct party peer)
{
    struct actor *actor = &client->edge->actor;
    struct order order = {.operation = operation,
                          .edge = actor->self,
                          .mud = client->mud,
                          .migration = migration,
                          .container = container,
                          .peer = peer};
    actor->port->operations->operate(actor->port, &order);
}

void edge_report_container(struct edge_client *client, uint32_t container, const char *what)
{
    struct actor *actor = &client->edge->actor;
    struct report r = REPORT_INIT;
    r.kind = EVENT_CONTAINER;
    r.reporter = actor->self;
    r.text = what;
    r.mud = (int32_t)client->mud;
    r.migration = (int32_t)container;
    actor->port->operations->report(actor->port, &r);
}

void edge_report_stage(struct edge_client *client, uint32_t migration, enum operation operation, struct simtime begin,
                       const struct order_result *result)
{
    struct actor *actor = &client->edge->actor;
    struct report r = REPORT_INIT;
    r.kind = EVENT_STAGE;
    r.reporter = actor->self;
    r.text = operation_name(operation);
    r.mud = (int32_t)client->mud;
    r.migration = (int32_t)migration;
    r.begin = begin;
    r.bytes = result->bytes;
    r.value = result->status;
    actor->port->operations->report(actor->port, &r);
}

/* --- a container's life -------------------------------------------------------------------------------------------------- */

/* Once a device's container has come or gone, an ATTACH is a late repetition. */
static void start_container(struct edge_client *client, const struct msg *m)
{
    if (client->ended || client->removed || client->container)
        return;
    client->owner = m->from;
    client->container = 0;
    client->next = 0;
    edge_operate(client, OP_START, 0, 0, (struct party){0});
    enter_state(client, EDGE_STARTING, EDGE_EV_ATTACH);
}

static void say_ready(struct edge_client *client, struct party ap)
{
    struct offload ready = {.type = OFFLOAD_EDGE_READY,
                            .mud = client->mud,
                            .sequence = client->sequence,
                            .peer = client->edge->actor.self};
    actor_send_offload(&client->edge->actor, ap, &ready);
}

static void say_attached(struct edge_client *client, const struct msg *m)
{
    say_ready(client, m->from);
}

static void started(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_report_container(client, client->container, "live");
    say_ready(client, client->owner);
    enter_state(client, EDGE_LIVE, EDGE_EV_STARTED);
}

/* The AP asks again with its next ATTACH. */
static void start_failed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    enter_state(client, EDGE_EMPTY, EDGE_EV_BROKEN);
}

static void forget_requests(struct edge_client *client)
{
    replay_free(&client->log);
    client->gate_closed = false;
}

static void remove_container(struct edge_client *client, enum operation operation, uint32_t migration, enum edge_event event)
{
    struct actor *actor = &client->edge->actor;
    forget_requests(client);
    client->removal_begin = actor_now(actor);
    client->removing = (struct order){.operation = operation,
                                      .edge = actor->self,
                                      .mud = client->mud,
                                      .migration = migration,
                                      .container = client->container};
    actor->port->operations->operate(actor->port, &client->removing);
    enter_state(client, EDGE_REMOVING, event);
}

/* A container that could not be removed is still there. */
static void remove_again(struct alarm *alarm)
{
    struct edge_client *client = container_of(alarm, struct edge_client, removal_alarm);
    struct actor *actor = &client->edge->actor;
    actor->port->operations->operate(actor->port, &client->removing);
}

static void acknowledge(struct edge_client *client, const struct msg *m)
{
    courier_acknowledge(&client->edge->actor, m);
}

static void removed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_report_container(client, client->container, "gone");
    enter_state(client, EDGE_EMPTY, EDGE_EV_REMOVED);
    if (client->removal.mud != MUD_NONE) {
        if (client->removal.offload.type == OFFLOAD_STOP)
            edge_report_stage(client, client->removal.offload.migration, OP_STOP, client->removal_begin,
                              &(struct order_result){0});
        acknowledge(client, &client->removal);
    }
    client->removal.mud = MUD_NONE;
}

/* --- requests -------------------------------------------------------------------------------------------------------------- */

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

static void serve(struct edge_client *client, const struct msg *m)
{
    if (m->offload.sequence < client->sequence) {
        actor_note(&client->edge->actor, (int32_t)client->mud, -1, "refused SVCQ %u of an older association",
                   m->offload.number);
        return;
    }
    client->sequence = m->offload.sequence;
    client->owner = m->offload.peer;
    client->via = m->from;
    if (long_answered(client, m->offload.number))
        return;
    struct replay_entry *entry = replay_add(&client->log, &m->offload);
    if (!client->gate_closed || others_wait_for(client, m->offload.number))
        deliver_entry(client, entry);
}

void edge_open_gate(struct edge_client *client)
{
    client->gate_closed = false;
    for (size_t i = 0; i < client->log.len; i++)
        if (!client->log.entries[i].delivered)
            deliver_entry(client, &client->log.entries[i]);
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

static void report_executed(struct edge_client *client, uint32_t number)
{
    struct actor *actor = &client->edge->actor;
    struct report r = REPORT_INIT;
    r.kind = EVENT_EXECUTED;
    r.reporter = actor->self;
    r.text = "executed";
    r.mud = (int32_t)client->mud;
    r.number = (int32_t)number;
    r.value = client->container;
    actor->port->operations->report(actor->port, &r);
}

/* What has become a window old behind others in the container's queue gets no answer any more. */
static void forget_long_answered(struct edge_client *client)
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
        report_executed(client, answer->number);
    }
    struct offload reply = *answer;
    reply.hops = HOPS;
    actor_send_offload(&client->edge->actor, client->via, &reply);
    if (entry && client->out.cut_taken) {
        entry->answered = true;
        entry->source_digest = answer->digest;
    } else {
        replay_drop(&client->log, answer->number);
    }
    forget_long_answered(client);
    if (client->out.state == MIGRATION_DRAINING && edge_undrained(client) == 0)
        migration_drained(client);
}

static void pass_probed(struct edge_client *client, const struct offload *answer)
{
    if (party_equal(answer->peer, client->edge->actor.self))
        migration_probed(client, answer);
    else
        actor_send_offload(&client->edge->actor, answer->peer, answer);
}

static void live_answers(struct edge_client *client, const struct msg *m)
{
    if (m->offload.type == OFFLOAD_REPLY)
        pass_reply(client, &m->offload);
    else if (m->offload.type == OFFLOAD_PROBED)
        pass_probed(client, &m->offload);
}

static void standby_answers(struct edge_client *client, const struct msg *m)
{
    if (m->offload.type == OFFLOAD_PROBED) {
        pass_probed(client, &m->offload);
    } else if (m->offload.type == OFFLOAD_REPLAYED) {
        client->next = m->offload.number + 1 > client->next ? m->offload.number + 1 : client->next;
        actor_send_offload(&client->edge->actor, client->in.ap, &m->offload);
    }
}

static void probe(struct edge_client *client, const struct msg *m)
{
    if (client->out.halted) {
        struct offload answer = client->out.last_probe;
        answer.migration = m->offload.migration;
        answer.until = m->offload.until;
        actor_send_offload(&client->edge->actor, m->from, &answer);
        return;
    }
    struct offload o = m->offload;
    o.peer = m->from;
    edge_deliver(client, &o);
}

static void replay(struct edge_client *client, const struct msg *m)
{
    edge_deliver(client, &m->offload);
}

static void send_logged(struct edge_client *client, const struct msg *m)
{
    for (size_t i = 0; i < client->log.len; i++) {
        const struct replay_entry *entry = &client->log.entries[i];
        if (entry->number < m->offload.number || entry->number > m->offload.until)
            continue;
        struct offload o = replay_message(entry, OFFLOAD_LOGGED, client->mud, client->sequence);
        o.migration = m->offload.migration;
        actor_send_offload(&client->edge->actor, m->from, &o);
    }
    acknowledge(client, m);
}

/* --- migrations ------------------------------------------------------------------------------------------------------------ */

static void refuse_migrate(struct edge_client *client, const struct msg *m)
{
    acknowledge(client, m);
    struct offload failed = {.type = OFFLOAD_FAILED,
                             .mud = client->mud,
                             .sequence = client->sequence,
                             .migration = m->offload.migration,
                             .status = -ENOENT};
    actor_note(&client->edge->actor, (int32_t)client->mud, (int32_t)m->offload.migration,
               "cannot migrate: no container of this device runs here");
    courier_send_offload(&client->edge->courier, m->from, &failed);
}

static void migrate_later(struct edge_client *client, const struct msg *m)
{
    acknowledge(client, m);
    client->pending_migrate = *m;
}

static void migrate(struct edge_client *client, const struct msg *m)
{
    const struct msg *pending = &client->pending_migrate;
    uint32_t id = m->offload.migration;
    acknowledge(client, m);
    if (id <= client->ended || id <= client->out.id || (pending->mud != MUD_NONE && id < pending->offload.migration))
        return; /* a repetition */
    if (!migration_runs(&client->out)) {
        migration_begin(client, m);
        return;
    }
    client->pending_migrate = *m;
    migration_call_off(client, 0, "a newer migration supersedes it");
}

static void cancel(struct edge_client *client, const struct msg *m)
{
    uint32_t id = m->offload.migration;
    acknowledge(client, m);
    if (client->pending_migrate.mud != MUD_NONE && client->pending_migrate.offload.migration == id)
        client->pending_migrate.mud = MUD_NONE;
    if (migration_runs(&client->out) && client->out.id == id)
        migration_call_off(client, m->offload.status, "the access point called it off");
    else if (id > client->ended)
        client->ended = id; /* its MIGRATE may still be on the way */
}

void edge_migration_ended(struct edge_client *client)
{
    client->ended = client->out.id > client->ended ? client->out.id : client->ended;
    client->out = (struct migration){.alarm = client->out.alarm};
    replay_drop_through(&client->log, UINT32_MAX, true);
    forget_long_answered(client);
    struct msg next = client->pending_migrate;
    client->pending_migrate.mud = MUD_NONE;
    if (next.mud != MUD_NONE)
        edge_handle(client, EDGE_EV_MIGRATE, &next);
}

static void started_pending(struct edge_client *client, const struct msg *m)
{
    started(client, m);
    edge_migration_ended(client);
}

static void install(struct edge_client *client, const struct msg *m)
{
    uint32_t id = m->offload.migration;
    acknowledge(client, m);
    if (id <= client->removed || id <= client->container || id <= client->ended)
        return; /* a repetition, after what it installed has gone */
    client->container = m->offload.migration;
    client->next = m->offload.until;
    enter_state(client, EDGE_INSTALLING, EDGE_EV_INSTALL);
    migration_install(client, m);
}

/* The migration is committed, or its container gone: nothing of it is repeated or undone any more. */
static void forget_outgoing(struct edge_client *client, uint32_t migration)
{
    actor_clear_alarm(&client->edge->actor, &client->out.alarm);
    client->ended = migration > client->ended ? migration : client->ended;
    client->out = (struct migration){.alarm = client->out.alarm};
    courier_drop(&client->edge->courier, OFFLOAD_CUT, client->mud, migration);
    courier_drop(&client->edge->courier, OFFLOAD_INSTALL, client->mud, migration);
}

/* What is here is of an older time: it goes first; INSTALL is repeated until it is acknowledged. The device is served at the edge that
 * sends it, so if a migration from here still waits for its verdict, that is STOP. */
static void install_over_older(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration <= client->container) {
        acknowledge(client, m);
        return;
    }
    if (m->offload.migration <= client->out.id || client->out.operating || client->in.operating)
        return;
    if (migration_runs(&client->out))
        forget_outgoing(client, client->out.id);
    client->in.state = MIGRATION_NONE;
    remove_container(client, OP_DISCARD, client->container, EDGE_EV_INSTALL);
}

static void installed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_report_container(client, client->container, "standby");
    enter_state(client, EDGE_STANDBY, EDGE_EV_INSTALLED);
    struct offload ready = {.type = OFFLOAD_EDGE_READY,
                            .mud = client->mud,
                            .sequence = client->in.sequence,
                            .migration = client->in.id,
                            .number = client->in.cut,
                            .peer = client->edge->actor.self};
    courier_send_offload(&client->edge->courier, client->in.ap, &ready);
}

static void install_failed(struct edge_client *client, const struct msg *m)
{
    struct offload failed = m->offload;
    courier_send_offload(&client->edge->courier, client->in.ap, &failed);
    remove_container(client, OP_DISCARD, client->in.id, EDGE_EV_BROKEN);
    client->in.state = MIGRATION_NONE;
    client->removed = client->in.id;
}

static void activate(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration != client->container)
        return;
    client->in.state = MIGRATION_NONE;
    client->sequence = m->offload.sequence;
    courier_drop(&client->edge->courier, OFFLOAD_EDGE_READY, client->mud, client->container);
    edge_report_container(client, client->container, "live");
    enter_state(client, EDGE_LIVE, EDGE_EV_ACTIVATE);
    acknowledge(client, m);
}

static void activate_again(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration == client->container)
        acknowledge(client, m);
}

/* The user is served elsewhere: the AP's verdict on the outgoing migration. */
static void stop(struct edge_client *client, const struct msg *m)
{
    if (m->offload.migration <= client->container) {
        acknowledge(client, m);
        return;
    }
    client->removal = *m;
    forget_outgoing(client, m->offload.migration);
    remove_container(client, OP_STOP, m->offload.migration, EDGE_EV_STOP);
}

/* Files that were sent before anything was installed; acknowledged when they are gone, see removal_done(). */
static void remove_files(struct edge_client *client, const struct msg *m)
{
    client->removed = m->offload.migration > client->removed ? m->offload.migration : client->removed;
    edge_operate(client, OP_DISCARD, m->offload.migration, m->offload.migration, m->from);
}

/* INSTALLING, STANDBY, or LIVE but never used: called off before the commit. */
static void remove_incoming(struct edge_client *client, const struct msg *m)
{
    struct actor *actor = &client->edge->actor;
    if (m->offload.migration != client->container) {
        if (m->offload.migration > client->container)
            remove_files(client, m);
        else
            acknowledge(client, m);
        return;
    }
    client->removed = client->container;
    client->removal = *m;
    courier_drop(&client->edge->courier, OFFLOAD_EDGE_READY, client->mud, client->container);
    if (client->in.operating) {
        client->in.state = MIGRATION_UNDOING;
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->in.id);
        return;
    }
    client->in.state = MIGRATION_NONE;
    remove_container(client, OP_DISCARD, client->container, EDGE_EV_REMOVE);
}

/* The operation that REMOVE interrupted is over. */
static void interrupted(struct edge_client *client, const struct msg *m)
{
    (void)m;
    client->in.state = MIGRATION_NONE;
    remove_container(client, OP_DISCARD, client->container, EDGE_EV_REMOVE);
}

static void broken_install(struct edge_client *client, const struct msg *m)
{
    if (client->removal.mud != MUD_NONE)
        interrupted(client, m);
    else
        install_failed(client, m);
}

static void nothing(struct edge_client *client, const struct msg *m)
{
    (void)client, (void)m;
}

/* --- the table --------------------------------------------------------------------------------------------------------------- */

typedef void edge_handler(struct edge_client *client, const struct msg *m);

/* NULL = not foreseen. Handlers enter the next state themselves where it depends on what the message says. */
static edge_handler *const table[EDGE_STATES][EDGE_EVENTS] = {
    [EDGE_EMPTY] =
        {
            [EDGE_EV_ATTACH] = start_container,
            [EDGE_EV_REQUEST] = nothing, /* here and below: late, for the container that was here */
            [EDGE_EV_ANSWER] = nothing,
            [EDGE_EV_ACTIVATE] = nothing,
            [EDGE_EV_MIGRATE] = refuse_migrate,
            [EDGE_EV_CANCEL] = cancel,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_PROBE] = nothing,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_INSTALL] = install,
            [EDGE_EV_REMOVE] = remove_files,
            [EDGE_EV_STOP] = acknowledge,
        },
    [EDGE_STARTING] =
        {
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_MIGRATE] = migrate_later,
            [EDGE_EV_CANCEL] = cancel,
            [EDGE_EV_STARTED] = started_pending,
            [EDGE_EV_BROKEN] = start_failed,
        },
    [EDGE_LIVE] =
        {
            [EDGE_EV_ATTACH] = say_attached,
            [EDGE_EV_REQUEST] = serve,
            [EDGE_EV_PROBE] = probe,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_ANSWER] = live_answers,
            [EDGE_EV_MIGRATE] = migrate,
            [EDGE_EV_CANCEL] = cancel,
            [EDGE_EV_FETCH] = send_logged,
            [EDGE_EV_INSTALL] = install_over_older,
            [EDGE_EV_ACTIVATE] = activate_again,
            [EDGE_EV_REMOVE] = remove_incoming,
            [EDGE_EV_STOP] = stop,
        },
    [EDGE_INSTALLING] =
        {
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_REQUEST] = nothing,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_PROBE] = nothing,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_ACTIVATE] = nothing,
            [EDGE_EV_INSTALL] = install_over_older,
            [EDGE_EV_INSTALLED] = installed,
            [EDGE_EV_BROKEN] = broken_install,
            [EDGE_EV_REMOVE] = remove_incoming,
            [EDGE_EV_CANCEL] = cancel,
            [EDGE_EV_STOP] = acknowledge,
        },
    [EDGE_STANDBY] =
        {
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_REQUEST] = nothing,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_REPLAY] = replay,
            [EDGE_EV_PROBE] = probe,
            [EDGE_EV_ANSWER] = standby_answers,
            [EDGE_EV_INSTALL] = install_over_older,
            [EDGE_EV_ACTIVATE] = activate,
            [EDGE_EV_REMOVE] = remove_incoming,
            [EDGE_EV_CANCEL] = cancel,
            [EDGE_EV_STOP] = acknowledge,
        },
    [EDGE_REMOVING] =
        {
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_REQUEST] = nothing,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_PROBE] = nothing,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_ANSWER] = nothing,
            [EDGE_EV_ACTIVATE] = nothing,
            [EDGE_EV_MIGRATE] = refuse_migrate,
            [EDGE_EV_CANCEL] = cancel,
            [EDGE_EV_INSTALL] = nothing,
            [EDGE_EV_REMOVE] = nothing,
            [EDGE_EV_STOP] = nothing,
            [EDGE_EV_REMOVED] = removed,
        },
};

static void enter_state(struct edge_client *client, enum edge_state state, enum edge_event event)
{
    if (client->state != state)
        actor_report_transition(&client->edge->actor, client->mud, state_names[client->state], state_names[state],
                                event_names[event]);
    client->state = state;
}

void edge_handle(struct edge_client *client, enum edge_event event, const struct msg *m)
{
    edge_handler *handler = table[client->state][event];
    if (handler)
        handler(client, m);
    else
        actor_report_unexpected(&client->edge->actor, client->mud, state_names[client->state], event_names[event]);
}

/* --- what reaches the edge ---------------------------------------------------------------------------------------------------- */

static void out_alarm_rings(struct alarm *alarm)
{
    struct migration *m = container_of(alarm, struct migration, alarm);
    migration_alarm_rings(container_of(m, struct edge_client, out), m);
}

static void in_alarm_rings(struct alarm *alarm)
{
    struct migration *m = container_of(alarm, struct migration, alarm);
    migration_alarm_rings(container_of(m, struct edge_client, in), m);
}

static struct edge_client *client_of(struct edge *edge, uint32_t mud)
{
    struct edge_client *client = map_get(&edge->clients, mud);
    if (!client) {
        client = mem_alloc(sizeof *client);
        client->edge = edge;
        client->mud = mud;
        client->out.alarm.ring = out_alarm_rings;
        client->in.alarm.ring = in_alarm_rings;
        client->removal_alarm.ring = remove_again;
        client->pending_migrate.mud = client->removal.mud = MUD_NONE;
        map_set(&edge->clients, mud, client);
    }
    return client;
}

static enum edge_event event_of(uint8_t type)
{
    static const enum edge_event events[OFFLOAD_TYPES] = {
        [OFFLOAD_REQUEST] = EDGE_EV_REQUEST, [OFFLOAD_ATTACH] = EDGE_EV_ATTACH,     [OFFLOAD_MIGRATE] = EDGE_EV_MIGRATE,
        [OFFLOAD_CANCEL] = EDGE_EV_CANCEL,   [OFFLOAD_FETCH] = EDGE_EV_FETCH,       [OFFLOAD_REPLAY] = EDGE_EV_REPLAY,
        [OFFLOAD_PROBE] = EDGE_EV_PROBE,     [OFFLOAD_ACTIVATE] = EDGE_EV_ACTIVATE, [OFFLOAD_STOP] = EDGE_EV_STOP,
        [OFFLOAD_INSTALL] = EDGE_EV_INSTALL, [OFFLOAD_REMOVE] = EDGE_EV_REMOVE,
    };
    return type == OFFLOAD_ATTACH || events[type] ? events[type] : EDGE_EVENTS;
}

void edge_receive(struct edge *edge, const struct msg *m)
{
    actor_received(&edge->actor, m);
    if (m->type != MSG_OFFLOAD)
        return;
    if (m->offload.type == OFFLOAD_ACK) {
        courier_settle(&edge->courier, m->from, m->offload.acked, m->mud, m->offload.migration);
        return;
    }
    enum edge_event event = event_of(m->offload.type);
    if (event < EDGE_EVENTS)
        edge_handle(client_of(edge, m->mud), event, m);
}

void edge_container_says(struct edge *edge, uint32_t container, const struct offload *o)
{
    struct edge_client *client = client_of(edge, o->mud);
    struct msg m = {.type = MSG_OFFLOAD, .from = edge->actor.self, .to = edge->actor.self, .mud = o->mud, .offload = *o};
    if (container == client->container)
        edge_handle(client, EDGE_EV_ANSWER, &m);
}

static void start_done(struct edge_client *client, const struct order_result *result)
{
    if (result->status < 0)
        actor_note(&client->edge->actor, (int32_t)client->mud, -1, "the container could not be started: %s", result->reason);
    edge_handle(client, result->status < 0 ? EDGE_EV_BROKEN : EDGE_EV_STARTED, NULL);
}

/* The removal of files alone names who asked for it; if it fails, REMOVE comes again. */
static void removal_done(struct edge_client *client, const struct order *order, const struct order_result *result)
{
    struct actor *actor = &client->edge->actor;
    bool files_alone = order->peer.role != PARTY_NONE;
    if (result->status < 0)
        actor_note(actor, (int32_t)client->mud, (int32_t)order->migration, "%s: %s", operation_name(order->operation),
                   result->reason);
    if (files_alone && result->status == 0) {
        struct msg asked = {.from = order->peer, .mud = client->mud};
        asked.offload = (struct offload){.type = OFFLOAD_REMOVE, .mud = client->mud, .migration = order->migration};
        acknowledge(client, &asked);
    } else if (!files_alone && result->status < 0) {
        actor_set_alarm(actor, &client->removal_alarm, actor->rules->timeouts.control_retry);
    } else if (!files_alone) {
        edge_handle(client, EDGE_EV_REMOVED, NULL);
    }
}

void edge_operation_done(struct edge *edge, const struct order *order, const struct order_result *result)
{
    struct edge_client *client = client_of(edge, order->mud);
    bool removal = order->operation == OP_STOP || order->operation == OP_DISCARD;
    bool of_migration = (client->out.operating && order->migration == client->out.id) ||
                        (client->in.operating && order->migration == client->in.id);
    if (order->operation == OP_START)
        start_done(client, result);
    else if (of_migration)
        migration_operation_done(client, order, result);
    else if (removal)
        removal_done(client, order, result);
}

static bool client_busy(const struct edge_client *client)
{
    return (client->state != EDGE_EMPTY && client->state != EDGE_LIVE) || migration_runs(&client->out) ||
           client->pending_migrate.mud != MUD_NONE;
}

bool edge_busy(const struct edge *edge)
{
    size_t at = 0;
    for (const struct edge_client *client; (client = map_next(&edge->clients, &at));)
        if (client_busy(client))
            return true;
    return edge->courier.len > 0;
}

/* READY, CUT, REMOVE and FAILED must arrive some time. An INSTALL without answer fails the migration, but that is for the access point to
 * say: the target may have got it, and serve already. */
static void gave_up(struct courier *courier, const struct msg *m)
{
    struct edge *edge = container_of(courier, struct edge, courier);
    struct edge_client *client = client_of(edge, m->mud);
    char text[64];
    msg_text(m, text, sizeof text);
    actor_note(&edge->actor, (int32_t)m->mud, (int32_t)m->offload.migration, "no answer to %s", text);
    if (m->offload.type == OFFLOAD_INSTALL)
        migration_ask_to_fail(client);
    else
        courier_send(courier, m);
}

void edge_init(struct edge *edge, struct port *port, const struct rules *rules, uint32_t index)
{
    *edge = (struct edge){.actor = {.port = port, .rules = rules, .self = party_edge(index)}};
    courier_init(&edge->courier, &edge->actor, gave_up);
}

void edge_free(struct edge *edge)
{
    size_t at = 0;
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));) {
        replay_free(&client->log);
        free(client);
    }
    map_free(&edge->clients);
    courier_free(&edge->courier);
}
