/* The base image's layers in virtual time: sent one behind the other, each loaded as soon as it and those below it are there. */
#include "base_layers.h"
#include "carrier_model.h"
#include "sim_internal.h"

static uint64_t layer_bytes(const struct sim *sim, int layer, double ratio)
{
    return (uint64_t)((double)base_layer_bytes(sim->layout->base_bytes, layer) / ratio);
}

int sim_layers_first(struct sim *sim, const struct order *o)
{
    bool sends = o->operation == OP_SEND_BASE;
    bool asked = sim_transfer_arrived(sim, o, sends ? OP_SEND_CHOICE : OP_SEND_LIST);
    return asked ? sim->base_layers[sends ? o->peer.index : o->edge.index] : 0;
}

uint64_t sim_layers_to_send(struct sim *sim, const struct order *o, double ratio)
{
    uint64_t bytes = 0;
    for (int i = sim_layers_first(sim, o); i < BASE_LAYERS; i++)
        bytes += layer_bytes(sim, i, ratio);
    return bytes;
}

/* The highest ones are on their way last. */
static int layers_there(struct sim_order *so)
{
    uint64_t left = sim_transfer_left(so->sim, &so->order);
    const struct layout *l = so->sim->layout;
    double ratio = carrier_model_of(l->carrier)->compresses ? l->base_ratio : 1;
    int layers = BASE_LAYERS;
    while (left && layers) {
        uint64_t top = layer_bytes(so->sim, --layers, ratio);
        left -= left < top ? left : top;
    }
    return layers;
}

void sim_layers_wake(struct sim *sim, const struct order *sent)
{
    struct sim_order *so = sim->devices[sent->mud].orders;
    while (so && !(so->awaits && so->order.operation == OP_LOAD_BASE && so->order.edge.index == sent->peer.index &&
                   so->order.migration == sent->migration))
        so = so->next;
    if (so) /* in its own turn: it may end, and others with it */
        loop_arm_after(sim->loop, &so->timer, SIMTIME_ZERO);
}

static void report_layer(struct sim_order *so)
{
    if (so->loads)
        sim_order_report(so, OP_LOAD_LAYER, so->layer_begin, base_layer_bytes(so->sim->layout->base_bytes, so->layer - 1));
    so->loads = false;
}

void sim_layers_load(struct sim_order *so)
{
    struct sim *sim = so->sim;
    report_layer(so);
    int first = sim_layers_first(sim, &so->order);
    so->layer = so->layer < first ? first : so->layer;
    if (so->layer == BASE_LAYERS && !sim_transfer_arrived(sim, &so->order, OP_SEND_BASE)) {
        so->awaits = true;
        return;
    }
    if (so->layer == BASE_LAYERS) {
        sim->base_layers[so->order.edge.index] = BASE_LAYERS;
        sim_order_finish(so);
        return;
    }
    so->awaits = so->layer >= layers_there(so);
    if (so->awaits)
        return;
    so->loads = true;
    so->layer_begin = loop_now(sim->loop);
    struct simtime time = layout_time_for(sim->layout, OP_LOAD_BASE, base_layer_bytes(sim->layout->base_bytes, so->layer++));
    sim_arm(sim, sim_edge_host(sim, so->order.edge), &so->timer, time);
}
