#include "carrier_model.h"
#include "base_layers.h"
#include "mem.h"
#include "pace.h"

#include <math.h>
#include <string.h>

/* Of transfers over a connection that stands: carriers open theirs when a run begins (at RTT 200 ms `ssh true` alone takes 2.8 s).
 *
 * scp -O: a file of 6 bytes takes six round trips (1.1 to 1.3 s at RTT 200 ms, see transfer/scp.c). An SSH channel's window is 2 MiB (OpenSSH
 * channels.h, CHAN_SES_WINDOW_DEFAULT). */
static const struct carrier_model carriers[] = {
    {"scp", .round_trips = 5, .window = 2 << 20},
    /* The same channel of SSH; rsync's two sides first tell each other what they have: a file of 6 bytes takes eight. */
    {"rsync", .round_trips = 7, .window = 2 << 20, .compresses = true},
    /* transfer/nfs_slots.h. To the store and from it: names are looked up step by step, and each side asks again and again what the other has
     * written; 0.1 MB take 15 round trips in all over two legs. */
    {"nfs", .round_trips = 6, .window = 8 << 20, .by_store = true},
    /* transfer/stream.c: nothing is asked before the first byte; Linux lets a socket hold 4 MiB (tcp_wmem). */
    {"stream", .window = 4 << 20, .warm = true, .compresses = true, .follows = true},
    /* transfer/registry_artifact.c: two requests for each part of 16 MiB, one for the manifest, and the order to pull; the last of them
     * all waits for what was sent anyway. */
    {"registry", .round_trips = 1, .part_bytes = 16 << 20, .part_round_trips = 2, .window = 4 << 20, .apart = true, .by_registry = true},
};

const struct carrier_model *carrier_model_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(carriers); i++)
        if (!strcmp(carriers[i].name, name))
            return &carriers[i];
    return &carriers[0];
}

int carrier_model_stop(const struct carrier_model *carrier, const struct layout *l, uint32_t to_edge)
{
    if (carrier->by_registry)
        return layout_carrier_registry_host(l, to_edge);
    return carrier->by_store ? l->store : -1;
}

struct simtime carrier_model_follows(const struct carrier_model *carrier, const struct layout *l)
{
    return carrier->follows ? simtime_sub(layout_operation_time(l, OP_DUMP), l->costs[OP_DUMP].fixed) : SIMTIME_ZERO;
}

uint64_t carrier_model_bytes(const struct carrier_model *carrier, const struct layout *l, enum operation operation)
{
    return carrier->compresses ? layout_compressed_bytes(l, operation) : layout_operation_bytes(l, operation);
}

static uint64_t parts_of(const struct carrier_model *carrier, uint64_t bytes)
{
    return carrier->part_bytes ? (bytes + carrier->part_bytes - 1) / carrier->part_bytes : 0;
}

/* Of one file, of so many bytes, so many of them as they cross. */
static struct simtime file_time(const struct carrier_model *carrier, const struct layout *l, uint64_t bytes, uint64_t crossing, struct simtime rtt)
{
    const struct layout_carrier_cost *cost = &l->carrier_cost;
    double round_trips = (cost->measured ? cost->round_trips : carrier->round_trips) +
                         (double)parts_of(carrier, crossing) * carrier->part_round_trips;
    double handled_mb = (double)bytes / 1e6;
    return simtime_add(cost->fixed, simtime_ns(llround(round_trips * (double)rtt.ns + handled_mb * (double)cost->per_mb.ns)));
}

struct simtime carrier_model_time(const struct carrier_model *carrier, const struct layout *l, enum operation operation,
                                  struct simtime rtt)
{
    return file_time(carrier, l, layout_operation_bytes(l, operation), carrier_model_bytes(carrier, l, operation), rtt);
}

/* transfer/stream_pace.c. The window that slow start ends with fills the path and a queue that HyStart notices. As windows double, twice as
 * much has been sent by then, and the kernel holds another one, up to what it may hold unsent. Packets of 1500 bytes carry 1448. */
uint64_t carrier_model_warming_bytes(const struct carrier_model *carrier, const struct layout_path *path)
{
    double window = (double)path->rate_bps / 8 * simtime_seconds(simtime_add(path->rtt, pace_margin(path->rtt)));
    if (!path->rate_bps || window > (double)carrier->window)
        window = (double)carrier->window;
    return carrier->warm ? (uint64_t)((2 * window + fmin(window, PACE_UNSENT_BYTES)) * 1500 / 1448) : 0;
}

enum { LAYERS_UNDER_WAY = 2 };

struct simtime carrier_model_base_time(const struct carrier_model *carrier, const struct layout *l, int first, struct simtime rtt, uint64_t rate_bps)
{
    struct simtime free[LAYERS_UNDER_WAY] = {0}, line_free = SIMTIME_ZERO, busy = SIMTIME_ZERO;
    for (int layer = first; layer < BASE_LAYERS; layer++) {
        uint64_t bytes = base_layer_bytes(l->base_bytes, layer);
        uint64_t crossing = carrier->compresses ? (uint64_t)((double)bytes / l->base_ratio) : bytes;
        struct simtime *turn = &free[layer % LAYERS_UNDER_WAY], own = simtime_on_line(crossing, rate_bps);
        struct simtime begin = simtime_max(simtime_add(*turn, file_time(carrier, l, bytes, crossing, rtt)), line_free);
        line_free = simtime_add(begin, own);
        busy = simtime_add(busy, own);
        *turn = simtime_add(line_free, rtt);
    }
    return simtime_sub(line_free, busy);
}
