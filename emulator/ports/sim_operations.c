/* Container operations in virtual time: each takes its modelled cost, then has its effect (sim_effects.c). */
#include "mem.h"
#include "sim_internal.h"

#include <errno.h>
#include <stdlib.h>

static void unlink_order(struct sim_order *so)
{
    struct sim_order **link = &so->sim->devices[so->order.mud].orders;
    while (*link != so)
        link = &(*link)->next;
    *link = so->next;
    sim_transfer_leave(so);
    sim_pull_ends(so);
    sim_pages_break_off(so);
}

static void goes_on(struct timer *timer)
{
    sim_order_finish(container_of(timer, struct sim_order, timer));
}

/* A transfer may end while the edge's host is stopped. */
static bool waits_for_host(struct sim_order *so)
{
    struct simtime now = loop_now(so->sim->loop), awake = sim_awake(so->sim, sim_edge_host(so->sim, so->order.edge), now);
    if (awake.ns <= now.ns)
        return false;
    sim_transfer_leave(so);
    so->timer.fire = goes_on;
    loop_arm(so->sim->loop, &so->timer, awake);
    return true;
}

/* It is used up: what follows is between the edge server and the container. */
static int open_log(struct sim *sim, const struct order *o, struct replay_log *log)
{
    int status = o->operation == OP_REPLAY_LOG ? sim_log_open(sim, o, log) : 0;
    if (status == 0 && o->operation == OP_REPLAY_LOG) {
        sim_log_drop(sim, o);
        sim_transfer_forget(sim, o, OPERATIONS);
    }
    return status;
}

enum { OVERUSE_TIMES = 10 };

/* As long as it executes requests it computes. */
static void measure(const struct sim_order *so, struct order_result *result)
{
    const struct order *o = &so->order;
    const struct sim_container *c = sim_container_about(so->sim, o);
    int times = so->fault && so->fault->effect == FAULT_OVERUSE ? OVERUSE_TIMES : 1;
    result->bytes *= times;
    result->cpu_ns = c ? (int64_t)c->state.model.next * so->sim->layout->work.ns * times : 0;
}

void sim_order_finish(struct sim_order *so)
{
    struct replay_log log = {0};
    struct sim *sim = so->sim;
    struct order order = so->order;
    if (waits_for_host(so))
        return;
    struct order_result result = {.bytes = (int64_t)sim_order_bytes(so), .source = sim_pull_source(so), .log = &log};
    if (so->cancelled) {
        result = (struct order_result){.status = -ECANCELED, .reason = "called off"};
    } else if (so->stalled) {
        result = (struct order_result){.status = -ETIMEDOUT, .reason = "no byte for timeouts.progress_ms"};
    } else if ((result.status = sim_fault_status(so, &result.reason)) == 0) {
        result.status = sim_take_effect(sim, &order);
        if (result.status == 0)
            result.status = open_log(sim, &order, &log);
        result.reason = result.status == 0                 ? NULL
                        : order.operation == OP_PULL ? "no registry has the image"
                                                     : "nothing to work on";
        if (order.operation == OP_MEASURE)
            measure(so, &result);
        if (so->fault)
            sim_snapshot_damage(sim, &order, so->fault->effect);
        if (so->fault && order.operation == OP_FETCH_PAGES)
            result = (struct order_result){.status = -EBADMSG, .reason = "a page came damaged"};
    }
    sim_pages_end(sim, &order, result.status == 0);
    sim_hold_for_snapshot(sim, &order, false);
    unlink_order(so);
    loop_cancel(sim->loop, &so->timer);
    free(so);
    if (order.operation == OP_DUMP)
        sim_transfer_dumped(sim, &order);
    edge_operation_done(sim->cast->edges[order.edge.index], &order, &result);
    replay_free(&log);
}

void sim_order_report(const struct sim_order *so, enum operation part, struct simtime begin, uint64_t bytes)
{
    struct sim_port *here = &so->sim->ports[sim_edge_host(so->sim, so->order.edge)];
    struct report r =
        report_of_stage(so->order.edge, part, so->order.mud, so->order.migration, host_clock_read(&here->clock, begin));
    r.bytes = (int64_t)bytes;
    here->port.operations->report(&here->port, &r);
}

