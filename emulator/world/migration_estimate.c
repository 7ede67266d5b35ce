#include "migration_estimate.h"

#include "base_layers.h"
#include "carrier_model.h"

#include <math.h>

/* Linux begins with ten segments (RFC 6928). */
enum { SEGMENT = 1448, INITIAL_WINDOW = 10 * SEGMENT };

/* Where a migration's files pass: in one leg, or in two through the carrier's third host. */
struct way {
    struct layout_path path; /* of everything else */
    struct layout_path legs[2];
    int leg_count;
};

/* Two legs at a time are one: as slow as the slower of them. */
static void merge_legs(struct way *way)
{
    struct layout_path *first = &way->legs[0], *second = &way->legs[1];
    struct simtime rtt = simtime_add(first->rtt, second->rtt);
    if (!first->rate_bps || (second->rate_bps && second->rate_bps < first->rate_bps))
        *first = *second;
    first->rtt = rtt;
    way->leg_count = 1;
}

static struct way way_of(const struct layout *l, const struct carrier_model *carrier, int from_edge,
                         int to_edge)
{
    int from = l->edges[from_edge].host, to = l->edges[to_edge].host;
    int stop = carrier_model_stop(carrier, l, (uint32_t)to_edge);
    struct way way = {.path = layout_path(l, from, to), .leg_count = 1};
    way.legs[0] = way.path;
    if (stop < 0 || stop == from || stop == to)
        return way;
    way.legs[0] = layout_path(l, from, stop);
    way.legs[1] = layout_path(l, stop, to);
    way.leg_count = 2;
    if (carrier->by_store && l->pipeline)
        merge_legs(&way);
    return way;
}

/* Rounds of a window that doubles, until all is sent or the line is full. */
static struct simtime leg_time(uint64_t bytes, const struct layout_path *path,
                               const struct carrier_model *carrier)
{
    double rtt_s = simtime_seconds(path->rtt), left = (double)bytes, window = INITIAL_WINDOW, time_s = 0;
    double rate = (double)path->rate_bps / 8;
    double allowed = (double)carrier->window, most = rate > 0 ? fmin(rate * rtt_s, allowed) : allowed;
    if (rtt_s > 0) {
        for (window = carrier->warm ? most : window; window < most && left > 0; window *= 2, time_s += rtt_s)
            left -= window;
        rate = most / rtt_s;
    }
    if (left > 0 && rate > 0)
        time_s += left / rate;
    return simtime_add(simtime_from_seconds(time_s), path->rtt);
}

static struct simtime transfer_time(uint64_t bytes, const struct way *way,
                                    const struct carrier_model *carrier)
{
    struct simtime sum = SIMTIME_ZERO;
    for (int i = 0; i < way->leg_count; i++)
        sum = simtime_add(sum, leg_time(bytes, &way->legs[i], carrier));
    return sum;
}

/* Of a transfer: until its first byte. */
static struct simtime stage_time(const struct layout *l, enum operation operation, const struct way *way,
                                 const struct carrier_model *carrier)
{
    struct simtime time = layout_operation_time(l, operation);
    if (operation == OP_REPLAY || operation == OP_SWITCH)
        return way->path.rtt;
    if (!operation_is_transfer(operation) || way->path.hops == 0)
        return time;
    for (int i = 0; i < way->leg_count; i++) {
        const struct layout_path *leg = &way->legs[i];
        time = simtime_add(time, operation == OP_SEND_BASE ? carrier_model_base_time(carrier, l, 0, leg->rtt, leg->rate_bps)
                                                           : carrier_model_time(carrier, l, operation, leg->rtt));
    }
    return time;
}

/* When each stage has ended, from the beginning. Transfers share a connection: the next one's bytes follow the last one's, whose
 * acknowledgement is still under way, in a window that is open. */
struct schedule {
    struct simtime ends[STAGES_MAX], way_free;
};

static struct simtime sent(struct schedule *plan, const struct layout *l, enum operation operation,
                           const struct way *way, const struct carrier_model *carrier, struct simtime begin)
{
    struct carrier_model open = *carrier;
    if (way->path.hops == 0)
        return begin;
    open.warm |= simtime_before(begin, plan->way_free);
    struct simtime time = transfer_time(carrier_model_bytes(carrier, l, operation), way, &open);
    struct simtime end = simtime_add(simtime_max(begin, plan->way_free), time);
    plan->way_free = simtime_sub(end, way->path.rtt);
    return end;
}

static struct simtime may_begin(const struct strategy *strategy, const struct schedule *plan, int stage)
{
    struct simtime begin = SIMTIME_ZERO;
    uint64_t after = strategy->stages[stage].after;
    for (int i = 0; i < stage; i++)
        if (after == IN_ORDER || (after & AFTER(strategy->stages[i].operation)))
            begin = simtime_max(begin, plan->ends[i]);
    return begin;
}

static struct simtime end_of(const struct strategy *strategy, const struct schedule *plan, enum operation operation)
{
    struct simtime end = SIMTIME_ZERO;
    for (int i = 0; i < strategy->stage_count; i++)
        if (strategy->stages[i].operation == operation)
            end = plan->ends[i];
    return end;
}

/* What is received is there half a round trip before the sender knows. */
static struct simtime received(const struct strategy *strategy, const struct schedule *plan,
                               enum operation sending, struct simtime rtt)
{
    int i = 0;
    while (strategy->stages[i].operation != sending)
        i++;
    return simtime_sub(plan->ends[i], simtime_ns(rtt.ns / 2));
}

/* Each layer of the base when it and those below it have arrived, which they do one after the other until `arrived`. The target's Engine is taken to have
 * none of them. */
