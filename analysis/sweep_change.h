/* How much a sweep's metrics differ from those at the first value of one of its keys, `against`, with all else alike; and what a paper says of that. In
 * per cent: -80 is 80 % less. */
#ifndef ROAMLAB_SWEEP_CHANGE_H
#define ROAMLAB_SWEEP_CHANGE_H

#include "sweep_table.h"

/* Is there such a key among those that are varied? */
bool sweep_compares(const struct sweep *s);
/* Of the metric's means. NAN if there is nothing to compare: no `against`, the first value itself, a mean that is missing or 0. */
double sweep_change(const struct sweep *s, const struct sweep_table *t, int point, int metric);
/* NAN if it says nothing. */
double sweep_change_of_paper(const struct sweep *s, int point, int metric);

#endif
