#include "mud.h"
#include "mem.h"

#include <stdlib.h>

enum mud_event {
    EV_MOVE,     /* the next visit begins */
    EV_ARRIVED,  /* the handoff's silent time is over */
    EV_RETRY,    /* no association response, or no ES-READY, in time */
    EV_ACCEPTED, /* association response, status 0 */
    EV_REFUSED,
    EV_READY,    /* ES-READY: the container runs */
    EV_REPLY,
    EV_DUE,      /* the generator has a request */
    EV_RESEND,
    EV_DONE,     /* everything sent is answered and no visit is left */
    MUD_EVENTS
};

static const char *const state_names[MUD_STATES] = {
    [MUD_AWAY] = "away",
    [MUD_ROAMING] = "roaming",
    [MUD_ASSOCIATING] = "associating",
    [MUD_ASSOCIATED] = "associated",
    [MUD_FINISHED] = "finished",
};

static const char *const event_names[MUD_EVENTS] = {
    [EV_MOVE] = "move",   [EV_ARRIVED] = "arrived", [EV_RETRY] = "retry", [EV_ACCEPTED] = "accepted",
    [EV_REFUSED] = "refused", [EV_READY] = "ready", [EV_REPLY] = "reply", [EV_DUE] = "due",
    [EV_RESEND] = "resend", [EV_DONE] = "done",
};

struct mud_cell {
    void (*handle)(struct mud *mud, const struct msg *m);
    int next; /* enum mud_state, or STAY */
    bool foreseen;
};

static void handle(struct mud *mud, enum mud_event event, const struct msg *m);

/* --- the way to an access point ------------------------------------------------------------------------------------ */

/* Until its container runs, a device names the first access point that it asked, which alone begins: others may have accepted the device
 * without ever hearing of a token, and whether the first one did nobody can tell, because its answer may be lost. */
static void request_association(struct mud *mud)
{
    struct party first = party_ap(mud->options.visits[0].ap);
    bool begins = !mud->ready && party_equal(mud->ap, first);
    struct msg m = {.type = begins ? MSG_ASSOCIATION_REQUEST : MSG_REASSOCIATION_REQUEST,
                    .to = mud->ap,
                    .mud = mud->actor.self.index,
                    .sequence = mud->sequence};
    if (!begins)
        m.other = mud->ready ? mud->former_ap : first;
    actor_send(&mud->actor, &m);
    actor_set_alarm(&mud->actor, &mud->association, mud->actor.rules->timeouts.association_retry);
}

static void wait_for_next_visit(struct mud *mud)
{
    if (mud->next_visit >= mud->options.visit_count)
        return;
    const struct mud_visit *visit = &mud->options.visits[mud->next_visit];
    if (!visit->by_request)
        actor_set_alarm(&mud->actor, &mud->move, simtime_sub(visit->at, actor_now(&mud->actor)));
}

static void take_next_visit(struct mud *mud)
{
    mud->ap = party_ap(mud->options.visits[mud->next_visit++].ap);
    mud->sequence++;
    wait_for_next_visit(mud);
}

static void arrive_first(struct mud *mud, const struct msg *m)
{
    (void)m;
    take_next_visit(mud);
}

static void leave(struct mud *mud, const struct msg *m)
{
    (void)m;
    take_next_visit(mud);
    actor_set_alarm(&mud->actor, &mud->association, mud->actor.rules->timeouts.handoff);
}

static void repeat_request(struct mud *mud, const struct msg *m)
{
    (void)m;
    request_association(mud);
}

/* Associated, but no ES-READY yet: the association request is repeated, and answered with both again. */
static void ask_for_ready(struct mud *mud, const struct msg *m)
{
    (void)m;
    if (!mud->ready)
        request_association(mud);
}

/* --- requests ------------------------------------------------------------------------------------------------------ */

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
    uint64_t payload = statechain_fold_synthetic_payload(mud->options.seed, mud->actor.self.index, mud->sent,
                                                         mud->options.request_bytes);
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
    const struct mud_visit *visit = &mud->options.visits[mud->next_visit];
    return visit->by_request && visit->request <= mud->sent;
}

static void send_what_is_due(struct mud *mud)
{
    while (mud->ready && mud->sent < mud->due && mud->sent - mud->oldest < mud->options.window) {
        if (next_waits_for_visit(mud)) {
            handle(mud, EV_MOVE, NULL);
            return;
        }
        send_new(mud);
    }
    set_resend_alarm(mud);
}

/* A visit that waits for a request that will never be due is void. */
static bool visits_over(const struct mud *mud)
{
    if (mud->next_visit >= mud->options.visit_count)
        return true;
    const struct mud_visit *visit = &mud->options.visits[mud->next_visit];
    return visit->by_request && visit->request >= mud->due;
}

