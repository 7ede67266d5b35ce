#include "edge.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>

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
    [EDGE_EV_REMOVED] = "removed", [EDGE_EV_DIED] = "died",     [EDGE_EV_CLAIM] = "claim",
};

void edge_operate(struct edge_client *client, enum operation operation, uint32_t migration, uint32_t container, struct party peer)
{
    struct actor *actor = &client->edge->actor;
    struct order order = {.operation = operation,
                          .edge = actor->self,
                          .mud = client->mud,
                          .migration = migration,
                          .container = container,
                          .peer = peer,
                          .log = operation == OP_TAKE_LOG ? &client->commands : NULL};
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

static void give_order(struct edge_client *client)
{
    struct actor *actor = &client->edge->actor;
    client->ordered = true;
    if (client->order.operation != OP_PULL) /* that is bounded by its progress */
        actor_set_alarm(actor, &client->order_alarm, actor->rules->timeouts.operation);
    actor->port->operations->operate(actor->port, &client->order);
}

static void order(struct edge_client *client, enum operation operation, uint32_t migration)
{
    struct actor *actor = &client->edge->actor;
    client->order_begin = actor_now(actor);
    client->order = (struct order){.operation = operation,
                                   .edge = actor->self,
                                   .mud = client->mud,
                                   .migration = migration,
                                   .container = client->container};
    give_order(client);
}

/* It has not ended in time; or it failed, and what it was to remove is still there. */
static void order_alarm_rings(struct alarm *alarm)
{
    struct edge_client *client = container_of(alarm, struct edge_client, order_alarm);
    struct actor *actor = &client->edge->actor;
    if (client->recovering)
        edge_ask_next(client);
    else if (client->ordered)
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->order.migration);
    else
        give_order(client);
}

/* Once a device's container has come or gone, an ATTACH is a late repetition. */
static void start_container(struct edge_client *client, const struct msg *m)
{
    if (client->ended || client->removed || client->container || client->lost) {
        edge_say_owned(client, m);
        return;
    }
    if (client->edge->recalled)
        return;
    client->owner = m->from;
    client->container = 0;
    client->next = 0;
    order(client, client->edge->lacks_base ? OP_PULL : OP_START, 0);
    edge_enter_state(client, EDGE_STARTING, EDGE_EV_ATTACH);
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
    edge_enter_state(client, EDGE_LIVE, EDGE_EV_STARTED);
}

/* The AP asks again with its next ATTACH. */
static void start_failed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_enter_state(client, EDGE_EMPTY, EDGE_EV_BROKEN);
}

void edge_forget_requests(struct edge_client *client)
{
    replay_free(&client->log);
    replay_free(&client->commands);
    client->gate_closed = false;
}

void edge_remove_container(struct edge_client *client, enum operation operation, uint32_t migration, enum edge_event event)
{
    edge_forget_requests(client);
    order(client, operation, migration);
    edge_enter_state(client, EDGE_REMOVING, event);
}

void edge_stop_for_good(struct edge_client *client)
{
    client->lost = true;
    edge_report_container(client, client->container, "stopped");
    actor_note(&client->edge->actor, (int32_t)client->mud, -1, "the device is unavailable from now on");
    edge_remove_container(client, OP_DISCARD, client->container, EDGE_EV_STOP);
}

void edge_acknowledge(struct edge_client *client, const struct msg *m)
{
    courier_acknowledge(&client->edge->actor, m);
}

static void removed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    if (!client->lost)
        edge_report_container(client, client->container, "gone");
    edge_enter_state(client, EDGE_EMPTY, EDGE_EV_REMOVED);
    if (client->removal.mud != MUD_NONE) {
        if (client->removal.offload.type == OFFLOAD_STOP)
            edge_report_stage(client, client->removal.offload.migration, OP_STOP, client->order_begin,
                              &(struct order_result){0});
        edge_acknowledge(client, &client->removal);
    }
    client->removal.mud = MUD_NONE;
}

static void started_pending(struct edge_client *client, const struct msg *m)
{
    started(client, m);
    edge_migration_ended(client);
}

/* Late, for the container that was here; or the access point does not know better. */
static void refuse_request(struct edge_client *client, const struct msg *m)
{
    struct msg asked = {.from = m->offload.peer};
    if (asked.from.role == PARTY_AP && m->offload.sequence >= client->sequence)
        edge_say_owned(client, &asked);
}

static void nothing(struct edge_client *client, const struct msg *m)
{
    (void)client, (void)m;
}

/* --- the table --------------------------------------------------------------------------------------------------------------- */

