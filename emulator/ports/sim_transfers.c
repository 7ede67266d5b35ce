/* Transfers in virtual time: TCP connections over the modelled links (flow.h), with what the carrier does beyond TCP (carrier_model.h).
 *
 * A carrier that keeps one warm connection sends its jobs over it one after the other, without a gap; in the real world slices of all of
 * them take turns. The others open one connection more for a job that finds none free. */
#include "carrier_model.h"
#include "mem.h"
#include "sim_internal.h"

#include <stdlib.h>

struct sim_connection {
    struct sim_connection *next;
    struct sim *sim;
    struct flow flow;
    struct sim_order *first; /* whose bytes are under way, the oldest first */
};

struct sim_arrival {
    struct sim_arrival *next;
    struct order sent; /* its peer has it */
};

static const struct carrier_model *carrier_of(const struct sim *sim)
{
    return carrier_model_of(sim->layout->carrier);
}

/* --- arrivals ---------------------------------------------------------------------------------------------------------------------- */

static bool is_for(const struct sim_arrival *a, const struct order *o)
{
    return a->sent.peer.index == o->edge.index && a->sent.migration == o->migration;
}

static bool is_awaited_by(const struct sim_arrival *a, const struct order *o)
{
    return is_for(a, o) && operation_received(o->operation) == a->sent.operation;
}

static void arrives(struct sim *sim, const struct order *sent)
{
    struct sim_device *device = &sim->devices[sent->mud];
    struct sim_arrival *a = mem_alloc(sizeof *a);
    *a = (struct sim_arrival){device->arrivals, *sent};
    device->arrivals = a;
    if (sent->operation == OP_SEND_MEMORY)
        sim_arrive_at_peer(sim, sent);
    for (struct sim_order *so = device->orders; so; so = so->next)
        if (so->awaits && is_awaited_by(a, &so->order))
            loop_arm_after(sim->loop, &so->timer, SIMTIME_ZERO);
}

void sim_transfer_await(struct sim_order *so)
{
    const struct sim_arrival *a = so->sim->devices[so->order.mud].arrivals;
    while (a && !is_awaited_by(a, &so->order))
        a = a->next;
    so->awaits = !a;
    if (a)
        sim_order_finish(so);
}

void sim_transfer_forget(struct sim *sim, const struct order *o)
{
    for (struct sim_arrival **at = &sim->devices[o->mud].arrivals, *a; (a = *at);) {
        if (!is_for(a, o)) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        free(a);
    }
}

void sim_transfer_forget_all(struct sim_device *device)
{
    for (struct sim_arrival *a; (a = device->arrivals);) {
        device->arrivals = a->next;
        free(a);
    }
}

/* --- connections -------------------------------------------------------------------------------------------------------------------- */

static uint32_t pair_of(const struct sim *sim, int from, int to)
{
    return (uint32_t)from * (uint32_t)sim->layout->host_count + (uint32_t)to;
}

static struct sim_connection *find_connection(const struct sim *sim, int from, int to)
{
    struct sim_connection *c = map_get(&sim->connections, pair_of(sim, from, to));
    while (c && c->first && !carrier_of(sim)->warm)
        c = c->next;
    return c;
}

/* Finishing an order may begin another, on this connection, too. */
static void moved(struct flow *flow)
{
    struct sim_connection *c = container_of(flow, struct sim_connection, flow);
    for (struct sim_order *so = c->first; so && so->until <= flow->arrived; so = so->behind) {
        if (!so->arrived)
            arrives(c->sim, &so->order);
        so->arrived = true;
    }
    while (c->first && c->first->until <= flow->acknowledged)
        sim_order_finish(c->first);
}

static void fill_path(struct sim *sim, int from, int to, struct link_path *path)
{
    int hops[PATH_HOPS_MAX];
    path->hop_count = layout_route(sim->layout, from, to, hops, PATH_HOPS_MAX);
    if (path->hop_count < 0)
        path->hop_count = 0;
    for (int i = 0; i < path->hop_count; i++)
        path->hops[i] = &sim->links[hops[i]];
}

