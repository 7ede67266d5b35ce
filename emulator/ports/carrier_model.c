#include "carrier_model.h"
#include "mem.h"

#include <string.h>

/* scp -O over a kept connection: a file of 6 bytes takes six round trips (1.1 to 1.3 s at RTT 200 ms, see
 * transfer/scp.c); an SSH channel's window is 2 MiB (OpenSSH channels.h, CHAN_SES_WINDOW_DEFAULT). */
static const struct carrier_model carriers[] = {
    {"scp", .round_trips = 5, .window = 2 << 20},
    /* transfer/stream.c: nothing is asked before the first byte; Linux lets a socket hold 4 MiB (tcp_wmem). */
    {"stream", .window = 4 << 20, .warm = true, .compresses = true},
};

const struct carrier_model *carrier_model_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(carriers); i++)
        if (!strcmp(carriers[i].name, name))
            return &carriers[i];
    return &carriers[0];
}

uint64_t carrier_model_bytes(const struct carrier_model *carrier, const struct layout *l, enum operation operation)
{
    return carrier->compresses ? layout_compressed_bytes(l, operation) : layout_operation_bytes(l, operation);
}
