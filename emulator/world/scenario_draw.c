#include "scenario_draw.h"

#include "mem.h"
#include "policy.h"
#include "rng.h"
#include "scenario_key.h"
#include "transfer.h"

#include <string.h>

/* Six tries of a migration come to their ends within this; over a lossy link in the longer time, one device after the other: each lasts as long
 * as bytes arrive. */
enum { DRAIN_S = 300, LOSSY_DRAIN_S = 900 };
static const double lossy = 0.01;
/* A crystal's drift, and how far calendar clocks jump. */
enum { DRIFT_MAX_PPM = 50, JUMP_S = 288 };

enum { HANDOFFS_KEPT = 64 };
struct drawn_handoff {
    int from, to; /* access points, from 0 */
    double at_s;
};

/* What the parts of a scenario must know of each other. */
struct draft {
    struct rng rng;
    struct drawn_handoff handoffs[HANDOFFS_KEPT]; /* the first ones */
    int handoff_count;
    int aps, muds;
    double duration_s, calm_s; /* calm_s: nothing goes wrong any more */
    double loss;               /* between edge servers */
    bool large, long_stops, restarts;
    struct buf *out;
};

static int below(struct draft *d, int bound)
{
    return (int)rng_below(&d->rng, (uint64_t)bound);
}

static int from_to(struct draft *d, int low, int high)
{
    return low + below(d, high - low + 1);
}

static bool one_in(struct draft *d, int n)
{
    return below(d, n) == 0;
}

static double any_of(struct draft *d, double low, double high)
{
    return low + (high - low) * rng_unit(&d->rng);
}

/* Spread over orders of magnitude. */
static double any_size(struct draft *d, double low, double high)
{
    return low * pow(high / low, rng_unit(&d->rng));
}

/* --- hosts, links, devices ----------------------------------------------------------------------------------------------------- */

static void draw_hosts(struct draft *d)
{
    buf_printf(d->out, "\"hosts\":{\"phones\":{\"drift_ppm\":%.1f}", any_of(d, -DRIFT_MAX_PPM, DRIFT_MAX_PPM));
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, ",\"pc%d\":{\"drift_ppm\":%.1f}", i, any_of(d, -DRIFT_MAX_PPM, DRIFT_MAX_PPM));
    buf_printf(d->out, "},\"aps\":{");
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, "%s\"ap%d\":{\"host\":\"pc%d\",\"edge\":\"es%d\"}", i > 1 ? "," : "", i, i, i);
    buf_printf(d->out, "},");
}

/* In one of four scenarios some edge servers have to pull the base image. */
static void draw_edges(struct draft *d)
{
    bool lacking = one_in(d, 4);
    buf_printf(d->out, "\"edges\":{");
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, "%s\"es%d\":{\"host\":\"pc%d\",\"has_base\":%s}", i > 1 ? "," : "", i, i, lacking && one_in(d, 2) ? "false" : "true");
    buf_printf(d->out, "},");
    if (lacking)
        buf_printf(d->out, "\"registries\":{\"cloud\":{\"host\":\"pc%d\"}},", from_to(d, 1, d->aps));
}

/* Cut, or a hundred times slower, for a while. */
static void draw_schedule(struct draft *d, double rate_mbit)
{
    double from_s = any_of(d, 0, d->calm_s), to_s = any_of(d, from_s, d->calm_s);
    if (to_s - from_s < 0.01)
        return;
    if (one_in(d, 3))
        buf_printf(d->out,
                   ",\"schedule\":[{\"at_s\":%.3f,\"rate_mbit\":%.3f},{\"at_s\":%.3f,\"rate_mbit\":%.3f}]",
                   from_s, rate_mbit / 100, to_s, rate_mbit);
    else
        buf_printf(d->out, ",\"schedule\":[{\"at_s\":%.3f,\"loss\":1},{\"at_s\":%.3f,\"loss\":0}]", from_s,
                   to_s);
}

