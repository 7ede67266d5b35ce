/* The conduct of a real run once its testbed stands: agents are started and ordered through their phases (agent_protocol.h), their events
 * kept, the links varied, until everybody is done or something ends the run early. world_real.c builds and takes down. */
#ifndef ROAMLAB_CONTROLLER_H
#define ROAMLAB_CONTROLLER_H

#include "channel.h"
#include "event_keeper.h"
#include "image.h"
#include "process.h"
#include "registry_image.h"
#include "testbed.h"
#include "variation.h"
#include "world.h"
#include "world_real.h"

struct controller;

enum phase { PREPARING, CONNECTING, PLAYING, ENDING };

struct controlled_agent {
    struct controller *controller;
    const char *name;
    struct process process;
    struct channel channel;
    bool ready, idle, ended, gone;
    uint64_t events; /* that came from it */
};

struct controller {
    const struct scenario *scenario;
    const struct world_real_options *options;
    struct world_real_facts *facts;
    struct logrepo *repo;
    struct event_keeper keeper;
    bool away; /* the repository: the agents are not heard */
    uint64_t seed;
    struct clock clock;
    struct loop *loop;
    struct journal *journal;
    struct testbed *testbed;
    struct image image;
    struct registry_image registry_image;
    struct world world; /* for its layout: the agents have the actors */
    struct controlled_agent *agents; /* by host */
    enum phase phase;
    bool gave_up;
    struct simtime origin;
    struct timer deadline, flush;
    struct variation variation;
    struct watch signal;
    struct err err; /* the first that went wrong */
};

/* What is being done, for people. */
void controller_progress(struct controller *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sets up what conducting needs; the fields that world_real.c fills in are set, the loop is there. From here on a signal ends the loop's
 * work. */
int controller_init(struct controller *c, struct err *e);
void controller_free(struct controller *c);
/* Starts the agent of a host in its namespace. */
int controller_start_agent(struct controller *c, int host, struct err *e);
/* Prepares, plays and ends the run with the agents that were started. 0, or the first failure. */
int controller_conduct(struct controller *c, struct err *e);
/* Ends every agent that is still there. */
void controller_dismiss_agents(struct controller *c);

#endif
