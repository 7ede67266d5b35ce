/* Single steps of wiring namespaces together over rtnetlink. IPv4 addresses are host addresses (/32)
 * throughout. */
#ifndef ROAMLAB_WIRING_H
#define ROAMLAB_WIRING_H

#include "err.h"
#include "netlink.h"

#include <net/ethernet.h>
#include <netinet/in.h>

/* A veth pair called `interface` at both ends: one in the socket's namespace, one in the namespace bound at
 * `peer_namespace`. MTU 1500; both are down. */
int wiring_veth(struct netlink *netlink, const char *interface, const struct ether_addr hardware[2],
                const char *peer_namespace, struct err *e);

/* An interface called `interface` in the namespace bound at `namespace`, whose frames travel in UDP (VXLAN, RFC 7348; port
 * WIRING_VXLAN_PORT) from `local`, an address in the socket's namespace, to `remote`, where one of the same id and the
 * other way round takes them. Its MTU leaves room for the headers on a path of 1500 bytes; it is down. */
enum { WIRING_VXLAN_PORT = 47890, WIRING_VXLAN_MTU = 1450 };
struct wiring_vxlan {
    const char *interface, *namespace;
    struct ether_addr hardware;
    uint32_t id; /* 24 bits */
    struct in_addr local, remote;
};
int wiring_vxlan(struct netlink *netlink, const struct wiring_vxlan *vxlan, struct err *e);

int wiring_up(struct netlink *netlink, const char *interface, struct err *e);

/* Waits until the interface really sends: the kernel notices the carrier in its own time, and drops what is
 * sent before. */
int wiring_wait_running(struct netlink *netlink, const char *interface, struct err *e);

/* `peer` NULL: a plain /32; else point-to-point without the route that the kernel would add by itself. */
int wiring_address_add(struct netlink *netlink, const char *interface, struct in_addr address,
                       const struct in_addr *peer, struct err *e);
int wiring_address_remove(struct netlink *netlink, const char *interface, struct in_addr address,
                          struct err *e);

struct wiring_route {
    struct in_addr destination;
    const char *interface;
    const struct in_addr *gateway; /* NULL: the destination is the neighbour itself */
    struct in_addr source;         /* preferred source address */
    const char *congestion;        /* TCP congestion control of flows over it; NULL or "" = the system's */
};

/* Replaces the route to the same destination if there is one. An unknown congestion control is an error
 * naming its module. */
int wiring_route_set(struct netlink *netlink, const struct wiring_route *route, struct err *e);
int wiring_route_remove(struct netlink *netlink, struct in_addr destination, struct err *e);

/* A permanent neighbour: no ARP, which the emulator would not delay. */
int wiring_neighbour(struct netlink *netlink, const char *interface, struct in_addr address,
                     const struct ether_addr *hardware, struct err *e);

/* What every host's namespace is set to: forwarding on, reverse-path filter, redirects, IPv6 and the cache of
 * TCP metrics off. */
int wiring_sysctls(const char *netns, struct err *e);

#endif
