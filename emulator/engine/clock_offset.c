#include "clock_offset.h"

#include <math.h>
#include <stdlib.h>

static const double drift_most = 1e-3;         /* no clock is that bad: what seems so is noise */
static const int64_t baseline_ns = 5000000000; /* shorter ones say nothing of drift */
static const int64_t window_ns = 1000000000;

static const struct clock_sample *kept_at(const struct clock_offset *c, int i)
{
    return &c->kept[(c->latest - i + CLOCK_OFFSET_KEPT) % CLOCK_OFFSET_KEPT];
}

static int64_t line_at(const struct clock_offset *c, int64_t at)
{
    return c->offset.ns + llround(c->drift * (double)(at - c->base.ns));
}

/* Without a baseline: the shortest round trip, no drift. */
static void take_shortest(struct clock_offset *c)
{
    const struct clock_sample *best = kept_at(c, 0);
    for (int i = 1; i < c->count; i++)
        if (simtime_before(kept_at(c, i)->half, best->half))
            best = kept_at(c, i);
    c->base = best->at;
    c->offset = best->offset;
    c->drift = 0;
}

/* Weighted least squares around the latest sample, in seconds, so that nothing is lost to rounding. */
static void fit_line(struct clock_offset *c)
{
    const struct clock_sample *latest = kept_at(c, 0);
    double w = 0, wt = 0, wo = 0, wtt = 0, wto = 0;
    for (int i = 0; i < c->count; i++) {
        const struct clock_sample *s = kept_at(c, i);
        double half = (double)s->half.ns + 1000, weight = 1e12 / (half * half);
        double t = (double)(s->at.ns - latest->at.ns) / 1e9,
               o = (double)(s->offset.ns - latest->offset.ns) / 1e9;
        w += weight;
        wt += weight * t;
        wo += weight * o;
        wtt += weight * t * t;
        wto += weight * t * o;
    }
    double spread = w * wtt - wt * wt;
    c->drift = spread > 0 ? fmax(-drift_most, fmin(drift_most, (w * wto - wt * wo) / spread)) : 0;
    c->base = latest->at;
    c->offset.ns = latest->offset.ns + llround((wo - c->drift * wt) / w * 1e9);
}

static void keep(struct clock_offset *c, const struct clock_sample *s)
{
    struct clock_sample *latest = c->count ? &c->kept[c->latest] : NULL;
    if (latest && s->at.ns / window_ns == latest->at.ns / window_ns) {
        if (simtime_before(s->half, latest->half))
            *latest = *s;
        return;
    }
    c->latest = (c->latest + 1) % CLOCK_OFFSET_KEPT;
    c->kept[c->latest] = *s;
    c->count += c->count < CLOCK_OFFSET_KEPT;
}

static struct simtime shortest_half(const struct clock_offset *c, struct simtime half)
{
    for (int i = 0; i < c->count; i++)
        half = simtime_min(half, kept_at(c, i)->half);
    return half;
}

/* How far the line was off, if the sample refutes what was said of it, as after a step of their clock: by what lies between the line and the
 * sample's interval, and as much as the best samples leave open. The line to come meets the sample half-way and would not tell. */
static struct simtime refuted_by(const struct clock_offset *c, const struct clock_sample *s)
{
    int64_t beyond = llabs(s->offset.ns - line_at(c, s->at.ns)) - s->half.ns;
    return c->count && beyond > clock_offset_uncertainty(c).ns ? simtime_ns(beyond + 2 * shortest_half(c, s->half).ns) : SIMTIME_ZERO;
}

void clock_offset_add(struct clock_offset *c, struct simtime sent, struct simtime theirs,
                      struct simtime received)
{
    struct clock_sample s = {.half = {(received.ns - sent.ns + 1) / 2}};
    s.at.ns = sent.ns + (received.ns - sent.ns) / 2;
    s.offset = simtime_sub(theirs, s.at);
    struct simtime refuted = refuted_by(c, &s);
    keep(c, &s);
    if (kept_at(c, 0)->at.ns - kept_at(c, c->count - 1)->at.ns < baseline_ns)
        take_shortest(c);
    else
        fit_line(c);
    if (!c->rests)
        c->worst = simtime_max(c->worst, simtime_max(refuted, clock_offset_uncertainty(c)));
}

struct simtime clock_offset_theirs(const struct clock_offset *c, struct simtime ours)
{
    return simtime_ns(ours.ns + line_at(c, ours.ns));
}

/* The drift is so small that one step of correction is exact to less than a nanosecond an hour. */
struct simtime clock_offset_ours(const struct clock_offset *c, struct simtime theirs)
{
    int64_t guess = theirs.ns - line_at(c, theirs.ns - c->offset.ns);
    return simtime_ns(theirs.ns - line_at(c, guess));
}

struct simtime clock_offset_uncertainty(const struct clock_offset *c)
{
    struct simtime most = c->count ? SIMTIME_ZERO : SIMTIME_NEVER;
    bool line = c->count && kept_at(c, 0)->at.ns - kept_at(c, c->count - 1)->at.ns >= baseline_ns;
    for (int i = 0; i < c->count; i++) {
        const struct clock_sample *s = kept_at(c, i);
        if (line && simtime_before(s->at, c->since))
            break;
        int64_t aside = llabs(s->offset.ns - line_at(c, s->at.ns));
        struct simtime bound = simtime_ns(s->half.ns + aside);
        if (line)
            most = simtime_max(most, bound);
        else if (i == 0 || simtime_before(bound, most))
            most = bound;
    }
    return most;
}

void clock_offset_watch(struct clock_offset *c)
{
    c->since = c->count ? kept_at(c, 0)->at : SIMTIME_ZERO;
    c->worst = clock_offset_uncertainty(c);
    c->rests = false;
}

void clock_offset_rest(struct clock_offset *c)
{
    c->rests = true;
}
