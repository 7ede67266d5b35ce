/* What controller and agent say to each other: one JSON object a line over the agent's standard input and output, here and through ssh.
 *
 * Controller → agent, in this order: prepare, connect, begin, then give up (maybe), end. The end of its input is as good as `end`.
 * Agent → controller: ready (after prepare and after connect), event, idle (when it changes), ended (then it exits), failed. If it was killed
 * and is started again (premises.h), the premises say in its place: away, and back once it plays. */
#ifndef ROAMLAB_AGENT_PROTOCOL_H
#define ROAMLAB_AGENT_PROTOCOL_H

#include "err.h"
#include "event.h"

#include <json-c/json.h>
#include <stdbool.h>

/* What an agent needs to know to prepare; strings are the caller's, or the parsed object's. */
struct agent_orders {
    const char *scenario;  /* its text */
    const char *path;      /* for messages */
    uint64_t seed;
    int host;              /* index in the scenario */
    const char *run;       /* the run's name */
    const char *folder;    /* of the run, on this machine */
    const char *image, *archive; /* of the service: name, and where it can be loaded from */
    const char *criu_folder;
    const char *capture;   /* file, or NULL */
    bool again;            /* in place of an agent that was killed while it played: goes on with what that one has left */
    /* If an Engine of the user's takes part (docker/users_engine.h), else NULL: the machine's network namespace, a path; the anchor's image, and where
     * it can be loaded from. */
    const char *machine_namespace, *anchor, *anchor_archive;
};

/* What an agent reports when it ends. */
struct agent_account {
    uint64_t timers;                   /* fired */
    struct simtime late_p50, late_p99, late_max;
    double memory_ratio, layer_ratio;  /* zstd -3 of what was sent; 0 = nothing was */
    uint64_t errors;                   /* messages not understood or not sent */
    uint64_t capture_dropped;
    uint64_t events;                   /* that it had to report */
};

/* Each returns a line's object; json_object_put() it. */
struct json_object *agent_say_prepare(const struct agent_orders *orders);
struct json_object *agent_say_begin(struct simtime origin);
struct json_object *agent_say(const char *word); /* "connect", "give up", "end"; "ready"; "back" */
struct json_object *agent_say_event(const struct event *event);
/* Of a line as it was sent, not parsed yet. */
bool agent_line_says(const char *text, const char *word);
struct json_object *agent_say_idle(bool idle);
/* `events`: that it had reported. */
struct json_object *agent_say_away(uint64_t events);
struct json_object *agent_say_ended(const struct agent_account *account);
struct json_object *agent_say_failed(const struct err *e);

/* The word of a parsed line, NULL if it is none of ours. */
const char *agent_word(struct json_object *line);
int agent_read_prepare(struct json_object *line, struct agent_orders *orders, struct err *e);
int agent_read_begin(struct json_object *line, struct simtime *origin, struct err *e);
int agent_read_event(struct json_object *line, struct event *event, struct err *e);
int agent_read_idle(struct json_object *line, bool *idle, struct err *e);
int agent_read_away(struct json_object *line, uint64_t *events, struct err *e);
int agent_read_ended(struct json_object *line, struct agent_account *account, struct err *e);
/* Always fills *failure. */
void agent_read_failed(struct json_object *line, struct err *failure);

/* 73 years in ns: a time that another machine says is further off, either way, is none. The sum of three such times does not overflow. */
#define AGENT_TIME_MAX (INT64_C(1) << 61)

#endif
