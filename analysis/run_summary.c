#include "run_summary.h"
#include "metrics.h"

#include <math.h>

void run_durations_add(struct run_durations *d, struct simtime duration)
{
    d->min = d->count ? simtime_min(d->min, duration) : duration;
    d->max = d->count ? simtime_max(d->max, duration) : duration;
    d->count++;
    d->sum_ns += duration.ns;
    quantiles_add(&d->quantiles, duration.ns);
}

/* The device's last answer, or the migration's begin if there was none. */
static struct simtime last_sign(const struct run_mud *mud, const struct run_migration *m)
{
    return mud->request_count ? mud->last_answer : m->begin;
}

static bool is_over(const struct run_migration *m)
{
    return m->outcome || m->committed;
}

static void end_gap(struct run_migration *m, const struct run_mud *mud, struct simtime now)
{
    struct simtime since = last_sign(mud, m);
    if (!is_over(m) || simtime_before(since, m->end))
        m->longest_gap = simtime_max(m->longest_gap, simtime_sub(now, since));
    m->gaps_over = is_over(m) && !simtime_before(now, m->end);
}

void run_summary_answer(struct run_record *r, struct run_mud *mud, struct simtime sent, struct simtime now)
{
    run_durations_add(&r->responses, simtime_sub(now, sent));
    for (size_t i = mud->newest_migration; i && !r->migrations[i - 1].gaps_over;
         i = r->migrations[i - 1].previous)
        end_gap(&r->migrations[i - 1], mud, now);
    if (mud->request_count)
        quantiles_add(&mud->intervals, simtime_sub(now, mud->last_answer).ns);
    mud->last_answer = now;
    mud->request_count++;
}

/* In ms; a bucket may reach beyond what it holds. */
static double quantile_ms(const struct run_durations *d, double share)
{
    struct simtime middle = simtime_ns(quantiles_at(&d->quantiles, share));
    return simtime_to_ms(simtime_min(d->max, simtime_max(d->min, middle)));
}

struct metrics_spread run_durations_spread(const struct run_durations *d)
{
    if (d->count == 0)
        return (struct metrics_spread){NAN, NAN, NAN, NAN, NAN, NAN, 0};
    return (struct metrics_spread){
        .mean = (double)d->sum_ns / (double)d->count / 1e6,
        .p50 = quantile_ms(d, 0.50),
        .p95 = quantile_ms(d, 0.95),
        .p99 = quantile_ms(d, 0.99),
        .min = simtime_to_ms(d->min),
        .max = simtime_to_ms(d->max),
        .count = d->count,
    };
}

struct simtime run_summary_gap(const struct run_record *r, const struct run_migration *m)
{
    const struct run_mud *mud = &r->muds[m->mud];
    struct simtime since = last_sign(mud, m);
    if (m->gaps_over || !simtime_before(since, m->end) || mud->answered >= mud->sent)
        return m->longest_gap;
    return simtime_max(m->longest_gap, simtime_sub(r->end, since));
}
