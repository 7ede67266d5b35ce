#include "model.h"

void link_model_init(struct link_model *link, const struct link_params *params, uint64_t index)
{
    *link = (struct link_model){.params = *params};
    line_init(&link->line, params, index);
}

void link_model_change(struct link_model *link, const struct link_params *params)
{
    link->params = *params;
    line_change(&link->line, params);
}

void link_model_free(struct link_model *link)
{
    line_free(&link->line);
}

struct simtime link_model_backlog(const struct link_model *link, struct simtime now)
{
    return simtime_ns(line_backlog_ns(&link->line, now.ns));
}

static bool arrives(struct link_model *link, const struct line_unit *unit, const struct line_copy *copy,
                    struct link_arrival *arrival)
{
    switch (copy->fate) {
    case LINE_LOST:
        link->lost += unit->packets;
        return false;
    case LINE_FULL:
        link->dropped += unit->packets;
        return false;
    case LINE_TAKEN:
        break;
    }
    link->packets += unit->packets;
    link->bytes += unit->line_bytes - (uint64_t)unit->packets * LINK_ETHERNET;
    *arrival = (struct link_arrival){simtime_ns(copy->due_ns), copy->corrupt};
    if (!copy->overtakes) {
        arrival->at.ns = line_opens(&link->line, copy->due_ns);
        line_passed(&link->line, unit);
    }
    return true;
}

int link_model_offer(struct link_model *link, struct simtime now, uint64_t bytes,
                     struct link_arrival arrivals[2])
{
    enum { FULL = LINK_MTU + LINK_ETHERNET };
    struct line_unit unit = {bytes > FULL ? (uint32_t)((bytes + FULL - 1) / FULL) : 1, bytes};
    struct line_copy copies[2];
    int copy_count = line_enter(&link->line, now.ns, &unit, copies), count = 0;
    for (int i = 0; i < copy_count; i++)
        count += arrives(link, &unit, &copies[i], &arrivals[count]);
    return count;
}

bool link_model_send(struct link_model *link, struct simtime now, uint64_t bytes, struct simtime *arrival)
{
    struct link_arrival arrivals[2];
    int count = link_model_offer(link, now, bytes, arrivals);
    for (int i = 0; i < count; i++)
        if (!arrivals[i].corrupt) {
            *arrival = arrivals[i].at;
            return true;
        }
    return false;
}

struct simtime link_path_delay(const struct link_path *path)
{
    struct simtime sum = SIMTIME_ZERO;
    for (int i = 0; i < path->hop_count; i++)
        sum = simtime_add(sum, path->hops[i]->params.delay);
    return sum;
}