/* Opened, and warmed if the carrier does that, when the run starts. */
static void open_connection(struct sim *sim, int from, int to)
{
    const struct carrier_model *carrier = carrier_of(sim);
    struct layout_path path = layout_path(sim->layout, from, to);
    uint32_t pair = pair_of(sim, from, to);
    struct sim_connection *c = mem_alloc(sizeof *c);
    *c = (struct sim_connection){.next = map_get(&sim->connections, pair), .sim = sim};
    struct link_path forward, back;
    fill_path(sim, from, to, &forward);
    fill_path(sim, to, from, &back);
    flow_init(&c->flow, sim->loop, &forward, &back, carrier->window);
    if (carrier->warm)
        flow_warmed(&c->flow, path.rtt, path.rate_bps);
    else
        flow_opened(&c->flow, path.rtt);
    c->flow.moved = moved;
    map_set(&sim->connections, pair, c);
}

/* Links may have changed since the start of the run. */
static struct simtime protocol_time(struct sim *sim, int from, int to, enum operation operation)
{
    struct link_path forward, back;
    fill_path(sim, from, to, &forward);
    fill_path(sim, to, from, &back);
    struct simtime rtt = simtime_add(link_path_delay(&forward), link_path_delay(&back));
    return carrier_model_time(carrier_of(sim), sim->layout, operation, rtt);
}

/* --- orders -------------------------------------------------------------------------------------------------------------------------- */

struct simtime sim_transfer_prepare(struct sim *sim, const struct order *order)
{
    int from = sim_edge_host(sim, order->edge), to = sim_edge_host(sim, order->peer);
    if (from == to)
        return SIMTIME_ZERO;
    if (!find_connection(sim, from, to))
        open_connection(sim, from, to);
    return protocol_time(sim, from, to, order->operation);
}

/* A transfer without a byte for so long has failed. */
static void look_for_progress(struct timer *timer)
{
    struct sim_order *so = container_of(timer, struct sim_order, timer);
    uint64_t acknowledged = so->connection ? so->connection->flow.acknowledged : so->seen;
    so->stalled = acknowledged == so->seen;
    so->seen = acknowledged;
    if (so->stalled || so->cancelled)
        sim_order_finish(so);
    else
        sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), timer, so->sim->layout->progress);
}

void sim_transfer_begin(struct sim_order *so)
{
    struct sim *sim = so->sim;
    struct sim_connection *c =
        find_connection(sim, sim_edge_host(sim, so->order.edge), sim_edge_host(sim, so->order.peer));
    if (!c) { /* both edges on one host: nothing to cross */
        arrives(sim, &so->order);
        sim_order_finish(so);
        return;
    }
    so->bytes = carrier_model_bytes(carrier_of(sim), sim->layout, so->order.operation);
    so->connection = c;
    so->until = c->flow.sent + (so->bytes ? so->bytes : 1);
    struct sim_order **last = &c->first;
    while (*last)
        last = &(*last)->behind;
    *last = so;
    so->seen = c->flow.acknowledged;
    so->timer.fire = look_for_progress;
    sim_arm(sim, sim_edge_host(sim, so->order.edge), &so->timer, sim->layout->progress);
    flow_send(&c->flow, so->bytes);
}

/* What others have on the connection goes on, and what of this order stands before it passes, too. */
void sim_transfer_leave(struct sim_order *so)
{
    struct sim_connection *c = so->connection;
    so->awaits = false;
    if (!c)
        return;
    struct sim_order **link = &c->first;
    while (*link != so)
        link = &(*link)->behind;
    *link = so->behind;
    so->connection = NULL;
    if (!c->first)
        flow_abort(&c->flow);
}

/* Of the connection's bytes on the wire, the order's share. */
uint64_t sim_order_bytes(const struct sim_order *so)
{
    const struct sim_connection *c = so->connection;
    uint64_t left = c ? c->flow.sent - c->flow.to_send : 0;
    return left ? (uint64_t)((double)so->bytes * (double)c->flow.wire_bytes / (double)left)
                : layout_operation_bytes(so->sim->layout, so->order.operation);
}

void sim_free_connections(struct sim *sim)
{
    size_t at = 0;
    for (struct sim_connection *c; (c = map_next(&sim->connections, &at));)
        for (struct sim_connection *next; c; c = next) {
            next = c->next;
            flow_free(&c->flow);
            free(c);
        }
    map_free(&sim->connections);
}