static bool all_done(const struct mud *mud)
{
    return actor_now(&mud->actor).ns >= mud->options.until.ns && mud->answered == mud->due && visits_over(mud);
}

static void set_generate_alarm(struct mud *mud)
{
    struct simtime next = simtime_add(mud->generation_start, simtime_scale(mud->options.period, mud->due));
    next = simtime_min(next, mud->options.until);
    actor_set_alarm(&mud->actor, &mud->generate, simtime_sub(next, actor_now(&mud->actor)));
}

static void generate(struct mud *mud)
{
    if (actor_now(&mud->actor).ns < mud->options.until.ns) {
        mud->due++;
        set_generate_alarm(mud);
    }
}

static void generate_and_send(struct mud *mud, const struct msg *m)
{
    (void)m;
    generate(mud);
    send_what_is_due(mud);
}

static void generate_only(struct mud *mud, const struct msg *m)
{
    (void)m;
    generate(mud);
}

static void resend(struct mud *mud, const struct msg *m)
{
    (void)m;
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

static void take_reply(struct mud *mud, const struct msg *m)
{
    uint32_t number = m->offload.number;
    if (number < mud->oldest || number >= mud->sent || request_of(mud, number)->answered)
        return; /* an answer to a resend, after the answer */
    struct mud_request *request = request_of(mud, number);
    request->answered = true;
    mud->answered++;
    if (request->times_sent == 1)
        measure_rtt(mud, simtime_sub(actor_now(&mud->actor), request->first_sent));
    report_answer(mud, number, request, m->offload.digest);
    while (mud->oldest < mud->sent && request_of(mud, mud->oldest)->answered)
        mud->oldest++;
    send_what_is_due(mud);
}

static void start_generating(struct mud *mud, const struct msg *m)
{
    (void)m;
    if (mud->ready)
        return;
    mud->ready = true;
    mud->generation_start = actor_now(&mud->actor);
    actor_clear_alarm(&mud->actor, &mud->association);
    set_generate_alarm(mud);
}

static void report_total(struct mud *mud)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_SENT_TOTAL;
    r.reporter = mud->actor.self;
    r.text = "requests sent and answered";
    r.mud = (int32_t)mud->actor.self.index;
    r.number = (int32_t)mud->sent;
    r.value = mud->answered;
    mud->actor.port->operations->report(mud->actor.port, &r);
}

static void say_bye(struct mud *mud, const struct msg *m)
{
    (void)m;
    struct offload bye = {.type = OFFLOAD_BYE, .mud = mud->actor.self.index, .sequence = mud->sequence};
    actor_send_offload(&mud->actor, mud->ap, &bye);
    struct msg end = {.type = MSG_DISASSOCIATION, .to = mud->ap, .mud = mud->actor.self.index, .sequence = mud->sequence};
    actor_send(&mud->actor, &end);
    report_total(mud);
}

static void nothing(struct mud *mud, const struct msg *m)
{
    (void)mud, (void)m;
}

/* --- the table ------------------------------------------------------------------------------------------------------ */

static const struct mud_cell table[MUD_STATES][MUD_EVENTS] = {
    [MUD_AWAY] =
        {
            [EV_MOVE] = {arrive_first, MUD_ASSOCIATING, true},
        },
    [MUD_ROAMING] =
        {
            [EV_MOVE] = {leave, MUD_ROAMING, true},
            [EV_ARRIVED] = {nothing, MUD_ASSOCIATING, true},
            [EV_DUE] = {generate_only, STAY, true},
        },
    [MUD_ASSOCIATING] =
        {
            [EV_MOVE] = {leave, MUD_ROAMING, true},
            [EV_RETRY] = {repeat_request, STAY, true},
            [EV_ACCEPTED] = {nothing, MUD_ASSOCIATED, true},
            [EV_REFUSED] = {nothing, STAY, true},
            [EV_DUE] = {generate_only, STAY, true},
        },
    [MUD_ASSOCIATED] =
        {
            [EV_MOVE] = {leave, MUD_ROAMING, true},
            [EV_RETRY] = {ask_for_ready, STAY, true},
            [EV_ACCEPTED] = {nothing, STAY, true},
            [EV_REFUSED] = {nothing, STAY, true},
            [EV_READY] = {start_generating, STAY, true},
            [EV_REPLY] = {take_reply, STAY, true},
            [EV_DUE] = {generate_and_send, STAY, true},
            [EV_RESEND] = {resend, STAY, true},
            [EV_DONE] = {say_bye, MUD_FINISHED, true},
        },
    [MUD_FINISHED] =
        {
            [EV_REPLY] = {nothing, STAY, true},
            [EV_READY] = {nothing, STAY, true},
            [EV_ACCEPTED] = {nothing, STAY, true},
            [EV_REFUSED] = {nothing, STAY, true},
        },
};

