/* One machine's part of a real run: the hosts of the scenario that are played here, with the service's image, the testbed and an agent a
 * host. The controller has one if any host is played on its machine; an outpost (outpost.h) has one on every other machine. */
#ifndef ROAMLAB_PREMISES_H
#define ROAMLAB_PREMISES_H

#include "channel.h"
#include "image.h"
#include "journal.h"
#include "process.h"
#include "registry_image.h"
#include "testbed.h"
#include "world.h"
#include "world_real.h"

/* Where images are kept from run to run. */
#define PREMISES_IMAGE_CACHE "/var/lib/roamlab/cache"

struct premises;

struct premises_agent {
    struct premises *premises;
    struct process process;
    struct channel channel;
    bool here;       /* its host is played here, and it has not ended */
    uint64_t events; /* that came from it */
    bool over;       /* it has said that it failed or ended */
    enum { PREMISES_FIRST, PREMISES_PREPARING, PREMISES_CONNECTING, PREMISES_AGAIN } turn;
};

struct premises {
    /* The owner's, set before opening; pointers are borrowed. */
    const struct scenario *scenario;
    const struct layout *layout;
    struct world_real_facts *facts; /* as world_real_check() has filled them in */
    struct loop *loop;
    uint64_t seed;
    const char *program, *run;
    int log_fd;                     /* for the agents' messages */
    const bool *here;               /* by host: played on this machine */
    const struct in_addr *machines; /* by host: its machine's address; NULL: all hosts are here */
    void (*progress)(struct premises *p, const char *what);
    void (*opened)(struct premises *p, int status, const struct err *e);
    /* What the agent of a host says, and that it is gone. */
    void (*line)(struct premises *p, int host, char *text, size_t len);
    void (*silent)(struct premises *p, int host);
    /* Its own, good once opened */
    struct image image, anchor; /* the anchor's: for Engines of the user's (users_engine.h), if there are any here */
    struct registry_image registry_image;
    struct journal *journal;
    struct testbed *testbed;
    struct premises_agent *agents; /* owned, by host */
    struct json_object *begin;     /* the line, owned, while the run plays */
    bool captures;
};

/* Makes the image, then the testbed, and starts the agents; calls opened() then or when that failed. */
int premises_open(struct premises *p, struct err *e);
/* While it has not called opened(): gives up making the image; opened() is not called. */
void premises_stop_opening(struct premises *p);
/* Orders the agents to prepare; `capture` is the folder for a pcap a host, or NULL. */
void premises_prepare(struct premises *p, const char *capture);
/* Says a line to every agent that is here. */
void premises_tell(struct premises *p, struct json_object *line);
/* The line "begin". From now on an agent that is killed is started again: once, if no device is on its host, whose memory would be gone, and
 * no capture, which would have a hole. Instead of silent() the owner hears "away" and "back" (agent_protocol.h). */
void premises_begin(struct premises *p, struct json_object *line);
/* Tells the agents to end. */
void premises_end(struct premises *p);
/* Hears the agents no more, or again. */
void premises_pause(struct premises *p, bool paused);
/* Hands out, by line(), what the agent of the host had written down and not sent before it was gone. Returns how many events. */
uint64_t premises_rest(struct premises *p, int host);
/* Takes everything back, whatever `status` the run has; a failure to do so counts if the status was 0 and is printed otherwise. Harmless if it was
 * not opened. Returns the status. */
int premises_close(struct premises *p, int status, struct err *e);

#endif
