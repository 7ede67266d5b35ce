#include "scenario_draw.h"
#include "scenario_draft.h"
#include "transfer.h"

/* Six tries of a migration come to their ends within this; over a lossy link in the longer time, one device after the other: each lasts as long
 * as bytes arrive. */
enum { DRAIN_S = 300, LOSSY_DRAIN_S = 900 };
static const double lossy = 0.01;
/* A crystal's. */
enum { DRIFT_MAX_PPM = 50 };

/* --- hosts, links, devices ----------------------------------------------------------------------------------------------------- */

static void draw_hosts(struct draft *d)
{
    buf_printf(d->out, "\"hosts\":{\"phones\":{\"drift_ppm\":%.1f}",
               draft_any_of(d, -DRIFT_MAX_PPM, DRIFT_MAX_PPM));
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, ",\"pc%d\":{\"drift_ppm\":%.1f}", i,
                   draft_any_of(d, -DRIFT_MAX_PPM, DRIFT_MAX_PPM));
    buf_printf(d->out, "},\"aps\":{");
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, "%s\"ap%d\":{\"host\":\"pc%d\",\"edge\":\"es%d\"}", i > 1 ? "," : "", i, i, i);
    buf_printf(d->out, "},");
}

/* In one of four scenarios some edge servers have to pull the base image. */
static void draw_edges(struct draft *d)
{
    bool lacking = draft_one_in(d, 4);
    buf_printf(d->out, "\"edges\":{");
    for (int i = 1; i <= d->aps; i++)
        buf_printf(d->out, "%s\"es%d\":{\"host\":\"pc%d\",\"has_base\":%s}", i > 1 ? "," : "", i, i,
                   lacking && draft_one_in(d, 2) ? "false" : "true");
    buf_printf(d->out, "},");
    if (lacking)
        buf_printf(d->out, "\"registries\":{\"cloud\":{\"host\":\"pc%d\"}},", draft_from_to(d, 1, d->aps));
}

/* Cut, or a hundred times slower, for a while. */
static void draw_schedule(struct draft *d, double rate_mbit)
{
    double from_s = draft_any_of(d, 0, d->calm_s), to_s = draft_any_of(d, from_s, d->calm_s);
    if (to_s - from_s < 0.01)
        return;
    if (draft_one_in(d, 3))
        buf_printf(d->out,
                   ",\"schedule\":[{\"at_s\":%.3f,\"rate_mbit\":%.3f},{\"at_s\":%.3f,\"rate_mbit\":%.3f}]",
                   from_s, rate_mbit / 100, to_s, rate_mbit);
    else
        buf_printf(d->out, ",\"schedule\":[{\"at_s\":%.3f,\"loss\":1},{\"at_s\":%.3f,\"loss\":0}]", from_s,
                   to_s);
}

