/* Container operations in virtual time: each takes its modelled cost, then has its effect on containers and
 * snapshots. Transfers take what a TCP connection over the modelled links takes. */
#include "carrier_model.h"
#include "mem.h"
#include "sim_internal.h"

#include <errno.h>
#include <stdlib.h>

struct sim_snapshot {
    struct sim_snapshot *next;
    uint32_t edge, migration;
    struct sim_state state;
};

struct sim_connection {
    struct sim_connection *next;
    struct sim *sim;
    struct flow flow;
    struct sim_order *order; /* whose bytes are on it, NULL = free */
};

struct sim_order {
    struct timer timer;
    struct sim_order *next;
    struct sim *sim;
    struct order order;
    struct sim_connection *connection; /* SEND_*: in use */
    uint64_t wire_bytes;               /* of it, before */
    bool cancelled, fails;
};

/* --- containers --- */

struct sim_container *sim_find_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
{
    struct sim_container *c = sim->devices[mud].containers;
    while (c && (c->edge != edge || c->container != container))
        c = c->next;
    return c;
}

static void container_says(struct sim_container *c, const struct offload *answer)
{
    struct sim *sim = c->owner;
    edge_container_says(sim->cast->edges[c->edge], c->container, answer);
}

static struct sim_container *add_container(struct sim *sim, const struct order *o, struct sim_state *state)
{
    struct sim_container *c =
        sim_container_new(sim->loop, sim->layout, o->edge.index, o->mud, o->container, state);
    c->says = container_says;
    c->owner = sim;
    c->next = sim->devices[o->mud].containers;
    sim->devices[o->mud].containers = c;
    return c;
}

static void remove_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
{
    struct sim_container *gone = sim_find_container(sim, edge, mud, container);
    if (!gone)
        return;
    struct sim_container **link = &sim->devices[mud].containers;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    sim_container_free(gone);
}

int sim_containers(const struct sim *sim, uint32_t mud)
{
    int count = 0;
    for (const struct sim_container *c = sim->devices[mud].containers; c; c = c->next)
        count++;
    return count;
}

/* --- snapshots --- */

static struct sim_snapshot *find_snapshot(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t migration)
{
    struct sim_snapshot *s = sim->devices[mud].snapshots;
    while (s && (s->edge != edge || s->migration != migration))
        s = s->next;
    return s;
}

static void drop_snapshot(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t migration)
{
    struct sim_snapshot *gone = find_snapshot(sim, edge, mud, migration);
    if (!gone)
        return;
    struct sim_snapshot **link = &sim->devices[mud].snapshots;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    sim_state_free(&gone->state);
    free(gone);
}

static void keep_snapshot(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t migration,
                          const struct sim_state *state)
{
    drop_snapshot(sim, edge, mud, migration);
    struct sim_snapshot *s = mem_alloc(sizeof *s);
    *s = (struct sim_snapshot){.next = sim->devices[mud].snapshots, .edge = edge, .migration = migration};
    sim_state_copy(&s->state, state, sim->layout);
    sim->devices[mud].snapshots = s;
}

int sim_snapshots(const struct sim *sim)
{
    int count = 0;
    for (int i = 0; i < sim->layout->mud_count; i++)
        for (const struct sim_snapshot *s = sim->devices[i].snapshots; s; s = s->next)
            count++;
    return count;
}

/* --- effects --- */

static int start(struct sim *sim, const struct order *o)
{
    struct sim_state state;
    sim_state_init(&state, sim->layout, o->mud);
    add_container(sim, o, &state);
    return 0;
}

static int dump(struct sim *sim, const struct order *o, const struct sim_container *c)
{
    keep_snapshot(sim, o->edge.index, o->mud, o->migration, &c->state);
    return 0;
}

/* RESTORE at the target, REVIVE at the source: the snapshot is here, or it cannot be done. */
static int restore(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *s = find_snapshot(sim, o->edge.index, o->mud, o->migration);
    if (!s)
        return -ENOENT;
    struct sim_state state;
    sim_state_copy(&state, &s->state, sim->layout);
    add_container(sim, o, &state);
    drop_snapshot(sim, o->edge.index, o->mud, o->migration);
    return 0;
}

