/* Who is where: the hosts, links, parties and modelled costs of a run, in the form that both ports
 * understand. The world fills it from a scenario. */
#ifndef ROAMLAB_LAYOUT_H
#define ROAMLAB_LAYOUT_H

#include "fault.h"
#include "link.h"
#include "offload.h"
#include "statechain.h"
#include "strategy.h"

struct layout_party {
    const char *name; /* as the repository writes it: "AP-1", "ES-1", "USER" */
    int host;
    uint32_t reply_bytes; /* of devices: of the replies to it */
    int registry;         /* of edge servers: the one next to it, -1 = none */
    bool has_base;        /* of edge servers: the service's image is there at the start */
    int base_layers;      /* of edge servers: how many of its layers are there at the start, from the lowest on */
};

/* A private registry. */
struct layout_registry {
    const char *name;
    int host, parent; /* parent: of the tier above, -1 = none */
    bool has_image;   /* the service's, at the start */
    bool keeps;       /* what its edge servers pull elsewhere */
};

struct layout_link {
    int between[2];
    struct link_params params[2]; /* [0] from between[0] to between[1] */
    bool varies;                  /* its parameters change during the run; here are those of the start */
    const char *congestion;       /* TCP congestion control of flows that cross it */
};

/* Modelled cost of an operation: fixed plus per megabyte (10^6 bytes) of what it handles. */
struct layout_cost {
    struct simtime fixed, per_mb;
};

/* … and of the carrier in each transfer, beyond the links. */
struct layout_carrier_cost {
    struct simtime fixed, per_mb;
    bool measured;      /* else its round trips are as carrier_model.h has them */
    double round_trips; /* of its own protocol */
};

struct layout {
    uint64_t seed;
    const char *const *host_names;
    int host_count;
    int64_t *drift_ppb; /* [host], of their clocks; virtual time */
    struct layout_link *links;
    int link_count;
    /* [from * host_count + to] = link * 2 + direction (0 = as in between), -1 = no path or same host */
    int *next_hop;
    struct layout_party *muds, *aps, *edges;
    int mud_count, ap_count, edge_count;
    struct layout_registry *registries;
    int registry_count;
    bool recalls;             /* the service's image is withdrawn from all of them … */
    struct simtime recall_at; /* … then */
    int carrier_registry; /* that carrier registry goes through, -1 = the target's */
    uint64_t base_bytes, layer_bytes, memory_bytes, volume_bytes;
    enum volume_when volume_when;
    struct state_size state_size; /* the last three in pages */
    struct statechain_history *history; /* of the service's state */
    bool keeps_snapshots;               /* beside containers, of which they are from the restore on */
    bool tracks_pages; /* the kernel, and the strategy has a use for that: see strategy_dumps_again() */
    double changed_share; /* of memory, layer and volume, while a seed travels; for estimates: a run counts the pages */
    double base_ratio, layer_ratio, memory_ratio; /* of the sizes to what zstd makes of them; a volume is as its layer */
    struct simtime work;
    uint32_t window;
    const char *carrier;
    int store;     /* the host through which the carrier goes, -1 = none */
    bool pipeline; /* what is in the store is read while it is still written */
    struct layout_cost costs[OPERATIONS];
    struct layout_carrier_cost carrier_cost;
    struct simtime progress; /* a transfer without a byte for so long has failed */
    struct faults faults;
};

/* NULL for PARTY_NONE or an index out of range; the name is "" then. */
const struct layout_party *layout_party(const struct layout *l, struct party p);
const char *layout_name(const struct layout *l, struct party p);

/* Addresses from 198.18.0.0/15 (RFC 2544), IPv4 in host byte order: hosts 198.18.0.0/20, access points
 * 198.18.16.0/20, edges 198.18.32.0/20, devices 198.18.64.0/18, containers (one a device, local to their
 * host) 198.19.0.0/16. Access points and devices that find no room there, which only virtual time can have so
 * many of, have addresses from 172.16.0.0/12 and 10.0.0.0/8 in its log. */
uint32_t layout_host_address(int host);
uint32_t layout_address(struct party p);
uint32_t layout_container_address(uint32_t mud);
/* The party of an address, PARTY_NONE if it is nobody's; the device of a container's address, or
 * UINT32_MAX. */
struct party layout_party_at(const struct layout *l, uint32_t address);
uint32_t layout_container_at(const struct layout *l, uint32_t address);
enum { LAYOUT_MUDS_WITH_ADDRESS = 16382, LAYOUT_APS_WITH_ADDRESS = 4094 };
/* Dotted form; a static buffer of the caller's, 16 bytes. */
void layout_address_text(uint32_t address, char out[16]);

/* The links from host to host, as in next_hop; returns how many, 0 on the same host, -1 without a path. */
int layout_route(const struct layout *l, int from, int to, int *hops, int hops_max);

/* What lies between two hosts, with the links' parameters as they are at the start of the run. */
struct layout_path {
    int hops; /* links; 0 on the same host, -1 without a path */
    struct simtime rtt;
    uint64_t rate_bps;    /* of the slowest link on the way there, 0 = not limited; and, if it is, */
    uint64_t queue_bytes; /* what that link's queue holds */
};
struct layout_path layout_path(const struct layout *l, int from, int to);
/* Does a transfer between two edge servers wait for a link, of the straight way? Where none is limited it takes processors above all, which a dump needs, for which a
 * container stands still: what could go beside the dump goes behind it. */
bool layout_link_limits(const struct layout *l, uint32_t from_edge, uint32_t to_edge);

/* Bytes that an operation handles: memory for dump, restore and their transfer, and so on. */
uint64_t layout_operation_bytes(const struct layout *l, enum operation operation);
/* The same as zstd leaves it; for transfers. */
uint64_t layout_compressed_bytes(const struct layout *l, enum operation operation);
/* What a pull of the service's image brings: its layers by gzip, as registries keep them. */
uint64_t layout_pull_bytes(const struct layout *l);
/* The registries that an edge server reaches, the nearest for such a pull first: by round trip and rate of the way; of equal ones its own,
 * then the lower tier. `order` has room for all; returns how many. Behind them come those whose pulls have stalled, the last one last;
 * `stalls`, by registry, says when each did: 0 = not. */
int layout_nearest_registries(const struct layout *l, uint32_t edge, const uint32_t *stalls, int *order);
void layout_note_stall(const struct layout *l, int registry, uint32_t *stalls);
/* The host through which carrier registry sends to an edge server. */
int layout_carrier_registry_host(const struct layout *l, uint32_t edge);
/* Its modelled time, without what a transfer takes on the links; or when it handles so many bytes. */
struct simtime layout_operation_time(const struct layout *l, enum operation operation);
struct simtime layout_time_for(const struct layout *l, enum operation operation, uint64_t bytes);

#endif
