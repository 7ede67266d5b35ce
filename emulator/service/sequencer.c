#include "sequencer.h"
#include "mem.h"

#include <stdlib.h>

void sequencer_init(struct sequencer *s)
{
    s->waiting = mem_alloc_array(s->state->window, sizeof *s->waiting);
}

static void release(struct sequencer_waiting *w)
{
    if (w->used)
        blob_unref(w->message.payload);
    *w = (struct sequencer_waiting){0};
}

static void keep(struct sequencer_waiting *place, struct offload *message, const struct sockaddr_in *from)
{
    release(place);
    *place = (struct sequencer_waiting){true, *message, *from};
    message->payload = NULL;
}

static void answer_request(struct sequencer *s, const struct offload *asked, uint64_t chain, uint8_t flags,
                           const struct sockaddr_in *to)
{
    struct offload reply = *asked;
    reply.type = asked->type == OFFLOAD_REPLAY ? OFFLOAD_REPLAYED : OFFLOAD_REPLY;
    reply.flags = flags;
    reply.digest = chain;
    reply.payload = NULL;
    reply.payload_len = reply.type == OFFLOAD_REPLY ? s->reply_bytes : 0;
    s->answer(s, &reply, to);
}

static int answer_probe(struct sequencer *s, const struct offload *asked, const struct sockaddr_in *to,
                        struct err *e)
{
    struct offload reply = *asked;
    reply.type = OFFLOAD_PROBED;
    reply.flags = 0;
    reply.number = s->state->next;
    reply.digest = s->state->chain;
    reply.payload = NULL;
    reply.payload_len = 0;
    reply.checksum = 0;
    int status = asked->flags & OFFLOAD_BRIEF ? 0 : service_state_checksum(s->state, &reply.checksum, e);
    if (status == 0)
        s->answer(s, &reply, to);
    return status;
}

static int answer_due_probes(struct sequencer *s, struct err *e)
{
    for (int i = 0; i < SEQUENCER_PROBES; i++) {
        struct sequencer_waiting *p = &s->probes[i];
        if (!p->used || p->message.number > s->state->next)
            continue;
        int status = answer_probe(s, &p->message, &p->from, e);
        release(p);
        if (status < 0)
            return status;
    }
    return 0;
}

/* Executes what is next for as long as it is there. */
static int execute_waiting(struct sequencer *s, struct err *e)
{
    for (;;) {
        struct sequencer_waiting *w = &s->waiting[s->state->next % s->state->window];
        if (!w->used || w->message.number != s->state->next)
            return 0;
        const struct blob *payload = w->message.payload;
        s->work(s);
        int status =
            service_state_execute(s->state, payload ? payload->bytes : NULL, payload ? payload->len : 0, e);
        if (status < 0)
            return status;
        answer_request(s, &w->message, s->state->chain, 0, &w->from);
        release(w);
        status = answer_due_probes(s, e);
        if (status < 0)
            return status;
    }
}

static int take_request(struct sequencer *s, struct offload *message, const struct sockaddr_in *from,
                        struct err *e)
{
    uint64_t chain;
    if (message->number < s->state->next) {
        if (service_state_cached(s->state, message->number, &chain))
            answer_request(s, message, chain, OFFLOAD_CACHED, from);
        return 0;
    }
    if (message->number - s->state->next >= s->state->window)
        return 0;
    keep(&s->waiting[message->number % s->state->window], message, from);
    return execute_waiting(s, e);
}

static int take_probe(struct sequencer *s, struct offload *message, const struct sockaddr_in *from,
                      struct err *e)
{
    if (message->flags & OFFLOAD_ANEW)
        service_state_begin_anew(s->state, message->number);
    if (message->number <= s->state->next)
        return answer_probe(s, message, from, e);
    keep(&s->probes[s->probe_place++ % SEQUENCER_PROBES], message, from);
    return 0;
}

int sequencer_take(struct sequencer *s, struct offload *message, const struct sockaddr_in *from,
                   struct err *e)
{
    int status = 0;
    if (message->type == OFFLOAD_REQUEST || message->type == OFFLOAD_REPLAY)
        status = take_request(s, message, from, e);
    else if (message->type == OFFLOAD_PROBE)
        status = take_probe(s, message, from, e);
    blob_unref(message->payload);
    message->payload = NULL;
    return status;
}