static void draw_links(struct draft *d)
{
    double rtt_ms = any_size(d, 2, 200), rate_mbit = any_size(d, 20, 800);
    d->loss = !d->large && one_in(d, 4) ? any_size(d, 0.001, 0.1) : 0;
    double air_loss = one_in(d, 4) ? any_size(d, 0.001, 0.1) : 0;
    buf_printf(d->out, "\"links\":[");
    for (int i = 1; i <= d->aps; i++)
        for (int j = i + 1; j <= d->aps; j++) {
            buf_printf(d->out, "{\"between\":[\"pc%d\",\"pc%d\"],\"rtt_ms\":%.3f,\"rate_mbit\":%.3f", i, j,
                       rtt_ms, rate_mbit);
            if (one_in(d, 4))
                draw_schedule(d, rate_mbit);
            else if (d->loss > 0)
                buf_printf(d->out, ",\"loss\":%.4f", d->loss);
            buf_printf(d->out, "},");
        }
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, "{\"between\":[\"phones\",\"pc%d\"],\"rtt_ms\":4,\"loss\":%.4f}%s", i, air_loss,
                   i < d->aps ? "," : "],");
}

static double draw_stay_s(struct draft *d)
{
    return 0.02 + any_of(d, 0, 4) * rng_unit(&d->rng);
}

static void keep_handoff(struct draft *d, int from, int to, double at_s)
{
    if (d->handoff_count < HANDOFFS_KEPT)
        d->handoffs[d->handoff_count++] = (struct drawn_handoff){from, to, at_s};
}

/* One in three goes to and fro between two access points only. */
static void draw_visits(struct draft *d, double until_s)
{
    int at = below(d, d->aps), step = 1 + below(d, d->aps - 1);
    bool to_and_fro = one_in(d, 3), outages = one_in(d, 4);
    double at_s = any_of(d, 0.01, 1);
    buf_printf(d->out, "[{\"ap\":\"ap%d\",\"at_s\":%.3f}", at + 1, at_s);
    for (int visit = 1; (at_s += draw_stay_s(d)) < until_s; visit++) {
        double silence_s = outages && one_in(d, 3) ? draw_stay_s(d) : 0;
        if (silence_s > 0 && at_s + silence_s < until_s) {
            buf_printf(d->out, ",{\"outage\":true,\"at_s\":%.3f}", at_s);
            at_s += silence_s;
        }
        int from = at;
        if (to_and_fro)
            at = (at + (visit % 2 ? step : d->aps - step)) % d->aps;
        else
            at = (at + 1 + below(d, d->aps - 1)) % d->aps;
        keep_handoff(d, from, at, at_s);
        buf_printf(d->out, ",{\"ap\":\"ap%d\",\"at_s\":%.3f}", at + 1, at_s);
        if (one_in(d, 8))
            break;
    }
    buf_printf(d->out, "]");
}

/* Some walk together: they change access points at the same instant. */
static void draw_muds(struct draft *d)
{
    double rate = d->large || d->long_stops ? any_of(d, 0.5, 2) : any_size(d, 2, 30),
           until_s = d->duration_s - 0.5;
    int window = 1 << from_to(d, 1, 4);
    buf_printf(d->out, "\"muds\":{");
    for (int i = 1; i <= d->muds; i++) {
        int together = i < d->muds && one_in(d, 4) ? from_to(d, 2, d->muds - i + 1) : 1;
        buf_printf(
            d->out,
            "%s\"m%d\":{\"host\":\"phones\",\"requests_per_s\":%.3f,\"window\":%d,\"count\":%d,\"visits\":",
            i > 1 ? "," : "", i, rate, window, together);
        draw_visits(d, until_s);
        buf_printf(d->out, "}");
        i += together - 1;
    }
    buf_printf(d->out, "},");
}

/* --- the migration ------------------------------------------------------------------------------------------------------------- */

static const char *any_strategy(struct draft *d)
{
    int count = 0;
    while (strategy_at(count))
        count++;
    return strategy_at(below(d, count))->name;
}

static const char *any_carrier(struct draft *d)
{
    int count = 0;
    while (carrier_at(count))
        count++;
    return carrier_at(below(d, count))->name;
}

