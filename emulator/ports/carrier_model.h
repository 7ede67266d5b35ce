/* What a carrier does beyond TCP, as virtual time models it and estimates count it. */
#ifndef ROAMLAB_CARRIER_MODEL_H
#define ROAMLAB_CARRIER_MODEL_H

#include <stdint.h>

struct carrier_model {
    const char *name;
    int round_trips; /* of its own protocol, besides the one in which the last bytes are acknowledged */
    uint64_t window; /* bytes that it lets be in flight */
};

/* The row of that name, or the first. */
const struct carrier_model *carrier_model_of(const char *name);

#endif
