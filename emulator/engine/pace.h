/* How fast a paced connection sends: as fast as its link carries and no faster, so that what shares the link does not wait behind it. The
 * rule of carrier stream, for the socket and for the model alike.
 *
 * Once a round trip the pace falls by 7 % when the smoothed round trip shows a queue: longer than its floor by an eighth (4 to 16 ms, the
 * margin of HyStart) and what a burst takes on the line at this pace. Else it rises by 5 %, if it was the pace that held the sender.
 * A queue of our own shrinks when we send more slowly: a round trip that stays as it is while the pace falls eight times in a row is the
 * path's, which has become longer. It is the new floor, and the pace is again what it was before it fell in vain. */
#ifndef ROAMLAB_PACE_H
#define ROAMLAB_PACE_H

#include "simtime.h"

#include <stdbool.h>

/* What the kernel may hold of a paced connection unsent. */
enum { PACE_UNSENT_BYTES = 512 * 1024 };

struct pace {
    double rate;              /* payload bytes per second; 0 = not paced */
    struct simtime floor;     /* of the round trip */
    struct simtime next;      /* look */
    bool queue;               /* stood at the last look */
    int vain_falls;           /* in a row, the pace holding and the round trip steady */
    struct simtime steady;    /* that round trip */
    double rate_before_falls; /* in a row, vain or not */
};

/* By how much a round trip is longer while a queue stands, of that floor: an eighth, 4 to 16 ms (HyStart's delay test, RFC 9406). */
struct simtime pace_margin(struct simtime floor);

void pace_start(struct pace *pace, double rate, struct simtime round_trip);
/* True if the pace was looked at, which it is once a round trip. `holds`: neither the window nor a lack of data kept the sender from
 * sending more. `burst`: bytes that leave at once. */
bool pace_look(struct pace *pace, struct simtime now, struct simtime round_trip, double burst, bool holds);

#endif
