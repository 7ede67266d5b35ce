/* Which access points are heard at a place, strongest first, among as many as ten thousand.
 *
 * An index over the plane: squares, each with the access points that can be heard somewhere in it. What can
 * be heard follows from power, sensitivity, path loss and the most that shadowing ever adds, so the
 * answer is exact, and a place costs only the access points of its square, most of them hardly anything. */
#ifndef ROAMLAB_CELLS_H
#define ROAMLAB_CELLS_H

#include "radio.h"

struct heard {
    uint32_t ap; /* its place in the array that cells_open got */
    float dbm;
};

struct cells;

/* Both are the caller's and must outlive the index; `count` at least 1. */
struct cells *cells_open(const struct radio *radio, const struct radio_ap *aps, uint32_t count);
void cells_free(struct cells *cells);

/* Fills in the strongest access points that are heard at (x_m, y_m), at most `max`, strongest first, equals
 * in the order of the array. Returns how many: 0 is an outage. */
uint32_t cells_heard(const struct cells *cells, double x_m, double y_m, struct heard *heard, uint32_t max);

#endif
