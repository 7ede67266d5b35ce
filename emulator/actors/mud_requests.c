/* The device's offloading request generator: numbers and sends requests, resends what stays unanswered, checks the replies. */
#include "mud.h"

#include <stdlib.h>

enum { OVERTAKEN_BY = 3 };

static struct mud_request *request_of(struct mud *mud, uint32_t number)
{
    return &mud->requests[number % mud->options.window];
}

static void send_request(struct mud *mud, uint32_t number)
{
    struct mud_request *request = request_of(mud, number);
    struct offload o = {.type = OFFLOAD_REQUEST,
                        .mud = mud->actor.self.index,
                        .sequence = mud->sequence,
                        .number = number,
                        .payload_len = mud->options.request_bytes};
    request->times_sent++;
    request->resend_at = simtime_add(actor_now(&mud->actor), request->wait);
    actor_send_offload(&mud->actor, mud->ap, &o);
}

static void send_new(struct mud *mud)
{
    struct statechain_model *expected = &mud->expected;
    uint64_t payload = statechain_model_payload(expected, mud->sent, mud->options.request_bytes);
    *request_of(mud, mud->sent) = (struct mud_request){
        .digest = statechain_model_execute(expected, payload),
        .first_sent = actor_now(&mud->actor),
        .wait = mud->rto,
    };
    send_request(mud, mud->sent++);
}

static void set_resend_alarm(struct mud *mud)
{
    struct simtime earliest = SIMTIME_NEVER;
    for (uint32_t n = mud->oldest; n < mud->sent; n++)
        if (!request_of(mud, n)->answered)
            earliest = simtime_min(earliest, request_of(mud, n)->resend_at);
    if (earliest.ns == INT64_MAX)
        actor_clear_alarm(&mud->actor, &mud->resend);
    else
        actor_set_alarm(&mud->actor, &mud->resend, simtime_sub(earliest, actor_now(&mud->actor)));
}

/* A visit that begins with a request keeps that request, and all after it, until the device has roamed. */
static bool next_waits_for_visit(const struct mud *mud)
{
    if (mud->next_visit >= mud->options.visit_count)
        return false;
    const struct visit *visit = &mud->options.visits[mud->next_visit];
    return visit->request > 0 && visit->request <= mud->sent;
}

bool mud_send_due(struct mud *mud)
{
    while (mud->ready && mud->sent < mud->due && mud->sent - mud->oldest < mud->options.window) {
        if (next_waits_for_visit(mud))
            return true;
        send_new(mud);
    }
    set_resend_alarm(mud);
    return false;
}

void mud_set_generate_alarm(struct mud *mud)
{
    struct simtime next = simtime_add(mud->generation_start, simtime_scale(mud->options.period, mud->due));
    next = simtime_min(next, mud->options.until);
    actor_set_alarm(&mud->actor, &mud->generate, simtime_sub(next, actor_run_time(&mud->actor)));
}

void mud_generate(struct mud *mud)
{
    if (actor_run_time(&mud->actor).ns < mud->options.until.ns) {
        mud->due++;
        mud_set_generate_alarm(mud);
    }
}

void mud_resend(struct mud *mud)
{
    struct simtime now = actor_now(&mud->actor);
    for (uint32_t n = mud->oldest; n < mud->sent; n++) {
        struct mud_request *request = request_of(mud, n);
        if (request->answered || request->resend_at.ns > now.ns)
            continue;
        request->wait = simtime_min(simtime_scale(request->wait, 2), mud->actor.rules->timeouts.rto_max);
        send_request(mud, n);
    }
    set_resend_alarm(mud);
}

/* RFC 6298's back-off (5.5) spares a path that loses messages. A handoff is another path, of which no loss is known: what is unanswered
 * starts again from the present time-out, as 5.7 starts again after the handshake. What was to be resent sooner still is. */
void mud_end_back_off(struct mud *mud)
{
    struct simtime latest = simtime_add(actor_now(&mud->actor), mud->rto);
    for (uint32_t n = mud->oldest; n < mud->sent; n++) {
        struct mud_request *request = request_of(mud, n);
        request->wait = simtime_min(request->wait, mud->rto);
        request->resend_at = simtime_min(request->resend_at, latest);
    }
}

/* RFC 6298, section 2; Karn's rule: a request that was sent twice gives no sample. */
static void measure_rtt(struct mud *mud, struct simtime rtt)
{
    const struct timeouts *t = &mud->actor.rules->timeouts;
    if (!mud->rtt_measured) {
        mud->srtt = rtt;
        mud->rttvar = simtime_ns(rtt.ns / 2);
        mud->rtt_measured = true;
    } else {
        int64_t error = llabs(mud->srtt.ns - rtt.ns);
        mud->rttvar.ns += (error - mud->rttvar.ns) / 4;
        mud->srtt.ns += (rtt.ns - mud->srtt.ns) / 8;
    }
    mud->rto = simtime_add(mud->srtt, simtime_scale(mud->rttvar, 4));
    mud->rto = simtime_min(simtime_max(mud->rto, t->rto_min), t->rto_max);
}

/* RFC 5681, section 3.2, with numbers instead of acknowledgements: replies come in the order of the requests, so that of one that is missing when the
 * third after it has come the reply is lost. Such a handoff loses, and a time-out may be a second. Once for each request. */
static void resend_overtaken(struct mud *mud, uint32_t answered)
{
    for (uint32_t n = mud->oldest; n + OVERTAKEN_BY <= answered; n++)
        if (!request_of(mud, n)->answered && request_of(mud, n)->times_sent == 1)
            send_request(mud, n);
}

static void report_answer(struct mud *mud, uint32_t number, const struct mud_request *request, uint64_t digest)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_REQUEST;
    r.reporter = mud->actor.self;
    r.text = digest == request->digest ? "ok" : "digest differs";
    r.mud = (int32_t)mud->actor.self.index;
    r.number = (int32_t)number;
    r.begin = request->first_sent;
    r.value = request->times_sent;
    mud->actor.port->operations->report(mud->actor.port, &r);
}

void mud_take_reply(struct mud *mud, const struct offload *reply)
{
    uint32_t number = reply->number;
    if (number < mud->oldest || number >= mud->sent || request_of(mud, number)->answered)
        return; /* an answer to a resend, after the answer */
    struct mud_request *request = request_of(mud, number);
    request->answered = true;
    mud->answered++;
    if (request->times_sent == 1)
        measure_rtt(mud, simtime_sub(actor_now(&mud->actor), request->first_sent));
    report_answer(mud, number, request, reply->digest);
    while (mud->oldest < mud->sent && request_of(mud, mud->oldest)->answered)
        mud->oldest++;
    resend_overtaken(mud, number);
}

void mud_abandon(struct mud *mud)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_ABANDONED;
    r.reporter = mud->actor.self;
    r.text = "out of reach for good";
    r.mud = (int32_t)mud->actor.self.index;
    for (uint32_t n = mud->oldest; n < mud->sent; n++) {
        if (request_of(mud, n)->answered)
            continue;
        r.number = (int32_t)n;
        r.begin = request_of(mud, n)->first_sent;
        mud->actor.port->operations->report(mud->actor.port, &r);
    }
}
