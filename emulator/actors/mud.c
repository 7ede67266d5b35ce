#include "mud.h"
#include "mem.h"

#include <stdlib.h>

enum mud_event {
    EV_MOVE,     /* the next visit begins */
    EV_LOST,     /* the same, but it is nowhere: the last access point is not heard any more */
    EV_ARRIVED,  /* the handoff's silent time is over */
    EV_RETRY,    /* no association response, or no ES-READY, in time */
    EV_ACCEPTED, /* association response, status 0 */
    EV_REFUSED,
    EV_READY,    /* ES-READY: the container runs */
    EV_DISMISSED, /* the access point does not know the device: it has restarted */
    EV_REPLY,
    EV_DUE,      /* the generator has a request */
    EV_RESEND,
    EV_DONE,     /* everything sent is answered and no visit is left */
    EV_GONE,     /* the run ends, and the device is out of reach for good */
    MUD_EVENTS
};

static const char *const state_names[MUD_STATES] = {
    [MUD_AWAY] = "away",
    [MUD_ROAMING] = "roaming",
    [MUD_ASSOCIATING] = "associating",
    [MUD_ASSOCIATED] = "associated",
    [MUD_DISCONNECTED] = "disconnected",
    [MUD_FINISHED] = "finished",
};

static const char *const event_names[MUD_EVENTS] = {
    [EV_MOVE] = "move",     [EV_LOST] = "lost",       [EV_ARRIVED] = "arrived", [EV_RETRY] = "retry", [EV_ACCEPTED] = "accepted",
    [EV_REFUSED] = "refused", [EV_READY] = "ready",   [EV_REPLY] = "reply",     [EV_DUE] = "due",     [EV_RESEND] = "resend",
    [EV_DONE] = "done",     [EV_GONE] = "gone",       [EV_DISMISSED] = "dismissed",
};

struct mud_cell {
    void (*handle)(struct mud *mud, const struct msg *m);
    int next; /* enum mud_state, or STAY */
    bool foreseen;
};

static void handle(struct mud *mud, enum mud_event event, const struct msg *m);

static void move(struct mud *mud)
{
    bool nowhere = mud->options.visits[mud->next_visit].ap == VISIT_NOWHERE;
    handle(mud, nowhere ? EV_LOST : EV_MOVE, NULL);
}

/* --- the way to an access point: mud_visits.c ------------------------------------------------------------ */

static void repeat_request(struct mud *mud, const struct msg *m)
{
    (void)m;
    mud_request_association(mud);
}

/* Associated, but no ES-READY yet: the association request is repeated, and answered with both again. */
static void ask_for_ready(struct mud *mud, const struct msg *m)
{
    (void)m;
    if (!mud->ready)
        mud_request_association(mud);
}

/* --- requests: mud_requests.c ---------------------------------------------------------------------------------------- */

static void send_what_is_due(struct mud *mud)
{
    if (mud_send_due(mud))
        move(mud);
}

/* A visit that waits for a request that will never be due is void. */
static bool visits_over(const struct mud *mud)
{
    if (mud->next_visit >= mud->options.visit_count)
        return true;
    const struct visit *visit = &mud->options.visits[mud->next_visit];
    return visit->request > 0 && visit->request >= mud->due;
}

static bool generation_over(const struct mud *mud)
{
    return actor_run_time(&mud->actor).ns >= mud->options.until.ns;
}

static bool all_done(const struct mud *mud)
{
    return mud->state == MUD_ASSOCIATED && generation_over(mud) && mud->answered == mud->due && visits_over(mud);
}

static bool gone_for_good(const struct mud *mud)
{
    return mud->state == MUD_DISCONNECTED && generation_over(mud) && mud->next_visit >= mud->options.visit_count;
}

static void generate_and_send(struct mud *mud, const struct msg *m)
{
    (void)m;
    mud_generate(mud);
    send_what_is_due(mud);
}

static void generate_only(struct mud *mud, const struct msg *m)
{
    (void)m;
    mud_generate(mud);
}

static void start_generating(struct mud *mud, const struct msg *m)
{
    (void)m;
    if (mud->ready)
        return;
    mud->ready = true;
    mud->generation_start = actor_run_time(&mud->actor);
    actor_clear_alarm(&mud->actor, &mud->association);
    mud_set_generate_alarm(mud);
}

