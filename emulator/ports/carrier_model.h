/* What a carrier does beyond TCP, as virtual time models it and estimates count it. */
#ifndef ROAMLAB_CARRIER_MODEL_H
#define ROAMLAB_CARRIER_MODEL_H

#include "layout.h"

struct carrier_model {
    const char *name;
    int round_trips; /* of its own protocol, besides the one in which the last bytes are acknowledged */
    uint64_t part_bytes;  /* what is sent goes in parts of so many, 0 = whole; and of each */
    int part_round_trips;
    uint64_t window; /* bytes that it lets be in flight */
    bool warm;       /* out of slow start before the run begins, kept so, and paced */
    bool apart; /* a connection for each transfer; others share one between two hosts and take turns */
    bool by_registry; /* through a host that may be a third one */
    bool by_store;    /* the same, layout's `store`; with `pipeline` what is written there is read meanwhile */
    bool compresses; /* by zstd: what crosses is layout_compressed_bytes() */
    bool follows; /* sends a dump's pages while they are still written */
};

/* The third host that a transfer to the edge server passes, as a stop on its way, or -1. */
int carrier_model_stop(const struct carrier_model *carrier, const struct layout *l, uint32_t to_edge);

/* What the carrier takes for a transfer over a path of that round trip, before the first byte. SEND_BASE, layer by layer, is of other kind. */
struct simtime carrier_model_time(const struct carrier_model *carrier, const struct layout *l, enum operation operation,
                                      struct simtime rtt);

/* The same of SEND_BASE: each layer from `first` on is a file, with its own round trips; two are under way (real_layers.c), and one's round trips pass
 * while the other's bytes do, at that rate (0 = at once). All that the line waits for, as if it were before the first byte. */
struct simtime carrier_model_base_time(const struct carrier_model *carrier, const struct layout *l, int first, struct simtime rtt, uint64_t rate_bps);

/* How long before the end of a dump its memory can begin to be sent. A dump's costs for each byte are taken to be the pages', and to come last. */
struct simtime carrier_model_follows(const struct carrier_model *carrier, const struct layout *l);

/* What a transfer puts into its connection, before TCP. */
uint64_t carrier_model_bytes(const struct carrier_model *carrier, const struct layout *l, enum operation operation);

/* IP bytes of the padding that warms a connection over the path; 0: the carrier warms none. */
uint64_t carrier_model_warming_bytes(const struct carrier_model *carrier, const struct layout_path *path);

/* The row of that name, or the first. */
const struct carrier_model *carrier_model_of(const char *name);

#endif