static void mud_enter_state(struct mud *mud, enum mud_state state, enum mud_event event)
{
    if (mud->state != state)
        actor_report_transition(&mud->actor, mud->actor.self.index, state_names[mud->state], state_names[state],
                                event_names[event]);
    mud->state = state;
    switch (state) {
    case MUD_AWAY:
    case MUD_STATES:
        break;
    case MUD_ROAMING:
        actor_clear_alarm(&mud->actor, &mud->resend);
        break;
    case MUD_ASSOCIATING:
        request_association(mud);
        break;
    case MUD_ASSOCIATED:
        mud->former_ap = mud->ap;
        if (mud->ready)
            actor_clear_alarm(&mud->actor, &mud->association);
        else
            actor_set_alarm(&mud->actor, &mud->association, mud->actor.rules->timeouts.control_retry);
        send_what_is_due(mud);
        break;
    case MUD_FINISHED:
        actor_clear_alarm(&mud->actor, &mud->move);
        actor_clear_alarm(&mud->actor, &mud->association);
        actor_clear_alarm(&mud->actor, &mud->generate);
        actor_clear_alarm(&mud->actor, &mud->resend);
        if (mud->finished)
            mud->finished(mud);
        break;
    }
}

static void handle(struct mud *mud, enum mud_event event, const struct msg *m)
{
    const struct mud_cell *cell = &table[mud->state][event];
    if (!cell->foreseen) {
        actor_report_unexpected(&mud->actor, mud->actor.self.index, state_names[mud->state], event_names[event]);
        return;
    }
    cell->handle(mud, m);
    if (cell->next != STAY)
        mud_enter_state(mud, (enum mud_state)cell->next, event);
    if (mud->state == MUD_ASSOCIATED && event != EV_DONE && all_done(mud))
        handle(mud, EV_DONE, NULL);
}

/* --- what reaches the device ----------------------------------------------------------------------------------------- */

static void move_rings(struct alarm *alarm)
{
    handle(container_of(alarm, struct mud, move), EV_MOVE, NULL);
}

static void association_rings(struct alarm *alarm)
{
    struct mud *mud = container_of(alarm, struct mud, association);
    handle(mud, mud->state == MUD_ROAMING ? EV_ARRIVED : EV_RETRY, NULL);
}

static void generate_rings(struct alarm *alarm)
{
    handle(container_of(alarm, struct mud, generate), EV_DUE, NULL);
}

static void resend_rings(struct alarm *alarm)
{
    handle(container_of(alarm, struct mud, resend), EV_RESEND, NULL);
}

/* The radio: a device hears only the access point it is associated with, and the answer of the one it asks. */
static bool hears(const struct mud *mud, const struct msg *m)
{
    bool answer = m->type == MSG_ASSOCIATION_RESPONSE || m->type == MSG_REASSOCIATION_RESPONSE;
    if (!party_equal(m->from, mud->ap) || (answer && m->sequence != mud->sequence))
        return false;
    return mud->state == MUD_ASSOCIATED || mud->state == MUD_FINISHED || (mud->state == MUD_ASSOCIATING && answer);
}

void mud_receive(struct mud *mud, const struct msg *m)
{
    if (!hears(mud, m))
        return;
    actor_received(&mud->actor, m);
    if (m->type != MSG_OFFLOAD)
        handle(mud, m->status == 0 ? EV_ACCEPTED : EV_REFUSED, m);
    else if (m->offload.type == OFFLOAD_REPLY)
        handle(mud, EV_REPLY, m);
    else if (m->offload.type == OFFLOAD_EDGE_READY)
        handle(mud, EV_READY, m);
}

void mud_give_up(struct mud *mud)
{
    if (mud->state == MUD_FINISHED)
        return;
    report_total(mud);
    mud_enter_state(mud, MUD_FINISHED, EV_DONE);
}

void mud_init(struct mud *mud, struct port *port, const struct rules *rules, uint32_t index, const struct mud_options *options)
{
    *mud = (struct mud){
        .actor = {.port = port, .rules = rules, .self = party_mud(index)},
        .options = *options,
        .rto = rules->timeouts.rto_initial,
        .move.ring = move_rings,
        .association.ring = association_rings,
        .generate.ring = generate_rings,
        .resend.ring = resend_rings,
        .requests = mem_alloc_array(options->window, sizeof(struct mud_request)),
    };
    statechain_model_init(&mud->expected, options->seed, index, options->memory_pages, options->layer_pages);
}

void mud_free(struct mud *mud)
{
    statechain_model_free(&mud->expected);
    free(mud->requests);
}

void mud_start(struct mud *mud)
{
    wait_for_next_visit(mud);
}
