/* What a link does to packets: measured the same way for every driver and judged against link.h by statistics. Bounds are such
 * that a right driver fails about once in a million runs: six standard deviations, and 1e-9 for Kolmogorov-Smirnov. */
#ifndef ROAMLAB_CONFORMANCE_H
#define ROAMLAB_CONFORMANCE_H

#include "distribution.h"
#include "mem.h"
#include "rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONFORMANCE_PACKETS_MAX = 8192 };

enum conformance_check {
    CHECK_DELAY,   /* every packet arrives, its delay after; in order */
    CHECK_JITTER,  /* Kolmogorov-Smirnov against the distribution */
    CHECK_LOSS,    /* `rate` of them, in bursts of `burst` on average (0 = not looked at) */
    CHECK_RATE,    /* the last packet of a burst arrives when the line is through with all of them */
    CHECK_REORDER, /* `rate` of them arrive at once */
    CHECK_DOUBLE,  /* `rate` of them arrive twice */
    CHECK_CORRUPT, /* `rate` of them arrive with one bit turned, or not */
    CHECK_FULL,    /* `least` to `most` of them arrive */
    CHECK_SLOTS,   /* they arrive in bursts of at most slot.packets */
    CHECK_CHANGE,  /* after half of the packets `then` holds; all arrive */
    CHECK_QUEUED,  /* after half of the packets the rate is `then`'s; what is queued keeps its times */
    CHECK_RANKS,   /* successive delays correlate by `rate` */
};

struct conformance_row {
    const char *name;
    struct link_params params;
    enum conformance_check check;
    int count, batch, gap_us; /* packets; so many at once, so far apart */
    int bytes;                /* of IP */
    double rate, burst;       /* what is expected; correlated draws say it themselves */
    double inflation;         /* of the variance, as losses come in bursts; 0 = 1 */
    int least, most;
    struct link_params then;
};

/* What became of the packets of a row. Times in ms from the first sending. */
struct outcome {
    int count;
    double sent[CONFORMANCE_PACKETS_MAX], arrived[CONFORMANCE_PACKETS_MAX]; /* the first copy; < 0 = none */
    int copies[CONFORMANCE_PACKETS_MAX];
    int corrupt, bits; /* packets with bits turned, and the bits */
};

/* How exact the clock that measured them is: 0 = virtual time. */
struct precision {
    double late_ms; /* the median packet is at most so late */
    double ks;      /* what lateness adds to a Kolmogorov–Smirnov distance */
};

static const double sigmas = 6, ks_alpha = 1e-9;

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Delays of those that arrived. Returns how many. */
static int delays_of(const struct outcome *o, double delays[])
{
    int count = 0;
    for (int i = 0; i < o->count; i++)
        if (o->arrived[i] >= 0)
            delays[count++] = o->arrived[i] - o->sent[i];
    return count;
}

static bool judge_delay(const struct conformance_row *row, const struct outcome *o, const struct precision *p)
{
    static double delays[CONFORMANCE_PACKETS_MAX];
    double expected = simtime_to_ms(row->params.delay);
    int count = delays_of(o, delays), overtaken = 0;
    for (int i = 1; i < o->count; i++)
        overtaken += o->arrived[i] < o->arrived[i - 1];
    qsort(delays, (size_t)count, sizeof delays[0], compare_numbers);
    printf("%d arrive, delay least %.3f, median %.3f, p99 %.3f ms", count, delays[0], delays[count / 2],
           delays[count * 99 / 100]);
    return count == o->count && !overtaken && delays[0] >= expected - 0.001 &&
           delays[count / 2] <= expected + p->late_ms + 1e-6;
}

/* The share of deviations up to x, in units of the jitter. */
static double share_up_to(const struct link_table *table, double x)
{
    if (!table)
        return fmin(fmax((x + 1) / 2, 0), 1);
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        count += table->values[i] <= x * TABLE_SCALE;
    return (double)count / (double)table->count;
}

/* Times at which the machine stands still, which is none of the link's doing: they show in the sender, which does not
 * come to its next packet either. */
static bool stood_still(const struct conformance_row *row, const struct outcome *o, double at_ms)
{
    for (int i = 1; i < o->count; i++) {
        double planned = fmax((double)(i / row->batch) * row->gap_us / 1e3, o->sent[i - 1]);
        if (o->sent[i] - planned > 1 && at_ms >= planned && at_ms <= o->sent[i] + 1)
            return true;
    }
    return false;
}

