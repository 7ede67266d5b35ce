#include "testbed.h"
#include "mem.h"
#include "namespace.h"
#include "segmentation.h"
#include "wiring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host {
    char *name, *namespace_name, *namespace; /* owned; no namespace: elsewhere */
    struct in_addr main_address, machine;
    struct netlink *netlink; /* owned */
};

struct wire {
    int between[2];
    char interface[16];
    char congestion[16];
    struct link_shaper *shapers[2]; /* the drive's; NULL = not shaped here */
    bool elsewhere[2];              /* that direction is another machine's to shape */
};

struct testbed {
    struct journal *journal;
    const struct link_driver *driver;
    struct link_drive *drive; /* owned */
    struct netlink *machine;  /* owned: this machine's own network */
    struct host *hosts;       /* owned */
    struct wire *links;       /* owned */
    int host_count, link_count;
};

static int check_hosts(const struct testbed_plan *plan, struct err *e)
{
    for (int i = 0; i < plan->host_count; i++) {
        const struct testbed_host *host = &plan->hosts[i];
        size_t len = strlen(host->name);
        if (len == 0 || len > 100 || host->name[0] == '.' ||
            strspn(host->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") != len)
            return err_set(e, EINVAL, "host \"%.120s\": a name has 1 to 100 letters, digits, _ . -",
                           host->name);
        if (host->address_count < 1)
            return err_set(e, EINVAL, "host %s: no address", host->name);
    }
    return 0;
}

static int check_links(const struct testbed_plan *plan, struct err *e)
{
    for (int i = 0; i < plan->link_count; i++) {
        const struct testbed_link *link = &plan->links[i];
        for (int side = 0; side < 2; side++)
            if (link->between[side] < 0 || link->between[side] >= plan->host_count)
                return err_set(e, EINVAL, "link %d: no host %d", i, link->between[side]);
        if (link->between[0] == link->between[1])
            return err_set(e, EINVAL, "link %d: from a host to itself", i);
        if (link->congestion && strlen(link->congestion) >= sizeof((struct wire *)0)->congestion)
            return err_set(e, EINVAL, "link %d: no congestion control \"%s\"", i, link->congestion);
    }
    return 0;
}

static int create_host(struct testbed *testbed, struct host *host, const struct testbed_host *plan,
                       struct err *e)
{
    host->name = mem_copy_string(plan->name);
    host->main_address = plan->addresses[0];
    host->machine = plan->machine;
    if (plan->elsewhere)
        return 0;
    host->namespace_name = mem_printf("roamlab-%s-%s", journal_run(testbed->journal), plan->name);
    host->namespace = namespace_path(host->namespace_name);
    int status = journal_record(testbed->journal, "netns", host->namespace_name, e);
    if (status == 0)
        status = namespace_create(host->namespace_name, e);
    if (status == 0)
        status = wiring_sysctls(host->namespace, e);
    if (status == 0 && !(host->netlink = netlink_open(host->namespace, e)))
        status = e ? -e->code : -EIO;
    if (status == 0)
        status = wiring_up(host->netlink, "lo", e);
    for (int i = 0; i < plan->address_count && status == 0; i++)
        status = wiring_address_add(host->netlink, "lo", plan->addresses[i], NULL, e);
    return status < 0 ? err_wrap(e, "host %s", plan->name) : 0;
}

/* Locally administered, and readable in a capture: 02:52:4c ("RL"), the link, the side. */
static struct ether_addr hardware_address(int link, int side)
{
    return (struct ether_addr){{0x02, 0x52, 0x4c, (uint8_t)(link >> 8), (uint8_t)link, (uint8_t)(side + 1)}};
}

static int connect_side(struct testbed *testbed, int number, int side, struct err *e)
{
    const struct wire *link = &testbed->links[number];
    struct host *here = &testbed->hosts[link->between[side]], *there = &testbed->hosts[link->between[!side]];
    struct ether_addr hardware = hardware_address(number, !side);
    if (!here->namespace)
        return 0;
    int status =
        wiring_address_add(here->netlink, link->interface, here->main_address, &there->main_address, e);
    if (status == 0)
        status = wiring_up(here->netlink, link->interface, e);
    if (status == 0)
        status = wiring_neighbour(here->netlink, link->interface, there->main_address, &hardware, e);
    struct wiring_route route = {.destination = there->main_address,
                                 .interface = link->interface,
                                 .source = here->main_address,
                                 .congestion = link->congestion};
    if (status == 0)
        status = wiring_route_set(here->netlink, &route, e);
    return status < 0 ? err_wrap(e, "host %s", here->name) : 0;
}

/* Each machine shapes what the driver shapes at the ends that are there. */
static int shape_direction(struct testbed *testbed, struct wire *link, int direction,
                           const struct testbed_link *plan, struct err *e)
{
    const char *from = testbed->hosts[link->between[direction]].namespace,
               *to = testbed->hosts[link->between[!direction]].namespace;
    struct link_ends ends = {.from_namespace = from,
                             .from_interface = from ? link->interface : NULL,
                             .to_namespace = to,
                             .to_interface = to ? link->interface : NULL,
                             .varies = plan->varies};
    link->elsewhere[direction] = testbed->driver->at_arrival ? !to : !from;
    if (link->elsewhere[direction])
        return 0;
    return link_shape(testbed->drive, &ends, &plan->params[direction], &link->shapers[direction], e);
}

/* The same at both machines, and another one for every link of every run. */
static uint32_t tunnel_id(const char *run, int number)
{
    uint32_t hash = 2166136261;
    for (; *run; run++)
        hash = (hash ^ (uint8_t)*run) * 16777619;
    return (hash + (uint32_t)number) & 0xffffff;
}

static int create_tunnel(struct testbed *testbed, int number, int side, struct err *e)
{
    const struct wire *link = &testbed->links[number];
    const struct host *here = &testbed->hosts[link->between[side]], *there = &testbed->hosts[link->between[!side]];
    struct wiring_vxlan vxlan = {.interface = link->interface,
                                 .namespace = here->namespace,
                                 .hardware = hardware_address(number, side),
                                 .id = tunnel_id(journal_run(testbed->journal), number),
                                 .local = here->machine,
                                 .remote = there->machine};
    if (!testbed->machine && !(testbed->machine = netlink_open(NULL, e)))
        return -e->code;
    int status = wiring_vxlan(testbed->machine, &vxlan, e);
    if (status == 0)
        status = segmentation_set(here->namespace, link->interface, 0, e);
    return status;
}

static int create_interfaces(struct testbed *testbed, int number, struct err *e)
{
    const struct wire *link = &testbed->links[number];
    const struct host *first = &testbed->hosts[link->between[0]], *second = &testbed->hosts[link->between[1]];
    struct ether_addr hardware[2] = {hardware_address(number, 0), hardware_address(number, 1)};
    if (!first->namespace || !second->namespace)
        return create_tunnel(testbed, number, !first->namespace, e);
    return wiring_veth(first->netlink, link->interface, hardware, second->namespace, e);
}

static int create_link(struct testbed *testbed, int number, const struct testbed_link *plan, struct err *e)
{
    struct wire *link = &testbed->links[number];
    memcpy(link->between, plan->between, sizeof link->between);
    snprintf(link->interface, sizeof link->interface, "link%d", number);
    snprintf(link->congestion, sizeof link->congestion, "%s", plan->congestion ? plan->congestion : "");
    const struct host *first = &testbed->hosts[link->between[0]], *second = &testbed->hosts[link->between[1]];
    link->elsewhere[0] = link->elsewhere[1] = !first->namespace && !second->namespace;
    if (link->elsewhere[0])
        return 0;
    int status = create_interfaces(testbed, number, e);
    for (int side = 0; side < 2 && status == 0; side++)
        status = connect_side(testbed, number, side, e);
    if (status == 0 && first->namespace)
        status = wiring_wait_running(first->netlink, link->interface, e);
    if (status == 0 && second->namespace)
        status = wiring_wait_running(second->netlink, link->interface, e);
    for (int direction = 0; direction < 2 && status == 0; direction++)
        status = shape_direction(testbed, link, direction, plan, e);
    return status < 0 ? err_wrap(e, "link %d (%s to %s)", number, first->name, second->name) : 0;
}

static int create_all(struct testbed *testbed, const struct testbed_plan *plan, struct err *e)
{
    int status = 0;
    for (int i = 0; i < plan->host_count && status == 0; i++)
        status = create_host(testbed, &testbed->hosts[i], &plan->hosts[i], e);
    for (int i = 0; i < plan->link_count && status == 0; i++)
        status = create_link(testbed, i, &plan->links[i], e);
    for (int i = 0; i < plan->route_count && status == 0; i++)
        status = testbed_route_set(testbed, &plan->routes[i], e);
    return status;
}

struct testbed *testbed_build(const struct testbed_plan *plan, const struct link_driver *driver,
                              struct journal *journal, struct err *e)
{
    if (check_hosts(plan, e) < 0 || check_links(plan, e) < 0)
        return NULL;
    struct testbed *testbed = mem_alloc(sizeof *testbed);
    testbed->journal = journal;
    testbed->hosts = mem_alloc_array((size_t)plan->host_count, sizeof *testbed->hosts);
    testbed->links = mem_alloc_array((size_t)plan->link_count, sizeof *testbed->links);
    testbed->host_count = plan->host_count;
    testbed->link_count = plan->link_count;
    testbed->driver = driver;
    testbed->drive = link_drive_start(driver, e);
    if (testbed->drive && create_all(testbed, plan, e) == 0)
        return testbed;
    err_wrap(e, "testbed");
    testbed_free(testbed);
    return NULL;
}

void testbed_free(struct testbed *testbed)
{
    if (!testbed)
        return;
    link_drive_stop(testbed->drive);
    for (int i = 0; i < testbed->host_count; i++) {
        netlink_free(testbed->hosts[i].netlink);
        free(testbed->hosts[i].name);
        free(testbed->hosts[i].namespace_name);
        free(testbed->hosts[i].namespace);
    }
    netlink_free(testbed->machine);
    free(testbed->hosts);
    free(testbed->links);
    free(testbed);
}

const char *testbed_namespace(const struct testbed *testbed, int host)
{
    return testbed->hosts[host].namespace;
}

int testbed_address_add(struct testbed *testbed, int host, struct in_addr address, struct err *e)
{
    int status = wiring_address_add(testbed->hosts[host].netlink, "lo", address, NULL, e);
    return status < 0 ? err_wrap(e, "host %s", testbed->hosts[host].name) : 0;
}

int testbed_address_remove(struct testbed *testbed, int host, struct in_addr address, struct err *e)
{
    int status = wiring_address_remove(testbed->hosts[host].netlink, "lo", address, e);
    return status < 0 ? err_wrap(e, "host %s", testbed->hosts[host].name) : 0;
}

int testbed_route_set(struct testbed *testbed, const struct testbed_route *plan, struct err *e)
{
    if (plan->host < 0 || plan->host >= testbed->host_count || plan->link < 0 ||
        plan->link >= testbed->link_count)
        return err_set(e, EINVAL, "route: no host %d or link %d", plan->host, plan->link);
    struct host *host = &testbed->hosts[plan->host];
    const struct wire *link = &testbed->links[plan->link];
    if (!host->namespace)
        return 0;
    int side = link->between[1] == plan->host;
    if (link->between[side] != plan->host)
        return err_set(e, EINVAL, "host %s: link %d does not end here", host->name, plan->link);
    const struct in_addr *next = &testbed->hosts[link->between[!side]].main_address;
    struct wiring_route route = {.destination = plan->destination,
                                 .interface = link->interface,
                                 .gateway = next->s_addr == plan->destination.s_addr ? NULL : next,
                                 .source = host->main_address,
                                 .congestion = link->congestion};
    int status = wiring_route_set(host->netlink, &route, e);
    return status < 0 ? err_wrap(e, "host %s", host->name) : 0;
}

int testbed_route_remove(struct testbed *testbed, int host, struct in_addr destination, struct err *e)
{
    int status = wiring_route_remove(testbed->hosts[host].netlink, destination, e);
    return status < 0 ? err_wrap(e, "host %s", testbed->hosts[host].name) : 0;
}

int testbed_change(struct testbed *testbed, int link, int direction, const struct link_params *params,
                   struct err *e)
{
    struct link_shaper *shaper = testbed->links[link].shapers[direction];
    if (testbed->links[link].elsewhere[direction])
        return 0;
    if (!shaper)
        return err_set(e, EINVAL, "link %d: is not one that varies", link);
    return link_change(shaper, params, e) < 0 ? err_wrap(e, "link %d", link) : 0;
}

bool testbed_shapes(const struct testbed *testbed, int link, int direction)
{
    return testbed->links[link].shapers[direction] != NULL;
}

int testbed_count(struct testbed *testbed, int link, int direction, struct link_counters *counters,
                  struct err *e)
{
    *counters = (struct link_counters){0};
    struct link_shaper *shaper = testbed->links[link].shapers[direction];
    return shaper ? link_count(shaper, counters, e) : 0;
}
