/* --live of `run` and `report`: a page in which a run's events appear as they happen, or a finished run's as they happened. */
#ifndef ROAMLAB_LIVE_H
#define ROAMLAB_LIVE_H

#include "err.h"
#include "live_server.h"
#include "simtime.h"

#include <json-c/json.h>

struct live {
    bool wanted;
    uint16_t port;   /* 0 = any */
    int64_t percent; /* of wall speed; 0 = not chosen */
    /* The rest is its own. */
    bool paced;
    struct simtime origin; /* of the run, on CLOCK_MONOTONIC */
    struct live_feed *feed;
    struct live_server *server;
};

/* --live[=PORT] and --speed X: 0, or the exit status of a bad value. */
int live_take_port(struct live *live, const char *command, const char *port);
int live_take_speed(struct live *live, const char *command, const char *speed);

/* Starts the server and prints its address. `data` is report_data_at_start()'s. Paced, it waits until somebody looks, and live_hear() lets
 * the run go on only when an event's time has come. A signal (interrupt.h) ends all waiting. */
int live_begin(struct live *live, json_object *data, const char *folder, bool paced, struct err *e);
/* For whoever listens to a run. */
void live_hear(void *live, const struct event *event);
/* Tells the readers how it ended, and goes on serving until a signal comes. Harmless if it did not begin. */
void live_stay(struct live *live, const char *how);
/* Ends it; harmless if it did not begin. */
void live_free(struct live *live);

#endif
