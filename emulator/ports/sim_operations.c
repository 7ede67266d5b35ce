/* Container operations in virtual time: each takes its modelled cost, then has its effect on containers and snapshots. */
#include "mem.h"
#include "sim_internal.h"

#include <errno.h>
#include <stdlib.h>

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
    if (sim->cast->edges[c->edge])
        edge_container_says(sim->cast->edges[c->edge], c->container, answer);
}

static void container_arms(struct sim_container *c, struct timer *timer, struct simtime after)
{
    struct sim *sim = c->owner;
    sim_arm(sim, sim->layout->edges[c->edge].host, timer, after);
}

static struct sim_container *add_container(struct sim *sim, const struct order *o, struct sim_state *state)
{
    struct sim_container *c =
        sim_container_new(sim->loop, sim->layout, o->edge.index, o->mud, o->container, state);
    c->arm = container_arms;
    c->says = container_says;
    c->owner = sim;
    c->next = sim->devices[o->mud].containers;
    sim->devices[o->mud].containers = c;
    return c;
}

void sim_remove_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container)
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

const struct sim_container *sim_containers(const struct sim *sim, uint32_t mud)
{
    return sim->devices[mud].containers;
}

struct sim_remains sim_remains(struct sim *sim, uint32_t mud)
{
    const struct sim_device *device = &sim->devices[mud];
    struct sim_remains remains = {.snapshots = sim_snapshots(sim, mud), .arrivals = sim_arrivals(device)};
    for (const struct sim_order *so = device->orders; so; so = so->next)
        remains.operations += so->order.operation != OP_MEASURE;
    return remains;
}

/* --- effects --- */

/* The volume's files, which may come behind the rest, by PUT_VOLUME; the others by RESTORE; else all. */
static bool uses_up(enum operation operation, enum operation sent)
{
    bool restores = operation == OP_RESTORE || operation == OP_RESTORE_STATE;
    bool of_volume = sent == OP_SEND_VOLUME || sent == OP_SEND_FILES;
    return of_volume ? !restores : operation != OP_PUT_VOLUME;
}

/* What the order uses up of the migration's files here, and of what has arrived. */
static void drop_files(struct sim *sim, const struct order *o)
{
    sim_snapshot_drop(sim, o);
    for (int sent = 0; sent < OPERATIONS; sent++)
        if (uses_up(o->operation, (enum operation)sent))
            sim_transfer_forget(sim, o, (enum operation)sent);
}

static struct sim_container *container_about(struct sim *sim, const struct order *o)
{
    return sim_find_container(sim, o->edge.index, o->mud, o->container);
}

static int start(struct sim *sim, const struct order *o)
{
    struct sim_state state;
    sim_state_init(&state, sim->layout, o->mud);
    add_container(sim, o, &state);
    return 0;
}

static int freeze(struct sim *sim, const struct order *o)
{
    struct sim_container *c = container_about(sim, o);
    return c ? sim_container_freeze(c), 0 : -ENOENT;
}

static int thaw(struct sim *sim, const struct order *o)
{
    struct sim_container *c = container_about(sim, o);
    return c ? sim_container_thaw(c), 0 : -ENOENT;
}

static int dump(struct sim *sim, const struct order *o)
{
    const struct sim_container *c = container_about(sim, o);
    return c ? sim_snapshot_take(sim, o, c), 0 : -ENOENT;
}

static int halt(struct sim *sim, const struct order *o)
{
    sim_remove_container(sim, o->edge.index, o->mud, o->container);
    return 0;
}

/* Those of the migration, and of the one that brought the container. */
static void drop_all_files(struct sim *sim, const struct order *o)
{
    struct order brought = *o;
    brought.migration = o->container;
    drop_files(sim, o);
    drop_files(sim, &brought);
}

/* RESTORE at the target, REVIVE at the source: the snapshot is here, or it cannot be done. */
static int restore(struct sim *sim, const struct order *o)
{
    struct sim_state state;
    int status = sim_snapshot_open(sim, o, &state);
    if (status < 0)
        return status;
    add_container(sim, o, &state);
    if (o->operation == OP_RESTORE_STATE)
        sim_pages_lack(sim, o);
    if (!sim->layout->keeps_snapshots)
        drop_files(sim, o);
    return 0;
}

static int load(struct sim *sim, const struct order *o)
{
    sim_transfer_forget(sim, o, OP_SEND_IMAGE);
    return 0;
}

static int put_volume(struct sim *sim, const struct order *o)
{
    int status = sim_volume_put(sim, o);
    if (status == 0)
        drop_files(sim, o);
    return status;
}

