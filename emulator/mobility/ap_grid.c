#include "ap_grid.h"
#include "mem.h"

#include <math.h>
#include <string.h>

static uint32_t channel(uint32_t colour)
{
    return 1 + 5 * (colour % 3);
}

static void place_square(uint32_t columns, uint32_t index, double *x, double *y)
{
    uint32_t row = index / columns;
    *x = index % columns;
    *y = row;
}

static uint32_t channel_square(uint32_t columns, uint32_t index)
{
    return channel(index % columns + index / columns);
}

static void place_hexagonal(uint32_t columns, uint32_t index, double *x, double *y)
{
    uint32_t row = index / columns;
    *x = index % columns + (row % 2) * 0.5;
    *y = row * sqrt(0.75);
}

static uint32_t channel_hexagonal(uint32_t columns, uint32_t index)
{
    return channel(index % columns + 2 * (index / columns % 2));
}

static const struct ap_grid grids[] = {
    {"square", "four neighbours each", place_square, channel_square},
    {"hexagonal", "six neighbours each, every other row half a place aside", place_hexagonal,
     channel_hexagonal},
};

const struct ap_grid *ap_grid_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(grids) ? &grids[i] : NULL;
}

const struct ap_grid *ap_grid_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(grids); i++)
        if (strcmp(grids[i].name, name) == 0)
            return &grids[i];
    return NULL;
}
