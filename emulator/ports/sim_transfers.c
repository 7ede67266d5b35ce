/* Transfers in virtual time: bytes over the carrier's connections (sim_connections.c), with what the carrier does beyond TCP (carrier_model.h).
 *
 * A transfer goes from host to host in legs: one, or two if the carrier goes through a third host. A pull is one, from the registry. */
#include "carrier_model.h"
#include "mem.h"
#include "page_window.h"
#include "sim_internal.h"

#include <math.h>

/* dockerd opens connections of its own: TCP, TLS, the question who we are, manifest, configuration, then layers beside each other. */
static const struct carrier_model pull_model = {"pull", .round_trips = 8, .window = SIM_TCP_WINDOW, .apart = true, .compresses = true};

/* CRIU's page server, one for each container: TCP, TLS 1.3 (whose server's second half waits for the acknowledgement of its first: RFC 896), the first
 * pages' requests, as many ahead as keep the link busy (page_window.h); pages as they are. */
static const struct carrier_model pages_model = {"pages", .round_trips = 4, .window = SIM_TCP_WINDOW,
                                                 .apart = true};

static const struct carrier_model *carrier_of(const struct sim_order *so)
{
    switch (so->order.operation) {
    case OP_PULL:
        return &pull_model;
    case OP_FETCH_PAGES:
        return &pages_model;
    default:
        return carrier_model_of(so->sim->layout->carrier);
    }
}

enum { ROUTE_MAX = 3 };

/* Through the store as if it were one more hop of the path: what is written there is read meanwhile. */
static bool streams_through(const struct sim_order *so)
{
    return carrier_of(so)->by_store && so->sim->layout->pipeline;
}

/* The hosts that the order's bytes pass, each another than the one before; returns how many. */
static int route_of(const struct sim_order *so, int hosts[ROUTE_MAX])
{
    const struct sim *sim = so->sim;
    const struct order *o = &so->order;
    int registry = o->operation == OP_PULL ? sim_registry_of_pull(so) : -1, count = 0;
    int stops[ROUTE_MAX] = {sim_edge_host(sim, o->edge)};
    if (o->operation != OP_PULL) {
        int stop = streams_through(so) ? -1 : carrier_model_stop(carrier_of(so), sim->layout, o->peer.index);
        stops[1] = stop < 0 ? sim_edge_host(sim, o->peer) : stop;
        stops[2] = sim_edge_host(sim, o->peer);
    } else {
        stops[1] = stops[2] = stops[0];
        stops[0] = registry < 0 ? stops[0] : sim->layout->registries[registry].host;
    }
    if (o->operation == OP_FETCH_PAGES) {
        stops[0] = sim_edge_host(sim, o->peer);
        stops[1] = stops[2] = sim_edge_host(sim, o->edge);
    }
    hosts[count++] = stops[0];
    for (int i = 1; i < ROUTE_MAX; i++)
        if (hosts[count - 1] != stops[i])
            hosts[count++] = stops[i];
    return count;
}

/* --- legs ----------------------------------------------------------------------------------------------------------------------------- */

static bool on_last_leg(const struct sim_order *so)
{
    int hosts[ROUTE_MAX];
    return so->leg + 2 >= route_of(so, hosts);
}

uint64_t sim_transfer_left(struct sim *sim, const struct order *o)
{
    const struct sim_order *sender = sim->devices[o->mud].orders;
    if (sim_transfer_arrived(sim, o, operation_received(o->operation)))
        return 0;
    while (sender && !(sender->connection && on_last_leg(sender) && sender->order.operation == operation_received(o->operation) &&
                       sender->order.migration == o->migration && sender->order.peer.index == o->edge.index))
        sender = sender->next;
    return sender ? sender->unsent.to_arrive : UINT64_MAX;
}

static void next_leg_begins(struct timer *timer)
{
    struct sim_order *so = container_of(timer, struct sim_order, timer);
    if (so->cancelled)
        sim_order_finish(so);
    else
        sim_transfer_begin(so);
}

