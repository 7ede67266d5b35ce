#include "variation.h"
#include "mem.h"

#include <stdlib.h>

struct link_params variation_at(const struct scenario_link *link, int direction, struct simtime at,
                                uint64_t seed)
{
    struct link_params params = schedule_params(&link->schedules[direction], &link->params[direction], at);
    params.seed = seed;
    return params;
}

static const struct scenario_link *link_at(const struct variation *v, int i)
{
    return &v->scenario->links[v->links[i]];
}

static struct simtime next_change(const struct variation *v)
{
    struct simtime next = SIMTIME_NEVER;
    for (int i = 0; i < v->link_count; i++)
        for (int direction = 0; direction < 2; direction++)
            next = simtime_min(next, schedule_next(&link_at(v, i)->schedules[direction], v->due));
    return next;
}

static void arm(struct variation *v)
{
    v->due = next_change(v);
    if (v->due.ns != SIMTIME_NEVER.ns)
        loop_arm(v->loop, &v->timer, simtime_add(v->origin, v->due));
}

static void record_change(struct variation *v, int i, const struct link_params after[2], const char *what)
{
    const struct scenario_link *link = link_at(v, i);
    autofree char *name = mem_printf("%s-%s", v->scenario->hosts[link->between[0]].name,
                                     v->scenario->hosts[link->between[1]].name);
    autofree char *text = mem_printf("link %s: %s", name, what);
    const struct event event = {.at = simtime_sub(loop_now(v->loop), v->origin),
                                .kind = EVENT_LINK,
                                .reporter = name,
                                .peer = "",
                                .sender = "",
                                .text = text,
                                .mud = -1,
                                .number = v->links[i],
                                .migration = -1,
                                .begin = v->due,
                                .value = (int64_t)after[0].rate_bps};
    v->record(v, &event);
}

static int change_link(struct variation *v, int i, struct err *e)
{
    struct link_params after[2];
    struct buf what = BUF_INIT;
    int status = 0;
    for (int direction = 0; direction < 2; direction++)
        after[direction] = variation_at(link_at(v, i), direction, v->due, v->seed);
    schedule_describe(v->present[i], after, &what);
    for (int direction = 0; direction < 2 && status == 0 && what.len; direction++)
        status = v->apply(v, v->links[i], direction, &after[direction], e);
    if (status == 0 && what.len)
        record_change(v, i, after, buf_text(&what));
    v->present[i][0] = after[0];
    v->present[i][1] = after[1];
    buf_free(&what);
    return status;
}

static void change_due(struct timer *timer)
{
    struct variation *v = container_of(timer, struct variation, timer);
    struct err e = ERR_INIT;
    for (int i = 0; i < v->link_count; i++)
        if (change_link(v, i, &e) < 0) {
            err_wrap(&e, "links.%d at %g s", v->links[i], simtime_seconds(v->due));
            v->failed(v, &e);
            return;
        }
    arm(v);
}

static bool varies(const struct scenario_link *link)
{
    return link->schedules[0].count || link->schedules[1].count;
}

void variation_start(struct variation *v, const struct scenario *s, struct loop *loop, struct simtime origin,
                     uint64_t seed)
{
    v->scenario = s;
    v->loop = loop;
    v->origin = origin;
    v->seed = seed;
    v->timer.fire = change_due;
    v->due = SIMTIME_ZERO;
    v->links = mem_alloc_array((size_t)s->link_count + 1, sizeof *v->links);
    v->present = mem_alloc_array((size_t)s->link_count + 1, sizeof *v->present);
    for (int i = 0; i < s->link_count; i++) {
        if (!varies(&s->links[i]))
            continue;
        for (int direction = 0; direction < 2; direction++)
            v->present[v->link_count][direction] = variation_at(&s->links[i], direction, SIMTIME_ZERO, seed);
        v->links[v->link_count++] = i;
    }
    arm(v);
}

void variation_stop(struct variation *v)
{
    if (v->loop)
        loop_cancel(v->loop, &v->timer);
    free(v->links);
    free(v->present);
    v->links = NULL;
    v->present = NULL;
    v->link_count = 0;
    v->loop = NULL;
}