/* A transfer goes on until its last byte is acknowledged; what is received ends when it has arrived. */
static void cost_paid(struct timer *timer)
{
    struct sim_order *so = container_of(timer, struct sim_order, timer);
    const char *reason;
    bool over = so->cancelled || so->stalled || sim_fault_status(so, &reason) < 0;
    if (!over && so->order.operation == OP_FETCH_PAGES && !sim_pages_are_served(so->sim, &so->order))
        sim_pages_see_no_byte(so);
    else if (!over && operation_is_transfer(so->order.operation))
        sim_transfer_begin(so);
    else if (!over && so->order.operation == OP_PULL)
        sim_pull_begin(so);
    else if (!over && so->order.operation == OP_LOAD_BASE)
        sim_layers_load(so);
    else if (!over && operation_received(so->order.operation) != OPERATIONS)
        sim_transfer_await(so);
    else
        sim_order_finish(so);
}

static struct simtime cost_of(const struct sim_order *so)
{
    enum operation operation = so->order.operation;
    const struct layout *l = so->sim->layout;
    struct simtime time = operation == OP_DUMP ? layout_time_for(l, operation, sim_order_bytes(so))
                                               : layout_operation_time(l, operation);
    bool transfers = operation_is_transfer(operation) || operation == OP_PULL;
    if (operation == OP_LOAD_BASE)
        return SIMTIME_ZERO; /* each layer has its own */
    return transfers ? simtime_add(time, sim_transfer_prepare(so)) : time;
}

/* Whoever fetched pages has ended with it, and its container waits for them for ever. */
void sim_drop_order(struct sim_order *so)
{
    const struct order *o = &so->order;
    if (o->operation == OP_FETCH_PAGES)
        sim_remove_container(so->sim, o->edge.index, o->mud, o->container);
    unlink_order(so);
    loop_cancel(so->sim->loop, &so->timer);
    free(so);
}

void sim_order_begin(struct sim_order *so)
{
    sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), &so->timer, simtime_sub(so->due, so->begin));
}

static bool bounded_by_progress(enum operation operation)
{
    return operation_is_transfer(operation) || operation_received(operation) != OPERATIONS || operation == OP_PULL;
}

void sim_operate(struct port *port, const struct order *order)
{
    struct sim *sim = sim_of(port);
    struct sim_device *device = &sim->devices[order->mud];
    struct sim_order *so = mem_alloc(sizeof *so);
    if (order->operation == OP_TAKE_LOG)
        sim_log_take(sim, order);
    sim_hold_for_snapshot(sim, order, true);
    *so = (struct sim_order){.timer.fire = cost_paid, .next = device->orders, .sim = sim, .order = *order, .begin = loop_now(sim->loop)};
    so->distrusts = sim_registry_is_distrusted(sim, order);
    so->fault = faults_strike(&sim->layout->faults, order->operation, order->edge.index, order->mud, loop_now(sim->loop));
    struct simtime late = fault_delays(&so->fault, port, order);
    device->orders = so;
    so->stalled = so->fault && so->fault->effect == FAULT_HANGS && bounded_by_progress(order->operation);
    bool hangs = so->fault && so->fault->effect == FAULT_HANGS;
    so->due = so->stalled ? simtime_add(so->begin, sim->layout->progress) : hangs ? SIMTIME_NEVER : simtime_add(so->begin, simtime_add(late, cost_of(so)));
    if (so->due.ns != SIMTIME_NEVER.ns && (so->stalled || !sim_transfer_waits(so)))
        sim_order_begin(so);
}

void sim_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration)
{
    struct sim *sim = sim_of(port);
    for (struct sim_order *so = sim->devices[mud].orders; so; so = so->next) {
        if (so->order.edge.index != edge.index || so->order.migration != migration)
            continue;
        so->cancelled = true;
        sim_transfer_leave(so);
        sim_arm(sim, sim_edge_host(sim, edge), &so->timer, SIMTIME_ZERO);
    }
}

static void free_device(struct sim *sim, uint32_t mud)
{
    struct sim_device *device = &sim->devices[mud];
    for (struct sim_order *so; (so = device->orders);) {
        device->orders = so->next;
        loop_cancel(sim->loop, &so->timer);
        free(so);
    }
    sim_snapshots_free(device);
    sim_transfer_forget_all(device);
    sim_free_owners(device);
    while (device->containers)
        sim_remove_container(sim, device->containers->edge, mud, device->containers->container);
}

void sim_free_operations(struct sim *sim)
{
    sim_free_connections(sim);
    for (int i = 0; i < sim->layout->mud_count; i++)
        free_device(sim, (uint32_t)i);
    free(sim->devices);
    free(sim->base_layers);
}
