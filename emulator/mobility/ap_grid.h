/* Many access points at regular places: the usual layouts of planned networks.
 *
 * Access point `index` of a grid stands in row index / columns, from the corner (0, 0) on. `square` puts neighbours at the spacing along both axes;
 * `hexagonal` moves every other row by half a spacing and rows closer together, so that all six neighbours are at the spacing. */
#ifndef ROAMLAB_AP_GRID_H
#define ROAMLAB_AP_GRID_H

#include <stdint.h>

struct ap_grid {
    const char *name, *help;
    /* Where access point `index` stands, in spacings. */
    void (*place)(uint32_t columns, uint32_t index, double *x, double *y);
    /* Which of three channels (0 to 2) it uses: never that of a nearest neighbour. */
    uint32_t (*channel)(uint32_t columns, uint32_t index);
};

const struct ap_grid *ap_grid_of(const char *name); /* NULL if there is none of that name */
const struct ap_grid *ap_grid_at(int i);            /* the i-th, NULL behind the last */

/* The three channels of 2.4 GHz that do not overlap: 1, 6, 11. */
uint32_t ap_grid_channel(const struct ap_grid *grid, uint32_t columns, uint32_t index);

#endif
