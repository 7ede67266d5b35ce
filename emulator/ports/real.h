/* The port to the real world, for the roles of one host: every promise is a socket, a Docker call or a transfer. The agent of the host owns it, in
 * the host's network namespace and on a wall-clock loop. */
#ifndef ROAMLAB_REAL_H
#define ROAMLAB_REAL_H

#include "cast.h"
#include "daemon.h"
#include "loop.h"
#include "transfer.h"

struct real;

/* Where the service's image can be pulled from. */
struct real_registries {
    const struct transfer_settings *settings; /* their folder has the registries' keys */
    const char *repository, *tag;             /* of the service's image in all of them */
};

struct real_options {
    int host;             /* index in the layout */
    const char *run;      /* the run's name, for labels and container names */
    const char *spool;    /* folder for what migrations carry; must exist; the same name below every edge's own `folder` */
    /* Edge servers only, else NULL: */
    const char *owners;   /* folder for owner records; must exist; NULL = none are kept */
    const char *dumps;    /* folder in memory for dumps that fit there; must exist; NULL = they are written to the spool folder */
    struct docker_daemon *daemon;
    const char *image;    /* of the service */
    const struct carrier *carrier;
    const struct strategy *strategy;
    bool tracks_pages; /* the kernel knows which pages have been written since a pre-dump (dirty_tracking.h) */
    struct transfer_peer **peers; /* [layout->edge_count]: kept connections, NULL at the own index */
    const struct real_registries *registries; /* NULL = there are none */
    char **peer_spools;           /* [layout->edge_count]: their spool folders */
};

/* `loop`, `layout`, `cast` and the options' pointers outlive the port. NULL and `e` on failure. */
struct real *real_new(struct loop *loop, struct layout *layout, struct cast *cast, const struct real_options *options, struct err *e);
/* Calls off what runs, removes nothing. What actors do from then on is without effect: their alarms may still ring. NULL-safe. */
void real_close(struct real *real);
void real_free(struct real *real); /* closes it, too; NULL-safe */
struct port *real_port(struct real *real);
/* Opens the kept connections. */
void real_connect(struct real *real);
/* The run begins at `origin` of the loop's time: now() counts from there. */
void real_begin(struct real *real, struct simtime origin);
/* After a restart of the agent: reads the owner records and looks for their containers. 1: done() follows; 0: there are none; -errno. */
int real_find(struct real *real, void (*done)(void *context, int status, const struct err *e), void *context, struct err *e);
/* The edge goes on with what was found; after real_begin(). */
void real_recover(struct real *real, struct edge *edge);
/* What the run's test data compressed to (zstd -3), measured on the first memory image and container layer that were sent; 0 = none yet. */
struct real_ratios {
    double memory, layer;
};
struct real_ratios real_ratios(const struct real *real);
/* Messages that were not understood or could not be sent. */
uint64_t real_errors(const struct real *real);

#endif