static void resend(struct mud *mud, const struct msg *m)
{
    (void)m;
    mud_resend(mud);
}

static void take_reply(struct mud *mud, const struct msg *m)
{
    mud_take_reply(mud, &m->offload);
    send_what_is_due(mud);
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

static void go(struct mud *mud, const struct msg *m)
{
    (void)m;
    mud_report_outage(mud);
    mud_abandon(mud);
    report_total(mud);
}

static void go_unseen(struct mud *mud, const struct msg *m)
{
    (void)m;
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
            [EV_MOVE] = {mud_arrive_first, MUD_ASSOCIATING, true},
            [EV_GONE] = {go_unseen, MUD_FINISHED, true},
        },
    [MUD_ROAMING] =
        {
            [EV_MOVE] = {mud_leave, MUD_ROAMING, true},
            [EV_LOST] = {mud_lose, MUD_DISCONNECTED, true},
            [EV_ARRIVED] = {nothing, MUD_ASSOCIATING, true},
            [EV_DUE] = {generate_only, STAY, true},
        },
    [MUD_ASSOCIATING] =
        {
            [EV_MOVE] = {mud_leave, MUD_ROAMING, true},
            [EV_LOST] = {mud_lose, MUD_DISCONNECTED, true},
            [EV_RETRY] = {repeat_request, STAY, true},
            [EV_ACCEPTED] = {mud_report_handoff, MUD_ASSOCIATED, true},
            [EV_REFUSED] = {nothing, STAY, true},
            [EV_DUE] = {generate_only, STAY, true},
        },
    [MUD_ASSOCIATED] =
        {
            [EV_MOVE] = {mud_leave, MUD_ROAMING, true},
            [EV_LOST] = {mud_lose, MUD_DISCONNECTED, true},
            [EV_RETRY] = {ask_for_ready, STAY, true},
            [EV_ACCEPTED] = {nothing, STAY, true},
            [EV_REFUSED] = {nothing, STAY, true},
            [EV_READY] = {start_generating, STAY, true},
            [EV_DISMISSED] = {mud_associate_anew, MUD_ASSOCIATING, true},
            [EV_REPLY] = {take_reply, STAY, true},
            [EV_DUE] = {generate_and_send, STAY, true},
            [EV_RESEND] = {resend, STAY, true},
            [EV_DONE] = {say_bye, MUD_FINISHED, true},
        },
    [MUD_DISCONNECTED] =
        {
            [EV_MOVE] = {mud_return_into_reach, MUD_ROAMING, true},
            [EV_DUE] = {generate_only, STAY, true},
            [EV_GONE] = {go, MUD_FINISHED, true},
        },
    [MUD_FINISHED] =
        {
            [EV_DISMISSED] = {nothing, STAY, true},
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
    case MUD_DISCONNECTED:
        actor_clear_alarm(&mud->actor, &mud->association);
        actor_clear_alarm(&mud->actor, &mud->resend);
        break;
    case MUD_ROAMING:
        actor_clear_alarm(&mud->actor, &mud->resend);
        break;
    case MUD_ASSOCIATING:
        mud_request_association(mud);
        break;
    case MUD_ASSOCIATED:
        mud->former_ap = mud->ap;
        mud_end_back_off(mud);
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
    if (event != EV_DONE && all_done(mud))
        handle(mud, EV_DONE, NULL);
    else if (event != EV_GONE && gone_for_good(mud))
        handle(mud, EV_GONE, NULL);
}

/* --- what reaches the device ----------------------------------------------------------------------------------------- */

static void move_rings(struct alarm *alarm)
{
    move(container_of(alarm, struct mud, move));
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
    if (m->type == MSG_DISASSOCIATION && m->sequence != mud->sequence)
        return;
    actor_received(&mud->actor, m);
    if (m->type == MSG_DISASSOCIATION)
        handle(mud, EV_DISMISSED, m);
    else if (m->type != MSG_OFFLOAD)
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
    if (mud->state == MUD_DISCONNECTED) {
        handle(mud, EV_GONE, NULL);
        return;
    }
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
    statechain_model_init(&mud->expected, options->history, index);
}

void mud_free(struct mud *mud)
{
    free(mud->requests);
}

void mud_start(struct mud *mud)
{
    if (mud->options.visit_count)
        mud_wait_for_next_visit(mud);
    else
        handle(mud, EV_GONE, NULL);
}
