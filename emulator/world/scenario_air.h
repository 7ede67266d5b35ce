/* The air of a scenario: its access points at their places and its radio, ready for itineraries. */
#ifndef ROAMLAB_SCENARIO_AIR_H
#define ROAMLAB_SCENARIO_AIR_H

#include "itinerary.h"
#include "scenario.h"

/* One entry for each access point. */
struct scenario_air {
    struct radio *radio;
    struct cells *cells;
    struct radio_ap *aps;
    uint8_t *channels;
    uint32_t *edge_of_ap, *stations;
};

/* All access points must have their places. -EINVAL and `e` if the options describe no radio; close it all the same. */
int scenario_air_open(struct scenario_air *air, const struct scenario *s, uint64_t seed, struct err *e);
void scenario_air_close(struct scenario_air *air);

/* What an itinerary through it needs; name, costs, visit and context are the caller's to add. */
struct itinerary_options scenario_air_itinerary(const struct scenario_air *air, const struct scenario *s,
                                                uint64_t seed);

#endif
