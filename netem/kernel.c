/* The kernel's own sch_netem as the root queueing discipline of the interface where packets leave, set up
 * over rtnetlink. Attributes beyond struct tc_netem_qopt are written raw: tc-netem's 32-bit latency ends at a
 * few hundred seconds of ticks, and rates are not covered by libnl 3.7. What the kernel took is read back,
 * because netem ignores what it does not know. */
#include "driver.h"
#include "mem.h"
#include "netlink.h"
#include "netns.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

enum {
    NETEM_PRNG_SEED = 15, /* TCA_NETEM_PRNG_SEED, Linux 6.6; ignored before */
    ETHERNET = 14,
    UNLIMITED_PACKETS = 1000000, /* no rate, hence no queue: room for what is delayed */
};
#define HANDLE (1u << 16) /* "1:" */

struct kernel_shaper {
    struct link_shaper base;
    struct netlink *netlink;
    int interface;
    struct kernel_shaper *next;
};

struct kernel_drive {
    struct link_drive base;
    struct kernel_shaper *shapers; /* owned */
};

struct netem_settings {
    struct tc_netem_qopt options;
    int64_t latency_ns;
    uint64_t rate_bytes; /* per second */
    uint64_t seed;
};

/* netem's limit counts the delayed packets too, so those that a full line has in flight are added to the
 * queue. */
static uint32_t limit_of(const struct link_params *p)
{
    if (!p->rate_bps)
        return UNLIMITED_PACKETS;
    double in_flight = (double)p->rate_bps / 8 * simtime_seconds(p->delay) / (LINK_MTU + ETHERNET);
    return (uint32_t)fmin(link_queue_packets(p) + ceil(in_flight), UINT32_MAX);
}

static struct netem_settings settings_of(const struct link_params *p)
{
    struct netem_settings s = {.latency_ns = p->delay.ns, .rate_bytes = p->rate_bps / 8, .seed = p->seed};
    s.options.limit = limit_of(p);
    s.options.loss = (uint32_t)llround(fmin(p->loss, 1.0) * UINT32_MAX);
    return s;
}

static void put_rate(struct nl_msg *request, uint64_t bytes_per_second)
{
    struct tc_netem_rate rate = {.rate =
                                     bytes_per_second > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes_per_second};
    if (bytes_per_second > UINT32_MAX)
        nla_put(request, TCA_NETEM_RATE64, sizeof bytes_per_second, &bytes_per_second);
    nla_put(request, TCA_NETEM_RATE, sizeof rate, &rate);
}

/* TCA_OPTIONS is struct tc_netem_qopt followed by attributes: not a plain nest. */
static struct nl_msg *netem_request(int interface, const struct netem_settings *s)
{
    struct tcmsg header = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = interface, .tcm_handle = HANDLE, .tcm_parent = TC_H_ROOT};
    struct nl_msg *request =
        netlink_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    nla_put_string(request, TCA_KIND, "netem");
    struct nlattr *options = nla_nest_start(request, TCA_OPTIONS);
    nlmsg_append(request, (void *)(uintptr_t)&s->options, sizeof s->options, NLA_ALIGNTO);
    nla_put(request, TCA_NETEM_LATENCY64, sizeof s->latency_ns, &s->latency_ns);
    if (s->rate_bytes)
        put_rate(request, s->rate_bytes);
    nla_put(request, NETEM_PRNG_SEED, sizeof s->seed, &s->seed);
    nla_nest_end(request, options);
    return request;
}

struct reading {
    int interface;
    bool found;
    struct netem_settings settings;
    struct gnet_stats_basic basic;
    struct gnet_stats_queue queue;
};

static void read_options(struct nlattr *attribute, struct netem_settings *s)
{
    if (nla_len(attribute) < (int)sizeof s->options)
        return;
    memcpy(&s->options, nla_data(attribute), sizeof s->options);
    struct nlattr *a;
    int left = nla_len(attribute) - (int)NLA_ALIGN(sizeof s->options);
    struct nlattr *first = (struct nlattr *)((char *)nla_data(attribute) + NLA_ALIGN(sizeof s->options));
    nla_for_each_attr(a, first, left, left)
    {
        if (nla_type(a) == TCA_NETEM_LATENCY64)
            nla_memcpy(&s->latency_ns, a, sizeof s->latency_ns);
        else if (nla_type(a) == TCA_NETEM_RATE64)
            nla_memcpy(&s->rate_bytes, a, sizeof s->rate_bytes);
        else if (nla_type(a) == TCA_NETEM_RATE && !s->rate_bytes)
            s->rate_bytes = ((struct tc_netem_rate *)nla_data(a))->rate;
    }
}

