/* What has arrived by transfers in virtual time, and who waits for it. */
#include "mem.h"
#include "sim_internal.h"

#include <stdlib.h>

struct sim_arrival {
    struct sim_arrival *next;
    struct order sent; /* its peer has it */
};

static bool is_for(const struct sim_arrival *a, const struct order *o)
{
    return a->sent.peer.index == o->edge.index && a->sent.migration == o->migration;
}

bool sim_transfer_arrived(struct sim *sim, const struct order *o, enum operation sent)
{
    const struct sim_arrival *a = sim->devices[o->mud].arrivals;
    while (a && !(is_for(a, o) && a->sent.operation == sent))
        a = a->next;
    return a != NULL;
}

static bool is_awaited_by(const struct sim_arrival *a, const struct order *o)
{
    return is_for(a, o) && operation_received(o->operation) == a->sent.operation;
}

void sim_transfer_arrives(struct sim *sim, const struct order *sent)
{
    struct sim_device *device = &sim->devices[sent->mud];
    struct sim_arrival *a = mem_alloc(sizeof *a);
    *a = (struct sim_arrival){device->arrivals, *sent};
    device->arrivals = a;
    sim_snapshot_arrives(sim, sent);
    for (struct sim_order *so = device->orders; so; so = so->next)
        if (so->awaits && is_awaited_by(a, &so->order))
            loop_arm_after(sim->loop, &so->timer, SIMTIME_ZERO);
}

void sim_transfer_await(struct sim_order *so)
{
    so->awaits = !sim_transfer_arrived(so->sim, &so->order, operation_received(so->order.operation));
    if (!so->awaits)
        sim_order_finish(so);
}

void sim_transfer_forget(struct sim *sim, const struct order *o, enum operation sent)
{
    for (struct sim_arrival **at = &sim->devices[o->mud].arrivals, *a; (a = *at);) {
        if (!is_for(a, o) || (sent != OPERATIONS && a->sent.operation != sent)) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        free(a);
    }
}

int sim_arrivals(const struct sim_device *device)
{
    int count = 0;
    for (const struct sim_arrival *a = device->arrivals; a; a = a->next)
        count++;
    return count;
}

void sim_transfer_forget_all(struct sim_device *device)
{
    for (struct sim_arrival *a; (a = device->arrivals);) {
        device->arrivals = a->next;
        free(a);
    }
}