static void draw_links(struct draft *d)
{
    double rtt_ms = draft_any_size(d, 2, 200), rate_mbit = draft_any_size(d, 20, 800);
    d->loss = !d->large && draft_one_in(d, 4) ? draft_any_size(d, 0.001, 0.1) : 0;
    double air_loss = draft_one_in(d, 4) ? draft_any_size(d, 0.001, 0.1) : 0;
    buf_printf(d->out, "\"links\":[");
    for (int i = 1; i <= d->aps; i++)
        for (int j = i + 1; j <= d->aps; j++) {
            buf_printf(d->out, "{\"between\":[\"pc%d\",\"pc%d\"],\"rtt_ms\":%.3f,\"rate_mbit\":%.3f", i, j,
                       rtt_ms, rate_mbit);
            if (draft_one_in(d, 4))
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
    return 0.02 + draft_any_of(d, 0, 4) * rng_unit(&d->rng);
}

static void keep_handoff(struct draft *d, int from, int to, double at_s)
{
    if (d->handoff_count < HANDOFFS_KEPT)
        d->handoffs[d->handoff_count++] = (struct drawn_handoff){from, to, at_s};
}

/* One in three goes to and fro between two access points only. */
static void draw_visits(struct draft *d, double until_s)
{
    int at = draft_below(d, d->aps), step = 1 + draft_below(d, d->aps - 1);
    bool to_and_fro = draft_one_in(d, 3), outages = draft_one_in(d, 4);
    double at_s = draft_any_of(d, 0.01, 1);
    buf_printf(d->out, "[{\"ap\":\"ap%d\",\"at_s\":%.3f}", at + 1, at_s);
    for (int visit = 1; (at_s += draw_stay_s(d)) < until_s; visit++) {
        double silence_s = outages && draft_one_in(d, 3) ? draw_stay_s(d) : 0;
        if (silence_s > 0 && at_s + silence_s < until_s) {
            buf_printf(d->out, ",{\"outage\":true,\"at_s\":%.3f}", at_s);
            at_s += silence_s;
        }
        int from = at;
        if (to_and_fro)
            at = (at + (visit % 2 ? step : d->aps - step)) % d->aps;
        else
            at = (at + 1 + draft_below(d, d->aps - 1)) % d->aps;
        keep_handoff(d, from, at, at_s);
        buf_printf(d->out, ",{\"ap\":\"ap%d\",\"at_s\":%.3f}", at + 1, at_s);
        if (draft_one_in(d, 8))
            break;
    }
    buf_printf(d->out, "]");
}

/* Some walk together: they change access points at the same instant. */
static void draw_muds(struct draft *d)
{
    double rate = d->large || d->long_stops ? draft_any_of(d, 0.5, 2) : draft_any_size(d, 2, 30),
           until_s = d->duration_s - 0.5;
    int window = 1 << draft_from_to(d, 1, 4);
    buf_printf(d->out, "\"muds\":{");
    for (int i = 1; i <= d->muds; i++) {
        int together = i < d->muds && draft_one_in(d, 4) ? draft_from_to(d, 2, d->muds - i + 1) : 1;
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
    return strategy_at(draft_below(d, count))->name;
}

static const char *any_carrier(struct draft *d)
{
    int count = 0;
    while (carrier_at(count))
        count++;
    return carrier_at(draft_below(d, count))->name;
}

static void draw_policy(struct draft *d)
{
    switch (draft_below(d, 10)) {
    case 0:
        buf_printf(d->out, "\"policy\":\"distance\",\"distance\":{\"unit\":\"hops\",\"max\":%d},",
                   draft_below(d, 2));
        break;
    case 1:
        buf_printf(d->out, "\"policy\":\"latency\",\"latency_max_ms\":%.1f,", draft_any_size(d, 5, 200));
        break;
    case 2:
        buf_printf(d->out, "\"placement\":\"weighted\",");
        break;
    default:
        break;
    }
}

/* With a strategy that takes a snapshot. */
static void draw_volume(struct draft *d, const struct strategy *strategy)
{
    enum volume_when when = draft_one_in(d, 2) ? VOLUME_EARLY : VOLUME_ON_ARRIVAL;
    d->has_volume = strategy_add_volume(strategy, when, &d->with_volume) && draft_one_in(d, 4);
    if (d->has_volume)
        buf_printf(d->out, "\"volume\":\"%s\",", when == VOLUME_EARLY ? "early" : "on-arrival");
}

static void draw_migration(struct draft *d, struct draft *volumes)
{
    const struct strategy *strategy = strategy_of(any_strategy(d));
    bool pipeline = strategy->overlapped && draft_one_in(d, 2);
    buf_printf(d->out, "\"migration\":{\"strategy\":\"%s\",\"carrier\":\"%s\",\"pipeline\":%s,",
               strategy->name, any_carrier(d), pipeline ? "true" : "false");
    buf_printf(d->out, "\"nfs_host\":\"pc%d\",", draft_from_to(d, 1, d->aps));
    draw_volume(volumes, pipeline ? strategy->overlapped : strategy);
    draw_policy(d);
    if (draft_one_in(d, 4))
        buf_printf(d->out, "\"replay_max\":%d,", draft_from_to(d, 1, 40));
    if (strategy->from_snapshot && draft_one_in(d, 2))
        buf_printf(d->out, "\"snapshot_every\":%d,", draft_from_to(d, 1, 40));
    buf_printf(d->out, "\"retries\":%d},", draft_one_in(d, 2) ? 0 : draft_from_to(d, 1, 5));
    buf_printf(d->out, "\"service\":{\"base_mb\":1,\"layer_mb\":%.2f,\"memory_mb\":%.2f,\"work_ms\":%.2f",
               draft_any_size(d, 0.05, 0.5), draft_any_size(d, 0.05, 1),
               draft_one_in(d, 6) ? draft_any_size(d, 20, 80) : draft_any_size(d, 0.1, 10));
    if (volumes->has_volume)
        buf_printf(d->out, ",\"volume_mb\":%.2f", draft_any_size(volumes, 0.05, 1));
    buf_printf(d->out, "},");
}

static void draw_timeouts(struct draft *d)
{
    double retry_ms = draft_any_size(d, 100, 1000), rto_ms = draft_any_size(d, 100, 1000);
    buf_printf(
        d->out,
        "\"timeouts\":{\"control_retry_ms\":%.0f,\"control_give_up_ms\":%.0f,\"gate_drain_ms\":%.0f,\"operation_ms\":%.0f,"
        "\"progress_ms\":%.0f,\"migration_retry_ms\":%.0f,\"rto_initial_ms\":%.0f,\"rto_min_ms\":%.0f,\"rto_max_ms\":%.0f,"
        "\"drain_ms\":%d}",
        retry_ms, retry_ms * draft_any_of(d, 3, 10), draft_any_size(d, 50, 1000),
        draft_any_size(d, 1500, 20000), draft_any_size(d, 1000, 10000), draft_any_size(d, 100, 5000), rto_ms,
        rto_ms, rto_ms * draft_any_of(d, 1, 6), (d->loss > lossy ? LOSSY_DRAIN_S * d->muds : DRAIN_S) * 1000);
}

void scenario_draw(uint64_t seed, bool restarts, struct buf *out)
{
    struct draft d = {.restarts = restarts, .out = out};
    rng_init(&d.rng, seed, "scenario", 0);
    d.large = draft_one_in(&d, 100);
    d.long_stops = !d.large && draft_one_in(&d, 50);
    d.aps = d.large ? draft_from_to(&d, 2, 8) : draft_from_to(&d, 2, 4);
    d.muds = d.large ? draft_from_to(&d, 5, 50) : draft_one_in(&d, 3) ? draft_from_to(&d, 2, 3) : 1;
    d.duration_s = d.long_stops ? 45 : draft_any_of(&d, 2, 9);
    d.calm_s = d.long_stops || draft_one_in(&d, 2) ? d.duration_s : d.duration_s * draft_any_of(&d, 0.2, 0.7);
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
    struct draft takeovers = d, volumes = d;
    rng_init(&takeovers.rng, seed, "takeovers", 0);
    rng_init(&volumes.rng, seed, "service volume", 0);
    draw_migration(&d, &volumes);
    buf_printf(out, "\"faults\":[");
    scenario_draw_faults(&d);
    scenario_draw_takeovers(&takeovers);
    scenario_draw_volume_faults(&volumes);
    scenario_draw_jumps(&clocks);
    buf_printf(out, "],");
    draw_timeouts(&d);
    buf_printf(out, "}");
}
