#include "layout.h"
#include "mem.h"
#include "model.h"

#include <stdio.h>

enum {
    HOSTS = 0xc6120000,      /* 198.18.0.0 */
    APS = 0xc6121000,        /* 198.18.16.0 */
    EDGES = 0xc6122000,      /* 198.18.32.0 */
    MUDS = 0xc6124000,       /* 198.18.64.0 */
    CONTAINERS = 0xc6130000, /* 198.19.0.0 */
    APS_MORE = 0xac100000,   /* 172.16.0.0 */
    MUDS_MORE = 0x0a000000,  /* 10.0.0.0 */
};

/* CRIU's images of a small program without its pages: 0.1 MB. */
enum { STATE_IMAGES_BYTES = 100000 };

const struct layout_party *layout_party(const struct layout *l, struct party p)
{
    switch (p.role) {
    case PARTY_MUD:
        return p.index < (uint32_t)l->mud_count ? &l->muds[p.index] : NULL;
    case PARTY_AP:
        return p.index < (uint32_t)l->ap_count ? &l->aps[p.index] : NULL;
    case PARTY_EDGE:
        return p.index < (uint32_t)l->edge_count ? &l->edges[p.index] : NULL;
    default:
        return NULL;
    }
}

const char *layout_name(const struct layout *l, struct party p)
{
    const struct layout_party *party = layout_party(l, p);
    return party ? party->name : "";
}

uint32_t layout_host_address(int host)
{
    return (uint32_t)HOSTS + (uint32_t)host + 1;
}

uint32_t layout_address(struct party p)
{
    static const struct {
        uint32_t base, room, more;
    } ranges[] = {
        [PARTY_MUD] = {(uint32_t)MUDS, LAYOUT_MUDS_WITH_ADDRESS, (uint32_t)MUDS_MORE},
        [PARTY_AP] = {(uint32_t)APS, LAYOUT_APS_WITH_ADDRESS, (uint32_t)APS_MORE},
        [PARTY_EDGE] = {(uint32_t)EDGES, UINT32_MAX, 0},
    };
    if (p.role == PARTY_NONE)
        return 0;
    return (p.index < ranges[p.role].room ? ranges[p.role].base : ranges[p.role].more) + p.index + 1;
}

uint32_t layout_container_address(uint32_t mud)
{
    return (uint32_t)CONTAINERS + mud + 1;
}

struct party layout_party_at(const struct layout *l, uint32_t address)
{
    for (int role = PARTY_MUD; role <= PARTY_EDGE; role++) {
        struct party p = {.role = (uint8_t)role};
        uint32_t base = layout_address(p);
        p.index = address - base;
        if (address >= base && layout_party(l, p) && layout_address(p) == address)
            return p;
    }
    return (struct party){0};
}

uint32_t layout_container_at(const struct layout *l, uint32_t address)
{
    uint32_t mud = address - (uint32_t)CONTAINERS - 1;
    return mud < (uint32_t)l->mud_count ? mud : UINT32_MAX;
}