static void draw_policy(struct draft *d)
{
    switch (below(d, 10)) {
    case 0:
        buf_printf(d->out, "\"policy\":\"distance\",\"distance\":{\"unit\":\"hops\",\"max\":%d},",
                   below(d, 2));
        break;
    case 1:
        buf_printf(d->out, "\"policy\":\"latency\",\"latency_max_ms\":%.1f,", any_size(d, 5, 200));
        break;
    case 2:
        buf_printf(d->out, "\"placement\":\"weighted\",");
        break;
    default:
        break;
    }
}

static void draw_migration(struct draft *d)
{
    const struct strategy *strategy = strategy_of(any_strategy(d));
    bool pipeline = strategy->overlapped && one_in(d, 2);
    buf_printf(d->out, "\"migration\":{\"strategy\":\"%s\",\"carrier\":\"%s\",\"pipeline\":%s,",
               strategy->name, any_carrier(d), pipeline ? "true" : "false");
    buf_printf(d->out, "\"nfs_host\":\"pc%d\",", from_to(d, 1, d->aps));
    draw_policy(d);
    if (one_in(d, 4))
        buf_printf(d->out, "\"replay_max\":%d,", from_to(d, 1, 40));
    if (strategy->from_snapshot && one_in(d, 2))
        buf_printf(d->out, "\"snapshot_every\":%d,", from_to(d, 1, 40));
    buf_printf(d->out, "\"retries\":%d},", one_in(d, 2) ? 0 : from_to(d, 1, 5));
    buf_printf(d->out, "\"service\":{\"base_mb\":1,\"layer_mb\":%.2f,\"memory_mb\":%.2f,\"work_ms\":%.2f},",
               any_size(d, 0.05, 0.5), any_size(d, 0.05, 1),
               one_in(d, 6) ? any_size(d, 20, 80) : any_size(d, 0.1, 10));
}

static void draw_timeouts(struct draft *d)
{
    double retry_ms = any_size(d, 100, 1000), rto_ms = any_size(d, 100, 1000);
    buf_printf(
        d->out,
        "\"timeouts\":{\"control_retry_ms\":%.0f,\"control_give_up_ms\":%.0f,\"gate_drain_ms\":%.0f,\"operation_ms\":%.0f,"
        "\"progress_ms\":%.0f,\"migration_retry_ms\":%.0f,\"rto_initial_ms\":%.0f,\"rto_min_ms\":%.0f,\"rto_max_ms\":%.0f,"
        "\"drain_ms\":%d}",
        retry_ms, retry_ms * any_of(d, 3, 10), any_size(d, 50, 1000), any_size(d, 1500, 20000),
        any_size(d, 1000, 10000), any_size(d, 100, 5000), rto_ms, rto_ms, rto_ms * any_of(d, 1, 6),
        (d->loss > lossy ? LOSSY_DRAIN_S * d->muds : DRAIN_S) * 1000);
}

/* --- what goes wrong ------------------------------------------------------------------------------------------------------------- */

static void draw_span(struct draft *d)
{
    double from_s = any_of(d, 0, d->calm_s - 0.02);
    buf_printf(d->out, "\"from_s\":%.3f,\"to_s\":%.3f", from_s, any_of(d, from_s + 0.01, d->calm_s));
}

static bool writes_or_sends(enum operation operation)
{
    return operation == OP_DUMP || operation_is_transfer(operation);
}

static void draw_operation_fault(struct draft *d)
{
    enum fault_effect effect = (enum fault_effect)from_to(d, FAULT_FAILS, FAULT_FLIPPED);
    const char *operation;
    bool alters = effect == FAULT_TRUNCATED || effect == FAULT_FLIPPED;
    int count = 0;
    while (scenario_edge_operation_at(count))
        count++;
    do
        operation = scenario_edge_operation_at(below(d, count));
    while (alters && !writes_or_sends(operation_of(operation)));
    buf_printf(d->out, "{\"effect\":\"%s\",\"operation\":\"%s\",\"times\":%d,", fault_effect_name(effect), operation,
               from_to(d, 1, 3));
    if (one_in(d, 2))
        buf_printf(d->out, "\"edge\":\"es%d\",", from_to(d, 1, d->aps));
    draw_span(d);
    buf_printf(d->out, "}");
}

