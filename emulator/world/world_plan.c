#include "world_plan.h"
#include "mem.h"

#include <arpa/inet.h>
#include <stdlib.h>

static struct in_addr in_address(uint32_t address)
{
    return (struct in_addr){htonl(address)};
}

static int add_parties(const struct layout_party *parties, int count, uint8_t role, int host,
                       struct in_addr *addresses, int len)
{
    for (int i = 0; i < count; i++)
        if (parties[i].host == host)
            addresses[len++] = in_address(layout_address((struct party){.role = role, .index = (uint32_t)i}));
    return len;
}

static void plan_host(const struct layout *l, int host, struct testbed_host *out)
{
    struct in_addr *addresses =
        mem_alloc_array((size_t)(1 + l->mud_count + l->ap_count + l->edge_count), sizeof *addresses);
    int len = 0;
    addresses[len++] = in_address(layout_host_address(host));
    len = add_parties(l->muds, l->mud_count, PARTY_MUD, host, addresses, len);
    len = add_parties(l->aps, l->ap_count, PARTY_AP, host, addresses, len);
    len = add_parties(l->edges, l->edge_count, PARTY_EDGE, host, addresses, len);
    *out = (struct testbed_host){.name = l->host_names[host], .addresses = addresses, .address_count = len};
}

static void plan_link(const struct layout_link *link, struct testbed_link *out)
{
    *out = (struct testbed_link){.between = {link->between[0], link->between[1]},
                                 .params = {link->params[0], link->params[1]},
                                 .varies = link->varies,
                                 .congestion = link->congestion};
}

/* To every address of every other host that can be reached; the main address of a neighbour comes with the
 * link. */
static int plan_routes(const struct layout *l, const struct testbed_host *hosts, struct testbed_route *out)
{
    int count = 0;
    for (int from = 0; from < l->host_count; from++)
        for (int to = 0; to < l->host_count; to++) {
            int hop = l->next_hop[from * l->host_count + to];
            bool neighbour = hop >= 0 && l->links[hop / 2].between[hop % 2 ? 0 : 1] == to;
            for (int i = neighbour ? 1 : 0; hop >= 0 && i < hosts[to].address_count; i++, count++)
                if (out)
                    out[count] = (struct testbed_route){from, hosts[to].addresses[i], hop / 2};
        }
    return count;
}

void world_plan(const struct layout *l, const bool *here, const struct in_addr *machines, struct testbed_plan *plan)
{
    struct testbed_host *hosts = mem_alloc_array((size_t)l->host_count, sizeof *hosts);
    struct testbed_link *links = mem_alloc_array((size_t)l->link_count, sizeof *links);
    for (int i = 0; i < l->host_count; i++) {
        plan_host(l, i, &hosts[i]);
        hosts[i].elsewhere = !here[i];
        hosts[i].machine = machines ? machines[i] : (struct in_addr){0};
    }
    for (int i = 0; i < l->link_count; i++)
        plan_link(&l->links[i], &links[i]);
    int count = plan_routes(l, hosts, NULL);
    struct testbed_route *routes = mem_alloc_array((size_t)count, sizeof *routes);
    plan_routes(l, hosts, routes);
    *plan = (struct testbed_plan){hosts, links, routes, l->host_count, l->link_count, count};
}

void world_plan_free(struct testbed_plan *plan)
{
    for (int i = 0; i < plan->host_count; i++)
        free((void *)(uintptr_t)plan->hosts[i].addresses);
    free((void *)(uintptr_t)plan->hosts);
    free((void *)(uintptr_t)plan->links);
    free((void *)(uintptr_t)plan->routes);
}
