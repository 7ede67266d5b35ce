/* The pace (pace.h) of carrier stream's connection, so that requests beside a bulk transfer do not wait behind it.
 *
 * Padding drives TCP out of slow start (HyStart, or a loss): the window that this leaves, once a round trip, is about what the link carries.
 * From then on the kernel paces (SO_MAX_PACING_RATE). Padding ends at the first queue. A link whose limit it does not find is not paced. */
#ifndef ROAMLAB_STREAM_PACE_H
#define ROAMLAB_STREAM_PACE_H

#include "pace.h"
#include "stream_tls.h"

/* After each piece of padding: true when `sent` bytes of it are enough. */
bool stream_pace_found(struct pace *pace, const struct stream_tls *t, size_t sent);
/* After each piece of a job. */
void stream_pace_adapt(struct pace *pace, const struct stream_tls *t);

#endif