static bool judge_jitter(const struct conformance_row *row, const struct outcome *o,
                         const struct precision *p)
{
    static double delays[CONFORMANCE_PACKETS_MAX];
    const struct link_table *table;
    int missing = 0, count = 0;
    for (int i = 0; i < o->count; i++) {
        missing += o->arrived[i] < 0;
        if (!stood_still(row, o, o->arrived[i]))
            delays[count++] = o->arrived[i] - o->sent[i];
    }
    if (table_of(&row->params, &table, NULL) < 0 || missing || count < o->count / 2) {
        printf("%d missing, %d to be judged", missing, count);
        return false;
    }
    double distance = 0, n = count;
    qsort(delays, (size_t)count, sizeof delays[0], compare_numbers);
    for (int i = 0; i < count; i++) {
        double x = (delays[i] - simtime_to_ms(row->params.delay)) / simtime_to_ms(row->params.jitter);
        double share = share_up_to(table, x), just_below = share_up_to(table, x - 1.5 / TABLE_SCALE);
        distance = fmax(distance, fmax(just_below - (i + 1) / n, i / n - share));
    }
    double bound = sqrt(-log(ks_alpha / 2) / (2 * n)) + p->ks;
    printf("%d judged, Kolmogorov-Smirnov distance %.4f, bound %.4f", count, distance, bound);
    return distance <= bound;
}

static bool near(const char *what, double got, double expected, double n, double inflation)
{
    double room = sigmas * sqrt(expected * (1 - expected) * fmax(inflation, 1) / n) + 1 / n;
    printf("%s %.4f, expected %.4f +- %.4f", what, got, expected, room);
    return fabs(got - expected) <= room;
}

struct expectation {
    double rate, burst;
};

/* Draws that lean on the last one by `correlation`, as link.h has it: the share of them below the probability, and how
 * many in a row. There is no closed form worth having; so many draws are exact to 0.001. */
static struct expectation expect_correlated(double probability, double correlation)
{
    enum { DRAWS = 4000000 };
    struct rng rng;
    double last = 0.5;
    int count = 0, bursts = 0;
    rng_init(&rng, 1, "expectation", 0);
    for (int i = 0; i < DRAWS; i++) {
        double draw = rng_unit(&rng) * (1 - correlation) + last * correlation;
        count += draw < probability;
        bursts += draw < probability && last >= probability;
        last = draw;
    }
    return (struct expectation){(double)count / DRAWS, bursts ? (double)count / bursts : 0};
}

static struct expectation expectation_of(const struct conformance_row *row)
{
    const struct link_params *p = &row->params;
    if (p->loss_correlation > 0)
        return expect_correlated(p->loss, p->loss_correlation);
    if (p->duplicate_correlation > 0)
        return expect_correlated(p->duplicate, p->duplicate_correlation);
    if (p->corrupt_correlation > 0)
        return expect_correlated(p->corrupt, p->corrupt_correlation);
    if (p->reorder_correlation > 0)
        return expect_correlated(p->reorder, p->reorder_correlation);
    return (struct expectation){row->rate, row->burst};
}

static bool judge_loss(const struct conformance_row *row, const struct outcome *o)
{
    struct expectation expected = expectation_of(row);
    int lost = 0, bursts = 0;
    for (int i = 0; i < o->count; i++) {
        lost += o->arrived[i] < 0;
        bursts += o->arrived[i] < 0 && (i == 0 || o->arrived[i - 1] >= 0);
    }
    bool good = near("lost", (double)lost / o->count, expected.rate, o->count, row->inflation);
    double mean = bursts ? (double)lost / bursts : 0;
    printf(", bursts of %.2f", mean);
    if (expected.burst <= 0)
        return good;
    /* Bursts are geometric: the variance of their length is b (b - 1). */
    double room = sigmas * sqrt(expected.burst * (expected.burst - 1) / fmax(bursts, 1)) + 0.02;
    printf(", expected %.2f +- %.2f", expected.burst, room);
    return good && fabs(mean - expected.burst) <= room;
}