/* NULL = not foreseen. Handlers enter the next state themselves where it depends on what the message says. */
static edge_handler *const table[EDGE_STATES][EDGE_EVENTS] = {
    [EDGE_EMPTY] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = start_container,
            [EDGE_EV_REQUEST] = refuse_request,
            [EDGE_EV_ANSWER] = nothing,
            [EDGE_EV_ACTIVATE] = nothing,
            [EDGE_EV_MIGRATE] = edge_refuse_migrate,
            [EDGE_EV_CANCEL] = edge_cancel,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_PROBE] = nothing,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_INSTALL] = edge_install,
            [EDGE_EV_REMOVE] = edge_remove_files,
            [EDGE_EV_STOP] = edge_acknowledge,
        },
    [EDGE_STARTING] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_MIGRATE] = edge_migrate_later,
            [EDGE_EV_CANCEL] = edge_cancel,
            [EDGE_EV_STARTED] = started_pending,
            [EDGE_EV_BROKEN] = start_failed,
        },
    [EDGE_LIVE] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = say_attached,
            [EDGE_EV_REQUEST] = edge_serve,
            [EDGE_EV_PROBE] = edge_probe,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_ANSWER] = edge_live_answers,
            [EDGE_EV_MIGRATE] = edge_migrate,
            [EDGE_EV_CANCEL] = edge_cancel,
            [EDGE_EV_FETCH] = edge_send_logged,
            [EDGE_EV_INSTALL] = edge_install_over_older,
            [EDGE_EV_ACTIVATE] = edge_activate_again,
            [EDGE_EV_REMOVE] = edge_remove_incoming,
            [EDGE_EV_STOP] = edge_stop,
            [EDGE_EV_DIED] = edge_live_died,
        },
    [EDGE_INSTALLING] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_REQUEST] = nothing,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_PROBE] = nothing,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_ACTIVATE] = nothing,
            [EDGE_EV_MIGRATE] = edge_migrate_before,
            [EDGE_EV_INSTALL] = edge_install_over_older,
            [EDGE_EV_ANSWER] = edge_reconstruct_answers,
            [EDGE_EV_INSTALLED] = edge_installed,
            [EDGE_EV_BROKEN] = edge_broken_install,
            [EDGE_EV_REMOVE] = edge_remove_incoming,
            [EDGE_EV_CANCEL] = edge_cancel,
            [EDGE_EV_STOP] = edge_acknowledge,
            [EDGE_EV_DIED] = edge_restored_died,
        },
    [EDGE_STANDBY] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_REQUEST] = nothing,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_REPLAY] = edge_replay,
            [EDGE_EV_PROBE] = edge_probe,
            [EDGE_EV_ANSWER] = edge_standby_answers,
            [EDGE_EV_MIGRATE] = edge_migrate_before,
            [EDGE_EV_INSTALL] = edge_install_over_older,
            [EDGE_EV_ACTIVATE] = edge_activate,
            [EDGE_EV_REMOVE] = edge_remove_incoming,
            [EDGE_EV_CANCEL] = edge_cancel,
            [EDGE_EV_STOP] = edge_acknowledge,
            [EDGE_EV_BROKEN] = edge_broken_install,
            [EDGE_EV_DIED] = edge_restored_died,
        },
    [EDGE_REMOVING] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = nothing,
            [EDGE_EV_REQUEST] = nothing,
            [EDGE_EV_REPLAY] = nothing,
            [EDGE_EV_PROBE] = nothing,
            [EDGE_EV_FETCH] = nothing,
            [EDGE_EV_ANSWER] = nothing,
            [EDGE_EV_ACTIVATE] = nothing,
            [EDGE_EV_MIGRATE] = edge_refuse_migrate,
            [EDGE_EV_CANCEL] = edge_cancel,
            [EDGE_EV_INSTALL] = nothing,
            [EDGE_EV_REMOVE] = edge_remove_meanwhile,
            [EDGE_EV_STOP] = nothing,
            [EDGE_EV_REMOVED] = removed,
            [EDGE_EV_DIED] = nothing,
        },
};

/* If placements weigh the load, the access points that could place a container here hear how it changes. */
static void tell_load(struct edge *edge, uint32_t mud)
{
    const struct policy_rules *policy = &edge->actor.rules->policy;
    struct offload load = {.type = OFFLOAD_LOAD, .mud = mud, .number = edge->containers, .until = ++edge->loads_told};
    if (!policy->where->looks_around)
        return;
    const struct placement_edge *here = &policy->placement.edges[edge->actor.self.index];
    for (uint32_t i = 0; i < here->hearer_count; i++)
        actor_send_offload(&edge->actor, party_ap(here->hearers[i]), &load);
}

void edge_enter_state(struct edge_client *client, enum edge_state state, enum edge_event event)
{
    bool had = client->state != EDGE_EMPTY, has = state != EDGE_EMPTY;
    if (client->state != state)
        actor_report_transition(&client->edge->actor, client->mud, state_names[client->state], state_names[state],
                                event_names[event]);
    client->state = state;
    edge_keep_owner(client);
    if (had == has)
        return;
    client->edge->containers += has ? 1 : -1u;
    tell_load(client->edge, client->mud);
}

