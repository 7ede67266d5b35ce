/* Hosts that go down and come back in virtual time: what ends with them, and what is on their disks. */
#include "sim_internal.h"

#include <stdlib.h>

static const uint64_t UPTIME_MAX_S = 100 * 86400;

struct sim_owner {
    struct sim_owner *next;
    uint32_t edge;
    struct buf bytes; /* what is kept, */
    struct owner_record record; /* and what it says */
};

void sim_keep_owner(struct port *port, struct party edge, const struct owner_record *record)
{
    struct sim_device *device = &sim_of(port)->devices[record->mud];
    struct sim_owner *o = device->owners;
    while (o && o->edge != edge.index)
        o = o->next;
    if (!o) {
        o = mem_alloc(sizeof *o);
        *o = (struct sim_owner){.next = device->owners, .edge = edge.index};
        device->owners = o;
    }
    buf_clear(&o->bytes);
    owner_write(record, &o->bytes);
    owner_read(o->bytes.data, o->bytes.len, &o->record);
}

const struct owner_record *sim_owner(const struct sim *sim, uint32_t edge, uint32_t mud)
{
    const struct sim_owner *o = sim->devices[mud].owners;
    while (o && o->edge != edge)
        o = o->next;
    return o ? &o->record : NULL;
}

void sim_free_owners(struct sim_device *device)
{
    for (struct sim_owner *o; (o = device->owners);) {
        device->owners = o->next;
        buf_free(&o->bytes);
        free(o);
    }
}

void sim_recover_edge(struct sim *sim, struct edge *edge)
{
    uint32_t self = edge->actor.self.index;
    for (int mud = 0; mud < sim->layout->mud_count; mud++)
        for (struct sim_owner *o = sim->devices[mud].owners; o; o = o->next) {
            struct owner_record record = o->record;
            if (o->edge == self)
                edge_recover(edge, &record, sim_find_container(sim, self, record.mud, record.container));
        }
}

/* --- clocks --- */

static void start_clock(struct sim_port *p, struct simtime at)
{
    p->clock.started = at;
    p->port.origin = host_clock_read(&p->clock, SIMTIME_ZERO);
}

/* Hosts have been up for different times, up to a hundred days. */
void sim_start_clocks(struct sim *sim)
{
    for (int i = 0; i < sim->layout->host_count; i++) {
        struct rng rng;
        rng_init(&rng, sim->layout->seed, "clock", (uint64_t)i);
        sim->ports[i].clock.drift_ppb = sim->layout->drift_ppb[i];
        start_clock(&sim->ports[i], simtime_ns(-(int64_t)rng_below(&rng, UPTIME_MAX_S * 1000000000)));
    }
}

void sim_set_calendar(struct sim *sim, int host, struct simtime jump)
{
    struct host_clock *clock = &sim->ports[host].clock;
    clock->calendar_ahead = simtime_add(clock->calendar_ahead, jump);
}

/* --- down --- */

static bool is_on(const struct sim *sim, uint32_t edge, int host)
{
    return sim->layout->edges[edge].host == host;
}

static void drop_orders(struct sim *sim, struct sim_device *device, int host)
{
    for (struct sim_order *so = device->orders, *next; so; so = next) {
        next = so->next;
        if (is_on(sim, so->order.edge.index, host))
            sim_drop_order(so);
    }
}

static void end_containers(struct sim *sim, int mud, int host)
{
    for (struct sim_container *c = sim->devices[mud].containers, *next; c; c = next) {
        next = c->next;
        if (!is_on(sim, c->edge, host))
            continue;
        sim_snapshot_lose(sim, c->edge, c->mud, c->container);
        sim_remove_container(sim, c->edge, c->mud, c->container);
    }
}

void sim_take_down(struct sim *sim, int host, bool power_lost)
{
    if (power_lost)
        start_clock(&sim->ports[host], loop_now(sim->loop));
    sim_forget_stalls(sim, host);
    for (int mud = 0; mud < sim->layout->mud_count; mud++) {
        drop_orders(sim, &sim->devices[mud], host);
        if (power_lost)
            end_containers(sim, mud, host);
    }
}

/* The edge may act at once: the list is looked through anew after each. */
void sim_kill_containers(struct sim *sim, int edge, int mud)
{
    for (int i = 0; i < sim->layout->mud_count; i++) {
        struct sim_container *c = mud < 0 || mud == i ? sim->devices[i].containers : NULL;
        while (c && edge >= 0 && c->edge != (uint32_t)edge)
            c = c->next;
        if (!c)
            continue;
        uint32_t at = c->edge, container = c->container;
        sim_pages_source_dies(sim, at, (uint32_t)i, container);
        sim_remove_container(sim, at, (uint32_t)i, container);
        sim_snapshot_lose(sim, at, (uint32_t)i, container);
        if (sim->cast->edges[at])
            edge_container_died(sim->cast->edges[at], (uint32_t)i, container);
    }
}
