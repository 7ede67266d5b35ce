/* The port to virtual time: every promise is a timer. Messages cross modelled links (netem/model.h), bulk
 * transfers are modelled TCP connections through the same links (netem/flow.h), container operations take
 * their modelled costs, containers are sim_container.h. Needs no privilege and creates nothing. */
#ifndef ROAMLAB_SIM_H
#define ROAMLAB_SIM_H

#include "cast.h"
#include "driver.h"
#include "loop.h"
#include "sim_container.h"

struct sim;

/* `loop`, `layout` and `cast` are the caller's and outlive the sim. Faults of the layout are counted down. */
struct sim *sim_new(struct loop *loop, struct layout *layout, struct cast *cast);
void sim_free(struct sim *sim); /* NULL-safe */
/* The port of those who are on that host. */
struct port *sim_port(struct sim *sim, int host);
/* Of all ports: what port.h's struct says. */
void sim_choose_reports(struct sim *sim, uint32_t unwanted, uint32_t wanted_every);

/* Who looks on: told of every message that reaches its host, before its receiver is, and of every one that is lost on the way. */
struct sim_watcher {
    struct sim_watcher *next; /* the sim's */
    void (*arrives)(struct sim_watcher *watcher, const struct msg *m);
    void (*lost)(struct sim_watcher *watcher, const struct msg *m);
};
void sim_watch(struct sim *sim, struct sim_watcher *watcher); /* one more */
/* The host's access points and edge servers are no more (cast): what they had ordered is dropped; without power its containers end. */
void sim_take_down(struct sim *sim, int host, bool power_lost);
/* The edge server has opened its carrier's connections to all others, and warmed them if the carrier does that: so much is told. */
void sim_warm_connections(struct sim *sim, uint32_t edge);
/* The host's calendar clock jumps, forward or back. */
void sim_set_calendar(struct sim *sim, int host, struct simtime jump);
/* Hands every owner record that the edge has kept back to it. */
void sim_recover_edge(struct sim *sim, struct edge *edge);
/* A device's container at an edge ends by itself; any = -1. */
void sim_kill_containers(struct sim *sim, int edge, int mud);

/* What enters the link's direction from now on. */
void sim_change_link(struct sim *sim, int link, int direction, const struct link_params *params);
/* What the link's direction has carried. */
struct link_counters sim_count_link(const struct sim *sim, int link, int direction);

/* --- for who judges a run ------------------------------------------------------------------------------------------------------- */

/* The device's containers, anywhere, halted ones not among them: a list (`next`); the sim's. */
const struct sim_container *sim_containers(const struct sim *sim, uint32_t mud);
/* What an edge server has on its disk about a device, or NULL. */
const struct owner_record *sim_owner(const struct sim *sim, uint32_t edge, uint32_t mud);
/* Snapshots of the device's migrations, what else has arrived of them, and operations under way but for a guard's, at all edges. */
struct sim_remains {
    int snapshots, arrivals, operations;
};
struct sim_remains sim_remains(struct sim *sim, uint32_t mud);

#endif
