#include "qdisc.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#define MAJOR_OURS 0x524cu
#define MAJOR_LEAVES 0x5300u
#define HANDLE_OURS (MAJOR_OURS << 16)
#define HTB_BYTES_PER_SECOND UINT64_C(125000000000) /* 1 Tbit/s: netem does the shaping */

enum { PEERS_MAX = 4095, HTB_QUANTUM = 200000, IP_DESTINATION = 16 };

/* --- what is there --------------------------------------------------------------------------------------- */

struct survey {
    int interface;
    char root_kind[16];
    uint32_t root_handle;
    uint8_t taken[(PEERS_MAX + 8) / 8]; /* numbers of leaves */
};

static void look(struct nlmsghdr *answer, void *context)
{
    struct survey *survey = context;
    const struct tcmsg *header = nlmsg_data(answer);
    struct nlattr *attributes[TCA_MAX + 1];
    if (header->tcm_ifindex != survey->interface ||
        nlmsg_parse(answer, sizeof *header, attributes, TCA_MAX, NULL) < 0)
        return;
    if (header->tcm_parent == TC_H_ROOT) {
        survey->root_handle = header->tcm_handle;
        if (attributes[TCA_KIND])
            nla_strlcpy(survey->root_kind, attributes[TCA_KIND], sizeof survey->root_kind);
    }
    uint32_t number = TC_H_MIN(header->tcm_parent);
    if (TC_H_MAJ(header->tcm_parent) == HANDLE_OURS && number <= PEERS_MAX)
        survey->taken[number / 8] |= (uint8_t)(1u << number % 8);
}

static int survey_interface(struct netlink *netlink, int interface, struct survey *survey, struct err *e)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC, .tcm_ifindex = interface};
    *survey = (struct survey){.interface = interface};
    return netlink_dump(netlink, netlink_request(RTM_GETQDISC, 0, &header, sizeof header), look, survey,
                        "list queueing disciplines", e);
}

/* 0 if nothing or what the kernel puts itself is there, 1 if it is ours and of that kind. */
static int whose(const struct survey *survey, const char *kind, struct err *e)
{
    if (survey->root_handle == 0)
        return 0;
    bool ours = survey->root_handle == HANDLE_OURS;
    if (ours && strcmp(survey->root_kind, kind) == 0)
        return 1;
    if (ours) {
        err_set(e, EBUSY, "the interface is shaped already, %s",
                strcmp(survey->root_kind, "htb") == 0 ? "peer by peer" : "as a whole");
        return err_hint(e, "clear it first");
    }
    err_set(e, EBUSY, "somebody else's queueing discipline is on the interface: %s %x:", survey->root_kind,
            survey->root_handle >> 16);
    return err_hint(e, "tc qdisc del dev INTERFACE root, if nobody needs it");
}

/* --- netem ----------------------------------------------------------------------------------------------- */

struct finding {
    int interface;
    uint32_t handle; /* 0 = any of ours */
    bool found;
    struct qdisc_reading *reading; /* statistics are added up */
};

static bool is_ours(uint32_t handle)
{
    uint32_t major = handle >> 16;
    return major == MAJOR_OURS || (major > MAJOR_LEAVES && major <= MAJOR_LEAVES + PEERS_MAX);
}

static void add_statistics(struct qdisc_reading *reading, struct nlattr **statistics)
{
    struct gnet_stats_basic basic = {0};
    struct gnet_stats_queue queue = {0};
    if (statistics[TCA_STATS_BASIC])
        nla_memcpy(&basic, statistics[TCA_STATS_BASIC], sizeof basic);
    if (statistics[TCA_STATS_QUEUE])
        nla_memcpy(&queue, statistics[TCA_STATS_QUEUE], sizeof queue);
    reading->basic.bytes += basic.bytes;
    reading->basic.packets += basic.packets;
    reading->queue.drops += queue.drops;
}

