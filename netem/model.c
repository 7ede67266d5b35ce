#include "model.h"

enum { ETHERNET_HEADER = 14 };

void link_model_init(struct link_model *link, const struct link_params *params, uint64_t index)
{
    *link = (struct link_model){.params = *params};
    if (!link->params.queue_packets)
        link->params.queue_packets = LINK_QUEUE_DEFAULT;
    rng_init(&link->rng, params->seed, "link", index);
}

struct simtime link_model_backlog(const struct link_model *link, struct simtime now)
{
    return simtime_max(SIMTIME_ZERO, simtime_sub(link->free_at, now));
}

static bool queue_is_full(const struct link_model *link, struct simtime now)
{
    if (!link->params.rate_bps)
        return false;
    struct simtime limit = simtime_on_line(
        (uint64_t)link->params.queue_packets * (LINK_MTU + ETHERNET_HEADER), link->params.rate_bps);
    return link_model_backlog(link, now).ns > limit.ns;
}

bool link_model_send(struct link_model *link, struct simtime now, uint64_t bytes, struct simtime *arrival)
{
    link->packets++;
    if (queue_is_full(link, now)) {
        link->dropped++;
        return false;
    }
    link->bytes += bytes;
    link->free_at =
        simtime_add(simtime_max(now, link->free_at), simtime_on_line(bytes, link->params.rate_bps));
    if (link->params.loss > 0 && rng_unit(&link->rng) < link->params.loss) {
        link->lost++;
        return false;
    }
    *arrival = simtime_add(link->free_at, link->params.delay);
    return true;
}

struct simtime link_path_delay(const struct link_path *path)
{
    struct simtime sum = SIMTIME_ZERO;
    for (int i = 0; i < path->hop_count; i++)
        sum = simtime_add(sum, path->hops[i]->params.delay);
    return sum;
}
