#include "event_keeper.h"
#include "agent_protocol.h"

#include <errno.h>

void event_keeper_init(struct event_keeper *k, struct logrepo *repo)
{
    *k = (struct event_keeper){repo, json_object_new_array()};
    logrepo_set_patience(repo, SIMTIME_ZERO);
}

void event_keeper_free(struct event_keeper *k)
{
    json_object_put(k->waiting);
    k->waiting = NULL;
}

size_t event_keeper_waiting(const struct event_keeper *k)
{
    return k->waiting ? json_object_array_length(k->waiting) : 0;
}

static int take(struct event_keeper *k, struct json_object *line, struct err *e)
{
    struct event event;
    int status = agent_read_event(line, &event, e);
    return status < 0 ? status : logrepo_add(k->repo, &event, e);
}

int event_keeper_add(struct event_keeper *k, struct json_object *line, struct err *e)
{
    int status = event_keeper_waiting(k) ? -EBUSY : take(k, line, e);
    if (status == -EBUSY)
        json_object_array_add(k->waiting, json_object_get(line));
    return status == -EBUSY ? 0 : status;
}

int event_keeper_go_on(struct event_keeper *k, struct err *e)
{
    size_t count = event_keeper_waiting(k), taken = 0;
    int status = 0;
    while (taken < count && (status = take(k, json_object_array_get_idx(k->waiting, taken), e)) == 0)
        taken++;
    if (taken)
        json_object_array_del_idx(k->waiting, 0, taken);
    return status == -EBUSY ? 0 : status;
}
