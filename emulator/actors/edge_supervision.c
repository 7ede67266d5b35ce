/* Supervision as an edge server carries it out: delegation, recall, and the guard over its containers. */
#include "edge.h"
#include "mem.h"
#include "supervision.h"

enum { AGAIN_MS = 100 };

const char *supervision_action_name(int action)
{
    static const char *const names[SUPERVISION_ACTIONS] = {
        [SUPERVISION_DELEGATE] = "delegate", [SUPERVISION_RECALL] = "recall"};
    return action >= 0 && action < SUPERVISION_ACTIONS ? names[action] : NULL;
}

static const struct supervision *supervision_of(const struct edge *edge)
{
    return &edge->actor.rules->supervision;
}

static void report(struct edge_client *client, struct party peer, const char *text, int64_t value)
{
    struct actor *actor = &client->edge->actor;
    struct report r = REPORT_INIT;
    r.kind = EVENT_SUPERVISION;
    r.reporter = actor->self;
    r.peer = peer;
    r.text = text;
    r.mud = (int32_t)client->mud;
    r.value = value;
    actor->port->operations->report(actor->port, &r);
}

/* --- delegation --------------------------------------------------------------------------------------------------------------- */

static void delegate_client(struct edge_client *client, struct party to)
{
    report(client, to, "delegated", 0);
    client->delegated = true;
    struct offload o = {.type = OFFLOAD_DELEGATE,
                        .mud = client->mud,
                        .sequence = client->sequence,
                        .migration = client->container,
                        .peer = to};
    courier_send_offload(&client->edge->courier, client->owner, &o);
}

static bool is_coming(const struct edge_client *client)
{
    return client->state == EDGE_STARTING || client->state == EDGE_INSTALLING ||
           client->state == EDGE_STANDBY;
}

/* What leaves by itself needs no help. False as long as there is a container on its way to here. */
static bool delegate_all(struct edge *edge)
{
    size_t at = 0;
    bool done = true;
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));) {
        if (client->state == EDGE_LIVE && !client->delegated && !migration_runs(&client->out))
            delegate_client(client, edge->delegates_to);
        done &= !is_coming(client);
    }
    return done;
}

/* --- stopping ----------------------------------------------------------------------------------------------------------------- */

/* Until then nothing but the migration itself ends it. */
static bool can_be_stopped(const struct edge_client *client)
{
    return client->state == EDGE_LIVE && !migration_runs(&client->out) && !client->in.pages &&
           client->pending_migrate.mud == MUD_NONE;
}

static void stop_client(struct edge_client *client, const char *why, int64_t value)
{
    report(client, (struct party){0}, why, value);
    edge_stop_for_good(client);
}

/* False as long as there is a container that migrates, starts or stops. */
static bool recall_all(struct edge *edge)
{
    size_t at = 0;
    bool done = true;
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));)
        if (can_be_stopped(client))
            stop_client(client, "recalled", 0);
        else
            done &= client->state == EDGE_EMPTY || client->state == EDGE_REMOVING;
    return done;
}

/* --- what is due -------------------------------------------------------------------------------------------------------------- */

static void forget_delegations(struct edge *edge)
{
    size_t at = 0;
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));)
        client->delegated = false;
}

static void carry_out(struct edge *edge, const struct supervision_order *order)
{
    if (order->action == SUPERVISION_RECALL) {
        edge->recalls = edge->recalled = true;
    } else if (order->edge == edge->actor.self.index) {
        forget_delegations(edge);
        edge->delegates = true;
        edge->delegates_to = party_edge(order->to);
    }
}

static void wait_for_next(struct edge *edge)
{
    const struct supervision *s = supervision_of(edge);
    if (edge->recalls || edge->delegates)
        actor_set_alarm(&edge->actor, &edge->supervision_alarm, simtime_ms(AGAIN_MS));
    else if (edge->supervised < s->order_count)
        actor_set_alarm(&edge->actor, &edge->supervision_alarm,
                        simtime_sub(s->orders[edge->supervised].at, actor_run_time(&edge->actor)));
}

static void supervise(struct alarm *alarm)
{
    struct edge *edge = container_of(alarm, struct edge, supervision_alarm);
    const struct supervision *s = supervision_of(edge);
    while (edge->supervised < s->order_count &&
           s->orders[edge->supervised].at.ns <= actor_run_time(&edge->actor).ns)
        carry_out(edge, &s->orders[edge->supervised++]);
    if (edge->delegates)
        edge->delegates = !delegate_all(edge);
    if (edge->recalls)
        edge->recalls = !recall_all(edge);
    wait_for_next(edge);
}

/* --- the guard ---------------------------------------------------------------------------------------------------------------- */

static void look_around(struct alarm *alarm)
{
    struct edge *edge = container_of(alarm, struct edge, guard_alarm);
    size_t at = 0;
    for (struct edge_client *client; (client = map_next(&edge->clients, &at));)
        if (can_be_stopped(client))
            edge_operate(client, OP_MEASURE, 0, client->container, (struct party){0});
    actor_set_alarm(&edge->actor, alarm, supervision_of(edge)->allowance.interval);
}

/* Per second, in thousandths. */
static int64_t rate(double amount, struct simtime during)
{
    return during.ns > 0 ? (int64_t)(amount * 1e12 / (double)during.ns) : 0;
}

void edge_measured(struct edge_client *client, const struct order *order, const struct order_result *result)
{
    const struct supervision_allowance *a = &supervision_of(client->edge)->allowance;
    if (result->status < 0 || !can_be_stopped(client) || client->container != order->container)
        return;
    struct simtime now = actor_now(&client->edge->actor), before = client->measured;
    if (client->measured_container != client->container)
        before = SIMTIME_ZERO;
    client->measured_container = client->container;
    struct simtime during = before.ns ? simtime_sub(now, before) : SIMTIME_ZERO;
    int64_t cpus = rate((double)(result->cpu_ns - client->measured_cpu_ns) / 1e9, during);
    int64_t requests = rate((double)client->next - client->measured_next, during);
    client->measured = now;
    client->measured_cpu_ns = result->cpu_ns;
    client->measured_next = client->next;
    if (a->memory_bytes && (uint64_t)result->bytes > a->memory_bytes)
        stop_client(client, "memory", result->bytes);
    else if (a->cpus > 0 && (double)cpus > a->cpus * 1000)
        stop_client(client, "cpu", cpus);
    else if (a->requests_per_s > 0 && (double)requests > a->requests_per_s * 1000)
        stop_client(client, "requests", requests);
}

/* Orders from before it restarted: a recall still holds, a delegation has been seen to. */
static void catch_up(struct edge *edge)
{
    const struct supervision *s = supervision_of(edge);
    struct simtime now = actor_run_time(&edge->actor);
    for (; edge->supervised < s->order_count && simtime_before(s->orders[edge->supervised].at, now); edge->supervised++)
        if (s->orders[edge->supervised].action == SUPERVISION_RECALL)
            carry_out(edge, &s->orders[edge->supervised]);
}

void edge_start(struct edge *edge)
{
    edge->supervision_alarm.ring = supervise;
    catch_up(edge);
    wait_for_next(edge);
    const struct supervision_allowance *a = &supervision_of(edge)->allowance;
    edge->guard_alarm.ring = look_around;
    if (supervision_guards(a))
        actor_set_alarm(&edge->actor, &edge->guard_alarm, a->interval);
}
