/* The conduct of a real run: the machines that play its hosts are made ready (controller_machines.h), the agents ordered through their phases
 * (agent_protocol.h), their events kept, the links varied, until everybody is done or something ends the run early. world_real.c begins and ends
 * it. */
#ifndef ROAMLAB_CONTROLLER_H
#define ROAMLAB_CONTROLLER_H

#include "controller_machines.h"
#include "event_keeper.h"
#include "variation.h"
#include "world.h"
#include "world_real.h"

struct controller;

/* GREETING: ssh to the other machines; WIRING: images, testbeds, agents. */
enum phase { GREETING, WIRING, PREPARING, CONNECTING, PLAYING, ENDING };

struct controlled_agent {
    struct controller *controller;
    const char *name;
    bool ready, idle, ended;
    bool there; /* it has been started and has not gone */
    struct simtime away; /* of the run's time: since when, if it is being started again */
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
    struct world world; /* for its layout: the agents have the actors */
    struct controller_machines machines;
    struct controlled_agent *agents; /* by host */
    enum phase phase;
    bool gave_up;
    struct simtime origin, ended_at; /* ended_at: of the run's time */
    struct timer deadline, flush;
    struct variation variation;
    struct watch signal;
    struct err err; /* the first that went wrong */
};

/* Sets up what conducting needs; the fields above the machines are set by world_real.c. From here on a signal ends the loop's work. */
int controller_init(struct controller *c, struct err *e);
void controller_free(struct controller *c);
/* Makes everything ready, plays and ends the run. 0, or the first failure. What was made stays until the machines are closed. */
int controller_conduct(struct controller *c, struct err *e);

/* --- for the machines --- */
/* What is being done, for people. */
void controller_progress(struct controller *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first failure counts and ends the run. */
void controller_failed(struct controller *c, const struct err *e);
/* All machines have done what the phase asked of them. */
void controller_go_on(struct controller *c);
/* An agent's line; its times are the controller's. */
void controller_hear(struct controller *c, int host, struct json_object *line);
/* It is gone, after so many events. */
void controller_miss(struct controller *c, int host, uint64_t events);
/* They are not done with the ending, and go on with it. */
void controller_wait_on(struct controller *c);
/* Something has gone: is there anybody left? */
void controller_count_heads(struct controller *c);

#endif
