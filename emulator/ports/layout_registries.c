/* Which registry is nearest to an edge server. */
#include "layout.h"

/* A root file system of 230 MB: zstd -3 leaves 1/2.97 of it, gzip -6 1/2.65. */
static const double GZIP_TO_ZSTD = 2.65 / 2.97;

/* Connection, handshake, manifest and configuration come before the layers. */
enum { ROUND_TRIPS = 8 };

uint64_t layout_pull_bytes(const struct layout *l)
{
    double ratio = l->base_ratio * GZIP_TO_ZSTD;
    return (uint64_t)((double)l->base_bytes / (ratio > 1 ? ratio : 1));
}

static int tier_of(const struct layout *l, int registry)
{
    int tier = 0;
    for (int up = l->registries[registry].parent; up >= 0; up = l->registries[up].parent)
        tier++;
    return tier;
}

static struct simtime pull_time(const struct layout *l, uint32_t edge, int registry)
{
    struct layout_path path = layout_path(l, l->registries[registry].host, l->edges[edge].host);
    struct simtime time = simtime_scale(path.rtt, ROUND_TRIPS);
    return path.rate_bps ? simtime_add(time, simtime_on_line(layout_pull_bytes(l), path.rate_bps)) : time;
}

static bool is_nearer(const struct layout *l, uint32_t edge, int a, int b)
{
    int order = simtime_cmp(pull_time(l, edge, a), pull_time(l, edge, b));
    if (order)
        return order < 0;
    int own = l->edges[edge].registry;
    if (a == own || b == own)
        return a == own;
    return tier_of(l, a) > tier_of(l, b);
}

static bool comes_before(const struct layout *l, uint32_t edge, const uint32_t *stalls, int a, int b)
{
    return stalls[a] == stalls[b] ? is_nearer(l, edge, a, b) : stalls[a] < stalls[b];
}

int layout_nearest_registries(const struct layout *l, uint32_t edge, const uint32_t *stalls, int *order)
{
    int count = 0;
    for (int i = 0; i < l->registry_count; i++) {
        if (layout_path(l, l->registries[i].host, l->edges[edge].host).hops < 0)
            continue;
        int at = count++;
        for (; at > 0 && comes_before(l, edge, stalls, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

void layout_note_stall(const struct layout *l, int registry, uint32_t *stalls)
{
    uint32_t last = 0;
    for (int i = 0; i < l->registry_count; i++)
        last = stalls[i] > last ? stalls[i] : last;
    stalls[registry] = last + 1;
}

int layout_carrier_registry_host(const struct layout *l, uint32_t edge)
{
    int registry = l->carrier_registry >= 0 ? l->carrier_registry : l->edges[edge].registry;
    return registry >= 0 ? l->registries[registry].host : l->edges[edge].host;
}
