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

static int switch_off(int fd, const char *interface, struct err *e)
{
    static const uint32_t commands[] = {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct ethtool_value value = {.cmd = commands[i], .data = 0};
        struct ifreq request = {.ifr_data = (void *)&value};
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
        if (ioctl(fd, SIOCETHTOOL, &request) < 0)
            return err_errno(e, "%s: segmentation offload off", interface);
    }
    return 0;
}

int segmentation_off(const char *netns, const char *interface, struct err *e)
{
    int back;
    int status = netns_enter(netns, &back, e);
    if (status < 0)
        return status;
    autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    netns_leave(back);
    return fd < 0 ? err_errno(e, "socket in %s", netns) : switch_off(fd, interface, e);
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
