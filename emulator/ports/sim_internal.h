/* What sim.c and sim_operations.c share. */
#ifndef ROAMLAB_SIM_INTERNAL_H
#define ROAMLAB_SIM_INTERNAL_H

#include "flow.h"
#include "map.h"
#include "sim.h"
#include "sim_container.h"

struct flight;
struct sim_order;
struct sim_snapshot;
struct sim_connection;

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
    struct sim_order *orders; /* operations under way */
};

struct sim_container *sim_find_container(struct sim *sim, uint32_t edge, uint32_t mud, uint32_t container);
void sim_operate(struct port *port, const struct order *order);
void sim_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration);
void sim_free_operations(struct sim *sim);

#endif
