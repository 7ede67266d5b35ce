/* Draws a scenario from a seed: access points, devices and where they go, links, where the base image is missing, a strategy with its
 * carrier, policy and volume, time-outs, clocks, and what goes wrong. The same seed draws the same text.
 *
 * Faults are over when `duration_s` is; behind it `timeouts.drain_ms` is left for every answer to come and every migration to end. Most
 * scenarios are small, so that many can be run; a few are large. */
#ifndef ROAMLAB_SCENARIO_DRAW_H
#define ROAMLAB_SCENARIO_DRAW_H

#include "buf.h"

#include <stdbool.h>

/* Appends the scenario as JSON; `restarts`: hosts may restart or lose their power, too. */
void scenario_draw(uint64_t seed, bool restarts, struct buf *out);

#endif
