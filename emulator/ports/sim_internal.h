/* What sim.c, sim_operations.c and sim_transfers.c share. */
#ifndef ROAMLAB_SIM_INTERNAL_H
#define ROAMLAB_SIM_INTERNAL_H

#include "flow.h"
#include "map.h"
#include "sim.h"
#include "sim_container.h"

struct flight;
struct sim_snapshot;
struct sim_connection;
struct sim_arrival;

struct sim {
    struct port port;
    struct loop *loop;
    struct layout *layout;
    struct cast *cast;
    struct link_model *links;               /* owned: [link * 2 + direction] */
    struct flight *flights, *spare_flights; /* owned: all, and those that are free */
    struct sim_device *devices;             /* owned, by MUD */
    struct map connections;                 /* owned: pair of hosts → list of kept TCP connections */
};

/* What there is of a device's service, anywhere: owned lists, seldom longer than two. */
struct sim_device {
    struct sim_container *containers;
    struct sim_snapshot *snapshots;
    struct sim_order *orders;     /* operations under way */
    struct sim_arrival *arrivals; /* what was sent to edges and is not used up yet */
};

/* A container operation under way. */
struct sim_order {
    struct timer timer;
    struct sim_order *next;
    struct sim *sim;
    struct order order;
    bool cancelled, fails;
    bool awaits; /* RECEIVE_*: for what has not arrived */
    /* SEND_*, while its bytes are under way: */
    struct sim_connection *connection;
    struct sim_order *behind; /* on the connection */
    uint64_t bytes, until;    /* how many; the last of the connection's bytes that is its own */
    bool arrived;
};

struct sim_container *sim_find_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container);
void sim_operate(struct port *port, const struct order *order);
void sim_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration);
void sim_free_operations(struct sim *sim);
/* Takes effect, and tells the edge. */
void sim_order_finish(struct sim_order *so);
/* The snapshot is at the peer, too. */
int sim_arrive_at_peer(struct sim *sim, const struct order *o);

/* --- sim_transfers.c --- */
/* What the carrier takes before the first byte; its connection stands then. */
struct simtime sim_transfer_prepare(struct sim *sim, const struct order *order);
void sim_transfer_begin(struct sim_order *so);
/* Finishes a RECEIVE_* when what it waits for has arrived. */
void sim_transfer_await(struct sim_order *so);
/* The order needs its connection no more: it ends, or is called off. */
void sim_transfer_leave(struct sim_order *so);
/* What has arrived at the order's edge of its migration is used up. */
void sim_transfer_forget(struct sim *sim, const struct order *o);
void sim_transfer_forget_all(struct sim_device *device);
/* Of a transfer, what it put on the wire; of others, what they handle. */
uint64_t sim_order_bytes(const struct sim_order *so);
void sim_free_connections(struct sim *sim);

#endif
