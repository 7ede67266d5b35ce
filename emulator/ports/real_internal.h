/* What real.c, real_containers.c and real_operations.c share. */
#ifndef ROAMLAB_REAL_INTERNAL_H
#define ROAMLAB_REAL_INTERNAL_H

#include "container.h"
#include "netlink.h"
#include "real.h"
#include "real_net.h"

struct real_order;

/* One device's container at this edge: the Engine's, its address, and the port's way to talk to it. */
struct real_container {
    struct real_container *next;
    uint32_t mud, container; /* container = the migration that brought it */
    struct docker_container docker;
};

struct real {
    struct port port;
    struct loop *loop;
    struct layout *layout;
    struct cast *cast;
    struct real_options options;
    struct simtime origin;
    struct real_net *net;
    struct netlink *netlink;  /* this namespace's, for the containers' addresses */
    struct watch service;     /* UDP to and from the containers of this edge */
    struct real_container *containers; /* owned list */
    struct real_order *orders;         /* owned list */
    struct real_ratios ratios;
};

/* --- real_containers.c --- */
int real_containers_open(struct real *real, struct err *e);
void real_containers_close(struct real *real);
struct real_container *real_find_container(struct real *real, uint32_t mud, uint32_t container);
struct real_container *real_add_container(struct real *real, uint32_t mud, uint32_t container);
void real_drop_container(struct real *real, struct real_container *c);
int real_give_address(struct real *real, uint32_t mud, struct err *e);
void real_take_address(struct real *real, uint32_t mud);
void real_deliver(struct port *port, struct party edge, uint32_t container, const struct offload *o);
/* Asks the container whether it serves; the answer goes to real_order_answered. */
void real_ask(struct real *real, uint32_t mud);

/* --- real_operations.c --- */
void real_operate(struct port *port, const struct order *order);
void real_cancel_operations(struct port *port, struct party edge, uint32_t mud, uint32_t migration);
/* A PROBED that no actor asked for: the container serves. */
void real_order_answered(struct real *real, uint32_t mud);
void real_free_operations(struct real *real);

#endif