void layout_address_text(uint32_t address, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

int layout_route(const struct layout *l, int from, int to, int *hops, int hops_max)
{
    int count = 0;
    while (from != to) {
        int hop = l->next_hop[from * l->host_count + to];
        if (hop < 0 || count == hops_max)
            return -1;
        hops[count++] = hop;
        from = l->links[hop / 2].between[hop % 2 ? 0 : 1];
    }
    return count;
}

static uint64_t queue_bytes(const struct link_params *params)
{
    uint64_t packets = (uint64_t)link_queue_packets(params) * (LINK_MTU + LINK_ETHERNET);
    return params->queue_bytes && params->queue_bytes < packets ? params->queue_bytes : packets;
}

struct layout_path layout_path(const struct layout *l, int from, int to)
{
    int hops[PATH_HOPS_MAX];
    struct layout_path path = {.hops = layout_route(l, from, to, hops, PATH_HOPS_MAX)};
    for (int i = 0; i < path.hops; i++) {
        const struct layout_link *link = &l->links[hops[i] / 2];
        const struct link_params *there = &link->params[hops[i] % 2];
        path.rtt = simtime_add(path.rtt, simtime_add(link->params[0].delay, link->params[1].delay));
        if (!there->rate_bps || (path.rate_bps && path.rate_bps <= there->rate_bps))
            continue;
        path.rate_bps = there->rate_bps;
        path.queue_bytes = queue_bytes(there);
    }
    return path;
}

bool layout_link_limits(const struct layout *l, uint32_t from_edge, uint32_t to_edge)
{
    return layout_path(l, l->edges[from_edge].host, l->edges[to_edge].host).rate_bps > 0;
}

/* Parts of a container; CHANGED: of them only what was written since the first copy. */
enum part { MEMORY = 1, LAYER = 2, BASE = 4, VOLUME = 8, CHANGED = 16 };

static uint64_t bytes_of(const struct layout *l, unsigned parts)
{
    uint64_t bytes = (parts & MEMORY ? l->memory_bytes : 0) + (parts & LAYER ? l->layer_bytes : 0) +
                     (parts & BASE ? l->base_bytes : 0) + (parts & VOLUME ? l->volume_bytes : 0);
    return parts & CHANGED ? (uint64_t)(l->changed_share * (double)bytes) : bytes;
}

/* Without a default: an operation that is new has to be thought of. */
uint64_t layout_operation_bytes(const struct layout *l, enum operation operation)
{
    switch (operation) {
    case OP_DUMP_STATE:
    case OP_RESTORE_STATE:
    case OP_SERVE_PAGES:
    case OP_FETCH_PAGES:
    case OP_SEND_MEMORY:
    case OP_RECEIVE_MEMORY:
    case OP_RESTORE:
    case OP_REVIVE:
    case OP_MEASURE:
        return bytes_of(l, MEMORY);
    case OP_DUMP:
        return bytes_of(l, l->tracks_pages ? MEMORY | CHANGED : MEMORY);
    case OP_TAKE_LAYER:
    case OP_COMMIT:
    case OP_SEND_LAYER:
    case OP_RECEIVE_LAYER:
    case OP_CREATE:
    case OP_PUT_LAYER:
        return bytes_of(l, LAYER);
    case OP_COPY_VOLUME:
    case OP_PUT_VOLUME:
    case OP_SEND_VOLUME:
    case OP_RECEIVE_VOLUME:
        return bytes_of(l, VOLUME);
    case OP_TAKE_VOLUME:
        return bytes_of(l, l->volume_when == VOLUME_EARLY ? VOLUME | CHANGED : VOLUME);
    case OP_SEND_FILES:
    case OP_RECEIVE_FILES:
        return bytes_of(l, VOLUME | CHANGED);
    case OP_START: /* the service fills them before it serves */
    case OP_SEED:
    case OP_SEND_SEED:
    case OP_MERGE:
    case OP_SNAPSHOT:
        return bytes_of(l, MEMORY | LAYER);
    case OP_SEND_CHANGES:
    case OP_RECEIVE_CHANGES:
        return bytes_of(l, MEMORY | LAYER | CHANGED);
    case OP_SAVE:
    case OP_LOAD:
    case OP_SEND_IMAGE:
    case OP_RECEIVE_IMAGE:
        return bytes_of(l, BASE | LAYER);
    case OP_PULL:
    case OP_SEND_BASE:
    case OP_LOAD_BASE:
        return bytes_of(l, BASE);
    case OP_DIFF:
        return layout_operation_bytes(l, OP_DUMP) + l->layer_bytes;
    case OP_SEND_STATE:
    case OP_RECEIVE_STATE:
        return STATE_IMAGES_BYTES;
    case OP_STOP:
    case OP_FREEZE:
    case OP_THAW:
    case OP_HALT:
    case OP_DISCARD:
    case OP_TAKE_SNAPSHOT:
    case OP_TAKE_LOG:
    case OP_SEND_LOG:
    case OP_RECEIVE_LOG:
    case OP_REPLAY_LOG:
    case OP_SEND_LIST:
    case OP_RECEIVE_LIST:
    case OP_SEND_CHOICE:
    case OP_RECEIVE_CHOICE:
    case OP_REPLAY:
    case OP_SWITCH:
    case OP_STORE:
    case OP_LOAD_LAYER:
    case OPERATIONS:
        break; /* nothing that the scenario tells */
    }
    return 0;
}

uint64_t layout_compressed_bytes(const struct layout *l, enum operation operation)
{
    double image = (double)l->base_bytes / l->base_ratio + (double)l->layer_bytes / l->layer_ratio;
    double state = (double)l->memory_bytes / l->memory_ratio + (double)l->layer_bytes / l->layer_ratio;
    switch (operation) {
    case OP_SEND_MEMORY:
        return (uint64_t)((double)l->memory_bytes / l->memory_ratio);
    case OP_SEND_LAYER:
        return (uint64_t)((double)l->layer_bytes / l->layer_ratio);
    case OP_SEND_IMAGE:
        return (uint64_t)image;
    case OP_PULL:
        return layout_pull_bytes(l);
    case OP_SEND_SEED:
        return (uint64_t)state;
    case OP_SEND_CHANGES:
        return (uint64_t)(l->changed_share * state);
    case OP_SEND_VOLUME:
    case OP_SEND_FILES:
        return (uint64_t)((double)layout_operation_bytes(l, operation) / l->layer_ratio);
    case OP_SEND_BASE:
        return (uint64_t)((double)l->base_bytes / l->base_ratio);
    default:
        return layout_operation_bytes(l, operation);
    }
}

/* What a snapshot does, one after the other. */
static struct simtime snapshot_parts_time(const struct layout *l)
{
    static const enum operation parts[] = {OP_FREEZE, OP_DUMP, OP_TAKE_LAYER, OP_THAW};
    struct simtime sum = SIMTIME_ZERO;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        sum = simtime_add(sum, layout_operation_time(l, parts[i]));
    return sum;
}

struct simtime layout_time_for(const struct layout *l, enum operation operation, uint64_t bytes)
{
    const struct layout_cost *cost = &l->costs[operation];
    return simtime_add(cost->fixed, simtime_ns((int64_t)((double)cost->per_mb.ns * ((double)bytes / 1e6))));
}

struct simtime layout_operation_time(const struct layout *l, enum operation operation)
{
    struct simtime own = layout_time_for(l, operation, layout_operation_bytes(l, operation));
    return operation == OP_SNAPSHOT ? simtime_add(own, snapshot_parts_time(l)) : own;
}