/* Never faster than the line that begins with each packet when its sending begins; in the middle not slower than one that
 * begins when its sending has ended. To receive takes this machine time as to send does: half of that is not the link's. */
static bool judge_rate(const struct conformance_row *row, const struct outcome *o, const struct precision *p)
{
    static double late[CONFORMANCE_PACKETS_MAX];
    double packet_ms = (double)link_line_ns(&row->params, (uint64_t)row->bytes + LINK_ETHERNET, 1) / 1e6;
    double delay = simtime_to_ms(row->params.delay), free = 0, free_at_last = 0;
    int missing = 0, early = 0;
    for (int i = 0; i < o->count; i++) {
        double begun = o->sent[i], ended = i + 1 < o->count ? o->sent[i + 1] : begun;
        free = fmax(free, begun) + packet_ms;
        free_at_last = fmax(free_at_last, ended) + packet_ms;
        missing += o->arrived[i] < 0;
        early += o->arrived[i] < free + delay - 0.001;
        late[i] = o->arrived[i] - free_at_last - delay;
    }
    qsort(late, (size_t)o->count, sizeof late[0], compare_numbers);
    printf("%d missing, %d early, late by median %.3f ms on a line of %.3f ms", missing, early, late[o->count / 2],
           packet_ms * o->count);
    double sending = p->late_ms > 0 ? o->sent[o->count - 1] - o->sent[0] : 0;
    return missing == 0 && early == 0 && late[o->count / 2] <= p->late_ms + sending / 2 + 1e-6;
}

static bool judge_reorder(const struct conformance_row *row, const struct outcome *o)
{
    double delay = simtime_to_ms(row->params.delay);
    int early = 0, alone = 0, gap = (int)row->params.gap, last = -1;
    bool spaced = true;
    for (int i = 0; i < o->count; i++) {
        alone += o->arrived[i] < 0;
        if (o->arrived[i] < 0 || o->arrived[i] - o->sent[i] > delay / 2)
            continue;
        early++;
        spaced = spaced && (gap < 2 || (i - last) % gap == 0);
        last = i;
    }
    bool good = near("early", (double)early / o->count, expectation_of(row).rate, o->count, row->inflation);
    return good && alone == 0 && spaced;
}

static bool judge_copies(const struct conformance_row *row, const struct outcome *o)
{
    int doubled = 0, others = 0;
    for (int i = 0; i < o->count; i++) {
        doubled += o->copies[i] == 2;
        others += o->copies[i] < 1 || o->copies[i] > 2;
    }
    return near("doubled", (double)doubled / o->count, expectation_of(row).rate, o->count, row->inflation) && others == 0;
}

/* Bits of headers are turned too; such packets do not arrive. */
static bool judge_corrupt(const struct conformance_row *row, const struct outcome *o)
{
    int missing = 0;
    for (int i = 0; i < o->count; i++)
        missing += o->arrived[i] < 0;
    bool good = near("corrupt or gone", (double)(o->corrupt + missing) / o->count, expectation_of(row).rate, o->count,
                     row->inflation);
    printf(", %d of them arrive", o->corrupt);
    return good && o->bits == o->corrupt && missing <= o->corrupt / 4 + 8;
}

static bool judge_full(const struct conformance_row *row, const struct outcome *o)
{
    int count = 0;
    for (int i = 0; i < o->count; i++)
        count += o->arrived[i] >= 0;
    printf("%d of %d arrive, expected %d to %d", count, o->count, row->least, row->most);
    return count >= row->least && count <= row->most;
}

/* Gaps of more than half a slot separate bursts. */
static bool judge_slots(const struct conformance_row *row, const struct outcome *o, const struct precision *p)
{
    double slot = simtime_to_ms(row->params.slot.min), begun = -INFINITY, closest = INFINITY;
    int bursts = 0, in_burst = 0, largest = 0, missing = 0, early = 0;
    for (int i = 0; i < o->count; i++) {
        missing += o->arrived[i] < 0;
        early += o->arrived[i] - o->sent[i] < simtime_to_ms(row->params.delay) - 0.001;
        if (o->arrived[i] - begun > slot / 2) {
            closest = bursts ? fmin(closest, o->arrived[i] - begun) : closest;
            begun = o->arrived[i];
            bursts++;
            in_burst = 0;
        }
        largest = ++in_burst > largest ? in_burst : largest;
    }
    printf("%d bursts, at least %.2f ms apart, of at most %d", bursts, closest, largest);
    return !missing && !early && largest <= (int)row->params.slot.packets &&
           closest >= slot - p->late_ms - slot / 4 && bursts >= o->count / (int)row->params.slot.packets;
}

