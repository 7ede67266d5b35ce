#include "carrier_model.h"
#include "mem.h"

#include <string.h>

/* scp -O over a kept connection: a file of 6 bytes takes six round trips (1.1 to 1.3 s at RTT 200 ms, see
 * transfer/scp.c); an SSH channel's window is 2 MiB (OpenSSH channels.h, CHAN_SES_WINDOW_DEFAULT). */
static const struct carrier_model carriers[] = {
    {"scp", .round_trips = 5, .window = 2 << 20},
    /* transfer/stream.c: nothing is asked before the first byte; Linux lets a socket hold 4 MiB (tcp_wmem). */
    {"stream", .window = 4 << 20, .warm = true, .compresses = true},
    /* transfer/registry_artifact.c: two requests for each part of 16 MiB, one for the manifest, and the order to pull; the last of them
     * all waits for what was sent anyway. */
    {"registry", .round_trips = 1, .part_bytes = 16 << 20, .part_round_trips = 2, .window = 4 << 20},
};

const struct carrier_model *carrier_model_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(carriers); i++)
        if (!strcmp(carriers[i].name, name))
            return &carriers[i];
    return &carriers[0];
}

int carrier_model_round_trips(const struct carrier_model *carrier, uint64_t bytes)
{
    uint64_t parts = carrier->part_bytes ? (bytes + carrier->part_bytes - 1) / carrier->part_bytes : 0;
    return carrier->round_trips + (int)parts * carrier->part_round_trips;
}

uint64_t carrier_model_bytes(const struct carrier_model *carrier, const struct layout *l, enum operation operation)
{
    return carrier->compresses ? layout_compressed_bytes(l, operation) : layout_operation_bytes(l, operation);
}