void sim_transfer_leg_ends(struct sim_order *so)
{
    if (on_last_leg(so)) {
        sim_order_finish(so);
        return;
    }
    so->arrived = false;
    so->earlier = sim_order_bytes(so);
    if (carrier_of(so)->by_store)
        sim_order_report(so, OP_STORE, so->begin, so->earlier); /* all of it is there */
    sim_transfer_leave(so);
    so->leg++;
    so->timer.fire = next_leg_begins;
    sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), &so->timer, sim_transfer_prepare(so));
}

void sim_transfer_moved(struct sim_order *so)
{
    bool all = so->unsent.to_arrive == 0 && !so->lacks_last, base = so->order.operation == OP_SEND_BASE;
    if (all && !so->arrived && operation_is_transfer(so->order.operation) && on_last_leg(so))
        sim_transfer_arrives(so->sim, &so->order);
    so->arrived = all;
    if (base && !all)
        sim_layers_wake(so->sim, &so->order);
}

void sim_fill_path(struct sim *sim, int from, int to, struct link_path *path)
{
    int hops[PATH_HOPS_MAX];
    path->hop_count = layout_route(sim->layout, from, to, hops, PATH_HOPS_MAX);
    if (path->hop_count < 0)
        path->hop_count = 0;
    for (int i = 0; i < path->hop_count; i++)
        path->hops[i] = &sim->links[hops[i]];
}

static void fill_leg(const struct sim_order *so, int from, int to, struct link_path *path)
{
    int store = so->sim->layout->store;
    sim_fill_path(so->sim, from, streams_through(so) ? store : to, path);
    if (!streams_through(so))
        return;
    struct link_path rest;
    sim_fill_path(so->sim, store, to, &rest);
    for (int i = 0; i < rest.hop_count && path->hop_count < PATH_HOPS_MAX; i++)
        path->hops[path->hop_count++] = rest.hops[i];
}

static struct simtime round_trip(const struct sim_order *so, int from, int to)
{
    struct link_path forward, back;
    fill_leg(so, from, to, &forward);
    fill_leg(so, to, from, &back);
    return simtime_add(link_path_delay(&forward), link_path_delay(&back));
}

/* Of pages no more than are asked for ahead. */
static uint64_t window_of(const struct sim_order *so, const struct layout_path *path)
{
    double least = PAGE_WINDOW_MIN * STATE_PAGE, ahead = (double)path->rate_bps / 8 * simtime_seconds(page_window_allowed(path->rtt));
    uint64_t window = carrier_of(so)->window;
    return carrier_of(so) == &pages_model && path->rate_bps && ahead < (double)window ? (uint64_t)fmax(ahead, least) : window;
}

/* The order's, as from when the run started. */
static struct sim_connection *connection_of(const struct sim_order *so, int from, int to)
{
    struct sim_connection *c = sim_connection_find(so->sim, carrier_of(so), from, to);
    struct layout_path path = layout_path(so->sim->layout, from, to);
    struct link_path forward, back;
    if (c)
        return c;
    fill_leg(so, from, to, &forward);
    fill_leg(so, to, from, &back);
    return sim_connection_open(so->sim, carrier_of(so), from, to, &forward, &back, window_of(so, &path));
}

/* Links may have changed since the start of the run. */
static struct simtime protocol_time(const struct sim_order *so, int from, int to)
{
    struct sim *sim = so->sim;
    struct simtime rtt = round_trip(so, from, to);
    enum operation operation = so->order.operation;
    struct simtime apart = simtime_scale(rtt, carrier_of(so)->round_trips);
    if (operation == OP_PULL)
        return apart;
    if (operation == OP_FETCH_PAGES) /* from the beginning of the restore on */
        return simtime_max(simtime_sub(apart, layout_operation_time(sim->layout, OP_RESTORE_STATE)), SIMTIME_ZERO);
    if (operation != OP_SEND_BASE)
        return carrier_model_time(carrier_of(so), sim->layout, operation, rtt);
    return carrier_model_base_time(carrier_of(so), sim->layout, sim_layers_first(sim, &so->order), rtt,
                                   layout_path(sim->layout, from, to).rate_bps);
}