static bool judge_change(const struct conformance_row *row, const struct outcome *o,
                         const struct precision *p)
{
    int missing = 0, before = 0, after = 0;
    double old = simtime_to_ms(row->params.delay), new = simtime_to_ms(row->then.delay),
           room = 5 + p->late_ms;
    for (int i = 0; i < o->count; i++) {
        double delay = o->arrived[i] - o->sent[i];
        missing += o->arrived[i] < 0;
        before += i < o->count / 2 && delay >= old && delay < old + room;
        after += i >= o->count / 2 && delay >= new &&delay < new + room;
    }
    printf("%d lost, %d with the old delay, %d with the new one", missing, before, after);
    return missing == 0 && before > o->count * 4 / 10 && after > o->count * 4 / 10;
}

/* All were sent long before the line is free. Those before the change leave as the old rate says, the others behind
 * them as the new one. */
static bool judge_queued(const struct conformance_row *row, const struct outcome *o,
                         const struct precision *p)
{
    static double late[CONFORMANCE_PACKETS_MAX];
    double old = (double)link_line_ns(&row->params, (uint64_t)row->bytes + LINK_ETHERNET, 1) / 1e6,
           new = (double)link_line_ns(&row->then, (uint64_t)row->bytes + LINK_ETHERNET, 1) / 1e6,
           due = simtime_to_ms(row->params.delay);
    int missing = 0;
    for (int i = 0; i < o->count; i++) {
        due += i < o->count / 2 ? old : new;
        late[i] = o->arrived[i] - o->sent[0] - due;
        missing += o->arrived[i] < 0;
    }
    qsort(late, (size_t)o->count, sizeof late[0], compare_numbers);
    printf("%d missing, late by least %.3f, median %.3f ms", missing, late[0], late[o->count / 2]);
    return missing == 0 && late[0] >= -0.001 && late[o->count / 2] <= p->late_ms + 1e-6;
}

/* Correlation of normal deviations: their tables are sorted, so those of ranks follow. */
static bool judge_ranks(const struct conformance_row *row, const struct outcome *o)
{
    double last = 0, squares = 0, products = 0;
    int count = 0;
    for (int i = 0; i < o->count; i++) {
        double x = o->arrived[i] - o->sent[i] - simtime_to_ms(row->params.delay);
        if (stood_still(row, o, o->arrived[i]))
            continue;
        squares += x * x;
        products += count++ ? x * last : 0;
        last = x;
    }
    printf("%d judged, correlation of successive delays %.3f, expected %.3f", count, products / squares, row->rate);
    return count > o->count / 2 && fabs(products / squares - row->rate) < sigmas / sqrt(count);
}

static bool judge(const struct conformance_row *row, const struct outcome *o, const struct precision *p)
{
    switch (row->check) {
    case CHECK_DELAY:
        return judge_delay(row, o, p);
    case CHECK_JITTER:
        return judge_jitter(row, o, p);
    case CHECK_LOSS:
        return judge_loss(row, o);
    case CHECK_RATE:
        return judge_rate(row, o, p);
    case CHECK_REORDER:
        return judge_reorder(row, o);
    case CHECK_DOUBLE:
        return judge_copies(row, o);
    case CHECK_CORRUPT:
        return judge_corrupt(row, o);
    case CHECK_FULL:
        return judge_full(row, o);
    case CHECK_SLOTS:
        return judge_slots(row, o, p);
    case CHECK_CHANGE:
        return judge_change(row, o, p);
    case CHECK_QUEUED:
        return judge_queued(row, o, p);
    case CHECK_RANKS:
        return judge_ranks(row, o);
    }
    return false;
}

/* Prints a line; true if the outcome is as it should be. */
static bool conformance_judge(const char *driver, const struct conformance_row *row,
                              const struct outcome *outcome, const struct precision *precision)
{
    printf("%s: %s: ", driver, row->name);
    bool good = judge(row, outcome, precision);
    printf("%s\n", good ? "" : ": FAILED");
    return good;
}

#endif
