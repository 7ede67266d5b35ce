#include "flow.h"
#include "mem.h"

#include <stdlib.h>

enum {
    SEGMENT = 1448,        /* payload of a 1500-byte packet with time stamps */
    SEGMENT_OVERHEAD = 66, /* Ethernet 14, IPv4 20, TCP with time stamps 32 */
    CHUNK_SEGMENTS = 8,
    ACK_BYTES = 66,
    INITIAL_WINDOW = 10 * SEGMENT,
    HYSTART_MIN_SAMPLES = 8,
};
static const double CUBIC_C = 0.4, CUBIC_BETA = 0.7;

struct flow_chunk {
    struct timer timer; /* the next arrival: at a hop, at the receiver, or of its acknowledgement */
    struct flow *flow;
    struct flow_chunk *next, **link; /* link: what points to it */
    uint64_t sequence;
    uint32_t bytes;
    int hop;
    bool returning, dropped;
    struct simtime sent;
};

static void send_more(struct flow *flow);

/* --- chunks --- */

static void chunk_arrives(struct timer *timer);

static struct flow_chunk *new_chunk(struct flow *flow)
{
    struct flow_chunk *chunk = flow->spare;
    if (chunk)
        flow->spare = chunk->next;
    else
        chunk = mem_alloc(sizeof *chunk);
    *chunk = (struct flow_chunk){
        .timer.fire = chunk_arrives, .flow = flow, .next = flow->flying, .link = &flow->flying};
    if (chunk->next)
        chunk->next->link = &chunk->next;
    flow->flying = chunk;
    return chunk;
}

static void retire(struct flow *flow, struct flow_chunk *chunk)
{
    *chunk->link = chunk->next;
    if (chunk->next)
        chunk->next->link = chunk->link;
    flow->dropped -= chunk->dropped;
    chunk->next = flow->spare;
    flow->spare = chunk;
}

static uint64_t segments_of(uint32_t bytes)
{
    return (bytes + SEGMENT - 1) / SEGMENT;
}

/* Offers the chunk (or its acknowledgement) to the next hop on its way. */
static void travel(struct flow_chunk *chunk)
{
    struct flow *flow = chunk->flow;
    const struct link_path *path = chunk->returning ? &flow->back : &flow->forward;
    uint64_t bytes = chunk->returning ? (segments_of(chunk->bytes) + 1) / 2 * ACK_BYTES
                                      : chunk->bytes + segments_of(chunk->bytes) * SEGMENT_OVERHEAD;
    struct simtime arrival = loop_now(flow->loop);
    if (chunk->hop < path->hop_count &&
        !link_model_send(path->hops[chunk->hop], loop_now(flow->loop), bytes, &arrival)) {
        chunk->dropped = !chunk->returning;
        flow->dropped += chunk->dropped;
        /* A lost acknowledgement is made good by the next one; alone, it is as good as here one delay
         * later. */
        arrival = simtime_add(arrival, link_path_delay(path));
        if (chunk->dropped)
            return;
    }
    if (!chunk->returning)
        flow->wire_bytes += chunk->hop == 0 ? bytes : 0;
    chunk->hop++;
    loop_arm(flow->loop, &chunk->timer, arrival);
}

/* --- round-trip times --- */

static struct simtime retransmission_timeout(const struct flow *flow)
{
    struct simtime rto = simtime_add(flow->srtt, simtime_scale(flow->rttvar, 4));
    return flow->srtt.ns ? simtime_max(rto, simtime_add(flow->srtt, simtime_ms(200))) : simtime_s(1);
}

static void measure(struct flow *flow, struct simtime rtt)
{
    if (!flow->srtt.ns) {
        flow->srtt = flow->min_rtt = rtt;
        flow->rttvar = simtime_ns(rtt.ns / 2);
    } else {
        flow->rttvar.ns += (llabs(flow->srtt.ns - rtt.ns) - flow->rttvar.ns) / 4;
        flow->srtt.ns += (rtt.ns - flow->srtt.ns) / 8;
        flow->min_rtt = simtime_min(flow->min_rtt, rtt);
    }
}