void edge_handle(struct edge_client *client, enum edge_event event, const struct msg *m)
{
    edge_handler *handler = table[client->state][event];
    if (handler)
        handler(client, m);
    else
        actor_report_unexpected(&client->edge->actor, client->mud, state_names[client->state], event_names[event]);
    edge_keep_owner(client);
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

struct edge_client *edge_client_of(struct edge *edge, uint32_t mud)
{
    struct edge_client *client = map_get(&edge->clients, mud);
    if (!client) {
        client = mem_alloc(sizeof *client);
        client->edge = edge;
        client->mud = mud;
        client->out.alarm.ring = out_alarm_rings;
        client->in.alarm.ring = in_alarm_rings;
        client->order_alarm.ring = order_alarm_rings;
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
        [OFFLOAD_INSTALL] = EDGE_EV_INSTALL, [OFFLOAD_REMOVE] = EDGE_EV_REMOVE,     [OFFLOAD_CLAIM] = EDGE_EV_CLAIM,
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
        edge_handle(edge_client_of(edge, m->mud), event, m);
}

void edge_container_says(struct edge *edge, uint32_t container, const struct offload *o)
{
    struct edge_client *client = edge_client_of(edge, o->mud);
    struct msg m = {.type = MSG_OFFLOAD, .from = edge->actor.self, .to = edge->actor.self, .mud = o->mud, .offload = *o};
    if (container == client->container)
        edge_handle(client, EDGE_EV_ANSWER, &m);
}

void edge_container_died(struct edge *edge, uint32_t mud, uint32_t container)
{
    struct edge_client *client = edge_client_of(edge, mud);
    if (container == client->container)
        edge_handle(client, EDGE_EV_DIED, NULL);
}

static void order_ended(struct edge_client *client)
{
    client->ordered = false;
    actor_clear_alarm(&client->edge->actor, &client->order_alarm);
}

static void start_done(struct edge_client *client, const struct order_result *result)
{
    order_ended(client);
    if (result->status < 0)
        actor_note(&client->edge->actor, (int32_t)client->mud, -1, "the container could not be started: %s", result->reason);
    edge_handle(client, result->status < 0 ? EDGE_EV_BROKEN : EDGE_EV_STARTED, NULL);
}

/* For the first container of a device. */
static void pull_done(struct edge_client *client, const struct order_result *result)
{
    struct edge *edge = client->edge;
    if (result->status < 0) {
        start_done(client, result);
        return;
    }
    edge->lacks_base = false;
    actor_note(&edge->actor, (int32_t)client->mud, -1, "pulled the image, %lld bytes", (long long)result->bytes);
    order(client, OP_START, 0);
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
        edge_acknowledge(client, &asked);
    }
    if (files_alone)
        return;
    order_ended(client);
    if (result->status < 0)
        actor_set_alarm(actor, &client->order_alarm, actor->rules->timeouts.control_retry);
    else
        edge_handle(client, EDGE_EV_REMOVED, NULL);
}

void edge_operation_done(struct edge *edge, const struct order *order, const struct order_result *result)
{
    struct edge_client *client = edge_client_of(edge, order->mud);
    bool removal = order->operation == OP_STOP || order->operation == OP_DISCARD;
    bool of_migration = (client->out.operating && order->migration == client->out.id) ||
                        (client->in.operating && order->migration == client->in.id);
    if (order->operation == OP_MEASURE)
        edge_measured(client, order, result);
    else if (order->operation == OP_START && order->migration == 0)
        start_done(client, result);
    else if (order->operation == OP_PULL && order->migration == 0)
        pull_done(client, result);
    else if (of_migration)
        migration_operation_done(client, order, result);
    else if (removal)
        removal_done(client, order, result);
    edge_keep_owner(client);
}

static bool client_busy(const struct edge_client *client)
{
    return (client->state != EDGE_EMPTY && client->state != EDGE_LIVE) || migration_runs(&client->out) || client->recovering ||
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
    struct edge_client *client = edge_client_of(edge, m->mud);
    char text[64];
    msg_text(m, text, sizeof text);
    actor_note(&edge->actor, (int32_t)m->mud, (int32_t)m->offload.migration, "no answer to %s", text);
    if (m->offload.type == OFFLOAD_INSTALL)
        migration_ask_to_fail(client);
    else if (m->offload.type == OFFLOAD_DELEGATE)
        return;
    else
        courier_send(courier, m);
}

void edge_init(struct edge *edge, struct port *port, const struct rules *rules, uint32_t index)
{
    *edge = (struct edge){.actor = {.port = port, .rules = rules, .self = party_edge(index)}};
    edge->lacks_base = rules->lacks_base && rules->lacks_base[index];
    courier_init(&edge->courier, &edge->actor, gave_up);
}

void edge_free(struct edge *edge)
{
    size_t at = 0;
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));) {
        replay_free(&client->log);
        replay_free(&client->commands);
        free(client);
    }
    map_free(&edge->clients);
    courier_free(&edge->courier);
}