/* --- how they go --------------------------------------------------------------------------------------------------------------------- */

struct simtime sim_transfer_prepare(const struct sim_order *so)
{
    int hosts[ROUTE_MAX];
    if (so->leg + 1 >= route_of(so, hosts))
        return SIMTIME_ZERO;
    int from = hosts[so->leg], to = hosts[so->leg + 1];
    connection_of(so, from, to);
    return protocol_time(so, from, to);
}

/* A transfer without a byte for so long has failed. */
static void look_for_progress(struct timer *timer)
{
    struct sim_order *so = container_of(timer, struct sim_order, timer);
    uint64_t acknowledged = so->connection ? sim_connection_acknowledged(so->connection) : so->seen;
    so->stalled = acknowledged == so->seen && !so->lacks_last;
    so->seen = acknowledged;
    if (so->stalled || so->cancelled)
        sim_order_finish(so);
    else
        sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), timer, so->sim->layout->progress);
}

/* --- beside a dump -------------------------------------------------------------------------------------------------------------------- */

static bool may_wait_for(const struct sim_order *so, const struct order *dump)
{
    enum operation sends = so->order.operation;
    return (sends == OP_SEND_MEMORY || sends == OP_SEND_LAYER || sends == OP_SEND_BASE) && dump->operation == OP_DUMP &&
           so->order.migration == dump->migration;
}

/* The one that the order may wait for, if it goes on. */
static const struct sim_order *dump_of(const struct sim_order *so)
{
    const struct sim_order *dump = so->sim->devices[so->order.mud].orders;
    while (dump && !may_wait_for(so, &dump->order))
        dump = dump->next;
    return dump;
}

static bool goes_beside(const struct sim_order *so)
{
    return layout_link_limits(so->sim->layout, so->order.edge.index, so->order.peer.index);
}

static bool follows(const struct sim_order *so)
{
    return so->order.operation == OP_SEND_MEMORY && goes_beside(so) && carrier_of(so)->follows;
}

bool sim_transfer_waits(struct sim_order *so)
{
    bool beside = so->order.operation != OP_SEND_MEMORY && goes_beside(so);
    so->waits_for_dump = dump_of(so) && !beside && !follows(so);
    return so->waits_for_dump;
}

/* Until the first pages come. True if the order waits for them. */
static bool waits_for_pages(struct sim_order *so)
{
    const struct sim_order *dump = dump_of(so);
    so->lacks_last = dump != NULL;
    if (!dump)
        return false;
    struct simtime now = loop_now(so->sim->loop), comes = simtime_sub(dump->due, carrier_model_follows(carrier_of(so), so->sim->layout));
    bool waits = simtime_before(now, comes);
    if (waits && dump->due.ns != SIMTIME_NEVER.ns) {
        so->timer.fire = next_leg_begins;
        sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), &so->timer, simtime_sub(comes, now));
    }
    return waits;
}

void sim_transfer_dumped(struct sim *sim, const struct order *dump)
{
    for (struct sim_order *so = sim->devices[dump->mud].orders; so; so = so->next) {
        if (!may_wait_for(so, dump))
            continue;
        if (so->waits_for_dump) {
            so->waits_for_dump = false;
            sim_order_begin(so);
        } else if (so->connection && so->lacks_last) {
            sim_connection_complete(so);
            sim_arm(sim, sim_edge_host(sim, so->order.edge), &so->timer, sim->layout->progress);
        }
    }
}

/* --- orders -------------------------------------------------------------------------------------------------------------------------- */

/* To where it is already: nothing to cross. */
static void arrive_at_once(struct sim_order *so)
{
    if (operation_is_transfer(so->order.operation))
        sim_transfer_arrives(so->sim, &so->order);
    sim_order_finish(so);
}

