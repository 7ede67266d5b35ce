#include "link.h"
#include "mem.h"
#include "distribution.h"

#include <errno.h>

static int check_shares(const struct link_params *p, struct err *e)
{
    const struct {
        const char *name;
        double value;
    } shares[] = {
        {"jitter correlation", p->jitter_correlation},
        {"loss", p->loss},
        {"loss correlation", p->loss_correlation},
        {"gilbert_elliott p", p->gilbert_elliott.p},
        {"gilbert_elliott r", p->gilbert_elliott.r},
        {"gilbert_elliott loss_bad", p->gilbert_elliott.loss_bad},
        {"gilbert_elliott loss_good", p->gilbert_elliott.loss_good},
        {"markov p13", p->markov.p13},
        {"markov p31", p->markov.p31},
        {"markov p32", p->markov.p32},
        {"markov p23", p->markov.p23},
        {"markov p14", p->markov.p14},
        {"markov p13 + p14", p->markov.p13 + p->markov.p14},
        {"markov p31 + p32", p->markov.p31 + p->markov.p32},
        {"duplicate", p->duplicate},
        {"duplicate correlation", p->duplicate_correlation},
        {"corrupt", p->corrupt},
        {"corrupt correlation", p->corrupt_correlation},
        {"reorder", p->reorder},
        {"reorder correlation", p->reorder_correlation},
    };
    for (size_t i = 0; i < ARRAY_LEN(shares); i++)
        if (!(shares[i].value >= 0 && shares[i].value <= 1))
            return err_set(e, EINVAL, "%s: %g is not between 0 and 1", shares[i].name, shares[i].value);
    return 0;
}

static int check_times(const struct link_params *p, struct err *e)
{
    if (p->delay.ns < 0)
        return err_set(e, EINVAL, "delay: %g ms is less than 0", simtime_to_ms(p->delay));
    if (p->jitter.ns < 0 || p->jitter.ns > LINK_JITTER_MAX_NS)
        return err_set(e, EINVAL, "jitter: %g ms is not between 0 and %g", simtime_to_ms(p->jitter),
                       (double)LINK_JITTER_MAX_NS / 1e6);
    if (p->reorder > 0 && p->delay.ns == 0)
        return err_set(e, EINVAL, "reorder: packets that are not delayed cannot be overtaken");
    if (p->slot.min.ns < 0 || p->slot.max.ns < p->slot.min.ns)
        return err_set(e, EINVAL, "slot: %g to %g ms", simtime_to_ms(p->slot.min),
                       simtime_to_ms(p->slot.max));
    if (p->slot.packets > INT32_MAX || p->slot.bytes > INT32_MAX)
        return err_set(e, EINVAL, "slot: more than %d packets or bytes", INT32_MAX);
    if (!link_has_slots(p) && (p->slot.packets || p->slot.bytes))
        return err_set(e, EINVAL, "slot: a limit needs a time between slots");
    return 0;
}

static int check_line(const struct link_params *p, struct err *e)
{
    if (!p->rate_bps && (p->packet_overhead || p->cell_bytes || p->cell_overhead || p->queue_bytes))
        return err_set(e, EINVAL, "%s: without a rate it has no meaning",
                       p->queue_bytes ? "queue bytes" : "packet overhead and cells");
    if (p->rate_bps && p->rate_bps < 8)
        return err_set(e, EINVAL, "rate: less than 8 bit/s");
    if (p->cell_overhead && !p->cell_bytes)
        return err_set(e, EINVAL, "cell overhead: there are no cells");
    if (p->cell_bytes && (int64_t)p->cell_bytes + p->cell_overhead <= 0)
        return err_set(e, EINVAL, "cell overhead: %d leaves nothing of a cell", p->cell_overhead);
    return 0;
}

int link_params_check(const struct link_params *params, struct err *e)
{
    const struct link_table *table;
    int status = check_shares(params, e);
    if (status == 0)
        status = check_times(params, e);
    if (status == 0)
        status = check_line(params, e);
    return status < 0 ? status : table_of(params, &table, e);
}

static bool loses(const struct link_params *p)
{
    switch (p->loss_model) {
    case LINK_LOSS_RANDOM:
        return p->loss > 0;
    case LINK_LOSS_GILBERT_ELLIOTT:
        return p->gilbert_elliott.loss_good > 0 ||
               (p->gilbert_elliott.p > 0 && p->gilbert_elliott.loss_bad > 0);
    case LINK_LOSS_MARKOV:
        return p->markov.p13 > 0 || p->markov.p14 > 0;
    }
    return false;
}

bool link_is_plain(const struct link_params *p)
{
    return p->delay.ns == 0 && p->jitter.ns == 0 && p->rate_bps == 0 && !loses(p) && p->duplicate <= 0 &&
           p->corrupt <= 0 && p->reorder <= 0 && !link_has_slots(p);
}

uint32_t link_queue_packets(const struct link_params *params)
{
    return params->queue_packets ? params->queue_packets : LINK_QUEUE_DEFAULT;
}

bool link_has_slots(const struct link_params *params)
{
    return params->slot.max.ns > 0;
}

bool link_is_random(const struct link_params *p)
{
    return loses(p) || p->jitter.ns > 0 || p->duplicate > 0 || p->corrupt > 0 || p->reorder > 0 ||
           link_has_slots(p);
}

static int64_t cells(const struct link_params *p, int64_t bytes)
{
    return (bytes + p->cell_bytes - 1) / p->cell_bytes * ((int64_t)p->cell_bytes + p->cell_overhead);
}

static int64_t on_line(const struct link_params *p, int64_t bytes)
{
    int64_t length = bytes + p->packet_overhead;
    if (length < 0)
        return 0;
    return p->cell_bytes ? cells(p, length) : length;
}

int64_t link_line_ns(const struct link_params *p, uint64_t line_bytes, uint32_t packets)
{
    if (!p->rate_bps)
        return 0;
    int64_t others = (int64_t)packets - 1, full = LINK_MTU + LINK_ETHERNET;
    int64_t length = others * on_line(p, full) + on_line(p, (int64_t)line_bytes - others * full);
    return simtime_on_line((uint64_t)length, p->rate_bps).ns;
}
