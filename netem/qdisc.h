/* The queueing disciplines of one interface, as far as we put them there, over rtnetlink.
 *
 * Ours is what has the handle 524c: ("RL") at the root. It is netem for all packets, or HTB, which shapes nothing
 * itself: under it a class per peer with a netem (530x:) as its leaf and a u32 filter on the destination; packets to others pass
 * unshaped. Handle 0: is the kernel's own default. Everything else is somebody else's and stays. */
#ifndef ROAMLAB_QDISC_H
#define ROAMLAB_QDISC_H

#include "netem_options.h"
#include "netlink.h"

#include <linux/gen_stats.h>
#include <netinet/in.h>

struct qdisc {
    uint32_t handle, parent;
};

struct qdisc_reading {
    struct netem_settings settings;
    struct gnet_stats_basic basic;
    struct gnet_stats_queue queue;
};

/* Where a netem for all packets goes. *fresh = none of ours is there yet. EBUSY names what is in its place. */
int qdisc_place_root(struct netlink *netlink, int interface, struct qdisc *place, bool *fresh, struct err *e);

/* Where one for packets to `peer` and its `prefix` bits goes: creates HTB if it is missing, the class and the filter. */
int qdisc_place_peer(struct netlink *netlink, int interface, struct in_addr peer, int prefix,
                     struct qdisc *place, struct err *e);

/* Creates netem there, or changes it in place. NULL for `table` as in netem_options_put. What was taken is read back
 * into *reading and compared. */
int qdisc_set_netem(struct netlink *netlink, int interface, const struct qdisc *place,
                    const struct netem_settings *settings, const struct link_table *table,
                    struct qdisc_reading *reading, struct err *e);

int qdisc_read(struct netlink *netlink, int interface, const struct qdisc *place,
               struct qdisc_reading *reading, struct err *e);

/* The statistics of all netem of ours on the interface; ENOENT if there is none. */
int qdisc_sum(struct netlink *netlink, int interface, struct qdisc_reading *sum, struct err *e);

/* Takes away what is ours, with all that hangs on it. Nothing of ours is not an error. */
int qdisc_clear(struct netlink *netlink, int interface, struct err *e);

#endif