static void read_qdisc(struct nlmsghdr *answer, void *context)
{
    struct reading *reading = context;
    const struct tcmsg *header = nlmsg_data(answer);
    struct nlattr *attributes[TCA_MAX + 1], *statistics[TCA_STATS_MAX + 1];
    if (header->tcm_ifindex != reading->interface || header->tcm_parent != TC_H_ROOT ||
        nlmsg_parse(answer, sizeof *header, attributes, TCA_MAX, NULL) < 0 || !attributes[TCA_OPTIONS] ||
        !attributes[TCA_KIND] || nla_strcmp(attributes[TCA_KIND], "netem") != 0)
        return;
    reading->found = true;
    read_options(attributes[TCA_OPTIONS], &reading->settings);
    if (!attributes[TCA_STATS2] ||
        nla_parse_nested(statistics, TCA_STATS_MAX, attributes[TCA_STATS2], NULL) < 0)
        return;
    if (statistics[TCA_STATS_BASIC])
        nla_memcpy(&reading->basic, statistics[TCA_STATS_BASIC], sizeof reading->basic);
    if (statistics[TCA_STATS_QUEUE])
        nla_memcpy(&reading->queue, statistics[TCA_STATS_QUEUE], sizeof reading->queue);
}

static int read_back(struct netlink *netlink, int interface, struct reading *reading, struct err *e)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC, .tcm_ifindex = interface};
    *reading = (struct reading){.interface = interface};
    int status = netlink_dump(netlink, netlink_request(RTM_GETQDISC, 0, &header, sizeof header), read_qdisc,
                              reading, "read netem back", e);
    return status < 0 || reading->found ? status : err_set(e, ENOENT, "netem is not on the interface");
}

static int set_netem(struct netlink *netlink, int interface, const struct netem_settings *s, struct err *e)
{
    struct reading reading;
    int status = netlink_send(netlink, netem_request(interface, s), "add netem", e);
    if (status == 0)
        status = read_back(netlink, interface, &reading, e);
    if (status < 0)
        return status;
    const struct netem_settings *got = &reading.settings;
    /* The kernel counts latency in clock ticks of 64 ns. */
    if (llabs(got->latency_ns - s->latency_ns) >= 64 || got->rate_bytes != s->rate_bytes ||
        got->options.limit != s->options.limit || got->options.loss != s->options.loss)
        return err_set(
            e, EOPNOTSUPP,
            "netem took delay %lld ns, rate %llu B/s, limit %u, loss %u instead of %lld, %llu, %u, %u",
            (long long)got->latency_ns, (unsigned long long)got->rate_bytes, got->options.limit,
            got->options.loss, (long long)s->latency_ns, (unsigned long long)s->rate_bytes, s->options.limit,
            s->options.loss);
    return 0;
}

static int kernel_probe(struct err *e)
{
    int back;
    int status = netns_enter_private(&back, e);
    if (status < 0)
        return status;
    struct netlink *netlink = netlink_open(NULL, e);
    netns_leave(back);
    if (!netlink)
        return e ? -e->code : -EIO;
    struct netem_settings s = settings_of(&(struct link_params){
        .delay = simtime_ms(100), .rate_bps = 80000000, .queue_packets = 1000, .loss = 0.01});
    int loopback = netlink_interface(netlink, "lo", e);
    status = loopback < 0 ? loopback : set_netem(netlink, loopback, &s, e);
    netlink_free(netlink);
    return status == -ENOENT ? err_set(e, EOPNOTSUPP, "the kernel has no sch_netem") : status;
}

static struct link_drive *kernel_start(struct err *e)
{
    (void)e;
    struct kernel_drive *drive = mem_alloc(sizeof *drive);
    return &drive->base;
}

static void shaper_free(struct kernel_shaper *shaper)
{
    netlink_free(shaper->netlink);
    free(shaper);
}

static void kernel_stop(struct link_drive *base)
{
    struct kernel_drive *drive = container_of(base, struct kernel_drive, base);
    while (drive->shapers) {
        struct kernel_shaper *shaper = drive->shapers;
        drive->shapers = shaper->next;
        shaper_free(shaper);
    }
    free(drive);
}

static int kernel_shape(struct link_drive *base, const struct link_ends *ends,
                        const struct link_params *params, struct link_shaper **out, struct err *e)
{
    struct kernel_drive *drive = container_of(base, struct kernel_drive, base);
    struct kernel_shaper *shaper = mem_alloc(sizeof *shaper);
    struct netem_settings s = settings_of(params);
    shaper->netlink = netlink_open(ends->from_namespace, e);
    int status = !shaper->netlink ? (e ? -e->code : -EIO)
                                  : netlink_interface(shaper->netlink, ends->from_interface, e);
    shaper->interface = status;
    if (status > 0)
        status = set_netem(shaper->netlink, shaper->interface, &s, e);
    if (status < 0) {
        shaper_free(shaper);
        return err_wrap(e, "%s", ends->from_interface);
    }
    shaper->next = drive->shapers;
    drive->shapers = shaper;
    *out = &shaper->base;
    return 0;
}

static int kernel_count(struct link_shaper *base, struct link_counters *counters, struct err *e)
{
    struct kernel_shaper *shaper = container_of(base, struct kernel_shaper, base);
    struct reading reading;
    int status = read_back(shaper->netlink, shaper->interface, &reading, e);
    if (status == 0)
        *counters =
            (struct link_counters){.packets = reading.basic.packets,
                                   .bytes = reading.basic.bytes - (uint64_t)reading.basic.packets * ETHERNET,
                                   .dropped = reading.queue.drops};
    return status;
}

const struct link_driver link_driver_kernel = {
    .name = "kernel",
    .summary = "the kernel's netem",
    .probe = kernel_probe,
    .start = kernel_start,
    .stop = kernel_stop,
    .shape = kernel_shape,
    .count = kernel_count,
};
