#include "edge.h"
#include "mem.h"

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

/* --- the table --------------------------------------------------------------------------------------------------------------- */

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

/* NULL = not foreseen. Handlers enter the next state themselves where it depends on what the message says. */
static edge_handler *const table[EDGE_STATES][EDGE_EVENTS] = {
    [EDGE_EMPTY] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = edge_start_container,
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
            [EDGE_EV_STARTED] = edge_started,
            [EDGE_EV_BROKEN] = edge_start_failed,
        },
    [EDGE_LIVE] =
        {
            [EDGE_EV_CLAIM] = edge_claim,
            [EDGE_EV_ATTACH] = edge_say_attached,
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
            [EDGE_EV_REMOVED] = edge_removed,
            [EDGE_EV_DIED] = nothing,
        },
};

void edge_tell_load(struct edge *edge, uint32_t mud)
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
    client->recovering &= state == EDGE_LIVE;
    client->awaits_base &= state == EDGE_STARTING || state == EDGE_INSTALLING;
    if (had != has) {
        client->edge->containers += has ? 1 : -1u;
        edge_tell_load(client->edge, client->mud);
    }
    edge_keep_owner(client);
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
        client->order_alarm.ring = edge_order_alarm_rings;
        client->files_alarm.ring = edge_files_alarm_rings;
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

/* A target that sends something itself may have done so until now: that goes here, too. */
static void remove_what_came_back(struct edge_client *client, const struct msg *ack)
{
    const struct actor *actor = &client->edge->actor;
    const struct migration m = {.id = ack->offload.migration, .peer = actor->self, .sequence = client->sequence};
    bool over = !migration_runs(&client->out) || client->out.id != m.id;
    if (!over || party_equal(ack->from, actor->self) || !strategy_has(actor->rules->strategy, OP_SEND_CHOICE))
        return;
    edge_remember_leftover(client, &m);
    migration_tell(client, &m, m.peer, OFFLOAD_REMOVE, 0);
}

static void removal_acknowledged(struct edge_client *client, const struct msg *ack)
{
    const struct migration *out = &client->out;
    edge_forget_leftover(client, ack->from, ack->offload.migration);
    remove_what_came_back(client, ack);
    migration_answered_back(client, ack->offload.migration, ack->offload.status);
    if (out->doubted && ack->offload.migration == out->id && party_equal(ack->from, out->peer))
        migration_disproved(client);
    edge_keep_owner(client);
}

void edge_receive(struct edge *edge, const struct msg *m)
{
    actor_received(&edge->actor, m);
    if (m->type != MSG_OFFLOAD)
        return;
    if (m->offload.type == OFFLOAD_ACK) {
        courier_settle(&edge->courier, m->from, m->offload.acked, m->mud, m->offload.migration);
        if (m->offload.acked == OFFLOAD_REMOVE)
            removal_acknowledged(edge_client_of(edge, m->mud), m);
        return;
    }
    if (m->offload.type == OFFLOAD_PREPULL) {
        edge_pull_ahead(edge, m);
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

static bool client_busy(const struct edge_client *client)
{
    return (client->state != EDGE_EMPTY && client->state != EDGE_LIVE) || migration_runs(&client->out) || client->recovering ||
           client->snapshot.running || client->in.pages || client->files_of ||
           client->pending_migrate.mud != MUD_NONE;
}

bool edge_busy(const struct edge *edge)
{
    size_t at = 0;
    for (const struct edge_client *client; (client = map_next(&edge->clients, &at));)
        if (client_busy(client))
            return true;
    return edge->courier.len > 0 || edge->ahead.runs;
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
        free(client->leftovers);
        free(client);
    }
    map_free(&edge->clients);
    courier_free(&edge->courier);
}