/* Changed pages and logs are counted; all else is as large as the scenario says. */
static uint64_t bytes_of(const struct sim_order *so, bool compressed)
{
    struct sim *sim = so->sim;
    const struct layout *l = sim->layout;
    enum operation operation = so->order.operation;
    uint64_t pages[STATE_AREAS];
    if (operation == OP_FETCH_PAGES)
        return sim_pages_bytes(sim, &so->order);
    if (operation == OP_SEND_BASE)
        return sim_layers_to_send(sim, &so->order, compressed ? l->base_ratio : 1);
    if (operation == OP_TAKE_LOG || operation == OP_SEND_LOG || operation == OP_REPLAY_LOG)
        return sim_log_bytes(sim, &so->order);
    if (operation == OP_SEND_FILES || (operation == OP_TAKE_VOLUME && l->volume_when == VOLUME_EARLY))
        return (uint64_t)((double)sim_volume_changes(sim, &so->order) / (compressed ? l->layer_ratio : 1));
    bool again = operation == OP_DUMP && l->tracks_pages;
    if ((operation != OP_DIFF && operation != OP_SEND_CHANGES && !again) || !sim_snapshot_changes(sim, &so->order, pages))
        return compressed ? layout_compressed_bytes(l, operation) : layout_operation_bytes(l, operation);
    if (sim_pages_are_served(sim, &so->order))
        pages[STATE_MEMORY] = 0; /* they stay */
    if (again)
        pages[STATE_LAYER] = 0; /* OP_TAKE_LAYER's */
    double memory = (double)(pages[STATE_MEMORY] * STATE_PAGE), layer = (double)(pages[STATE_LAYER] * STATE_PAGE);
    return (uint64_t)(compressed ? memory / l->memory_ratio + layer / l->layer_ratio : memory + layer);
}

uint64_t sim_transfer_to_come(const struct sim_order *so)
{
    return so->connection ? so->unsent.to_arrive : so->arrived ? 0 : bytes_of(so, false);
}

static struct simtime round_trip_of(const struct sim_order *so)
{
    int hosts[ROUTE_MAX];
    return route_of(so, hosts) > 1 ? round_trip(so, hosts[0], hosts[1]) : SIMTIME_ZERO;
}

struct simtime sim_transfer_page_time(const struct sim_order *so)
{
    const struct layout *l = so->sim->layout;
    bool queues = layout_path(l, sim_edge_host(so->sim, so->order.peer), sim_edge_host(so->sim, so->order.edge)).rate_bps;
    return queues ? page_window_allowed(round_trip_of(so)) : round_trip_of(so);
}

void sim_transfer_begin(struct sim_order *so)
{
    int hosts[ROUTE_MAX];
    if (follows(so) && waits_for_pages(so))
        return;
    if (so->leg + 1 >= route_of(so, hosts)) {
        arrive_at_once(so);
        return;
    }
    so->bytes = bytes_of(so, carrier_of(so)->compresses);
    sim_connection_carry(connection_of(so, hosts[so->leg], hosts[so->leg + 1]), so);
    so->timer.fire = look_for_progress;
    sim_arm(so->sim, sim_edge_host(so->sim, so->order.edge), &so->timer, so->sim->layout->progress);
}

/* What others have on the connection goes on, and so does what this order has given it. */
void sim_transfer_leave(struct sim_order *so)
{
    so->awaits = false;
    if (so->connection)
        sim_connection_leave(so);
}

/* Of the connection's bytes on the wire, the order's share. */
uint64_t sim_order_bytes(const struct sim_order *so)
{
    double overhead = so->connection ? sim_connection_overhead(so->connection) : 0;
    if (!so->connection && so->order.operation == OP_PULL)
        return so->pulls ? layout_pull_bytes(so->sim->layout) : 0;
    return overhead > 0 ? so->earlier + (uint64_t)((double)so->bytes * overhead) : bytes_of(so, false);
}
