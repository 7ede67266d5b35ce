/* A device's container at an edge server: started, announced, removed, and what comes of each order about it. */
#include "edge.h"
#include "mem.h"

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
    struct report r = report_of_stage(actor->self, operation, client->mud, migration, begin);
    r.bytes = result->bytes;
    r.value = result->status;
    actor->port->operations->report(actor->port, &r);
}

static void give_order(struct edge_client *client)
{
    struct actor *actor = &client->edge->actor;
    client->ordered = true;
    if (client->order.operation != OP_PULL) /* that is bounded by its progress */
        actor_set_alarm(actor, &client->order_alarm, actor->rules->timeouts.operation);
    actor->port->operations->operate(actor->port, &client->order);
}

void edge_order(struct edge_client *client, enum operation operation, uint32_t migration)
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
void edge_order_alarm_rings(struct alarm *alarm)
{
    struct edge_client *client = container_of(alarm, struct edge_client, order_alarm);
    struct actor *actor = &client->edge->actor;
    if (client->ordered)
        actor->port->operations->cancel_operations(actor->port, actor->self, client->mud, client->order.migration);
    else if (client->recovering)
        edge_ask_next(client);
    else
        give_order(client);
}

void edge_order_start(struct edge_client *client)
{
    if (!edge_await_base(client))
        edge_order(client, client->edge->lacks_base ? OP_PULL : OP_START, 0);
}

/* Once a device's container has come or gone, an ATTACH is a late repetition; or another access point has claimed the device since. */
void edge_start_container(struct edge_client *client, const struct msg *m)
{
    if (client->ended || client->removed || client->container || client->lost || m->offload.sequence < client->fence) {
        edge_say_owned(client, m);
        return;
    }
    if (client->edge->recalled)
        return;
    client->owner = m->from;
    client->container = 0;
    client->next = 0;
    edge_order_start(client);
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

void edge_say_attached(struct edge_client *client, const struct msg *m)
{
    say_ready(client, m->from);
}

void edge_started(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_report_container(client, client->container, "live");
    say_ready(client, client->owner);
    edge_enter_state(client, EDGE_LIVE, EDGE_EV_STARTED);
    edge_migration_ended(client);
}

/* The AP asks again with its next ATTACH. */
void edge_start_failed(struct edge_client *client, const struct msg *m)
{
    (void)m;
    edge_enter_state(client, EDGE_EMPTY, EDGE_EV_BROKEN);
}

void edge_forget_requests(struct edge_client *client)
{
    edge_forget_snapshot(client);
    replay_free(&client->log);
    replay_free(&client->commands);
    client->gate_closed = false;
}

void edge_remove_container(struct edge_client *client, enum operation operation, uint32_t migration, enum edge_event event)
{
    migration_forget_pages(client);
    edge_forget_requests(client);
    edge_order(client, operation, migration);
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

void edge_removed(struct edge_client *client, const struct msg *m)
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

 
void edge_order_ended(struct edge_client *client)
{
    client->ordered = false;
    actor_clear_alarm(&client->edge->actor, &client->order_alarm);
}

static void start_done(struct edge_client *client, const struct order_result *result)
{
    edge_order_ended(client);
    if (result->status < 0)
        actor_note(&client->edge->actor, (int32_t)client->mud, -1, "the container could not be started: %s", result->reason);
    edge_handle(client, result->status < 0 ? EDGE_EV_BROKEN : EDGE_EV_STARTED, NULL);
}

void edge_report_pull(struct edge_client *client, int32_t migration, const struct order_result *result)
{
    struct edge *edge = client->edge;
    edge->lacks_base = false;
    if (result->source)
        actor_note(&edge->actor, (int32_t)client->mud, migration, "pulled the image from registry %s, %lld bytes", result->source,
                   (long long)result->bytes);
}

/* For the first container of a device. */
static void pull_done(struct edge_client *client, const struct order_result *result)
{
    if (result->status < 0) {
        start_done(client, result);
        return;
    }
    edge_report_pull(client, -1, result);
    edge_order(client, OP_START, 0);
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
        edge_acknowledge_removal(client, &asked);
    }
    if (files_alone) {
        client->files_of = 0;
        actor_clear_alarm(actor, &client->files_alarm);
        return;
    }
    edge_order_ended(client);
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
                        (client->in.operating && order->migration == client->in.id && !removal);
    if (edge_is_pull_ahead(order))
        edge_pulled_ahead(edge, result);
    else if (order->operation == OP_MEASURE)
        edge_measured(client, order, result);
    else if (order->operation == OP_SNAPSHOT)
        edge_snapshot_done(client, result);
    else if (order->operation == OP_THAW && !of_migration)
        edge_snapshot_thawed(client);
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
