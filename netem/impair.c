#include "impair.h"
#include "distribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void take_params(struct impair *impair, const struct link_params *params)
{
    impair->params = *params;
    if (table_of(params, &impair->table, NULL) < 0)
        abort(); /* link_params_check has found it before */
}

static double standard_normal(struct rng *rng)
{
    double radius = sqrt(rng_exponential(rng, 2));
    return radius * cos(2 * M_PI * rng_unit(rng));
}

void impair_init(struct impair *impair, const struct link_params *params, uint64_t index)
{
    *impair = (struct impair){.state = IMPAIR_GOOD};
    take_params(impair, params);
    rng_init(&impair->rng, params->seed, "link", index);
    for (int i = 0; i < IMPAIR_DRAWS; i++)
        impair->last[i] = rng_unit(&impair->rng);
    impair->deviate = standard_normal(&impair->rng);
}

void impair_change(struct impair *impair, const struct link_params *params)
{
    const struct link_params *old = &impair->params;
    /* NOLINTBEGIN(bugprone-suspicious-memory-comparison): doubles without padding, none of them NaN or -0 */
    if (old->loss_model != params->loss_model ||
        memcmp(&old->gilbert_elliott, &params->gilbert_elliott, sizeof old->gilbert_elliott) != 0 ||
        memcmp(&old->markov, &params->markov, sizeof old->markov) != 0)
        impair->state = IMPAIR_GOOD;
    /* NOLINTEND(bugprone-suspicious-memory-comparison) */
    impair->counter = 0;
    take_params(impair, params);
}

static bool happens(struct impair *impair, enum impair_draw draw, double probability, double correlation)
{
    if (probability <= 0)
        return false;
    double x = rng_unit(&impair->rng);
    if (correlation > 0)
        x = x * (1 - correlation) + impair->last[draw] * correlation;
    impair->last[draw] = x;
    return x < probability;
}

bool impair_duplicates(struct impair *impair)
{
    return happens(impair, IMPAIR_DUPLICATE, impair->params.duplicate, impair->params.duplicate_correlation);
}

bool impair_corrupts(struct impair *impair)
{
    return happens(impair, IMPAIR_CORRUPT, impair->params.corrupt, impair->params.corrupt_correlation);
}

/* A packet is judged by the state that it meets; the state after it is drawn first. */
static bool gilbert_elliott_loses(struct impair *impair)
{
    const struct link_params *p = &impair->params;
    double step = rng_unit(&impair->rng), loss = rng_unit(&impair->rng);
    if (impair->state == IMPAIR_GOOD) {
        if (step < p->gilbert_elliott.p)
            impair->state = IMPAIR_BAD;
        return loss < p->gilbert_elliott.loss_good;
    }
    if (step < p->gilbert_elliott.r)
        impair->state = IMPAIR_GOOD;
    return loss < p->gilbert_elliott.loss_bad;
}

static enum impair_state markov_next(const struct impair *impair, double step)
{
    const struct link_params *p = &impair->params;
    switch (impair->state) {
    case IMPAIR_GOOD:
        return step < p->markov.p14                   ? IMPAIR_SINGLE_LOST
               : step < p->markov.p14 + p->markov.p13 ? IMPAIR_BURST_LOST
                                                      : IMPAIR_GOOD;
    case IMPAIR_BURST_GOOD:
        return step < p->markov.p23 ? IMPAIR_BURST_LOST : IMPAIR_BURST_GOOD;
    case IMPAIR_BURST_LOST:
        return step < p->markov.p32                   ? IMPAIR_BURST_GOOD
               : step < p->markov.p32 + p->markov.p31 ? IMPAIR_GOOD
                                                      : IMPAIR_BURST_LOST;
    case IMPAIR_SINGLE_LOST:
    case IMPAIR_BAD:
        return IMPAIR_GOOD;
    }
    return IMPAIR_GOOD;
}

/* Here a packet is judged by the state that it brings about. */
static bool markov_loses(struct impair *impair)
{
    impair->state = markov_next(impair, rng_unit(&impair->rng));
    return impair->state == IMPAIR_BURST_LOST || impair->state == IMPAIR_SINGLE_LOST;
}

bool impair_loses(struct impair *impair)
{
    switch (impair->params.loss_model) {
    case LINK_LOSS_RANDOM:
        return happens(impair, IMPAIR_LOSS, impair->params.loss, impair->params.loss_correlation);
    case LINK_LOSS_GILBERT_ELLIOTT:
        return gilbert_elliott_loses(impair);
    case LINK_LOSS_MARKOV:
        return markov_loses(impair);
    }
    return false;
}

bool impair_reorders(struct impair *impair)
{
    const struct link_params *p = &impair->params;
    if (p->reorder <= 0)
        return false;
    if (impair->counter + 1 < p->gap ||
        !happens(impair, IMPAIR_REORDER, p->reorder, p->reorder_correlation)) {
        impair->counter++;
        return false;
    }
    impair->counter = 0;
    return true;
}

/* Uniform in [0, 1), each draw depending on the one before. */
static double rank(struct impair *impair)
{
    double c = impair->params.jitter_correlation;
    if (c <= 0)
        return rng_unit(&impair->rng);
    impair->deviate = c * impair->deviate + sqrt(1 - c * c) * standard_normal(&impair->rng);
    return fmin(0.5 * erfc(-impair->deviate * M_SQRT1_2), 1 - 0x1p-53);
}

int64_t impair_delay_ns(struct impair *impair)
{
    const struct link_params *p = &impair->params;
    if (p->jitter.ns == 0)
        return p->delay.ns;
    double x = rank(impair), deviation = 2 * x - 1;
    if (impair->table)
        deviation = (double)impair->table->values[(size_t)(x * (double)impair->table->count)] / TABLE_SCALE;
    int64_t delay = p->delay.ns + llround(deviation * (double)p->jitter.ns);
    return delay > 0 ? delay : 0;
}

int64_t impair_slot_ns(struct impair *impair)
{
    const struct link_params *p = &impair->params;
    return p->slot.min.ns + llround(rng_unit(&impair->rng) * (double)(p->slot.max.ns - p->slot.min.ns));
}
