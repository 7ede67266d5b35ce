#include "base_layers.h"

uint64_t base_layer_bytes(uint64_t total, int layer)
{
    static const uint64_t per_cent[BASE_DATA_LAYERS - 1] = {14, 3, 7, 16, 55, 3};
    uint64_t rest = total;
    if (layer < BASE_DATA_LAYERS - 1)
        return total * per_cent[layer] / 100;
    for (int i = 0; i < BASE_DATA_LAYERS - 1; i++)
        rest -= total * per_cent[i] / 100;
    return layer == BASE_DATA_LAYERS - 1 ? rest : 0;
}
