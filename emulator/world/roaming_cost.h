/* What the roaming decision `least-cost` expects of an access point: the time to migrate the container there, and the delay of
 * requests once it is there. Milliseconds:
 *
 *     migration_estimate(anchor, the access point's edge server) + delay_weight × round trip
 *
 * with the round trip from the device over the access point to where the container then is, on links as they are at the start of
 * the run. */
#ifndef ROAMLAB_ROAMING_COST_H
#define ROAMLAB_ROAMING_COST_H

#include "scenario.h"

/* [anchor * ap_count + ap], for the devices of one host; free() it. */
float *roaming_costs(const struct scenario *s, int device_host, uint64_t seed);

/* Does no container ever follow? */
bool roaming_container_stays(const struct scenario *s);

#endif
