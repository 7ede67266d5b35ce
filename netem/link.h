/* What a link does to packets: one struct for both worlds and every driver.
 *
 * One `link_params` describes one direction. Semantics, the same in every driver: a packet waits in a FIFO of
 * `queue_packets` packets of MTU size (a packet that finds it full is dropped), leaves at `rate_bps` counted
 * over the IP packet plus its 14-byte Ethernet header as tc-netem counts it, is lost with probability `loss`,
 * and arrives `delay` after its last bit left. Packets in flight (delayed) do not count against the queue. */
#ifndef ROAMLAB_LINK_H
#define ROAMLAB_LINK_H

#include "simtime.h"

#include <stdint.h>

enum { LINK_MTU = 1500, LINK_QUEUE_DEFAULT = 1000 /* tc-netem's own default */ };

struct link_params {
    struct simtime delay;   /* one way: half of a scenario's rtt_ms */
    uint64_t rate_bps;      /* bits per second; 0 = not limited */
    uint32_t queue_packets; /* MTU-size packets; 0 = LINK_QUEUE_DEFAULT */
    double loss;            /* probability in [0, 1] */
    uint64_t seed;          /* for the loss */
};

#endif