static void draw_message_fault(struct draft *d)
{
    buf_printf(d->out, "{\"effect\":\"%s\",\"share\":%.3f,\"delay_ms\":%.1f,",
               fault_effect_name(from_to(d, FAULT_LOST, FAULT_DELAYED)), any_size(d, 0.02, 0.9),
               any_size(d, 1, 3000));
    if (one_in(d, 4))
        buf_printf(d->out, "\"message\":\"%s\",", msg_kind_name(below(d, MSG_KINDS)));
    if (one_in(d, 3))
        buf_printf(d->out, "\"between\":[\"phones\",\"pc%d\"],", from_to(d, 1, d->aps));
    else if (one_in(d, 2))
        buf_printf(d->out, "\"between\":[\"pc1\",\"pc%d\"],", from_to(d, 2, d->aps));
    draw_span(d);
    buf_printf(d->out, "}");
}

/* A partition that only the message notices on which most depends: the verdict on a migration. */
static void draw_late_verdict(struct draft *d)
{
    double from_s = any_of(d, 0, d->duration_s / 2);
    buf_printf(d->out, "{\"effect\":\"lost\",\"message\":\"%s\",\"from_s\":%.3f,\"to_s\":%.3f}",
               one_in(d, 4) ? "CANCEL" : "STOP", from_s, from_s + any_of(d, 1, 5));
}

static void draw_stop(struct draft *d)
{
    double long_s = d->long_stops ? 30 : any_size(d, 0.05, d->calm_s / 2), from_s = any_of(d, 0, d->calm_s - long_s);
    buf_printf(d->out, "{\"effect\":\"stopped\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}",
               from_to(d, 1, d->aps), from_s, from_s + long_s);
}

/* It is down for a moment or a few seconds. */
static void draw_restart(struct draft *d)
{
    double from_s = any_of(d, 0, d->calm_s - 0.02), down_s = any_size(d, 0.01, 3);
    buf_printf(d->out, "{\"effect\":\"%s\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}",
               fault_effect_name(one_in(d, 4) ? FAULT_POWER_LOSS : FAULT_RESTARTED), from_to(d, 1, d->aps),
               from_s, fmin(from_s + down_s, d->calm_s));
}

static void draw_kill(struct draft *d)
{
    buf_printf(d->out, "{\"effect\":\"killed\",\"edge\":\"es%d\",\"from_s\":%.3f}", from_to(d, 1, d->aps),
               any_of(d, 0, d->calm_s));
}

/* Devices' hosts, too. */
static void draw_jump(struct draft *d)
{
    int host = below(d, d->aps + 1), jump_s = one_in(d, 2) ? JUMP_S : -JUMP_S;
    if (host)
        buf_printf(d->out, "{\"host\":\"pc%d\"", host);
    else
        buf_printf(d->out, "{\"host\":\"phones\"");
    buf_printf(d->out, ",\"effect\":\"clock\",\"jump_s\":%d,\"from_s\":%.3f}", jump_s, any_of(d, 0, d->duration_s));
}

static void draw_loss(struct draft *d, const char *message, double share, double from_s, double to_s)
{
    buf_printf(d->out, "{\"effect\":\"lost\",\"message\":\"%s\",\"share\":%.3f,\"from_s\":%.3f,\"to_s\":%.3f},", message, share, from_s,
               fmin(to_s, d->duration_s));
}

/* Two containers live when a device's token is lost, because the host of its access point restarts. The old place does not hear that the new
 * one has taken over: all between the two is lost, or those messages that say so. Or the new one takes over while its access point, which
 * does not hear of it, fails the migration, and then does not hear that it is to go. */
