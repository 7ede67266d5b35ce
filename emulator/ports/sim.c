#include "sim.h"
#include "loop_alarm.h"
#include "mem.h"
#include "sim_internal.h"

#include <stdlib.h>

enum {
    LOCAL_NS = 50000,  /* between two roles of one host: two system calls and a wake-up */
    UDP_OVERHEAD = 42, /* Ethernet 14, IPv4 20, UDP 8 */
    AIR_OVERHEAD = 46, /* TZSP 5, 802.11 data header 24, LLC/SNAP 8, rounded to what dot11.c writes */
    MANAGEMENT_BYTES = 120,
};

struct flight {
    struct timer timer;
    struct flight *next; /* while spare */
    struct flight *made; /* all that were ever made */
    struct sim *sim;
    struct msg msg;
    struct iapp_context token; /* a copy of msg.token */
    int at_host;
    uint32_t bytes;
};

/* --- messages --- */

static uint32_t token_bytes(const struct iapp_context *token)
{
    uint32_t bytes = 64;
    for (size_t i = 0; token && i < token->request_count; i++)
        bytes += 8 + token->requests[i].payload_len;
    return bytes;
}

static uint32_t wire_bytes(const struct msg *m)
{
    switch (m->type) {
    case MSG_OFFLOAD: {
        bool air = m->from.role == PARTY_MUD || m->to.role == PARTY_MUD;
        return UDP_OVERHEAD + (air ? AIR_OVERHEAD : 0) + OFFLOAD_HEADER_BYTES + m->offload.payload_len;
    }
    case MSG_MOVE_RESPONSE:
        return UDP_OVERHEAD + 32 + token_bytes(m->token);
    default:
        return MANAGEMENT_BYTES;
    }
}

static void copy_token(struct flight *f, const struct iapp_context *token)
{
    f->token = *token;
    f->token.requests = NULL;
    f->token.request_count = 0;
    for (size_t i = 0; i < token->request_count; i++)
        iapp_context_add(&f->token, token->requests[i].number, blob_ref(token->requests[i].payload),
                         token->requests[i].payload_len);
    f->msg.token = &f->token;
}

static void land(struct flight *f)
{
    struct sim *sim = f->sim;
    if (f->msg.token)
        iapp_context_free(&f->token);
    blob_unref(f->msg.offload.payload);
    f->next = sim->spare_flights;
    sim->spare_flights = f;
}

static void fly(struct timer *timer);

static struct flight *take_off(struct sim *sim, const struct msg *m)
{
    struct flight *f = sim->spare_flights;
    if (f)
        sim->spare_flights = f->next;
    else {
        f = mem_alloc(sizeof *f);
        f->made = sim->flights;
        sim->flights = f;
    }
    f->timer = (struct timer){.fire = fly};
    f->sim = sim;
    f->msg = *m;
    f->bytes = wire_bytes(m);
    blob_ref(m->offload.payload);
    if (m->token)
        copy_token(f, m->token);
    return f;
}

static void arrive(struct flight *f, int host)
{
    struct sim *sim = f->sim;
    struct simtime now = loop_now(sim->loop), awake = sim_awake(sim, host, now);
    if (awake.ns > now.ns) {
        loop_arm(sim->loop, &f->timer, awake);
        return;
    }
    for (struct sim_watcher *w = sim->watchers; w; w = w->next)
        w->arrives(w, &f->msg);
    cast_receive(sim->cast, &f->msg);
    land(f);
}

static void tell_lost(const struct sim *sim, const struct msg *m)
{
    for (struct sim_watcher *w = sim->watchers; w; w = w->next)
        w->lost(w, m);
}

static void is_lost(struct flight *f)
{
    tell_lost(f->sim, &f->msg);
    land(f);
}

/* At the destination: delivered. On the way: offered to the next link. */
static void fly(struct timer *timer)
{
    struct flight *f = container_of(timer, struct flight, timer);
    struct sim *sim = f->sim;
    int to = layout_party(sim->layout, f->msg.to)->host;
    if (f->at_host == to) {
        arrive(f, to);
        return;
    }
    int hop = sim->layout->next_hop[f->at_host * sim->layout->host_count + to];
    struct simtime arrival;
    if (hop < 0 || !link_model_send(&sim->links[hop], loop_now(sim->loop), f->bytes, &arrival)) {
        is_lost(f);
        return;
    }
    f->at_host = sim->layout->links[hop / 2].between[hop % 2 ? 0 : 1];
    loop_arm(sim->loop, &f->timer, arrival);
}

static void sim_send(struct port *port, const struct msg *m)
{
    struct sim *sim = sim_of(port);
    const struct layout_party *from = layout_party(sim->layout, m->from),
                              *to = layout_party(sim->layout, m->to);
    if (!from || !to)
        return;
    struct simtime later[SIM_COPIES_MAX] = {simtime_ns(LOCAL_NS)};
    int copies = from->host == to->host ? 1 : sim_copies(sim, from->host, to->host, m, later);
    if (copies == 0)
        tell_lost(sim, m);
    for (int i = 0; i < copies; i++) {
        struct flight *f = take_off(sim, m);
        f->at_host = from->host;
        if (later[i].ns)
            loop_arm_after(sim->loop, &f->timer, later[i]);
        else
            fly(&f->timer);
    }
}