/* HyStart's delay test: a round whose smallest round-trip time is an eighth (4 to 16 ms) above the floor ends
 * slow start. */
static void hystart(struct flow *flow, const struct flow_chunk *acked, struct simtime rtt)
{
    if (acked->sequence >= flow->round_end) {
        flow->round_end = flow->next_sequence;
        flow->round_samples = 0;
        flow->round_min_rtt = SIMTIME_NEVER;
    }
    flow->round_min_rtt = simtime_min(flow->round_min_rtt, rtt);
    flow->round_samples += (int)(segments_of(acked->bytes) + 1) / 2; /* a receiver acknowledges every second one */
    if (flow->round_samples >= HYSTART_MIN_SAMPLES && flow->cwnd >= 16 * SEGMENT &&
        flow->round_min_rtt.ns >= simtime_add(flow->min_rtt, pace_margin(flow->min_rtt)).ns)
        flow->ssthresh = flow->cwnd;
}

/* --- the window --- */

static void cubic_grow(struct flow *flow, uint32_t acked)
{
    double segments = flow->cwnd / SEGMENT, rtt = simtime_seconds(flow->srtt);
    if (flow->epoch.ns == INT64_MAX) {
        flow->epoch = loop_now(flow->loop);
        flow->epoch_cwnd = flow->reno_cwnd = segments;
        if (flow->w_max < segments)
            flow->w_max = segments;
    }
    double t = simtime_seconds(simtime_sub(loop_now(flow->loop), flow->epoch));
    double k = cbrt((flow->w_max - flow->epoch_cwnd) / CUBIC_C);
    double target = CUBIC_C * pow(t + rtt - k, 3) + flow->w_max;
    flow->reno_cwnd += 3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA) * acked / flow->cwnd;
    target = fmin(fmax(target, flow->reno_cwnd), 1.5 * segments);
    if (flow->w_last_max == 0) /* Linux: 5 % a round trip as long as nothing was ever lost */
        target = fmax(target, 1.05 * segments);
    if (target > segments)
        flow->cwnd += (target - segments) / segments * acked;
}

static void grow(struct flow *flow, const struct flow_chunk *acked, struct simtime rtt)
{
    /* Linux: in slow start a window that is less than twice what flies counts as the limit. */
    double flying = (double)flow->in_flight + acked->bytes + SEGMENT * CHUNK_SEGMENTS;
    double limited_below = flow->cwnd < flow->ssthresh ? 2 * flying : flying;
    if (flow->cwnd > limited_below || acked->sequence < flow->recovery_until)
        return;
    if (flow->cwnd >= flow->ssthresh) {
        cubic_grow(flow, acked->bytes);
        return;
    }
    flow->cwnd += acked->bytes;
    hystart(flow, acked, rtt);
}

static void reduce(struct flow *flow)
{
    double segments = flow->cwnd / SEGMENT;
    flow->w_max = segments < flow->w_last_max ? segments * (1 + CUBIC_BETA) / 2 : segments;
    flow->w_last_max = segments;
    flow->cwnd = flow->ssthresh = fmax(flow->cwnd * CUBIC_BETA, 2 * SEGMENT);
    flow->epoch = SIMTIME_NEVER;
    flow->recovery_until = flow->next_sequence + 1; /* what has been sent belongs to the same loss */
    flow->losses++;
}

static void chunk_is_lost(struct flow *flow, struct flow_chunk *chunk)
{
    flow->in_flight -= chunk->bytes;
    flow->to_retransmit += chunk->bytes;
    if (chunk->sequence >= flow->recovery_until)
        reduce(flow);
    retire(flow, chunk);
}

/* What was sent before the newest acknowledged chunk and was dropped is known to be lost now. */
static void find_losses(struct flow *flow)
{
    for (struct flow_chunk *chunk = flow->flying, *next; flow->dropped && chunk; chunk = next) {
        next = chunk->next;
        if (chunk->dropped && chunk->sequence < flow->newest_acked)
            chunk_is_lost(flow, chunk);
    }
}

