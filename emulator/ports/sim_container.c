#include "sim_container.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void sim_state_init(struct sim_state *s, const struct layout *layout, uint32_t mud)
{
    statechain_model_init(&s->model, layout->history, mud);
    s->replies = mem_alloc_array(layout->window, sizeof *s->replies);
}

void sim_state_copy(struct sim_state *to, const struct sim_state *from, const struct layout *layout)
{
    to->model = from->model;
    to->replies = mem_alloc_array(layout->window, sizeof *to->replies);
    memcpy(to->replies, from->replies, layout->window * sizeof *to->replies);
}

void sim_state_free(struct sim_state *s)
{
    free(s->replies);
    s->replies = NULL;
}

static void answer(struct sim_container *c, const struct offload *asked, uint8_t type, uint8_t flags,
                   uint64_t digest)
{
    struct offload reply = *asked;
    reply.type = type;
    reply.flags = flags;
    reply.digest = digest;
    reply.payload = NULL;
    reply.payload_len = type == OFFLOAD_REPLY ? c->layout->muds[c->mud].reply_bytes : 0;
    if (type == OFFLOAD_PROBED) {
        reply.number = c->state.model.next;
        reply.checksum = statechain_model_checksum(&c->state.model) ^ c->volume_differs;
    }
    c->says(c, &reply);
}

static uint8_t reply_type(const struct offload *asked)
{
    return asked->type == OFFLOAD_REPLAY ? OFFLOAD_REPLAYED : OFFLOAD_REPLY;
}

static void take_out(struct sim_container *c, size_t i)
{
    memmove(&c->inbox[i], &c->inbox[i + 1], (--c->inbox_len - i) * sizeof *c->inbox);
}

/* Answers or begins what can be now; the rest waits. One step; false if there is none. */
static bool step(struct sim_container *c)
{
    const struct statechain_model *model = &c->state.model;
    for (size_t i = 0; i < c->inbox_len; i++) {
        struct offload o = c->inbox[i];
        if (o.number > model->next)
            continue;
        take_out(c, i);
        if (o.type == OFFLOAD_PROBE) {
            answer(c, &o, OFFLOAD_PROBED, 0, model->chain);
        } else if (o.number < model->next) {
            if (model->next - o.number <= c->layout->window)
                answer(c, &o, reply_type(&o), OFFLOAD_CACHED, c->state.replies[o.number % c->layout->window]);
        } else {
            c->working_on = o;
            c->arm(c, &c->work, simtime_add(c->layout->work, c->waits ? c->waits(c, o.number) : SIMTIME_ZERO));
        }
        return true;
    }
    return false;
}

static void go_on(struct sim_container *c)
{
    while (!c->frozen && !timer_armed(&c->work) && step(c))
        ;
}

static void woken(struct timer *timer)
{
    go_on(container_of(timer, struct sim_container, wake));
}

static void work_done(struct timer *timer)
{
    struct sim_container *c = container_of(timer, struct sim_container, work);
    struct offload o = c->working_on;
    uint64_t payload = statechain_model_payload(&c->state.model, o.number, o.payload_len);
    uint64_t digest = statechain_model_execute(&c->state.model, payload ^ c->volume_differs);
    c->executed = true;
    c->state.replies[o.number % c->layout->window] = digest;
    answer(c, &o, reply_type(&o), 0, digest);
    go_on(c);
}

/* Only now, because a container that has executed nothing would wait for its first requests. */
static void begin_anew(struct sim_container *c, uint32_t number)
{
    struct sim_state *s = &c->state;
    if (c->executed)
        return;
    s->model.next = number;
    for (uint32_t i = 0; i < c->layout->window; i++)
        s->replies[i] = s->model.chain;
}

void sim_container_deliver(struct sim_container *c, const struct offload *o)
{
    if (o->flags & OFFLOAD_ANEW)
        begin_anew(c, o->number);
    bool working = timer_armed(&c->work);
    if (o->type != OFFLOAD_PROBE && working && c->working_on.number == o->number)
        return; /* its answer will come */
    if (c->inbox_len == c->inbox_capacity) {
        c->inbox_capacity = c->inbox_capacity ? 2 * c->inbox_capacity : 4;
        c->inbox = mem_resize(c->inbox, c->inbox_capacity * sizeof *c->inbox);
    }
    c->inbox[c->inbox_len] = *o;
    c->inbox[c->inbox_len++].payload = NULL;
    c->arm(c, &c->wake, SIMTIME_ZERO);
}

void sim_container_freeze(struct sim_container *c)
{
    c->frozen = true;
}

void sim_container_thaw(struct sim_container *c)
{
    c->frozen = false;
    c->arm(c, &c->wake, SIMTIME_ZERO);
}

struct sim_container *sim_container_new(struct loop *loop, const struct layout *layout, uint32_t edge,
                                        uint32_t mud, uint32_t container, struct sim_state *state)
{
    struct sim_container *c = mem_alloc(sizeof *c);
    *c = (struct sim_container){.loop = loop,
                                .layout = layout,
                                .edge = edge,
                                .mud = mud,
                                .container = container,
                                .state = *state,
                                .work.fire = work_done,
                                .wake.fire = woken};
    *state = (struct sim_state){0};
    return c;
}

void sim_container_free(struct sim_container *c)
{
    if (!c)
        return;
    loop_cancel(c->loop, &c->work);
    loop_cancel(c->loop, &c->wake);
    sim_state_free(&c->state);
    free(c->inbox);
    free(c->pages);
    free(c);
}
