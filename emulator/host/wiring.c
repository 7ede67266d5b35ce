#include "wiring.h"
#include "link.h"
#include "mem.h"
#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOST_BITS = 32, CARRIER_MS = 5000 };

static char *text_of(struct in_addr address)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    return mem_copy_string(text);
}

static void put_end(struct nl_msg *request, const char *interface, const struct ether_addr *hardware, uint32_t mtu)
{
    nla_put_string(request, IFLA_IFNAME, interface);
    nla_put(request, IFLA_ADDRESS, sizeof *hardware, hardware);
    nla_put_u32(request, IFLA_MTU, mtu);
}

int wiring_veth(struct netlink *netlink, const char *interface, const struct ether_addr hardware[2],
                const char *peer_namespace, struct err *e)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    autoclose int peer = open(peer_namespace, O_RDONLY | O_CLOEXEC);
    if (peer < 0)
        return err_errno(e, "namespace %s", peer_namespace);
    struct nl_msg *request = netlink_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    put_end(request, interface, &hardware[0], LINK_MTU);
    struct nlattr *kind = nla_nest_start(request, IFLA_LINKINFO);
    nla_put_string(request, IFLA_INFO_KIND, "veth");
    struct nlattr *data = nla_nest_start(request, IFLA_INFO_DATA);
    struct nlattr *other = nla_nest_start(request, VETH_INFO_PEER);
    nlmsg_append(request, &info, sizeof info, NLMSG_ALIGNTO);
    put_end(request, interface, &hardware[1], LINK_MTU);
    nla_put_u32(request, IFLA_NET_NS_FD, (uint32_t)peer);
    nla_nest_end(request, other);
    nla_nest_end(request, data);
    nla_nest_end(request, kind);
    int status = netlink_send(netlink, request, "veth pair", e);
    return status < 0 ? err_wrap(e, "%s", interface) : 0;
}

int wiring_vxlan(struct netlink *netlink, const struct wiring_vxlan *vxlan, struct err *e)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    autoclose int namespace = open(vxlan->namespace, O_RDONLY | O_CLOEXEC);
    if (namespace < 0)
        return err_errno(e, "namespace %s", vxlan->namespace);
    struct nl_msg *request = netlink_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    put_end(request, vxlan->interface, &vxlan->hardware, WIRING_VXLAN_MTU);
    nla_put_u32(request, IFLA_NET_NS_FD, (uint32_t)namespace);
    struct nlattr *kind = nla_nest_start(request, IFLA_LINKINFO);
    nla_put_string(request, IFLA_INFO_KIND, "vxlan");
    struct nlattr *data = nla_nest_start(request, IFLA_INFO_DATA);
    nla_put_u32(request, IFLA_VXLAN_ID, vxlan->id);
    nla_put(request, IFLA_VXLAN_LOCAL, sizeof vxlan->local, &vxlan->local);
    nla_put(request, IFLA_VXLAN_GROUP, sizeof vxlan->remote, &vxlan->remote);
    nla_put_u16(request, IFLA_VXLAN_PORT, htons(WIRING_VXLAN_PORT));
    nla_put_u8(request, IFLA_VXLAN_LEARNING, 0);
    nla_nest_end(request, data);
    nla_nest_end(request, kind);
    int status = netlink_send(netlink, request, "vxlan", e);
    return status < 0 ? err_wrap(e, "%s", vxlan->interface) : 0;
}

int wiring_up(struct netlink *netlink, const char *interface, struct err *e)
{
    int index = netlink_interface(netlink, interface, e);
    if (index < 0)
        return index;
    struct ifinfomsg info = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    int status = netlink_send(netlink, netlink_request(RTM_NEWLINK, 0, &info, sizeof info), "up", e);
    return status < 0 ? err_wrap(e, "%s", interface) : 0;
}

