/* What the links have carried in a run: at its end, one event (EVENT_CARRIED) for each direction. The same in both
 * worlds. */
#ifndef ROAMLAB_LINK_TOTALS_H
#define ROAMLAB_LINK_TOTALS_H

#include "driver.h"
#include "event.h"
#include "scenario.h"

struct link_totals {
    /* False: it is not known, as nothing shapes the link. */
    bool (*count)(struct link_totals *totals, int link, int direction, struct link_counters *counters);
    void (*record)(struct link_totals *totals, const struct event *event);
};

void link_totals_report(struct link_totals *totals, const struct scenario *s, struct simtime at);

#endif
