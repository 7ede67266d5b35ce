/* What agent.c and agent_prepare.c share. */
#ifndef ROAMLAB_AGENT_INTERNAL_H
#define ROAMLAB_AGENT_INTERNAL_H

#include "agent_cpu.h"
#include "agent_protocol.h"
#include "agent_registry.h"
#include "agent_report.h"
#include "agent_tunnels.h"
#include "capture.h"
#include "channel.h"
#include "image.h"
#include "image_trim.h"
#include "real.h"
#include "warm_up.h"
#include "world.h"

struct agent {
    struct clock clock;
    struct loop *loop;
    struct channel channel;
    struct agent_report report;
    struct json_object *orders_line; /* backs `orders` */
    struct agent_orders orders;
    struct scenario *scenario;
    struct world world;
    struct real *real;
    struct capture *capture;
    struct agent_account account;
    struct agent_cpu cpu;
    struct timer idle_timer;
    struct agent_tunnels tunnels;
    bool prepared, began, idle, ending, exiting;
    /* edge servers only */
    int edge; /* index, -1 = none here */
    struct docker_daemon daemon;
    bool daemon_started;
    struct image image;
    struct image_install install;
    struct docker_warm_up warm_up;
    struct image_trim trim; /* if this edge server has only a part of the image */
    struct transfer_settings settings;
    struct transfer_server server;
    struct transfer_server store; /* on the carrier's third host, which may be no edge server's */
    struct transfer_peer **peers;
    struct transfer_host *hosts; /* by edge */
    char (*addresses)[16], store_address[16];
    char **spools, *owners, *dumps;
    struct transfer_warming warming; /* as told */
    int connecting;
    struct agent_registry registry;
    struct real_registries pulls_from;
};

/* The order to prepare: "ready" follows, or a failure. */
void agent_prepare(struct agent *a, struct json_object *line);

/* To the controller; puts the line. */
void agent_tell(struct agent *a, struct json_object *line);
/* Tells the controller and ends; `where` is what failed, or NULL. */
void agent_fail(struct agent *a, const struct err *e, const char *where);
/* What has not been told yet; the run has begun. */
void agent_tell_warming(struct agent *a);
const char *agent_host_name(const struct agent *a);
const struct carrier *agent_carrier(const struct agent *a);

#endif