static void timed_out(struct timer *timer)
{
    struct flow *flow = container_of(timer, struct flow, retransmission);
    bool lost = false;
    if (loop_now(flow->loop).ns < flow->retransmit_at.ns) {
        loop_arm(flow->loop, timer, flow->retransmit_at);
        return;
    }
    for (struct flow_chunk *chunk = flow->flying, *next; chunk; chunk = next) {
        next = chunk->next;
        lost |= chunk->dropped;
        if (chunk->dropped)
            chunk_is_lost(flow, chunk);
    }
    if (lost) {
        flow->timeouts++;
        flow->cwnd = SEGMENT * 2;
        flow->epoch = SIMTIME_NEVER;
    }
    send_more(flow);
}

static void acknowledged(struct flow_chunk *chunk)
{
    struct flow *flow = chunk->flow;
    struct simtime rtt = simtime_sub(loop_now(flow->loop), chunk->sent);
    flow->in_flight -= chunk->bytes;
    flow->unacknowledged -= chunk->bytes;
    flow->newest_acked = chunk->sequence > flow->newest_acked ? chunk->sequence : flow->newest_acked;
    measure(flow, rtt);
    grow(flow, chunk, rtt);
    flow->acknowledged += chunk->bytes;
    retire(flow, chunk);
    find_losses(flow);
    if (flow->unacknowledged)
        send_more(flow);
    else
        loop_cancel(flow->loop, &flow->retransmission);
    if (flow->moved)
        flow->moved(flow);
    if (!flow->unacknowledged && flow->done)
        flow->done(flow);
}

static void chunk_arrives(struct timer *timer)
{
    struct flow_chunk *chunk = container_of(timer, struct flow_chunk, timer);
    const struct link_path *path = chunk->returning ? &chunk->flow->back : &chunk->flow->forward;
    if (chunk->hop < path->hop_count) {
        travel(chunk);
    } else if (!chunk->returning) {
        struct flow *flow = chunk->flow;
        flow->arrived += chunk->bytes;
        chunk->returning = true;
        chunk->hop = 0;
        travel(chunk);
        if (flow->moved)
            flow->moved(flow);
    } else {
        acknowledged(chunk);
    }
}

/* --- sending --- */

static uint32_t next_chunk_bytes(const struct flow *flow)
{
    double window = fmin(flow->cwnd, (double)flow->window_limit);
    double room = window - (double)flow->in_flight;
    uint64_t waiting = flow->to_send + flow->to_retransmit;
    uint64_t bytes = (uint64_t)fmax(0, fmin(room, CHUNK_SEGMENTS * SEGMENT));
    if (bytes >= waiting)
        return (uint32_t)waiting;
    return (uint32_t)(bytes / SEGMENT * SEGMENT); /* whole segments, unless it is the last */
}

/* The pace holds while the window has room for more than the chunk that goes now. */
static void adapt_pace(struct flow *flow)
{
    const double chunk = CHUNK_SEGMENTS * SEGMENT, window = fmin(flow->cwnd, (double)flow->window_limit);
    bool holds = window - (double)flow->in_flight > 2 * chunk;
    pace_look(&flow->pace, loop_now(flow->loop), flow->srtt, CHUNK_SEGMENTS * (SEGMENT + SEGMENT_OVERHEAD),
              holds);
}

/* True if the pace lets a chunk go now; else the pacer will come back. */
static bool pace_allows(struct flow *flow, uint32_t bytes)
{
    struct simtime now = loop_now(flow->loop);
    if (flow->pace.rate == 0)
        return true;
    if (now.ns < flow->next_send.ns) {
        loop_arm(flow->loop, &flow->pacer, flow->next_send);
        return false;
    }
    adapt_pace(flow);
    flow->next_send = simtime_add(now, simtime_from_seconds(bytes / flow->pace.rate));
    return true;
}

static void pacer_fires(struct timer *timer)
{
    send_more(container_of(timer, struct flow, pacer));
}