static void read_one(struct nlmsghdr *answer, void *context)
{
    struct finding *finding = context;
    struct qdisc_reading *reading = finding->reading;
    const struct tcmsg *header = nlmsg_data(answer);
    struct nlattr *attributes[TCA_MAX + 1], *statistics[TCA_STATS_MAX + 1];
    bool wanted = finding->handle ? header->tcm_handle == finding->handle : is_ours(header->tcm_handle);
    if (header->tcm_ifindex != finding->interface || !wanted ||
        nlmsg_parse(answer, sizeof *header, attributes, TCA_MAX, NULL) < 0 || !attributes[TCA_OPTIONS] ||
        !attributes[TCA_KIND] || nla_strcmp(attributes[TCA_KIND], "netem") != 0)
        return;
    finding->found = true;
    netem_options_read(attributes[TCA_OPTIONS], &reading->settings);
    if (!attributes[TCA_STATS2] ||
        nla_parse_nested(statistics, TCA_STATS_MAX, attributes[TCA_STATS2], NULL) < 0)
        return;
    add_statistics(reading, statistics);
}

static int read_handle(struct netlink *netlink, int interface, uint32_t handle, struct qdisc_reading *reading,
                       struct err *e)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC, .tcm_ifindex = interface};
    *reading = (struct qdisc_reading){.settings = {.loss_model = 0}};
    struct finding finding = {interface, handle, false, reading};
    int status = netlink_dump(netlink, netlink_request(RTM_GETQDISC, 0, &header, sizeof header), read_one,
                              &finding, "read netem back", e);
    return status < 0 || finding.found ? status : err_set(e, ENOENT, "netem is not on the interface");
}

int qdisc_read(struct netlink *netlink, int interface, const struct qdisc *place,
               struct qdisc_reading *reading, struct err *e)
{
    return read_handle(netlink, interface, place->handle, reading, e);
}

int qdisc_sum(struct netlink *netlink, int interface, struct qdisc_reading *sum, struct err *e)
{
    return read_handle(netlink, interface, 0, sum, e);
}

int qdisc_set_netem(struct netlink *netlink, int interface, const struct qdisc *place,
                    const struct netem_settings *settings, const struct link_table *table,
                    struct qdisc_reading *reading, struct err *e)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC,
                           .tcm_ifindex = interface,
                           .tcm_handle = place->handle,
                           .tcm_parent = place->parent};
    struct nl_msg *request =
        netlink_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    nla_put_string(request, TCA_KIND, "netem");
    netem_options_put(request, settings, table);
    int status = netlink_send(netlink, request, "set netem", e);
    if (status == 0)
        status = qdisc_read(netlink, interface, place, reading, e);
    return status < 0 ? status : netem_settings_compare(settings, &reading->settings, e);
}

int qdisc_place_root(struct netlink *netlink, int interface, struct qdisc *place, bool *fresh, struct err *e)
{
    struct survey survey;
    int status = survey_interface(netlink, interface, &survey, e);
    if (status == 0)
        status = whose(&survey, "netem", e);
    *place = (struct qdisc){HANDLE_OURS, TC_H_ROOT};
    *fresh = status == 0;
    return status < 0 ? status : 0;
}

/* --- a class per peer ------------------------------------------------------------------------------------ */

static int add_htb(struct netlink *netlink, int interface, struct err *e)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC,
                           .tcm_ifindex = interface,
                           .tcm_handle = HANDLE_OURS,
                           .tcm_parent = TC_H_ROOT};
    struct tc_htb_glob settings = {.version = 3, .rate2quantum = 10, .defcls = 0};
    struct nl_msg *request = netlink_request(RTM_NEWQDISC, NLM_F_CREATE, &header, sizeof header);
    nla_put_string(request, TCA_KIND, "htb");
    struct nlattr *options = nla_nest_start(request, TCA_OPTIONS);
    nla_put(request, TCA_HTB_INIT, sizeof settings, &settings);
    nla_nest_end(request, options);
    return netlink_send(netlink, request, "add HTB", e);
}

