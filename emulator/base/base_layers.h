/* How the base image of the service spreads over layers: as python:3.8's seven do, one of them more than half of it; upon them the layer of the
 * program, which is small. */
#ifndef ROAMLAB_BASE_LAYERS_H
#define ROAMLAB_BASE_LAYERS_H

#include <stdint.h>

enum { BASE_DATA_LAYERS = 7, BASE_LAYERS = BASE_DATA_LAYERS + 1 };

/* Of `total` bytes of base data, what layer number `layer` (the lowest is 0) holds; the program's layer has none. */
uint64_t base_layer_bytes(uint64_t total, int layer);

#endif
