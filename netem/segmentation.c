#include "segmentation.h"
#include "link.h"
#include "mem.h"
#include "netns.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { HEADERS = 20 + 32 };

static const struct {
    uint32_t get, set;
} features[] = {
    {ETHTOOL_GTSO, ETHTOOL_STSO}, {ETHTOOL_GGSO, ETHTOOL_SGSO}, {ETHTOOL_GGRO, ETHTOOL_SGRO}};

static int socket_in(const char *netns, struct err *e)
{
    int back;
    int status = netns_enter(netns, &back, e);
    if (status < 0)
        return status;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    netns_leave(back);
    return fd < 0 ? err_errno(e, "socket in %s", netns ? netns : "the present namespace") : fd;
}

static int ask(int fd, const char *interface, struct ethtool_value *value, struct err *e)
{
    struct ifreq request = {.ifr_data = (void *)value};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return ioctl(fd, SIOCETHTOOL, &request) < 0 ? err_errno(e, "%s: segmentation offload", interface) : 0;
}

int segmentation_read(const char *netns, const char *interface, unsigned *on, struct err *e)
{
    autoclose int fd = socket_in(netns, e);
    int status = fd < 0 ? fd : 0;
    *on = 0;
    for (size_t i = 0; i < ARRAY_LEN(features) && status == 0; i++) {
        struct ethtool_value value = {.cmd = features[i].get};
        status = ask(fd, interface, &value, e);
        *on |= (value.data ? 1u : 0u) << i;
    }
    return status;
}

int segmentation_set(const char *netns, const char *interface, unsigned on, struct err *e)
{
    autoclose int fd = socket_in(netns, e);
    int status = fd < 0 ? fd : 0;
    for (size_t i = 0; i < ARRAY_LEN(features) && status == 0; i++) {
        struct ethtool_value value = {.cmd = features[i].set, .data = on >> i & 1};
        status = ask(fd, interface, &value, e);
    }
    return status;
}

uint32_t segmentation_packets(uint32_t ip_bytes)
{
    if (ip_bytes <= LINK_MTU)
        return 1;
    return (ip_bytes - HEADERS + LINK_MTU - HEADERS - 1) / (LINK_MTU - HEADERS);
}

uint64_t segmentation_line_bytes(uint32_t ip_bytes)
{
    uint64_t packets = segmentation_packets(ip_bytes);
    return ip_bytes + (packets - 1) * HEADERS + packets * LINK_ETHERNET;
}
