/* One TCP connection in virtual time: bulk data in chunks of a few segments under a congestion window,
 * through the same modelled FIFOs as everything else, so that requests beside it wait in the queue that it
 * builds.
 *
 * Modelled: initial window 10 (RFC 6928), slow start with HyStart's delay test as Linux does it, CUBIC (RFC
 * 9438: C 0.4, β 0.7, fast convergence, Reno-friendly region), one window reduction per round trip on tail
 * drop or loss, retransmission time-out (RFC 6298, 200 ms minimum as Linux), restart after idle (RFC 2861), a
 * limit by the receiver or the application, pacing by the application. Not modelled: delayed acknowledgements (one per chunk), SACK's
 * fine print, segmentation offload bursts. */
#ifndef ROAMLAB_FLOW_H
#define ROAMLAB_FLOW_H

#include "loop.h"
#include "model.h"
#include "pace.h"

struct flow;
struct flow_chunk;

struct flow {
    struct loop *loop;
    struct link_path forward, back;
    uint64_t window_limit; /* bytes in flight that the receiver or the application allows */
    /* Called when all bytes have been acknowledged, and (may be NULL) whenever `arrived` or `acknowledged` has grown. */
    void (*done)(struct flow *flow);
    void (*moved)(struct flow *flow);

    uint64_t sent, arrived, acknowledged; /* bytes of all transfers: handed over, at the receiver, known to be there */

    uint64_t to_send, to_retransmit, in_flight, unacknowledged; /* bytes of the present transfer */
    uint64_t wire_bytes;                                  /* sent in all: headers, retransmissions too */
    uint64_t next_sequence, recovery_until, newest_acked; /* chunk numbers */
    double cwnd, ssthresh;                                /* bytes */
    double w_max, w_last_max, epoch_cwnd, reno_cwnd;      /* CUBIC, segments */
    struct simtime epoch;                                 /* NEVER = none running */
    struct simtime srtt, rttvar, min_rtt, round_min_rtt, last_send;
    uint64_t round_end;
    int round_samples;
    struct timer retransmission; /* armed for then or earlier: every acknowledgement puts it off */
    struct simtime retransmit_at;
    struct flow_chunk *flying, *spare; /* owned */
    uint64_t dropped;                  /* of those flying */
    uint64_t losses, timeouts;
    bool keeps_window; /* over idle times: net.ipv4.tcp_slow_start_after_idle is 0 */
    struct pace pace;  /* SO_MAX_PACING_RATE */
    struct simtime next_send;
    struct timer pacer;
};

void flow_init(struct flow *flow, struct loop *loop, const struct link_path *forward,
               const struct link_path *back, uint64_t window_limit);
void flow_free(struct flow *flow);
/* The round-trip time that the handshake took, if the connection was opened before its first transfer: HyStart measures
 * delays against it. */
void flow_opened(struct flow *flow, struct simtime rtt);
/* The same of a connection that sent padding until slow start was over, and keeps its window when idle: it begins with the window that
 * fills a path of `rate_bps` (0 = unshaped: all that is allowed), and paces by it (pace.h). */
void flow_warmed(struct flow *flow, struct simtime rtt, uint64_t rate_bps);
/* Sends `bytes` on the connection, which is open already and keeps what it learned; behind what is still being sent. */
void flow_send(struct flow *flow, uint64_t bytes);
/* Forgets what has not been acknowledged; what is in flight still occupies the links. */
void flow_abort(struct flow *flow);

#endif
