/* Reduces a scenario in which something does not hold to a smaller one in which the same kind of thing does not hold: takes away faults,
 * changes of links, devices, visits, access points and keys, one after the other, as long as that helps. */
#ifndef ROAMLAB_SHRINK_H
#define ROAMLAB_SHRINK_H

#include "buf.h"

/* `text` is the scenario's JSON, which is replaced by the reduced one, indented. Returns how many trials it took, 0 if `text` holds;
 * it stops after 2000, with what it has. `progress`, unless NULL, hears of each. */
int shrink_scenario(struct buf *text, void (*progress)(int trials));

#endif
