#include "roaming_cost.h"

#include "mem.h"
#include "migration_estimate.h"
#include "world_layout.h"

#include <string.h>

bool roaming_container_stays(const struct scenario *s)
{
    return !s->migration.strategy->migrates || s->migration.policy == policy_of("never");
}

static double round_trip_ms(const struct layout *l, int from_host, int to_host)
{
    struct layout_path path = layout_path(l, from_host, to_host);
    return path.hops < 0 ? INFINITY : simtime_to_ms(path.rtt);
}

static double cost_ms(const struct layout *l, const struct scenario *s, int device_host, int anchor, int ap)
{
    const struct scenario_ap *a = &s->aps[ap];
    bool stays = roaming_container_stays(s);
    struct simtime migration =
        stays ? SIMTIME_ZERO : migration_estimate(l, s->migration.strategy, anchor, a->edge);
    int container_host = s->edges[stays ? anchor : a->edge].host;
    double delay = round_trip_ms(l, device_host, a->host) + round_trip_ms(l, a->host, container_host);
    return simtime_to_ms(migration) + s->radio.delay_weight * delay;
}

float *roaming_costs(const struct scenario *s, int device_host, uint64_t seed)
{
    struct layout layout = {0};
    size_t aps = (size_t)s->ap_count;
    float *costs = mem_alloc_array((size_t)s->edge_count * aps, sizeof *costs);
    world_layout_init(&layout, s, seed);
    for (int anchor = 0; anchor < s->edge_count; anchor++)
        for (int ap = 0; ap < s->ap_count; ap++)
            costs[(size_t)anchor * aps + (size_t)ap] = (float)cost_ms(&layout, s, device_host, anchor, ap);
    world_layout_free(&layout);
    return costs;
}
