/* The hosts of a run that are on this machine: a network namespace each, veth pairs between them, shaped as their
 * links say. Hosts may be on several machines: each builds its own part of the same plan, and a link to a host
 * elsewhere is a tunnel (VXLAN) between the addresses of both machines, so that shaping it touches nothing else that
 * passes between them.
 *
 * Names: host H of run R lives in /run/netns/roamlab-R-H; link number i is the interface linki in both of its
 * hosts. Addressing is unnumbered: a host's addresses are all /32 on its loopback interface, its first one is
 * its main address; the ends of the links carry the main address again, with a permanent neighbour behind it.
 * Every host forwards. Routes are host routes that the caller has computed; the one to a neighbour's main
 * address comes with the link. There is no default route and no link to the machine's own network: nothing
 * leaves the testbed.
 *
 * Everything is in the journal before it is there; it goes when the journal is closed or cleaned. Freeing the
 * testbed ends its links' shaping and leaves the namespaces to the journal. */
#ifndef ROAMLAB_TESTBED_H
#define ROAMLAB_TESTBED_H

#include "driver.h"
#include "err.h"
#include "journal.h"

#include <netinet/in.h>
#include <stdbool.h>

struct testbed_host {
    const char *name;                /* [A-Za-z0-9_.-] */
    const struct in_addr *addresses; /* the first is the main address */
    int address_count;               /* at least 1 */
    bool elsewhere;                  /* on another machine */
    struct in_addr machine;          /* its machine's address; needed where a link leads from one to another */
};

struct testbed_link {
    int between[2];               /* host indices */
    struct link_params params[2]; /* [0] from between[0] to between[1], [1] back */
    bool varies;                  /* testbed_change will be called for it */
    const char *congestion;       /* TCP congestion control of flows over it; NULL or "" = the system's */
};

struct testbed_route {
    int host;                   /* at this host … */
    struct in_addr destination; /* … packets for it … */
    int link;                   /* … leave over this link, which must end at the host */
};

struct testbed_plan {
    const struct testbed_host *hosts;
    const struct testbed_link *links;
    const struct testbed_route *routes;
    int host_count, link_count, route_count;
};

struct testbed;

/* Builds it. The plan may go afterwards; the journal must outlive the testbed. NULL and `e` on failure: what
 * was created so far goes with the journal. */
struct testbed *testbed_build(const struct testbed_plan *plan, const struct link_driver *driver,
                              struct journal *journal, struct err *e);
void testbed_free(struct testbed *testbed); /* NULL-safe */

/* The path of a host's namespace, for process_options.net_namespace and netns_enter; the testbed's. NULL if the host is
 * elsewhere. */
const char *testbed_namespace(const struct testbed *testbed, int host);

/* A further address of the host (a container's), and how others get there. A route replaces an older one to
 * the same address. */
int testbed_address_add(struct testbed *testbed, int host, struct in_addr address, struct err *e);
int testbed_address_remove(struct testbed *testbed, int host, struct in_addr address, struct err *e);
int testbed_route_set(struct testbed *testbed, const struct testbed_route *route, struct err *e);
int testbed_route_remove(struct testbed *testbed, int host, struct in_addr destination, struct err *e);

/* Changes a direction of a link that varies in place: what is in its queue or in flight stays there, with its times. A
 * direction that another machine shapes is left to that. */
int testbed_change(struct testbed *testbed, int link, int direction, const struct link_params *params,
                   struct err *e);

/* Is the link's direction shaped, and that here? */
bool testbed_shapes(const struct testbed *testbed, int link, int direction);
/* What the link's direction (0 = as in `between`, 1 = back) has carried; zeros if it is not shaped here. */
int testbed_count(struct testbed *testbed, int link, int direction, struct link_counters *counters,
                  struct err *e);

#endif
