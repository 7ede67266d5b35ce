/* What a link does to packets: measured the same way for every driver and judged against link.h by statistics. Bounds are such
 * that a right driver fails about once in a million runs: six standard deviations, and 1e-9 for Kolmogorov-Smirnov. */
#ifndef ROAMLAB_CONFORMANCE_H
#define ROAMLAB_CONFORMANCE_H

#include "mem.h"
#include "distribution.h"

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
    CHECK_RANKS,   /* successive delays correlate by `rate` */
};

struct conformance_row {
    const char *name;
    struct link_params params;
    enum conformance_check check;
    int count, batch, gap_us; /* packets; so many at once, so far apart */
    int bytes;                /* of IP */
    double rate, burst;       /* what is expected */
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
    double slow;    /* how much slower than the rate it may be */
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

static bool judge_jitter(const struct conformance_row *row, const struct outcome *o,
                         const struct precision *p)
{
    static double delays[CONFORMANCE_PACKETS_MAX];
    const struct link_table *table;
    int count = delays_of(o, delays);
    if (table_of(&row->params, &table, NULL) < 0 || count == 0)
        return false;
    double distance = 0, n = count;
    qsort(delays, (size_t)count, sizeof delays[0], compare_numbers);
    for (int i = 0; i < count; i++) {
        double x = (delays[i] - simtime_to_ms(row->params.delay)) / simtime_to_ms(row->params.jitter);
        double share = share_up_to(table, x), just_below = share_up_to(table, x - 1.5 / TABLE_SCALE);
        distance = fmax(distance, fmax(just_below - (i + 1) / n, i / n - share));
    }
    double bound = sqrt(-log(ks_alpha / 2) / (2 * n)) + p->ks;
    printf("%d arrive, Kolmogorov-Smirnov distance %.4f, bound %.4f", count, distance, bound);
    return count == o->count && distance <= bound;
}

static bool near(const char *what, double got, double expected, double n, double inflation)
{
    double room = sigmas * sqrt(expected * (1 - expected) * fmax(inflation, 1) / n) + 1 / n;
    printf("%s %.4f, expected %.4f +- %.4f", what, got, expected, room);
    return fabs(got - expected) <= room;
}

static bool judge_loss(const struct conformance_row *row, const struct outcome *o)
{
    int lost = 0, bursts = 0;
    for (int i = 0; i < o->count; i++) {
        lost += o->arrived[i] < 0;
        bursts += o->arrived[i] < 0 && (i == 0 || o->arrived[i - 1] >= 0);
    }
    bool good = near("lost", (double)lost / o->count, row->rate, o->count, row->inflation);
    double mean = bursts ? (double)lost / bursts : 0;
    printf(", bursts of %.2f", mean);
    if (row->burst <= 0)
        return good;
    /* Bursts are geometric: the variance of their length is b (b - 1). */
    double room = sigmas * sqrt(row->burst * (row->burst - 1) / fmax(bursts, 1)) + 0.02;
    printf(", expected %.2f +- %.2f", row->burst, room);
    return good && fabs(mean - row->burst) <= room;
}

/* Never faster than the line, never slower than whoever is slower: the line or the sender. */
static bool judge_rate(const struct conformance_row *row, const struct outcome *o, const struct precision *p)
{
    double last = 0, delay = simtime_to_ms(row->params.delay);
    int count = 0;
    for (int i = 0; i < o->count; i++) {
        last = fmax(last, o->arrived[i]);
        count += o->arrived[i] >= 0;
    }
    double packet_ms = (double)link_line_ns(&row->params, (uint64_t)row->bytes + LINK_ETHERNET, 1) / 1e6;
    double line = count * packet_ms, sender = o->sent[o->count - 1] + packet_ms;
    double late = last - delay - fmax(line, sender);
    printf("%d arrive in %.3f ms, the line takes %.3f, the sender %.3f", count, last - delay, line, sender);
    return count == o->count && last - delay >= line - 0.001 && late <= p->late_ms + p->slow * line + 1e-6;
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
    bool good = near("early", (double)early / o->count, row->rate, o->count, 1);
    return good && alone == 0 && spaced;
}

static bool judge_copies(const struct conformance_row *row, const struct outcome *o)
{
    int doubled = 0, others = 0;
    for (int i = 0; i < o->count; i++) {
        doubled += o->copies[i] == 2;
        others += o->copies[i] < 1 || o->copies[i] > 2;
    }
    return near("doubled", (double)doubled / o->count, row->rate, o->count, 1) && others == 0;
}

/* Bits of headers are turned too; such packets do not arrive. */
static bool judge_corrupt(const struct conformance_row *row, const struct outcome *o)
{
    int missing = 0;
    for (int i = 0; i < o->count; i++)
        missing += o->arrived[i] < 0;
    bool good = near("corrupt or gone", (double)(o->corrupt + missing) / o->count, row->rate, o->count, 1);
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

/* Correlation of normal deviations: their tables are sorted, so those of ranks follow. */
static bool judge_ranks(const struct conformance_row *row, const struct outcome *o)
{
    double sum = 0, squares = 0, products = 0, mean = 0;
    for (int i = 0; i < o->count; i++)
        mean += (o->arrived[i] - o->sent[i]) / o->count;
    for (int i = 0; i < o->count; i++) {
        double x = o->arrived[i] - o->sent[i] - mean;
        squares += x * x;
        products += i ? x * sum : 0;
        sum = x;
    }
    printf("correlation of successive delays %.3f, expected %.3f", products / squares, row->rate);
    return fabs(products / squares - row->rate) < sigmas / sqrt(o->count);
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