static int discard(struct sim *sim, const struct order *o)
{
    if (o->container == o->migration)
        sim_remove_container(sim, o->edge.index, o->mud, o->container);
    drop_files(sim, o);
    return 0;
}

static int stop(struct sim *sim, const struct order *o)
{
    sim_remove_container(sim, o->edge.index, o->mud, o->container);
    drop_all_files(sim, o);
    return 0;
}

static int is_there(struct sim *sim, const struct order *o)
{
    return container_about(sim, o) ? 0 : -ENOENT;
}

static int pull(struct sim *sim, const struct order *o)
{
    return sim_pull_takes_effect(sim, o) < 0 ? -ENOENT : 0;
}

/* 0 or -errno. The others only take time: the snapshot has all state, it has arrived with the memory; a log is the edge server's, see open_log(). */
static int (*const effects[OPERATIONS])(struct sim *sim, const struct order *o) = {
    [OP_START] = start,
    [OP_SEED] = dump,
    [OP_TAKE_SNAPSHOT] = sim_snapshot_pick,
    [OP_COPY_VOLUME] = dump,
    [OP_FREEZE] = freeze,
    [OP_DUMP] = dump,
    [OP_TAKE_VOLUME] = dump,
    [OP_THAW] = thaw,
    [OP_HALT] = halt,
    [OP_MERGE] = sim_snapshot_merge,
    [OP_LOAD] = load,
    [OP_PUT_VOLUME] = put_volume,
    [OP_RESTORE] = restore,
    [OP_DUMP_STATE] = dump,
    [OP_RESTORE_STATE] = restore,
    [OP_STOP] = stop,
    [OP_DISCARD] = discard,
    [OP_REVIVE] = restore,
    [OP_PULL] = pull,
    [OP_MEASURE] = is_there,
    [OP_SNAPSHOT] = dump,
};

static int take_effect(struct sim *sim, const struct order *o)
{
    return effects[o->operation] ? effects[o->operation](sim, o) : 0;
}

/* --- orders --- */

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

/* The container waits while its snapshot is taken, whatever comes of it. */
static void hold_for_snapshot(struct sim *sim, const struct order *o, bool hold)
{
    struct sim_container *c = container_about(sim, o);
    if (!c || o->operation != OP_SNAPSHOT)
        return;
    if (hold)
        sim_container_freeze(c);
    else
        sim_container_thaw(c);
}

enum { OVERUSE_TIMES = 10 };

/* As long as it executes requests it computes. */
static void measure(const struct sim_order *so, struct order_result *result)
{
    const struct order *o = &so->order;
    const struct sim_container *c = container_about(so->sim, o);
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
    struct order_result result = {.bytes = (int64_t)sim_order_bytes(so), .log = &log};
    if (so->cancelled) {
        result = (struct order_result){.status = -ECANCELED, .reason = "called off"};
    } else if (so->stalled) {
        result = (struct order_result){.status = -ETIMEDOUT, .reason = "no byte for timeouts.progress_ms"};
    } else if ((result.status = sim_fault_status(so, &result.reason)) == 0) {
        result.status = take_effect(sim, &order);
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
    hold_for_snapshot(sim, &order, false);
    unlink_order(so);
    loop_cancel(sim->loop, &so->timer);
    free(so);
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

static bool bounded_by_progress(enum operation operation)
{
    return operation_is_transfer(operation) || operation_received(operation) != OPERATIONS;
}

void sim_operate(struct port *port, const struct order *order)
{
    struct sim *sim = sim_of(port);
    struct sim_device *device = &sim->devices[order->mud];
    struct sim_order *so = mem_alloc(sizeof *so);
    if (order->operation == OP_TAKE_LOG)
        sim_log_take(sim, order);
    hold_for_snapshot(sim, order, true);
    *so = (struct sim_order){.timer.fire = cost_paid, .next = device->orders, .sim = sim, .order = *order, .begin = loop_now(sim->loop)};
    so->distrusts = sim_registry_is_distrusted(sim, order);
    so->fault = faults_strike(&sim->layout->faults, order->operation, order->edge.index, order->mud, loop_now(sim->loop));
    struct simtime late = fault_delays(&so->fault, port, order);
    device->orders = so;
    so->stalled = so->fault && so->fault->effect == FAULT_HANGS && bounded_by_progress(order->operation);
    if (so->stalled)
        sim_arm(sim, sim_edge_host(sim, order->edge), &so->timer, sim->layout->progress);
    else if (!so->fault || so->fault->effect != FAULT_HANGS)
        sim_arm(sim, sim_edge_host(sim, order->edge), &so->timer, simtime_add(late, cost_of(so)));
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