static void draw_lost_takeover(struct draft *d)
{
    const struct drawn_handoff *h = &d->handoffs[below(d, d->handoff_count)];
    double from_s = fmin(h->at_s + any_of(d, 0, 1), d->duration_s - 0.1), restart_s = fmin(from_s + any_size(d, 0.1, 4), d->duration_s - 0.05),
           to_s = restart_s + any_size(d, 0.1, 3);
    int kind = below(d, 4);
    if (kind == 0) {
        draw_loss(d, "STOP", 1, from_s, to_s);
    } else if (kind == 1) {
        buf_printf(d->out, "{\"effect\":\"lost\",\"from_s\":%.3f,\"to_s\":%.3f,\"between\":[\"pc%d\",\"pc%d\"]},", from_s,
                   fmin(to_s, d->duration_s), h->from + 1, h->to + 1);
    } else {
        draw_loss(d, "ACK", any_of(d, 0.5, 1), h->at_s, restart_s);
        draw_loss(d, "REMOVE", 1, h->at_s, to_s);
    }
    buf_printf(d->out, "{\"effect\":\"restarted\",\"host\":\"pc%d\",\"from_s\":%.3f,\"to_s\":%.3f}", h->to + 1, restart_s,
               fmin(restart_s + any_size(d, 0.02, 1), d->duration_s));
}

static void next_fault(struct draft *d)
{
    buf_printf(d->out, d->out->data[d->out->len - 1] == '[' ? "" : ",");
}

static void draw_takeovers(struct draft *d)
{
    int count = d->restarts && d->handoff_count && one_in(d, 8) ? from_to(d, 1, 2) : 0;
    for (int i = 0; i < count; i++) {
        next_fault(d);
        draw_lost_takeover(d);
    }
}

static void draw_jumps(struct draft *d)
{
    int count = one_in(d, 3) ? from_to(d, 1, 3) : 0;
    for (int i = 0; i < count; i++) {
        next_fault(d);
        draw_jump(d);
    }
}

static void draw_faults(struct draft *d)
{
    int count = one_in(d, 5) ? 0 : from_to(d, 1, 6);
    for (int i = 0; i < count; i++) {
        int kind = below(d, 40);
        next_fault(d);
        if (kind < 18)
            draw_operation_fault(d);
        else if (kind < 28)
            draw_message_fault(d);
        else if (kind < 30)
            draw_late_verdict(d);
        else if (kind < (d->restarts ? 35 : 39))
            draw_stop(d);
        else if (kind < 39 && d->restarts)
            draw_restart(d);
        else
            draw_kill(d);
    }
}

void scenario_draw(uint64_t seed, bool restarts, struct buf *out)
{
    struct draft d = {.restarts = restarts, .out = out};
    rng_init(&d.rng, seed, "scenario", 0);
    d.large = one_in(&d, 100);
    d.long_stops = !d.large && one_in(&d, 50);
    d.aps = d.large ? from_to(&d, 2, 8) : from_to(&d, 2, 4);
    d.muds = d.large ? from_to(&d, 5, 50) : one_in(&d, 3) ? from_to(&d, 2, 3) : 1;
    d.duration_s = d.long_stops ? 45 : any_of(&d, 2, 9);
    d.calm_s = d.long_stops || one_in(&d, 2) ? d.duration_s : d.duration_s * any_of(&d, 0.2, 0.7);
    buf_printf(out, "{\"name\":\"seed-%llu\",\"seed\":%llu,\"duration_s\":%.3f,", (unsigned long long)seed,
               (unsigned long long)(seed & 0xffffffffffff), d.duration_s);
    struct draft clocks = d; /* with a stream of their own */
    rng_init(&clocks.rng, seed, "clocks", 0);
    draw_hosts(&clocks);
    struct draft images = d;
    rng_init(&images.rng, seed, "images", 0);
    draw_edges(&images);
    draw_links(&d);
    draw_muds(&d);
    struct draft takeovers = d;
    rng_init(&takeovers.rng, seed, "takeovers", 0);
    draw_migration(&d);
    buf_printf(out, "\"faults\":[");
    draw_faults(&d);
    draw_takeovers(&takeovers);
    draw_jumps(&clocks);
    buf_printf(out, "],");
    draw_timeouts(&d);
    buf_printf(out, "}");
}
