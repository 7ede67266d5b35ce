/* Registries in virtual time: which of them have the service's image, and which edge servers. */
#include "carrier_model.h"
#include "mem.h"
#include "sim_internal.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 50, VALID_BEFORE_S = 3600, VALID_AFTER_S = 30 * 86400 };

/* What an edge server has pulled elsewhere, on its way to the registry next to it. */
struct sim_push {
    struct sim_push *next;
    struct sim *sim;
    int registry;
    struct flow flow;
};

struct sim_registries {
    bool *has_image;          /* by registry */
    bool *has_base, *pulling; /* by edge server */
    uint32_t *stalls;         /* by edge server, and for each by registry (layout_note_stall) */
    struct sim_push *pushes;  /* owned; flows go until the run ends */
};

struct sim_registries *sim_registries_new(const struct layout *l)
{
    struct sim_registries *r = mem_alloc(sizeof *r);
    r->has_image = mem_alloc_array((size_t)l->registry_count, sizeof *r->has_image);
    r->has_base = mem_alloc_array((size_t)l->edge_count, sizeof *r->has_base);
    r->pulling = mem_alloc_array((size_t)l->edge_count, sizeof *r->pulling);
    r->stalls = mem_alloc_array((size_t)l->edge_count * (size_t)l->registry_count, sizeof *r->stalls);
    for (int i = 0; i < l->registry_count; i++)
        r->has_image[i] = l->registries[i].has_image;
    for (int i = 0; i < l->edge_count; i++)
        r->has_base[i] = l->edges[i].has_base;
    return r;
}

void sim_registries_free(struct sim_registries *r)
{
    for (struct sim_push *p; (p = r->pushes);) {
        r->pushes = p->next;
        flow_free(&p->flow);
        free(p);
    }
    free(r->has_image);
    free(r->has_base);
    free(r->pulling);
    free(r->stalls);
    free(r);
}

static uint32_t *stalls_of(const struct sim *sim, uint32_t edge)
{
    return &sim->registries->stalls[edge * (uint32_t)sim->layout->registry_count];
}

static int nearest_with_image(const struct sim *sim, uint32_t edge)
{
    const struct layout *l = sim->layout;
    if (l->recalls && !simtime_before(loop_now(sim->loop), l->recall_at))
        return -1;
    autofree int *order = mem_alloc_array((size_t)l->registry_count, sizeof *order);
    int count = layout_nearest_registries(sim->layout, edge, stalls_of(sim, edge), order);
    for (int i = 0; i < count; i++)
        if (sim->registries->has_image[order[i]])
            return order[i];
    return -1;
}

int sim_registry_of_pull(const struct sim_order *so)
{
    return so->pulls ? so->registry : nearest_with_image(so->sim, so->order.edge.index);
}

/* As an Engine does, one pull serves all that need it at the same time. */
void sim_pull_begin(struct sim_order *so)
{
    struct sim *sim = so->sim;
    struct sim_registries *r = sim->registries;
    uint32_t edge = so->order.edge.index;
    if (r->has_base[edge] || nearest_with_image(sim, edge) < 0) {
        sim_order_finish(so);
    } else if (r->pulling[edge]) {
        loop_arm_after(sim->loop, &so->timer, simtime_ms(LOOK_AGAIN_MS));
    } else {
        r->pulling[edge] = so->pulls = true;
        so->registry = nearest_with_image(sim, edge);
        sim_transfer_begin(so);
    }
}

const char *sim_pull_source(const struct sim_order *so)
{
    return so->pulls ? so->sim->layout->registries[so->registry].name : NULL;
}

static void pushed(struct flow *flow)
{
    const struct sim_push *p = container_of(flow, struct sim_push, flow);
    p->sim->registries->has_image[p->registry] = true;
}

static void push(struct sim *sim, int edge_host, int registry)
{
    struct sim_push *p = mem_alloc(sizeof *p);
    struct link_path forward, back;
    *p = (struct sim_push){.next = sim->registries->pushes, .sim = sim, .registry = registry};
    sim->registries->pushes = p;
    sim_fill_path(sim, edge_host, sim->layout->registries[registry].host, &forward);
    sim_fill_path(sim, sim->layout->registries[registry].host, edge_host, &back);
    flow_init(&p->flow, sim->loop, &forward, &back, SIM_TCP_WINDOW);
    p->flow.done = pushed;
    flow_send(&p->flow, layout_pull_bytes(sim->layout));
}

static void keep(struct sim *sim, uint32_t edge)
{
    const struct layout_party *party = &sim->layout->edges[edge];
    int own = party->registry;
    if (own < 0 || !sim->layout->registries[own].keeps || sim->registries->has_image[own])
        return;
    if (sim->layout->registries[own].host == party->host)
        sim->registries->has_image[own] = true;
    else
        push(sim, party->host, own);
}

int sim_pull_takes_effect(struct sim *sim, const struct order *order)
{
    uint32_t edge = order->edge.index;
    if (!sim->registries->has_base[edge] && !sim->registries->pulling[edge] && nearest_with_image(sim, edge) < 0)
        return -1;
    sim->registries->has_base[edge] = true;
    keep(sim, edge);
    return 0;
}

/* transfer/certificate.c makes it when the run begins. */
static bool is_valid_by(const struct host_clock *clock)
{
    int64_t ahead_s = clock->calendar_ahead.ns / 1000000000;
    return -VALID_BEFORE_S <= ahead_s && ahead_s < VALID_AFTER_S;
}

bool sim_registry_is_distrusted(const struct sim *sim, const struct order *order)
{
    bool sends = operation_is_transfer(order->operation) && carrier_model_of(sim->layout->carrier)->by_registry;
    if (!sends && order->operation != OP_PULL)
        return false;
    return !is_valid_by(&sim->ports[sim_edge_host(sim, order->edge)].clock) ||
           (sends && !is_valid_by(&sim->ports[sim_edge_host(sim, order->peer)].clock));
}

void sim_pull_ends(struct sim_order *so)
{
    uint32_t edge = so->order.edge.index;
    if (so->pulls)
        so->sim->registries->pulling[edge] = false;
    if (so->pulls && so->stalled)
        layout_note_stall(so->sim->layout, so->registry, stalls_of(so->sim, edge));
    so->pulls = false;
}

void sim_forget_stalls(struct sim *sim, int host)
{
    for (int edge = 0; edge < sim->layout->edge_count; edge++)
        if (sim->layout->edges[edge].host == host)
            memset(stalls_of(sim, (uint32_t)edge), 0, (size_t)sim->layout->registry_count * sizeof(uint32_t));
}