/* --- alarms, time, reports --- */

static struct simtime sim_now(struct port *port)
{
    const struct sim_port *here = container_of(port, struct sim_port, port);
    return host_clock_read(&here->clock, loop_now(here->sim->loop));
}

static void sim_set_alarm(struct port *port, struct alarm *alarm, struct simtime at)
{
    const struct sim_port *here = container_of(port, struct sim_port, port);
    loop_alarm_set(here->sim->loop, alarm, sim_awake(here->sim, here->host, host_clock_when(&here->clock, at)));
}

static void sim_clear_alarm(struct port *port, struct alarm *alarm)
{
    loop_alarm_clear(sim_of(port)->loop, alarm);
}

/* As in a run over several machines, by the run's time; here clocks are known exactly. */
static void sim_report(struct port *port, const struct report *r)
{
    const struct sim_port *here = container_of(port, struct sim_port, port);
    struct report corrected = *r;
    if (r->begin.ns)
        corrected.begin = host_clock_when(&here->clock, r->begin);
    cast_report(here->sim->cast, &corrected, loop_now(here->sim->loop));
}

/* --- containers --- */

static void sim_deliver(struct port *port, struct party edge, uint32_t container, const struct offload *o)
{
    struct sim *sim = sim_of(port);
    struct sim_container *c = sim_find_container(sim, edge.index, o->mud, container);
    if (c)
        sim_container_deliver(c, o);
}

static const struct port_operations operations = {
    .now = sim_now,
    .set_alarm = sim_set_alarm,
    .clear_alarm = sim_clear_alarm,
    .send = sim_send,
    .deliver = sim_deliver,
    .operate = sim_operate,
    .cancel_operations = sim_cancel_operations,
    .report = sim_report,
    .keep_owner = sim_keep_owner,
};

struct port *sim_port(struct sim *sim, int host)
{
    return &sim->ports[host].port;
}

void sim_choose_reports(struct sim *sim, uint32_t unwanted, uint32_t wanted_every)
{
    for (int i = 0; i < sim->layout->host_count; i++) {
        sim->ports[i].port.unwanted = unwanted;
        sim->ports[i].port.wanted_every = wanted_every;
    }
}

void sim_watch(struct sim *sim, struct sim_watcher *watcher)
{
    watcher->next = sim->watchers;
    sim->watchers = watcher;
}

void sim_change_link(struct sim *sim, int link, int direction, const struct link_params *params)
{
    link_model_change(&sim->links[link * 2 + direction], params);
}

struct link_counters sim_count_link(const struct sim *sim, int link, int direction)
{
    const struct link_model *l = &sim->links[link * 2 + direction];
    return (struct link_counters){
        .packets = l->packets, .bytes = l->bytes, .dropped = l->dropped, .lost = l->lost, .seeded = true};
}

struct sim *sim_new(struct loop *loop, struct layout *layout, struct cast *cast)
{
    struct sim *sim = mem_alloc(sizeof *sim);
    *sim = (struct sim){.loop = loop, .layout = layout, .cast = cast};
    sim->ports = mem_alloc_array((size_t)layout->host_count, sizeof *sim->ports);
    for (int i = 0; i < layout->host_count; i++)
        sim->ports[i] = (struct sim_port){.port.operations = &operations, .sim = sim, .host = i};
    sim_start_clocks(sim);
    for (int i = 0; i < layout->faults.count; i++)
        if (fault_ends_actors(layout->faults.list[i].effect))
            sim->ports[layout->faults.list[i].host].port.keeps_owners = true;
    rng_init(&sim->rng, layout->seed, "faults", 0);
    sim->devices = mem_alloc_array((size_t)layout->mud_count, sizeof *sim->devices);
    sim->registries = sim_registries_new(layout);
    sim->links = mem_alloc_array((size_t)layout->link_count * 2, sizeof *sim->links);
    sim->base_layers = mem_alloc_array((size_t)layout->edge_count, sizeof *sim->base_layers);
    for (int i = 0; i < layout->edge_count; i++)
        sim->base_layers[i] = layout->edges[i].base_layers;
    for (int i = 0; i < layout->link_count * 2; i++)
        link_model_init(&sim->links[i], &layout->links[i / 2].params[i % 2], (uint64_t)i);
    return sim;
}

void sim_free(struct sim *sim)
{
    if (!sim)
        return;
    sim_free_operations(sim);
    sim_registries_free(sim->registries);
    for (struct flight *f; (f = sim->flights);) {
        sim->flights = f->made;
        if (timer_armed(&f->timer)) {
            loop_cancel(sim->loop, &f->timer);
            land(f);
        }
        free(f);
    }
    for (int i = 0; i < sim->layout->link_count * 2; i++)
        link_model_free(&sim->links[i]);
    free(sim->links);
    free(sim->ports);
    free(sim);
}