static int add_class(struct netlink *netlink, int interface, uint32_t class, struct err *e)
{
    struct tcmsg header = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = interface, .tcm_handle = class, .tcm_parent = HANDLE_OURS};
    uint64_t rate = HTB_BYTES_PER_SECOND;
    struct tc_ratespec at = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = UINT32_MAX};
    struct tc_htb_opt settings = {
        .rate = at, .ceil = at, .buffer = 1000000, .cbuffer = 1000000, .quantum = HTB_QUANTUM};
    struct nl_msg *request =
        netlink_request(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    nla_put_string(request, TCA_KIND, "htb");
    struct nlattr *options = nla_nest_start(request, TCA_OPTIONS);
    nla_put(request, TCA_HTB_RATE64, sizeof rate, &rate);
    nla_put(request, TCA_HTB_CEIL64, sizeof rate, &rate);
    nla_put(request, TCA_HTB_PARMS, sizeof settings, &settings);
    nla_nest_end(request, options);
    return netlink_send(netlink, request, "add an HTB class", e);
}

/* The longest prefix is tried first. */
static int add_filter(struct netlink *netlink, int interface, uint32_t class, struct in_addr peer, int prefix,
                      struct err *e)
{
    struct tcmsg header = {.tcm_family = AF_UNSPEC,
                           .tcm_ifindex = interface,
                           .tcm_parent = HANDLE_OURS,
                           .tcm_info = TC_H_MAKE((uint32_t)(33 - prefix) << 16, htons(ETH_P_IP))};
    uint32_t mask = htonl(UINT32_MAX << (32 - prefix));
    size_t match_bytes = sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key);
    autofree struct tc_u32_sel *match = mem_alloc(match_bytes);
    match->flags = TC_U32_TERMINAL;
    match->nkeys = 1;
    match->keys[0] = (struct tc_u32_key){.mask = mask, .val = peer.s_addr & mask, .off = IP_DESTINATION};
    struct nl_msg *request =
        netlink_request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    nla_put_string(request, TCA_KIND, "u32");
    struct nlattr *options = nla_nest_start(request, TCA_OPTIONS);
    nla_put_u32(request, TCA_U32_CLASSID, class);
    nla_put(request, TCA_U32_SEL, (int)match_bytes, match);
    nla_nest_end(request, options);
    return netlink_send(netlink, request, "add a filter", e);
}

static int free_number(const struct survey *survey, struct err *e)
{
    for (int number = 1; number <= PEERS_MAX; number++)
        if (!(survey->taken[number / 8] & 1u << number % 8))
            return number;
    return err_set(e, ENOSPC, "more than %d peers on the interface", PEERS_MAX);
}

int qdisc_place_peer(struct netlink *netlink, int interface, struct in_addr peer, int prefix,
                     struct qdisc *place, struct err *e)
{
    struct survey survey;
    int status = survey_interface(netlink, interface, &survey, e);
    if (status == 0)
        status = whose(&survey, "htb", e);
    if (status == 0)
        status = add_htb(netlink, interface, e);
    int number = status < 0 ? status : free_number(&survey, e);
    if (number < 0)
        return number;
    uint32_t class = TC_H_MAKE(HANDLE_OURS, (uint32_t)number);
    *place = (struct qdisc){(MAJOR_LEAVES + (uint32_t)number) << 16, class};
    status = add_class(netlink, interface, class, e);
    return status < 0 ? status : add_filter(netlink, interface, class, peer, prefix, e);
}

int qdisc_clear(struct netlink *netlink, int interface, struct err *e)
{
    struct survey survey;
    int status = survey_interface(netlink, interface, &survey, e);
    if (status < 0 || survey.root_handle != HANDLE_OURS)
        return status;
    struct tcmsg header = {.tcm_family = AF_UNSPEC,
                           .tcm_ifindex = interface,
                           .tcm_handle = HANDLE_OURS,
                           .tcm_parent = TC_H_ROOT};
    return netlink_send(netlink, netlink_request(RTM_DELQDISC, 0, &header, sizeof header), "remove netem", e);
}
