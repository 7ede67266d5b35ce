/* Many access points at regular places: the usual layouts of planned networks. Access point `index` stands in
 * row index / columns, counted from the corner (0, 0). */
#ifndef ROAMLAB_AP_GRID_H
#define ROAMLAB_AP_GRID_H

#include <stdint.h>

/* A row of the table of layouts. */
struct ap_grid {
    const char *name, *help;
    /* Where access point `index` stands, in units of the distance between neighbours. */
    void (*place)(uint32_t columns, uint32_t index, double *x, double *y);
    /* Its channel: 1, 6 or 11, those of 2.4 GHz that do not overlap, and never that of a nearest
     * neighbour. */
    uint32_t (*channel)(uint32_t columns, uint32_t index);
};

const struct ap_grid *ap_grid_of(const char *name); /* NULL if there is none of that name */
const struct ap_grid *ap_grid_at(int i);            /* the i-th, NULL behind the last */

#endif
