/* Itineraries: from where devices are (tracks) to whose air they are on (visits), before a run and without it. A pure pass
 * over the samples: along each straight way the device measures every scan interval, decides (roaming.h), and what follows is a
 * visit; a handoff's silent phases (handoff.h) are drawn from the device's own stream. The same samples, options and seed
 * give the same visits in every process, so that the agents of a real run and virtual time agree.
 *
 * A device measures for the first time within a scan interval of its appearing, at a moment of its own, so that devices which
 * begin together do not measure together; while it changes access points it does not measure. A device that was never
 * heard of has no visits. */
#ifndef ROAMLAB_ITINERARY_H
#define ROAMLAB_ITINERARY_H

#include "handoff.h"
#include "roaming.h"
#include "track.h"

struct itinerary_options {
    const struct cells *cells;
    const uint8_t *channels; /* of each access point */
    uint32_t ap_count;
    struct roaming_options roaming;
    struct handoff_options handoff;
    struct simtime scan_interval;
    struct simtime until; /* no visit begins then or later */
    uint64_t seed;
    const char *name; /* of the group of devices, for their streams */
    /* Stations at each access point; NULL if the policy needs none. Itineraries that go on side by side may share it. */
    uint32_t *stations;
    /* Costs, [anchor * ap_count + ap]: of associating with an access point while the container is at the edge server `anchor`; NULL
     * if the policy needs none. */
    const float *costs;
    const uint32_t *edge_of_ap; /* the container follows there … */
    bool stays;                 /* … or stays where it started */
    /* Called for every visit, in the order of time for each device. `dbm`: what was received; NAN in an outage. */
    void (*visit)(void *context, uint32_t device, const struct visit *visit, double dbm);
    void *context;
};

struct itinerary;

/* The options are copied; what they point to must outlive it. */
struct itinerary *itinerary_new(const struct itinerary_options *options);
/* The device's next sample, not earlier than the one before. Everything up to it is decided now. Samples of different devices may
 * come in any order; with a policy that counts stations, their order of time should be that of the calls. */
void itinerary_move(struct itinerary *it, const struct track_sample *sample);
/* No more samples: devices stay where they are. */
void itinerary_end(struct itinerary *it);
void itinerary_free(struct itinerary *it); /* NULL-safe */

#endif