static int arrive_at_peer(struct sim *sim, const struct order *o)
{
    const struct sim_snapshot *s = find_snapshot(sim, o->edge.index, o->mud, o->migration);
    if (!s)
        return -ENOENT;
    keep_snapshot(sim, o->peer.index, o->mud, o->migration, &s->state);
    return 0;
}

static int discard(struct sim *sim, const struct order *o)
{
    if (o->container == o->migration)
        remove_container(sim, o->edge.index, o->mud, o->container);
    drop_snapshot(sim, o->edge.index, o->mud, o->migration);
    return 0;
}

static int stop(struct sim *sim, const struct order *o)
{
    remove_container(sim, o->edge.index, o->mud, o->container);
    drop_snapshot(sim, o->edge.index, o->mud, o->migration);
    return 0;
}

static int take_effect(struct sim *sim, const struct order *o)
{
    struct sim_container *c = sim_find_container(sim, o->edge.index, o->mud, o->container);
    switch (o->operation) {
    case OP_START:
        return start(sim, o);
    case OP_FREEZE:
        return c ? sim_container_freeze(c), 0 : -ENOENT;
    case OP_DUMP:
        return c ? dump(sim, o, c) : -ENOENT;
    case OP_THAW:
        return c ? sim_container_thaw(c), 0 : -ENOENT;
    case OP_HALT:
        remove_container(sim, o->edge.index, o->mud, o->container);
        return 0;
    case OP_SEND_MEMORY:
        return arrive_at_peer(sim, o);
    case OP_RESTORE:
    case OP_REVIVE:
        return restore(sim, o);
    case OP_DISCARD:
        return discard(sim, o);
    case OP_STOP:
        return stop(sim, o);
    case OP_TAKE_LAYER:
    case OP_COMMIT:
    case OP_SAVE:
    case OP_SEND_LAYER:
    case OP_SEND_IMAGE:
    case OP_LOAD:
    case OP_CREATE:
        return 0; /* the snapshot has all state */
    case OP_REPLAY:
    case OP_SWITCH:
    case OPERATIONS:
        break;
    }
    return -EINVAL;
}

/* --- orders --- */

static void unlink_order(struct sim_order *so)
{
    struct sim_order **link = &so->sim->devices[so->order.mud].orders;
    while (*link != so)
        link = &(*link)->next;
    *link = so->next;
    if (so->connection)
        so->connection->order = NULL;
}

/* Of a transfer: what it put on the wire. */
static int64_t bytes_of(const struct sim_order *so)
{
    const struct sim_connection *c = so->connection;
    return c ? (int64_t)(c->flow.wire_bytes - so->wire_bytes)
             : (int64_t)layout_operation_bytes(so->sim->layout, so->order.operation);
}

static void finish(struct sim_order *so)
{
    struct sim *sim = so->sim;
    struct order order = so->order;
    struct order_result result = {.bytes = bytes_of(so)};
    if (so->cancelled) {
        result = (struct order_result){-ECANCELED, 0, "called off"};
    } else if (so->fails) {
        result = (struct order_result){-EIO, 0, "a fault of the scenario"};
    } else {
        result.status = take_effect(sim, &order);
        result.reason = result.status < 0 ? "nothing to work on" : NULL;
    }
    unlink_order(so);
    free(so);
    edge_operation_done(sim->cast->edges[order.edge.index], &order, &result);
}

static uint32_t pair_of(const struct sim *sim, int from, int to)
{
    return (uint32_t)from * (uint32_t)sim->layout->host_count + (uint32_t)to;
}

static struct sim_connection *free_connection(const struct sim *sim, int from, int to)
{
    struct sim_connection *c = map_get(&sim->connections, pair_of(sim, from, to));
    while (c && c->order)
        c = c->next;
    return c;
}

static void cost_paid(struct timer *timer)
{
    struct sim_order *so = container_of(timer, struct sim_order, timer);
    if (!operation_is_transfer(so->order.operation) || so->cancelled || so->fails || so->connection) {
        finish(so);
        return;
    }
    struct sim *sim = so->sim;
    int from = sim->layout->edges[so->order.edge.index].host,
        to = sim->layout->edges[so->order.peer.index].host;
    struct sim_connection *c = free_connection(sim, from, to);
    if (!c) {
        finish(so); /* both edges on one host: nothing to cross */
        return;
    }
    so->connection = c;
    c->order = so;
    so->wire_bytes = c->flow.wire_bytes;
    flow_send(&c->flow, carrier_model_bytes(carrier_model_of(sim->layout->carrier), sim->layout, so->order.operation));
}

