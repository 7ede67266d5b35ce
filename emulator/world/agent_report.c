#include "agent_report.h"
#include "agent_protocol.h"
#include "mem.h"

/* What may lie in the channel, not taken by the other side: the rest waits on disk. */
enum { AHEAD_BYTES = 1 << 16 };

static void relay(struct agent_report *r, size_t ahead)
{
    const char *line;
    while (r->channel->open && r->channel->outgoing.len < ahead && (line = event_spool_next(r->spool)))
        channel_send(r->channel, line);
}

static void timer_fires(struct timer *timer)
{
    struct agent_report *r = container_of(timer, struct agent_report, timer);
    relay(r, AHEAD_BYTES);
    if (r->err.code)
        r->failed(r, &r->err);
}

int agent_report_open(struct agent_report *r, struct loop *loop, struct channel *channel, const char *path,
                      struct err *e)
{
    r->loop = loop;
    r->channel = channel;
    r->timer.fire = timer_fires;
    r->spool = event_spool_create(path, e);
    return r->spool ? 0 : -e->code;
}

void agent_report_close(struct agent_report *r)
{
    if (!r->spool)
        return;
    loop_cancel(r->loop, &r->timer);
    event_spool_free(steal(r->spool));
}

/* On the next turn of the loop, because whoever reports is in the middle of something. */
void agent_report_add(struct agent_report *r, const struct event *event)
{
    struct json_object *line = agent_say_event(event);
    bool failed_before = r->err.code;
    r->count++;
    event_spool_add(r->spool, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN),
                    failed_before ? NULL : &r->err);
    json_object_put(line);
    if (!failed_before && !timer_armed(&r->timer))
        loop_arm_after(r->loop, &r->timer, SIMTIME_ZERO);
}

void agent_report_go_on(struct agent_report *r)
{
    if (r->spool)
        relay(r, AHEAD_BYTES);
}

void agent_report_rest(struct agent_report *r)
{
    if (r->spool)
        relay(r, SIZE_MAX);
}

uint64_t agent_report_count(const struct agent_report *r)
{
    return r->count;
}
