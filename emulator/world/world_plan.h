/* A scenario's layout as a plan for the testbed on this machine: hosts with the addresses of their parties,
 * links, and the routes between them. */
#ifndef ROAMLAB_WORLD_PLAN_H
#define ROAMLAB_WORLD_PLAN_H

#include "layout.h"
#include "testbed.h"

/* The plan's arrays are owned; the layout must outlive it. By host: `here`, what is on this machine; `machines`, its
 * machine's address, NULL if all are here. */
void world_plan(const struct layout *layout, const bool *here, const struct in_addr *machines,
                struct testbed_plan *plan);
void world_plan_free(struct testbed_plan *plan);

#endif
