/* How fast carrier stream sends: as fast as the link carries and no faster, so that requests beside a bulk transfer do not wait behind it.
 *
 * Padding drives TCP out of slow start (HyStart, or a loss): the window that this leaves, once a round trip, is about what the link carries.
 * From then on the kernel paces (SO_MAX_PACING_RATE). Once a round trip the pace is tried a little higher, or lowered when the round trip
 * shows that a queue stands: an eighth above its floor, 4 to 16 ms, the margin of HyStart, and what a burst takes at this pace. Padding ends at the first queue. A link whose
 * limit it does not find is not paced. */
#ifndef ROAMLAB_STREAM_PACE_H
#define ROAMLAB_STREAM_PACE_H

#include "stream_tls.h"

struct stream_pace {
    uint64_t rate;       /* payload bytes per second; 0 = not paced */
    bool met_limit;      /* a queue stood at the last look */
    struct simtime next; /* look */
};

/* After each piece of padding: true when `sent` bytes of it are enough. */
bool stream_pace_found(struct stream_pace *pace, const struct stream_tls *t, size_t sent);
/* After each piece of a job. */
void stream_pace_adapt(struct stream_pace *pace, const struct stream_tls *t);

#endif