static struct simtime base_loaded(const struct layout *l, struct simtime arrived, struct simtime sending)
{
    const struct layout_cost *cost = &l->costs[OP_LOAD_BASE];
    struct simtime loaded = SIMTIME_ZERO;
    double left = (double)l->base_bytes;
    for (int i = 0; i < BASE_LAYERS; i++) {
        double bytes = (double)base_layer_bytes(l->base_bytes, i);
        left -= bytes;
        struct simtime behind = simtime_ns((int64_t)((double)sending.ns * left / (double)l->base_bytes));
        struct simtime own =
            simtime_add(cost->fixed, simtime_ns((int64_t)((double)cost->per_mb.ns * bytes / 1e6)));
        loaded = simtime_add(simtime_max(loaded, simtime_sub(arrived, behind)), own);
    }
    return loaded;
}

/* A stage of these may begin beside the dump, but not always. */
static struct simtime beside_dump(const struct layout *l, enum operation operation, const struct way *way, const struct carrier_model *carrier,
                                  struct simtime begin, struct simtime dumped)
{
    if (operation != OP_SEND_MEMORY && operation != OP_SEND_LAYER && operation != OP_SEND_BASE)
        return begin;
    if (!way->path.rate_bps)
        return simtime_max(begin, dumped);
    return operation == OP_SEND_MEMORY ? simtime_max(begin, simtime_sub(dumped, carrier_model_follows(carrier, l))) : begin;
}

static void schedule(struct schedule *plan, const struct layout *l, const struct strategy *strategy,
                     const struct way *way)
{
    const struct carrier_model *carrier = carrier_model_of(l->carrier);
    *plan = (struct schedule){0};
    for (int i = 0; i < strategy->stage_count; i++) {
        enum operation operation = strategy->stages[i].operation, sending = operation_received(operation);
        struct simtime dumped = end_of(strategy, plan, OP_DUMP);
        struct simtime begin = beside_dump(l, operation, way, carrier, may_begin(strategy, plan, i), dumped);
        plan->ends[i] = simtime_add(begin, stage_time(l, operation, way, carrier));
        if (operation_is_transfer(operation))
            plan->ends[i] = sent(plan, l, operation, way, carrier, plan->ends[i]);
        else if (sending != OPERATIONS)
            plan->ends[i] = received(strategy, plan, sending, way->path.rtt);
        if (operation == OP_SEND_MEMORY)
            plan->ends[i] = simtime_max(plan->ends[i], simtime_add(dumped, way->path.rtt));
        if (operation == OP_LOAD_BASE)
            plan->ends[i] = base_loaded(
                l, plan->ends[i], transfer_time(carrier_model_bytes(carrier, l, sending), way, carrier));
    }
}

/* Of all transfers: the bytes, without what the carrier says before. */
static struct simtime time_of_transfers(const struct layout *l, const struct strategy *strategy,
                                        const struct way *way)
{
    const struct carrier_model *carrier = carrier_model_of(l->carrier);
    struct simtime sum = SIMTIME_ZERO;
    for (int i = 0; i < strategy->stage_count; i++)
        if (operation_is_transfer(strategy->stages[i].operation))
            sum =
                simtime_add(sum, transfer_time(carrier_model_bytes(carrier, l, strategy->stages[i].operation),
                                               way, carrier));
    return sum;
}

/* A warm carrier paces: it leaves no queue. Another fills path and queue, falls to 0.7 of that at a loss (CUBIC, RFC 9438 clause 4.6) and takes most of
 * a migration to come back. */
static double wait_in_queue_s(const struct layout_path *path, const struct carrier_model *carrier)
{
    double carrier_window = carrier->warm ? 0 : (double)carrier->window;
    double rate = (double)path->rate_bps / 8, line = rate * simtime_seconds(path->rtt);
    double most = 0.7 * (line + (double)path->queue_bytes);
    double in_flight = carrier_window < most ? carrier_window : most;
    return rate > 0 && in_flight > line ? (in_flight - line) / rate : 0;
}

/* Where snapshots are kept, most migrations begin from one. */
static const struct strategy *usual(const struct layout *l, const struct strategy *strategy)
{
    return l->keeps_snapshots && strategy->from_snapshot ? strategy->from_snapshot : strategy;
}

struct migration_burden migration_burden(const struct layout *l, const struct strategy *strategy,
                                         int from_edge, int to_edge)
{
    const struct carrier_model *carrier = carrier_model_of(l->carrier);
    struct way way = way_of(l, carrier, from_edge, to_edge);
    struct simtime total = migration_estimate(l, strategy, from_edge, to_edge);
    strategy = usual(l, strategy);
    struct schedule plan;
    if (way.path.hops <= 0 || total.ns == 0)
        return (struct migration_burden){0};
    double share = simtime_seconds(time_of_transfers(l, strategy, &way)) / simtime_seconds(total);
    double wait_s = wait_in_queue_s(&way.legs[0], carrier);
    schedule(&plan, l, strategy, &way);
    return (struct migration_burden){
        .frozen = strategy_source_serves(strategy) ? end_of(strategy, &plan, OP_THAW) : total,
        .queueing = simtime_from_seconds(wait_s * share)};
}

struct simtime migration_estimate(const struct layout *l, const struct strategy *strategy, int from_edge,
                                  int to_edge)
{
    const struct carrier_model *carrier = carrier_model_of(l->carrier);
    struct way way = way_of(l, carrier, from_edge, to_edge);
    struct schedule plan;
    if (way.path.hops < 0)
        return SIMTIME_NEVER;
    if (from_edge == to_edge)
        return SIMTIME_ZERO;
    strategy = usual(l, strategy);
    schedule(&plan, l, strategy, &way);
    return end_of(strategy, &plan, OP_SWITCH);
}