static void put_off_retransmission(struct flow *flow)
{
    struct simtime before = flow->retransmit_at;
    flow->retransmit_at = simtime_add(loop_now(flow->loop), retransmission_timeout(flow));
    if (!timer_armed(&flow->retransmission) || flow->retransmit_at.ns < before.ns)
        loop_arm(flow->loop, &flow->retransmission, flow->retransmit_at);
}

static void send_more(struct flow *flow)
{
    uint32_t bytes;
    while ((bytes = next_chunk_bytes(flow)) > 0 && pace_allows(flow, bytes)) {
        struct flow_chunk *chunk = new_chunk(flow);
        uint64_t again = bytes < flow->to_retransmit ? bytes : flow->to_retransmit;
        flow->to_retransmit -= again;
        flow->to_send -= bytes - again;
        flow->in_flight += bytes;
        chunk->bytes = bytes;
        chunk->sequence = ++flow->next_sequence;
        chunk->sent = flow->last_send = loop_now(flow->loop);
        travel(chunk);
    }
    if (flow->unacknowledged)
        put_off_retransmission(flow);
}

/* RFC 2861 as Linux does it: half the window for each time-out that passed idle, down to the initial
 * window. */
static void restart_after_idle(struct flow *flow)
{
    struct simtime idle = simtime_sub(loop_now(flow->loop), flow->last_send),
                   rto = retransmission_timeout(flow);
    if (!flow->srtt.ns || idle.ns < rto.ns)
        return;
    flow->ssthresh = fmax(flow->ssthresh, 0.75 * flow->cwnd);
    for (; idle.ns >= rto.ns && flow->cwnd > INITIAL_WINDOW; idle = simtime_sub(idle, rto))
        flow->cwnd = fmax(flow->cwnd / 2, INITIAL_WINDOW);
    flow->epoch = SIMTIME_NEVER;
}

void flow_opened(struct flow *flow, struct simtime rtt)
{
    measure(flow, rtt);
}

void flow_warmed(struct flow *flow, struct simtime rtt, uint64_t rate_bps)
{
    double window = rate_bps ? (double)rate_bps / 8 * simtime_seconds(rtt) : (double)flow->window_limit;
    measure(flow, rtt);
    flow->cwnd = flow->ssthresh = fmin(fmax(window, INITIAL_WINDOW), (double)flow->window_limit);
    flow->keeps_window = true;
    pace_start(&flow->pace, (double)rate_bps / 8 * SEGMENT / (SEGMENT + SEGMENT_OVERHEAD), rtt);
}

void flow_send(struct flow *flow, uint64_t bytes)
{
    if (!flow->keeps_window && !flow->unacknowledged)
        restart_after_idle(flow);
    bytes = bytes ? bytes : 1;
    flow->sent += bytes;
    flow->to_send += bytes;
    flow->unacknowledged += bytes;
    send_more(flow);
}

void flow_abort(struct flow *flow)
{
    loop_cancel(flow->loop, &flow->retransmission);
    loop_cancel(flow->loop, &flow->pacer);
    while (flow->flying) {
        loop_cancel(flow->loop, &flow->flying->timer);
        retire(flow, flow->flying);
    }
    flow->sent = flow->arrived = flow->acknowledged;
    flow->to_send = flow->to_retransmit = flow->in_flight = flow->unacknowledged = 0;
}

void flow_init(struct flow *flow, struct loop *loop, const struct link_path *forward,
               const struct link_path *back, uint64_t window_limit)
{
    *flow = (struct flow){.loop = loop,
                          .forward = *forward,
                          .back = *back,
                          .window_limit = window_limit,
                          .cwnd = INITIAL_WINDOW,
                          .ssthresh = INFINITY,
                          .epoch = SIMTIME_NEVER,
                          .round_min_rtt = SIMTIME_NEVER,
                          .pacer.fire = pacer_fires,
                          .retransmission.fire = timed_out};
}

void flow_free(struct flow *flow)
{
    flow_abort(flow);
    for (struct flow_chunk *chunk; (chunk = flow->spare);) {
        flow->spare = chunk->next;
        free(chunk);
    }
}
