#include "scenario_air.h"
#include "mem.h"
#include "roaming_cost.h"
#include "scenario_key.h"

#include <stdlib.h>
#include <string.h>

int scenario_air_open(struct scenario_air *air, const struct scenario *s, uint64_t seed, struct err *e)
{
    size_t count = (size_t)s->ap_count;
    *air = (struct scenario_air){.aps = mem_alloc_array(count, sizeof *air->aps),
                                 .channels = mem_alloc_array(count, sizeof *air->channels),
                                 .edge_of_ap = mem_alloc_array(count, sizeof *air->edge_of_ap),
                                 .stations = mem_alloc_array(count, sizeof *air->stations)};
    for (int i = 0; i < s->ap_count; i++) {
        const struct scenario_ap *ap = &s->aps[i];
        air->aps[i] = (struct radio_ap){ap->x_m, ap->y_m, ap->tx_power_dbm, (uint32_t)i};
        air->channels[i] = (uint8_t)ap->channel;
        air->edge_of_ap[i] = (uint32_t)ap->edge;
    }
    air->radio = radio_open(&s->radio.radio, seed, e);
    if (!air->radio)
        return scenario_wrap(PLACE_NAMED(NULL, "radio"), e);
    air->cells = cells_open(air->radio, air->aps, (uint32_t)s->ap_count);
    return 0;
}

void scenario_air_close(struct scenario_air *air)
{
    cells_free(air->cells);
    radio_free(air->radio);
    free(air->aps);
    free(air->channels);
    free(air->edge_of_ap);
    free(air->stations);
}

struct itinerary_options scenario_air_itinerary(const struct scenario_air *air, const struct scenario *s,
                                                uint64_t seed)
{
    return (struct itinerary_options){
        .cells = air->cells,
        .channels = air->channels,
        .ap_count = (uint32_t)s->ap_count,
        .roaming = s->radio.roaming,
        .handoff = s->radio.handoff,
        .scan_interval = s->radio.scan_interval,
        .until = s->duration,
        .seed = seed,
        .stations = s->radio.roaming.policy->needs_stations ? air->stations : NULL,
        .edge_of_ap = air->edge_of_ap,
        .stays = roaming_container_stays(s),
    };
}
