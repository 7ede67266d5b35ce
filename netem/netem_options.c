#include "netem_options.h"
#include "mem.h"
#include "distribution.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    NETEM_PRNG_SEED = 15,        /* TCA_NETEM_PRNG_SEED, Linux 6.6; ignored before */
    UNLIMITED_PACKETS = 1000000, /* no rate, hence no queue: room for what is delayed */
    TICK_NS = 64,                /* the kernel's, in which it tells old programs */
};

static uint32_t share(double probability)
{
    return (uint32_t)llround(probability * UINT32_MAX);
}

/* netem's limit counts the delayed packets too, so those that a full line has in flight are added to the
 * queue. */
static uint32_t limit_of(const struct link_params *p)
{
    if (!p->rate_bps)
        return UNLIMITED_PACKETS;
    double flight_s = simtime_seconds(simtime_add(p->delay, p->jitter));
    double in_flight = (double)p->rate_bps / 8 * flight_s / (LINK_MTU + LINK_ETHERNET);
    return (uint32_t)fmin(link_queue_packets(p) + ceil(in_flight), INT32_MAX);
}

static void set_loss(struct netem_settings *s, const struct link_params *p)
{
    switch (p->loss_model) {
    case LINK_LOSS_RANDOM:
        s->options.loss = share(p->loss);
        s->correlations.loss_corr = share(p->loss_correlation);
        break;
    case LINK_LOSS_GILBERT_ELLIOTT:
        s->loss_model = NETEM_LOSS_GE;
        s->ge = (struct tc_netem_gemodel){.p = share(p->gilbert_elliott.p),
                                          .r = share(p->gilbert_elliott.r),
                                          .h = share(1 - p->gilbert_elliott.loss_bad),
                                          .k1 = share(p->gilbert_elliott.loss_good)};
        break;
    case LINK_LOSS_MARKOV:
        s->loss_model = NETEM_LOSS_GI;
        s->gi = (struct tc_netem_gimodel){.p13 = share(p->markov.p13),
                                          .p31 = share(p->markov.p31),
                                          .p32 = share(p->markov.p32),
                                          .p14 = share(p->markov.p14),
                                          .p23 = share(p->markov.p23)};
        break;
    }
}

int netem_settings_of(const struct link_params *p, struct netem_settings *s, struct err *e)
{
    if (p->queue_bytes)
        return err_set(e, EOPNOTSUPP, "queue_bytes: netem's limit is in packets");
    if (p->jitter_correlation > 0)
        return err_set(e, EOPNOTSUPP, "jitter_correlation: netem takes it, but its delays do not follow it");
    *s = (struct netem_settings){.latency_ns = p->delay.ns, .jitter_ns = p->jitter.ns, .seed = p->seed};
    s->options.limit = limit_of(p);
    s->options.duplicate = share(p->duplicate);
    s->correlations.dup_corr = share(p->duplicate_correlation);
    set_loss(s, p);
    if (p->reorder > 0)
        s->options.gap = p->gap ? p->gap : 1;
    s->reorder = (struct tc_netem_reorder){share(p->reorder), share(p->reorder_correlation)};
    s->corrupt = (struct tc_netem_corrupt){share(p->corrupt), share(p->corrupt_correlation)};
    s->rate_bytes = p->rate_bps / 8;
    s->rate = (struct tc_netem_rate){
        .packet_overhead = p->packet_overhead, .cell_size = p->cell_bytes, .cell_overhead = p->cell_overhead};
    s->slot = (struct tc_netem_slot){.min_delay = p->slot.min.ns,
                                     .max_delay = p->slot.max.ns,
                                     .max_packets = (int32_t)p->slot.packets,
                                     .max_bytes = (int32_t)p->slot.bytes};
    return 0;
}

static void put_loss(struct nl_msg *request, const struct netem_settings *s)
{
    if (!s->loss_model)
        return;
    struct nlattr *loss = nla_nest_start(request, TCA_NETEM_LOSS);
    if (s->loss_model == NETEM_LOSS_GE)
        nla_put(request, NETEM_LOSS_GE, sizeof s->ge, &s->ge);
    else
        nla_put(request, NETEM_LOSS_GI, sizeof s->gi, &s->gi);
    nla_nest_end(request, loss);
}

static void put_rate(struct nl_msg *request, const struct netem_settings *s)
{
    struct tc_netem_rate rate = s->rate;
    rate.rate = s->rate_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)s->rate_bytes;
    if (s->rate_bytes > UINT32_MAX)
        nla_put(request, TCA_NETEM_RATE64, sizeof s->rate_bytes, &s->rate_bytes);
    nla_put(request, TCA_NETEM_RATE, sizeof rate, &rate);
}

/* Zeros are written too: what is left out stays as it was on a netem that is changed. TCA_OPTIONS is not a plain nest. */
void netem_options_put(struct nl_msg *request, const struct netem_settings *s, const struct link_table *table)
{
    struct nlattr *options = nla_nest_start(request, TCA_OPTIONS);
    nlmsg_append(request, (void *)(uintptr_t)&s->options, sizeof s->options, NLA_ALIGNTO);
    nla_put(request, TCA_NETEM_LATENCY64, sizeof s->latency_ns, &s->latency_ns);
    nla_put(request, TCA_NETEM_JITTER64, sizeof s->jitter_ns, &s->jitter_ns);
    nla_put(request, TCA_NETEM_CORR, sizeof s->correlations, &s->correlations);
    nla_put(request, TCA_NETEM_REORDER, sizeof s->reorder, &s->reorder);
    nla_put(request, TCA_NETEM_CORRUPT, sizeof s->corrupt, &s->corrupt);
    put_rate(request, s);
    put_loss(request, s);
    nla_put(request, TCA_NETEM_SLOT, sizeof s->slot, &s->slot);
    if (table)
        nla_put(request, TCA_NETEM_DELAY_DIST, (int)(table->count * sizeof table->values[0]), table->values);
    nla_put(request, NETEM_PRNG_SEED, sizeof s->seed, &s->seed);
    nla_nest_end(request, options);
}

