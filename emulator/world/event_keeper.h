/* The controller's side of the repository: events go into it as they come, and wait, in order, while another program holds it. */
#ifndef ROAMLAB_EVENT_KEEPER_H
#define ROAMLAB_EVENT_KEEPER_H

#include "logrepo.h"

#include <json-c/json.h>

struct event_keeper {
    struct logrepo *repo;
    struct json_object *waiting; /* lines of agent_protocol.h; NULL = none yet */
};

void event_keeper_init(struct event_keeper *keeper, struct logrepo *repo);
void event_keeper_free(struct event_keeper *keeper);
/* Takes an event as an agent sends it; the reference stays the caller's. 0 also if it has to wait; else the line is no event, or the repository
 * has failed. */
int event_keeper_add(struct event_keeper *keeper, struct json_object *line, struct err *e);
/* Tries again with those that wait. */
int event_keeper_go_on(struct event_keeper *keeper, struct err *e);
size_t event_keeper_waiting(const struct event_keeper *keeper);

#endif