static void transfer_done(struct flow *flow)
{
    struct sim_connection *c = container_of(flow, struct sim_connection, flow);
    finish(c->order);
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

/* The carrier's connection from host to host that is free, or one more; they are opened when the run starts. */
static void provide_connection(struct sim *sim, int from, int to)
{
    uint32_t pair = pair_of(sim, from, to);
    if (free_connection(sim, from, to))
        return;
    struct sim_connection *c = mem_alloc(sizeof *c);
    *c = (struct sim_connection){.next = map_get(&sim->connections, pair), .sim = sim};
    struct link_path forward, back;
    fill_path(sim, from, to, &forward);
    fill_path(sim, to, from, &back);
    const struct carrier_model *carrier = carrier_model_of(sim->layout->carrier);
    struct layout_path path = layout_path(sim->layout, from, to);
    flow_init(&c->flow, sim->loop, &forward, &back, carrier->window);
    if (carrier->warm)
        flow_warmed(&c->flow, path.rtt, path.rate_bps);
    else
        flow_opened(&c->flow, path.rtt);
    c->flow.done = transfer_done;
    map_set(&sim->connections, pair, c);
}

/* The carrier's own round trips before the first byte of a file. */
static struct simtime protocol_time(struct sim *sim, int from, int to)
{
    struct link_path forward, back;
    fill_path(sim, from, to, &forward);
    fill_path(sim, to, from, &back);
    struct simtime rtt = simtime_add(link_path_delay(&forward), link_path_delay(&back));
    return simtime_scale(rtt, carrier_model_of(sim->layout->carrier)->round_trips);
}

static struct simtime cost_of(struct sim *sim, const struct order *order)
{
    struct simtime time = layout_operation_time(sim->layout, order->operation);
    if (!operation_is_transfer(order->operation))
        return time;
    int from = sim->layout->edges[order->edge.index].host, to = sim->layout->edges[order->peer.index].host;
    if (from == to)
        return time;
    provide_connection(sim, from, to);
    return simtime_add(time, protocol_time(sim, from, to));
}

void sim_operate(struct port *port, const struct order *order)
{
    struct sim *sim = container_of(port, struct sim, port);
    struct sim_device *device = &sim->devices[order->mud];
    struct sim_order *so = mem_alloc(sizeof *so);
    *so = (struct sim_order){.timer.fire = cost_paid, .next = device->orders, .sim = sim, .order = *order};
    so->fails = layout_fault_strikes(sim->layout, order->operation, order->edge.index, order->mud);
    device->orders = so;
    loop_arm_after(sim->loop, &so->timer, cost_of(sim, order));
}

void sim_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration)
{
    struct sim *sim = container_of(port, struct sim, port);
    for (struct sim_order *so = sim->devices[mud].orders; so; so = so->next) {
        if (so->order.edge.index != edge.index || so->order.migration != migration)
            continue;
        so->cancelled = true;
        if (so->connection)
            flow_abort(&so->connection->flow);
        loop_arm_after(sim->loop, &so->timer, SIMTIME_ZERO);
    }
}

static void free_connections(struct sim *sim)
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

static void free_device(struct sim *sim, uint32_t mud)
{
    struct sim_device *device = &sim->devices[mud];
    for (struct sim_order *so; (so = device->orders);) {
        device->orders = so->next;
        loop_cancel(sim->loop, &so->timer);
        free(so);
    }
    while (device->snapshots)
        drop_snapshot(sim, device->snapshots->edge, mud, device->snapshots->migration);
    while (device->containers)
        remove_container(sim, device->containers->edge, mud, device->containers->container);
}

void sim_free_operations(struct sim *sim)
{
    free_connections(sim);
    for (int i = 0; i < sim->layout->mud_count; i++)
        free_device(sim, (uint32_t)i);
    free(sim->devices);
}