static void read_loss(struct nlattr *attribute, struct netem_settings *s)
{
    struct nlattr *a;
    int left;
    nla_for_each_nested(a, attribute, left)
    {
        s->loss_model = nla_type(a);
        if (s->loss_model == NETEM_LOSS_GI)
            nla_memcpy(&s->gi, a, sizeof s->gi);
        else if (s->loss_model == NETEM_LOSS_GE)
            nla_memcpy(&s->ge, a, sizeof s->ge);
    }
}

static void read_attribute(struct nlattr *a, struct netem_settings *s)
{
    const struct {
        int type;
        void *to;
        int size;
    } plain[] = {
        {TCA_NETEM_LATENCY64, &s->latency_ns, sizeof s->latency_ns},
        {TCA_NETEM_JITTER64, &s->jitter_ns, sizeof s->jitter_ns},
        {TCA_NETEM_CORR, &s->correlations, sizeof s->correlations},
        {TCA_NETEM_REORDER, &s->reorder, sizeof s->reorder},
        {TCA_NETEM_CORRUPT, &s->corrupt, sizeof s->corrupt},
        {TCA_NETEM_RATE, &s->rate, sizeof s->rate},
        {TCA_NETEM_RATE64, &s->rate_bytes, sizeof s->rate_bytes},
        {TCA_NETEM_SLOT, &s->slot, sizeof s->slot},
        {NETEM_PRNG_SEED, &s->seed, sizeof s->seed},
    };
    if (nla_type(a) == TCA_NETEM_LOSS)
        read_loss(a, s);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (nla_type(a) == plain[i].type && nla_len(a) >= plain[i].size)
            memcpy(plain[i].to, nla_data(a), (size_t)plain[i].size);
}

void netem_options_read(struct nlattr *options, struct netem_settings *s)
{
    *s = (struct netem_settings){.loss_model = 0};
    if (nla_len(options) < (int)sizeof s->options)
        return;
    memcpy(&s->options, nla_data(options), sizeof s->options);
    struct nlattr *a, *first = (struct nlattr *)((char *)nla_data(options) + NLA_ALIGN(sizeof s->options));
    int left = nla_len(options) - (int)NLA_ALIGN(sizeof s->options);
    nla_for_each_attr(a, first, left, left) read_attribute(a, s);
    if (!s->rate_bytes)
        s->rate_bytes = s->rate.rate;
    s->rate.rate = 0;
}

const struct link_table *netem_uniform_table(void)
{
    static struct link_table *table;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!table) {
        struct link_table *made = mem_alloc(sizeof *made + TABLE_SCALE * sizeof made->values[0]);
        for (int i = 0; i < TABLE_SCALE; i++)
            made->values[made->count++] = (int16_t)(2 * i + 1 - TABLE_SCALE);
        table = made;
    }
    pthread_mutex_unlock(&lock);
    return table;
}

int netem_settings_compare(const struct netem_settings *w, const struct netem_settings *g, struct err *e)
{
    const struct {
        const char *name;
        int64_t wanted, got, room;
    } rows[] = {
        {"delay (ns)", w->latency_ns, g->latency_ns, TICK_NS - 1},
        {"jitter (ns)", w->jitter_ns, g->jitter_ns, TICK_NS - 1},
        {"rate (bytes/s)", (int64_t)w->rate_bytes, (int64_t)g->rate_bytes, 0},
        {"packet overhead", w->rate.packet_overhead, g->rate.packet_overhead, 0},
        {"cell bytes", w->rate.cell_size, g->rate.cell_size, 0},
        {"cell overhead", w->rate.cell_overhead, g->rate.cell_overhead, 0},
        {"limit (packets)", w->options.limit, g->options.limit, 0},
        {"loss", w->options.loss, g->options.loss, 0},
        {"loss correlation", w->correlations.loss_corr, g->correlations.loss_corr, 0},
        {"loss model", w->loss_model, g->loss_model, 0},
        {"loss model's parameters", 0, memcmp(&w->gi, &g->gi, sizeof w->gi), 0},
        {"loss model's parameters", 0, memcmp(&w->ge, &g->ge, sizeof w->ge), 0},
        {"duplicate", w->options.duplicate, g->options.duplicate, 0},
        {"duplicate correlation", w->correlations.dup_corr, g->correlations.dup_corr, 0},
        {"corrupt", w->corrupt.probability, g->corrupt.probability, 0},
        {"corrupt correlation", w->corrupt.correlation, g->corrupt.correlation, 0},
        {"reorder", w->reorder.probability, g->reorder.probability, 0},
        {"reorder correlation", w->reorder.correlation, g->reorder.correlation, 0},
        {"gap", w->options.gap, g->options.gap, 0},
        {"slot min (ns)", w->slot.min_delay, g->slot.min_delay, 0},
        {"slot max (ns)", w->slot.max_delay, g->slot.max_delay, 0},
        {"slot packets", w->slot.max_packets, g->slot.max_packets, 0},
        {"slot bytes", w->slot.max_bytes, g->slot.max_bytes, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (llabs(rows[i].wanted - rows[i].got) > rows[i].room)
            return err_set(e, EOPNOTSUPP, "netem took %s %lld instead of %lld", rows[i].name,
                           (long long)rows[i].got, (long long)rows[i].wanted);
    return 0;
}
