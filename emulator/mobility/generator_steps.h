/* A generator's devices side by side: where each is at every step, in the order of time. For who must know where all are at a time,
 * such as a roaming decision that counts stations; costs 200 bytes a device, where device after device (generator_open) costs nothing. */
#ifndef ROAMLAB_GENERATOR_STEPS_H
#define ROAMLAB_GENERATOR_STEPS_H

#include "generator.h"

/* As generator_open(), by time: the samples of all devices at 0, `step`, 2 `step`, … up to the first at `until` or later. */
struct track_source *generator_open_steps(const struct generator_options *options, const char *name,
                                          uint64_t seed, uint32_t device_count, struct simtime step,
                                          struct simtime until, struct err *e);

#endif