int wiring_wait_running(struct netlink *netlink, const char *interface, struct err *e)
{
    for (int waited = 0; waited < CARRIER_MS; waited++) {
        unsigned flags;
        int index = netlink_interface_flags(netlink, interface, &flags, e);
        if (index < 0 || flags & IFF_RUNNING)
            return index < 0 ? index : 0;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return err_set(e, ETIMEDOUT, "%s: no carrier", interface);
}

static int change_address(struct netlink *netlink, int type, int flags, const char *interface,
                          struct in_addr address, const struct in_addr *peer, struct err *e)
{
    int index = netlink_interface(netlink, interface, e);
    if (index < 0)
        return index;
    struct ifaddrmsg header = {
        .ifa_family = AF_INET, .ifa_prefixlen = HOST_BITS, .ifa_index = (unsigned)index};
    struct nl_msg *request = netlink_request(type, flags, &header, sizeof header);
    nla_put(request, IFA_LOCAL, sizeof address, &address);
    nla_put(request, IFA_ADDRESS, sizeof address, peer ? peer : &address);
    if (peer)
        nla_put_u32(request, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
    autofree char *text = text_of(address);
    int status = netlink_send(netlink, request, text, e);
    return status < 0 ? err_wrap(e, "%s: address", interface) : 0;
}

int wiring_address_add(struct netlink *netlink, const char *interface, struct in_addr address,
                       const struct in_addr *peer, struct err *e)
{
    return change_address(netlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, interface, address, peer, e);
}

int wiring_address_remove(struct netlink *netlink, const char *interface, struct in_addr address,
                          struct err *e)
{
    return change_address(netlink, RTM_DELADDR, 0, interface, address, NULL, e);
}

static void put_congestion(struct nl_msg *request, const char *congestion)
{
    struct nlattr *metrics = nla_nest_start(request, RTA_METRICS);
    nla_put_string(request, RTAX_CC_ALGO, congestion);
    nla_nest_end(request, metrics);
}

static struct rtmsg route_header(const struct wiring_route *route)
{
    return (struct rtmsg){.rtm_family = AF_INET,
                          .rtm_dst_len = HOST_BITS,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_STATIC,
                          .rtm_scope = route->gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                          .rtm_type = RTN_UNICAST,
                          .rtm_flags = route->gateway ? RTNH_F_ONLINK : 0};
}

int wiring_route_set(struct netlink *netlink, const struct wiring_route *route, struct err *e)
{
    int index = netlink_interface(netlink, route->interface, e);
    if (index < 0)
        return index;
    struct rtmsg header = route_header(route);
    struct nl_msg *request =
        netlink_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    nla_put(request, RTA_DST, sizeof route->destination, &route->destination);
    nla_put(request, RTA_PREFSRC, sizeof route->source, &route->source);
    nla_put_u32(request, RTA_OIF, (uint32_t)index);
    if (route->gateway)
        nla_put(request, RTA_GATEWAY, sizeof *route->gateway, route->gateway);
    bool congestion = route->congestion && route->congestion[0];
    if (congestion)
        put_congestion(request, route->congestion);
    autofree char *text = text_of(route->destination);
    int status = netlink_send(netlink, request, text, e);
    if (status == 0)
        return 0;
    if (status == -EINVAL && congestion)
        err_hint(e, "does the kernel have TCP's %s? modprobe tcp_%s", route->congestion, route->congestion);
    return err_wrap(e, "%s: congestion control \"%s\": route", route->interface,
                    congestion ? route->congestion : "");
}

int wiring_route_remove(struct netlink *netlink, struct in_addr destination, struct err *e)
{
    struct rtmsg header = {.rtm_family = AF_INET,
                           .rtm_dst_len = HOST_BITS,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_scope = RT_SCOPE_NOWHERE};
    struct nl_msg *request = netlink_request(RTM_DELROUTE, 0, &header, sizeof header);
    nla_put(request, RTA_DST, sizeof destination, &destination);
    autofree char *text = text_of(destination);
    int status = netlink_send(netlink, request, text, e);
    return status < 0 ? err_wrap(e, "remove route") : 0;
}

int wiring_neighbour(struct netlink *netlink, const char *interface, struct in_addr address,
                     const struct ether_addr *hardware, struct err *e)
{
    int index = netlink_interface(netlink, interface, e);
    if (index < 0)
        return index;
    struct ndmsg header = {.ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};
    struct nl_msg *request =
        netlink_request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    nla_put(request, NDA_DST, sizeof address, &address);
    nla_put(request, NDA_LLADDR, sizeof *hardware, hardware);
    int status = netlink_send(netlink, request, "neighbour", e);
    return status < 0 ? err_wrap(e, "%s", interface) : 0;
}

static const struct {
    const char *path, *value;
    bool optional; /* absent from some kernels */
} sysctls[] = {
    {"/proc/sys/net/ipv4/ip_forward", "1", false},
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "0", false},
    {"/proc/sys/net/ipv4/conf/default/rp_filter", "0", false},
    {"/proc/sys/net/ipv4/conf/all/send_redirects", "0", false},
    {"/proc/sys/net/ipv4/conf/default/send_redirects", "0", false},
    {"/proc/sys/net/ipv4/conf/all/accept_redirects", "0", false},
    {"/proc/sys/net/ipv4/tcp_no_metrics_save", "1", true}, /* a repetition must not know the one before */
    {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1", true},
    {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", true},
};

static int write_sysctls(struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
        autoclose int fd = open(sysctls[i].path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && sysctls[i].optional)
            continue;
        if (fd < 0 || write(fd, sysctls[i].value, strlen(sysctls[i].value)) < 0)
            return err_errno(e, "%s", sysctls[i].path);
    }
    return 0;
}

int wiring_sysctls(const char *netns, struct err *e)
{
    int back;
    int status = netns_enter(netns, &back, e);
    if (status < 0)
        return status;
    status = write_sysctls(e);
    netns_leave(back);
    return status;
}
