/* The carriers' TCP connections in virtual time (flow.h): opened with the run, as carriers do it, and kept. Those who send over one at the same time take
 * turns, slice by slice, so that each gets an equal share of what comes, behind what somebody has left on it. */
#include "carrier_model.h"
#include "mem.h"
#include "sim_internal.h"

#include <stdlib.h>

struct sim_connection {
    struct sim_connection *next; /* between the same hosts */
    struct sim *sim;
    const struct carrier_model *carrier;
    struct flow flow;
    struct sim_order *first;        /* whose bytes are under way, the oldest first */
    struct sim_unsent left;         /* by those who have left */
    uint64_t arrived, acknowledged; /* of the flow's bytes, shared out */
};

static uint32_t pair_of(const struct sim *sim, int from, int to)
{
    return (uint32_t)from * (uint32_t)sim->layout->host_count + (uint32_t)to;
}

struct sim_connection *sim_connection_find(struct sim *sim, const struct carrier_model *carrier, int from,
                                           int to)
{
    struct sim_connection *c = map_get(&sim->connections, pair_of(sim, from, to));
    while (c && (c->carrier != carrier || (c->first && carrier->apart)))
        c = c->next;
    return c;
}

/* --- turns ------------------------------------------------------------------------------------------------------------------------- */

static uint64_t *part_of(struct sim_unsent *u, bool acknowledged)
{
    return acknowledged ? &u->to_acknowledge : &u->to_arrive;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t take(uint64_t *part, uint64_t bytes)
{
    uint64_t taken = least(bytes, *part);
    *part -= taken;
    return taken;
}

/* What was on the line before it came is not its own, unless there is nobody else. */
static bool shares(struct sim_order *so, bool acknowledged, bool all)
{
    return *part_of(&so->unsent, acknowledged) && (all || !*part_of(&so->ahead, acknowledged));
}

static uint64_t sharers(const struct sim_connection *c, bool acknowledged, bool all)
{
    uint64_t count = 0;
    for (struct sim_order *so = c->first; so; so = so->behind)
        count += shares(so, acknowledged, all);
    return count;
}

static void give(struct sim_connection *c, uint64_t bytes, bool acknowledged)
{
    while (bytes) {
        bool all = sharers(c, acknowledged, false) == 0;
        uint64_t count = sharers(c, acknowledged, all);
        if (count == 0)
            return;
        uint64_t each = (bytes + count - 1) / count;
        for (struct sim_order *so = c->first; so; so = so->behind)
            if (shares(so, acknowledged, all))
                bytes -= take(part_of(&so->unsent, acknowledged), least(bytes, each));
    }
}

/* Until the next one takes part. */
static uint64_t next_turn(const struct sim_connection *c, uint64_t bytes, bool acknowledged)
{
    for (struct sim_order *so = c->first; so; so = so->behind)
        if (*part_of(&so->ahead, acknowledged))
            bytes = least(bytes, *part_of(&so->ahead, acknowledged));
    return bytes;
}

static void share_out(struct sim_connection *c, uint64_t bytes, bool acknowledged)
{
    for (uint64_t now; bytes; bytes -= now) {
        now = next_turn(c, bytes, acknowledged);
        give(c, now - take(part_of(&c->left, acknowledged), now), acknowledged);
        for (struct sim_order *so = c->first; so; so = so->behind)
            take(part_of(&so->ahead, acknowledged), now);
    }
}

/* Who fetches knows what is there. */
static bool is_over(const struct sim_order *so)
{
    return so->unsent.to_arrive == 0 && !so->lacks_last &&
           (so->unsent.to_acknowledge == 0 || so->order.operation == OP_FETCH_PAGES);
}

static struct sim_order *find_ended(const struct sim_connection *c)
{
    struct sim_order *so = c->first;
    while (so && !is_over(so))
        so = so->behind;
    return so;
}

/* An order that ends may begin others and call others off, on this connection, too: the list is looked through anew after each. */
static void moved(struct flow *flow)
{
    struct sim_connection *c = container_of(flow, struct sim_connection, flow);
    share_out(c, flow->arrived - c->arrived, false);
    share_out(c, flow->acknowledged - c->acknowledged, true);
    c->arrived = flow->arrived;
    c->acknowledged = flow->acknowledged;
    for (struct sim_order *so = c->first; so; so = so->behind)
        sim_transfer_moved(so);
    for (struct sim_order *so; (so = find_ended(c));)
        sim_transfer_leg_ends(so);
}

/* --- their lives --------------------------------------------------------------------------------------------------------------------- */

struct sim_connection *sim_connection_open(struct sim *sim, const struct carrier_model *carrier, int from,
                                           int to, const struct link_path *forward,
                                           const struct link_path *back, uint64_t window)
{
    struct layout_path path = layout_path(sim->layout, from, to);
    uint32_t pair = pair_of(sim, from, to);
    struct sim_connection *c = mem_alloc(sizeof *c);
    *c = (struct sim_connection){.next = map_get(&sim->connections, pair), .sim = sim, .carrier = carrier};
    flow_init(&c->flow, sim->loop, forward, back, window);
    if (carrier->warm)
        flow_warmed(&c->flow, path.rtt, path.rate_bps);
    else
        flow_opened(&c->flow, simtime_add(link_path_delay(forward), link_path_delay(back)));
    c->flow.moved = moved;
    map_set(&sim->connections, pair, c);
    return c;
}

void sim_warm_connections(struct sim *sim, uint32_t edge)
{
    const struct layout *l = sim->layout;
    const struct carrier_model *carrier = carrier_model_of(l->carrier);
    int host = l->edges[edge].host, connections = 0;
    uint64_t bytes = 0;
    for (int i = 0; carrier->warm && i < l->edge_count; i++) {
        struct layout_path path = layout_path(l, host, l->edges[i].host);
        if (path.hops <= 0)
            continue;
        connections++;
        bytes += carrier_model_warming_bytes(carrier, &path);
    }
    struct report r = report_of_warming(edge, connections, bytes);
    if (connections)
        cast_report(sim->cast, &r, loop_now(sim->loop));
}

/* Of the flow's bytes, those that have left the sender so far. */
static uint64_t on_the_line(const struct sim_connection *c)
{
    return c->flow.sent - c->flow.to_send;
}

static struct sim_unsent under_way(const struct sim_connection *c)
{
    return (struct sim_unsent){on_the_line(c) - c->flow.arrived, on_the_line(c) - c->flow.acknowledged};
}

void sim_connection_carry(struct sim_connection *c, struct sim_order *so)
{
    uint64_t bytes = (so->bytes ? so->bytes : 1) - so->lacks_last;
    struct sim_order **last = &c->first;
    while (*last)
        last = &(*last)->behind;
    *last = so;
    so->connection = c;
    so->unsent = (struct sim_unsent){bytes, bytes};
    so->ahead = under_way(c);
    so->seen = c->flow.acknowledged;
    if (bytes)
        flow_send(&c->flow, bytes);
}

void sim_connection_complete(struct sim_order *so)
{
    so->lacks_last = false;
    if (so->unsent.to_arrive == 0)
        so->ahead = under_way(so->connection);
    so->unsent.to_arrive++;
    so->unsent.to_acknowledge++;
    flow_send(&so->connection->flow, 1);
}

void sim_connection_leave(struct sim_order *so)
{
    struct sim_connection *c = steal(so->connection);
    struct sim_order **link = &c->first;
    while (*link != so)
        link = &(*link)->behind;
    *link = steal(so->behind);
    c->left.to_arrive += so->unsent.to_arrive;
    c->left.to_acknowledge += so->unsent.to_acknowledge;
    if (c->first)
        return;
    flow_abort(&c->flow);
    c->left = (struct sim_unsent){0};
    c->arrived = c->flow.arrived;
    c->acknowledged = c->flow.acknowledged;
}

uint64_t sim_connection_acknowledged(const struct sim_connection *c)
{
    return c->flow.acknowledged;
}

double sim_connection_overhead(const struct sim_connection *c)
{
    uint64_t sent = on_the_line(c);
    return sent ? (double)c->flow.wire_bytes / (double)sent : 0;
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
