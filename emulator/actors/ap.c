#include "ap.h"
#include "mem.h"

#include <stdlib.h>

enum { HOPS = 8 }; /* forwards that a message may still make; more means that two APs point at each other */

static const char *const state_names[AP_STATES] = {
    [AP_ABSENT] = "absent",       [AP_ATTACHING] = "attaching",   [AP_AWAITING_TOKEN] = "awaiting token",
    [AP_SERVING] = "serving",     [AP_MIGRATING] = "migrating",   [AP_CATCHING_UP] = "catching up",
    [AP_SWITCHING] = "switching", [AP_ACTIVATING] = "activating", [AP_MOVED] = "moved",
};

static const char *const event_names[AP_EVENTS] = {
    [AP_EV_ASSOCIATE] = "associate",     [AP_EV_REASSOCIATE] = "reassociate", [AP_EV_DISASSOCIATE] = "disassociate",
    [AP_EV_MOVE_NOTIFY] = "MOVE-notify", [AP_EV_TOKEN] = "token",             [AP_EV_NO_TOKEN] = "no token",
    [AP_EV_REQUEST] = "request",         [AP_EV_REPLY] = "reply",             [AP_EV_ATTACHED] = "attached",
    [AP_EV_READY] = "ready",
    [AP_EV_CUT] = "cut",                 [AP_EV_LOGGED] = "logged",           [AP_EV_FETCHED] = "fetched",
    [AP_EV_REPLAYED] = "replayed",       [AP_EV_PROBED] = "probed",           [AP_EV_ACTIVATED] = "activated",
    [AP_EV_FAILED] = "failed",           [AP_EV_TICK] = "tick",               [AP_EV_BYE] = "bye",
};

static void respond(struct ap_client *client, const struct msg *m, int32_t status)
{
    bool first = m->type == MSG_ASSOCIATION_REQUEST;
    struct msg answer = {.type = first ? MSG_ASSOCIATION_RESPONSE : MSG_REASSOCIATION_RESPONSE,
                         .to = m->from,
                         .mud = client->mud,
                         .sequence = m->sequence,
                         .status = status};
    actor_send(&client->ap->actor, &answer);
}

static void tell_ready(struct ap_client *client)
{
    struct offload ready = {.type = OFFLOAD_EDGE_READY,
                            .mud = client->mud,
                            .sequence = client->sequence,
                            .peer = client->anchor_edge};
    if (client->associated)
        actor_send_offload(&client->ap->actor, party_mud(client->mud), &ready);
}

/* --- association ----------------------------------------------------------------------------------------------------- */

static void accept_client(struct ap_client *client, const struct msg *m)
{
    client->associated = true;
    client->sequence = m->sequence;
    respond(client, m, 0);
}

static void start_container(struct ap_client *client, enum ap_event event)
{
    client->anchor_edge = client->ap->edge;
    client->anchor_ap = client->ap->actor.self;
    client->token_sequence = client->sequence;
    struct offload o = {.type = OFFLOAD_ATTACH, .mud = client->mud, .sequence = client->sequence};
    courier_send_offload(&client->ap->courier, client->ap->edge, &o);
    ap_enter_state(client, AP_ATTACHING, event);
}

static void attach(struct ap_client *client, const struct msg *m)
{
    accept_client(client, m);
    start_container(client, AP_EV_ASSOCIATE);
}

static void ask_for_token(struct ap_client *client, struct party who)
{
    client->asked = who;
    struct msg notify = {.type = MSG_MOVE_NOTIFY, .to = who, .mud = client->mud, .sequence = client->sequence};
    courier_send(&client->ap->courier, &notify);
}

static void reassociate(struct ap_client *client, const struct msg *m)
{
    if (m->sequence <= client->sequence && client->state == AP_MOVED)
        return; /* an old frame: the device has moved on since */
    accept_client(client, m);
    client->successor = (struct party){0};
    ask_for_token(client, client->state == AP_MOVED ? client->next_ap : m->other);
    ap_enter_state(client, AP_AWAITING_TOKEN, AP_EV_REASSOCIATE);
}

/* The same association again: the answer was lost. A newer one: the device is back before the token left, or came; what others asked
 * for in between is stale. An older one is an old frame. */
static void associate_again(struct ap_client *client, const struct msg *m)
{
    if (m->sequence < client->sequence)
        return;
    bool newer = m->sequence > client->sequence;
    accept_client(client, m);
    if (newer)
        client->successor = (struct party){0};
    if (newer && client->state == AP_AWAITING_TOKEN)
        ask_for_token(client, client->asked);
    if (client->state != AP_ATTACHING && client->state != AP_AWAITING_TOKEN)
        tell_ready(client);
}

static void disassociate(struct ap_client *client, const struct msg *m)
{
    if (m->sequence == client->sequence)
        client->associated = false;
}

/* --- the token ------------------------------------------------------------------------------------------------------- */

static void answer_notify(struct ap_client *client, struct party to, uint32_t sequence, int32_t status,
                          const struct iapp_context *token)
{
    struct msg answer = {.type = MSG_MOVE_RESPONSE,
                         .to = to,
                         .mud = client->mud,
                         .sequence = sequence,
                         .status = status,
                         .other = status && client->state == AP_MOVED ? client->next_ap : (struct party){0},
                         .token = token};
    actor_send(&client->ap->actor, &answer);
}

static struct iapp_context *make_token(struct ap_client *client, uint32_t sequence)
{
    struct iapp_context *token = mem_alloc(sizeof *token);
    token->offloading = true;
    token->mud = client->mud;
    token->anchor_edge = client->anchor_edge;
    token->anchor_ap = client->anchor_ap;
    token->sequence = sequence;
    token->migration = client->migration;
    token->phase = (uint8_t)client->state;
    for (size_t i = 0; i < client->log.len; i++) {
        const struct replay_entry *entry = &client->log.entries[i];
        if (!entry->answered)
            iapp_context_add(token, entry->number, blob_ref(entry->payload), entry->payload_len);
    }
    return token;
}

static void free_granted(struct ap_client *client)
{
    if (client->granted)
        iapp_context_free(client->granted);
    free(client->granted);
    client->granted = NULL;
}

static void grant(struct ap_client *client, struct party to, uint32_t sequence)
{
    free_granted(client);
    client->granted = make_token(client, sequence);
    client->granted_to = to;
    replay_free(&client->log);
    client->associated = false;
    client->sequence = client->token_sequence = sequence;
    client->next_ap = to;
    client->successor = (struct party){0};
    answer_notify(client, to, sequence, IAPP_SUCCESSFUL, client->granted);
}

/* Nobody has accepted the device, or this access point knows nothing of it: the token has no anchor yet. */
static bool has_anchor(const struct iapp_context *token)
{
    return token->anchor_edge.role != PARTY_NONE;
}

static void give_token(struct ap_client *client, const struct msg *m)
{
    if (m->sequence <= client->sequence) {
        answer_notify(client, m->from, m->sequence, IAPP_STALE_MOVE, NULL);
        return;
    }
    grant(client, m->from, m->sequence);
    ap_enter_state(client, AP_MOVED, AP_EV_MOVE_NOTIFY);
}

static void call_off_and_give_token(struct ap_client *client, const struct msg *m)
{
    if (m->sequence > client->sequence)
        ap_call_off(client, 0);
    give_token(client, m);
}

/* Under an older association or the same; if he has had it since, its sequence tells him. */
static bool was_given_to(const struct ap_client *client, const struct msg *m)
{
    return client->granted && party_equal(m->from, client->granted_to) && m->sequence >= client->granted->sequence;
}

/* The device went on before the token came: it is passed on as soon as it does. Whoever asks for a token that was given to him may
 * not have got it, and then it must come back from there. */
static void remember_successor(struct ap_client *client, const struct msg *m)
{
    bool given = was_given_to(client, m);
    if (given)
        answer_notify(client, m->from, client->granted->sequence, IAPP_SUCCESSFUL, client->granted);
    if (given && m->sequence <= client->sequence)
        return;
    if (m->sequence <= client->sequence) {
        answer_notify(client, m->from, m->sequence, IAPP_STALE_MOVE, NULL);
        return;
    }
    if (client->successor.role != PARTY_NONE && m->sequence < client->successor_sequence)
        return;
    client->associated = false;
    client->successor = m->from;
    client->successor_sequence = m->sequence;
}

/* Whom it was given to may have been left and visited again before it came. */
static void give_token_again(struct ap_client *client, const struct msg *m)
{
    if (was_given_to(client, m) && party_equal(m->from, client->next_ap))
        answer_notify(client, m->from, client->granted->sequence, IAPP_SUCCESSFUL, client->granted);
    else
        answer_notify(client, m->from, m->sequence, IAPP_STALE_MOVE, NULL);
}

static void adopt_log(struct ap_client *client, const struct iapp_context *token)
{
    for (size_t i = 0; i < token->request_count; i++) {
        const struct iapp_request *logged = &token->requests[i];
        struct offload request = {
            .number = logged->number, .payload_len = logged->payload_len, .payload = logged->payload};
        replay_add(&client->log, &request);
    }
}

/* The token is here: the anchor is the own edge, or the policy says whether it shall become that. */
static void decide(struct ap_client *client, enum ap_event event)
{
    const struct rules *rules = client->ap->actor.rules;
    if (party_equal(client->anchor_edge, client->ap->edge))
        client->anchor_ap = client->ap->actor.self;
    else if (rules->strategy->migrates && rules->policy->migrate(client->ap->edge.index, client->anchor_edge.index)) {
        ap_begin_migration(client, event);
        return;
    }
    ap_enter_state(client, AP_SERVING, event);
}

static void adopt_token(struct ap_client *client, const struct msg *m)
{
    const struct iapp_context *token = m->token;
    courier_settle_notify(&client->ap->courier, client->asked, client->mud);
    free_granted(client);
    client->token_sequence = m->sequence;
    client->anchor_edge = token->anchor_edge;
    client->anchor_ap = token->anchor_ap;
    client->migration = token->migration > client->migration ? token->migration : client->migration;
    client->retries = 0;
    client->forward_rtt = client->forward_rtt_min = SIMTIME_ZERO;
    adopt_log(client, token);
    if (client->successor.role != PARTY_NONE) {
        grant(client, client->successor, client->successor_sequence);
        ap_enter_state(client, AP_MOVED, AP_EV_TOKEN);
        return;
    }
    if (!has_anchor(token)) {
        start_container(client, AP_EV_TOKEN);
        return;
    }
    tell_ready(client);
    decide(client, AP_EV_TOKEN);
    ap_release_held(client);
}

/* The device has long moved on, and whom we asked is nearer to it. */
static void give_up_token(struct ap_client *client)
{
    struct party successor = client->successor;
    replay_free(&client->log);
    client->associated = false;
    client->next_ap = client->asked;
    client->successor = (struct party){0};
    ap_enter_state(client, AP_MOVED, AP_EV_NO_TOKEN);
    if (successor.role != PARTY_NONE)
        answer_notify(client, successor, client->successor_sequence, IAPP_STALE_MOVE, NULL);
}

/* Whom we asked does not have it: it knows who has, or the device has long moved on. */
static void ask_elsewhere(struct ap_client *client, const struct msg *m)
{
    if (!party_equal(m->from, client->asked) || party_equal(m->other, client->ap->actor.self) || m->status == IAPP_DENIED)
        return; /* the courier asks again */
    courier_settle_notify(&client->ap->courier, m->from, client->mud);
    if (m->other.role == PARTY_AP)
        ask_for_token(client, m->other);
    else
        give_up_token(client);
}

/* --- requests and replies -------------------------------------------------------------------------------------------- */

void ap_forward(struct ap_client *client, struct replay_entry *entry)
{
    struct ap *ap = client->ap;
    struct offload o = replay_message(entry, OFFLOAD_REQUEST, client->mud, client->sequence);
    o.hops = HOPS;
    o.flags = 0;
    o.digest = 0;
    o.peer = ap->actor.self;
    entry->delivered_again |= entry->delivered;
    entry->delivered = true;
    entry->delivered_at = actor_now(&ap->actor);
    bool local = party_equal(client->anchor_edge, ap->edge);
    actor_send_offload(&ap->actor, local ? ap->edge : client->anchor_ap, &o);
}

void ap_release_held(struct ap_client *client)
{
    for (size_t i = 0; i < client->log.len; i++)
        if (!client->log.entries[i].delivered)
            ap_forward(client, &client->log.entries[i]);
}

/* A device sends a request when all that are a window older have been answered. */
static struct replay_entry *log_request(struct ap_client *client, const struct msg *m)
{
    uint32_t window = client->ap->actor.rules->window;
    if (m->offload.number >= window)
        replay_drop_through(&client->log, m->offload.number - window, false);
    return replay_add(&client->log, &m->offload);
}

static void hold_request(struct ap_client *client, const struct msg *m)
{
    log_request(client, m);
}

static void serve_request(struct ap_client *client, const struct msg *m)
{
    ap_forward(client, log_request(client, m));
}

void ap_relay_to_mud(struct ap_client *client, const struct msg *m)
{
    if (!client->associated)
        return;
    struct offload o = m->offload;
    o.sequence = client->sequence;
    actor_send_offload(&client->ap->actor, party_mud(client->mud), &o);
}

void ap_measure_forwarding(struct ap_client *client, const struct replay_entry *entry)
{
    if (!entry->delivered || entry->delivered_again)
        return;
    struct simtime rtt = simtime_sub(actor_now(&client->ap->actor), entry->delivered_at);
    client->forward_rtt = rtt;
    if (client->forward_rtt_min.ns == 0 || rtt.ns < client->forward_rtt_min.ns)
        client->forward_rtt_min = rtt;
}

static void serve_reply(struct ap_client *client, const struct msg *m)
{
    const struct replay_entry *entry = replay_find(&client->log, m->offload.number);
    if (entry)
        ap_measure_forwarding(client, entry);
    replay_drop(&client->log, m->offload.number);
    ap_relay_to_mud(client, m);
}

static void reply_before_token(struct ap_client *client, const struct msg *m)
{
    replay_drop(&client->log, m->offload.number);
    ap_relay_to_mud(client, m);
}

/* Reply and request that reach an AP without the token go after it, as far as the hop limit allows. */
static void send_after_token(struct ap_client *client, const struct msg *m)
{
    struct offload o = m->offload;
    if (o.hops == 0) {
        actor_note(&client->ap->actor, (int32_t)client->mud, -1, "dropped %s %u: hop limit reached",
                   offload_type_name(o.type), o.number);
        return;
    }
    o.hops--;
    actor_send_offload(&client->ap->actor, client->next_ap, &o);
}

static void attached(struct ap_client *client, const struct msg *m)
{
    if (!party_equal(m->from, client->ap->edge) || m->offload.migration != 0)
        return;
    courier_settle(&client->ap->courier, m->from, OFFLOAD_ATTACH, client->mud, 0);
    if (client->successor.role != PARTY_NONE) {
        grant(client, client->successor, client->successor_sequence);
        ap_enter_state(client, AP_MOVED, AP_EV_ATTACHED);
        return;
    }
    tell_ready(client);
    ap_enter_state(client, AP_SERVING, AP_EV_ATTACHED);
    ap_release_held(client);
}

static void bye(struct ap_client *client, const struct msg *m)
{
    struct offload o = m->offload;
    actor_send_offload(&client->ap->actor, client->anchor_edge, &o);
}

static void nothing(struct ap_client *client, const struct msg *m)
{
    (void)client, (void)m;
}

/* --- the table ------------------------------------------------------------------------------------------------------- */

/* The handlers enter the next state themselves where it depends on what the message says; NULL = not foreseen. What belongs to a
 * migration that no longer runs, or to a token question that is settled, never gets here: see is_stale(). */
static ap_handler *const table[AP_STATES][AP_EVENTS] = {
    [AP_ABSENT] =
        {
            [AP_EV_ASSOCIATE] = attach,
            [AP_EV_REASSOCIATE] = reassociate,
            [AP_EV_DISASSOCIATE] = nothing,
            [AP_EV_MOVE_NOTIFY] = give_token,
        },
    [AP_ATTACHING] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = remember_successor,
            [AP_EV_REQUEST] = hold_request,
            [AP_EV_ATTACHED] = attached,
            [AP_EV_BYE] = nothing,
        },
    [AP_AWAITING_TOKEN] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = remember_successor,
            [AP_EV_TOKEN] = adopt_token,
            [AP_EV_NO_TOKEN] = ask_elsewhere,
            [AP_EV_REQUEST] = hold_request,
            [AP_EV_REPLY] = reply_before_token,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_BYE] = nothing,
        },
    [AP_SERVING] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = give_token,
            [AP_EV_REQUEST] = serve_request,
            [AP_EV_REPLY] = serve_reply,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_TICK] = ap_retry_migration,
            [AP_EV_BYE] = bye,
        },
    [AP_MIGRATING] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = call_off_and_give_token,
            [AP_EV_REQUEST] = ap_copy_request,
            [AP_EV_REPLY] = ap_copy_reply,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_CUT] = ap_take_cut,
            [AP_EV_LOGGED] = ap_take_logged,
            [AP_EV_FETCHED] = ap_take_fetched,
            [AP_EV_READY] = ap_take_ready,
            [AP_EV_FAILED] = ap_migration_failed,
            [AP_EV_BYE] = bye,
        },
    [AP_CATCHING_UP] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = call_off_and_give_token,
            [AP_EV_REQUEST] = ap_copy_request,
            [AP_EV_REPLY] = ap_copy_reply,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_CUT] = nothing,
            [AP_EV_READY] = nothing,
            [AP_EV_LOGGED] = ap_take_logged,
            [AP_EV_FETCHED] = ap_take_fetched,
            [AP_EV_REPLAYED] = ap_take_replayed,
            [AP_EV_PROBED] = nothing,
            [AP_EV_FAILED] = ap_migration_failed,
            [AP_EV_TICK] = ap_catch_up_tick,
            [AP_EV_BYE] = bye,
        },
    [AP_SWITCHING] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = call_off_and_give_token,
            [AP_EV_REQUEST] = ap_hold_in_switch,
            [AP_EV_REPLY] = ap_reply_in_switch,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_CUT] = nothing,
            [AP_EV_READY] = nothing,
            [AP_EV_LOGGED] = nothing,
            [AP_EV_FETCHED] = nothing,
            [AP_EV_REPLAYED] = ap_take_replayed,
            [AP_EV_PROBED] = ap_take_probed,
            [AP_EV_FAILED] = ap_migration_failed,
            [AP_EV_TICK] = ap_switch_tick,
            [AP_EV_BYE] = bye,
        },
    [AP_ACTIVATING] =
        {
            [AP_EV_ASSOCIATE] = associate_again,
            [AP_EV_REASSOCIATE] = associate_again,
            [AP_EV_DISASSOCIATE] = disassociate,
            [AP_EV_MOVE_NOTIFY] = call_off_and_give_token,
            [AP_EV_REQUEST] = ap_hold_in_switch,
            [AP_EV_REPLY] = ap_reply_in_switch,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_CUT] = nothing,
            [AP_EV_READY] = nothing,
            [AP_EV_LOGGED] = nothing,
            [AP_EV_FETCHED] = nothing,
            [AP_EV_REPLAYED] = nothing,
            [AP_EV_PROBED] = nothing,
            [AP_EV_ACTIVATED] = ap_commit,
            [AP_EV_FAILED] = ap_migration_failed,
            [AP_EV_TICK] = ap_switch_tick,
            [AP_EV_BYE] = bye,
        },
    [AP_MOVED] =
        {
            [AP_EV_ASSOCIATE] = reassociate,
            [AP_EV_REASSOCIATE] = reassociate,
            [AP_EV_DISASSOCIATE] = nothing,
            [AP_EV_MOVE_NOTIFY] = give_token_again,
            [AP_EV_REPLY] = send_after_token,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_BYE] = nothing,
        },
};

void ap_enter_state(struct ap_client *client, enum ap_state state, enum ap_event event)
{
    struct actor *actor = &client->ap->actor;
    if (client->state != state)
        actor_report_transition(actor, client->mud, state_names[client->state], state_names[state], event_names[event]);
    client->state = state;
    client->retry_pending = false;
    actor_clear_alarm(actor, &client->alarm);
    switch (state) {
    case AP_CATCHING_UP:
    case AP_SWITCHING:
    case AP_ACTIVATING:
        actor_set_alarm(actor, &client->alarm, actor->rules->timeouts.control_retry);
        break;
    case AP_ABSENT:
    case AP_ATTACHING:
    case AP_AWAITING_TOKEN:
    case AP_SERVING:
    case AP_MIGRATING:
    case AP_MOVED:
    case AP_STATES:
        break;
    }
}

/* Answers that come after their question is settled: of a migration that was called off, of a token that was here before. */
static bool is_stale(const struct ap_client *client, enum ap_event event, const struct msg *m)
{
    if (event == AP_EV_TOKEN)
        return client->state != AP_AWAITING_TOKEN || m->sequence <= client->token_sequence;
    if (event == AP_EV_NO_TOKEN)
        return client->state != AP_AWAITING_TOKEN || m->sequence != client->sequence;
    if (event >= AP_EV_READY && event <= AP_EV_FAILED)
        return !ap_migration_runs(client) || m->offload.migration != client->migration;
    return false;
}

void ap_handle(struct ap_client *client, enum ap_event event, const struct msg *m)
{
    if (is_stale(client, event, m))
        return;
    ap_handler *handler = table[client->state][event];
    if (handler)
        handler(client, m);
    else
        actor_report_unexpected(&client->ap->actor, client->mud, state_names[client->state], event_names[event]);
}

/* --- what reaches the access point ----------------------------------------------------------------------------------- */

static void alarm_rings(struct alarm *alarm)
{
    ap_handle(container_of(alarm, struct ap_client, alarm), AP_EV_TICK, NULL);
}

static struct ap_client *client_of(struct ap *ap, uint32_t mud)
{
    struct ap_client *client = map_get(&ap->clients, mud);
    if (!client) {
        client = mem_alloc(sizeof *client);
        client->ap = ap;
        client->mud = mud;
        client->alarm.ring = alarm_rings;
        map_set(&ap->clients, mud, client);
    }
    return client;
}

/* A request that another AP forwards, because this one is wired to the anchor: passed on without a look at any state. */
static void pass_to_edge(struct ap *ap, const struct msg *m)
{
    struct offload o = m->offload;
    if (o.hops == 0)
        return;
    o.hops--;
    actor_send_offload(&ap->actor, ap->edge, &o);
}

/* A reply that the edge owes another AP: the one that forwarded the request. */
static void pass_to_forwarder(struct ap *ap, const struct msg *m)
{
    struct offload o = m->offload;
    actor_send_offload(&ap->actor, o.peer, &o);
}

static enum ap_event event_of_ack(const struct offload *o)
{
    switch (o->acked) {
    case OFFLOAD_FETCH:
        return AP_EV_FETCHED;
    case OFFLOAD_ACTIVATE:
        return AP_EV_ACTIVATED;
    default:
        return AP_EVENTS; /* the courier is all that waited for it */
    }
}

static enum ap_event event_of_offload(const struct offload *o)
{
    switch (o->type) {
    case OFFLOAD_REQUEST:
        return AP_EV_REQUEST;
    case OFFLOAD_REPLY:
        return AP_EV_REPLY;
    case OFFLOAD_EDGE_READY:
        return o->migration ? AP_EV_READY : AP_EV_ATTACHED;
    case OFFLOAD_BYE:
        return AP_EV_BYE;
    case OFFLOAD_CUT:
        return AP_EV_CUT;
    case OFFLOAD_LOGGED:
        return AP_EV_LOGGED;
    case OFFLOAD_REPLAYED:
        return AP_EV_REPLAYED;
    case OFFLOAD_PROBED:
        return AP_EV_PROBED;
    case OFFLOAD_FAILED:
        return AP_EV_FAILED;
    case OFFLOAD_ACK:
        return event_of_ack(o);
    default:
        return AP_EVENTS;
    }
}

static void receive_offload(struct ap *ap, const struct msg *m)
{
    const struct offload *o = &m->offload;
    struct ap_client *client = client_of(ap, m->mud);
    if (o->type == OFFLOAD_REQUEST && m->from.role == PARTY_AP) {
        pass_to_edge(ap, m);
        return;
    }
    if (o->type == OFFLOAD_REPLY && m->from.role == PARTY_EDGE && !party_equal(o->peer, ap->actor.self)) {
        pass_to_forwarder(ap, m);
        return;
    }
    /* IEEE 802.11 class 3 frames from a station that is not associated here are dropped. */
    if (m->from.role == PARTY_MUD && !client->associated)
        return;
    if (o->type == OFFLOAD_CUT || o->type == OFFLOAD_FAILED || (o->type == OFFLOAD_EDGE_READY && o->migration))
        courier_acknowledge(&ap->actor, m);
    if (o->type == OFFLOAD_ACK)
        courier_settle(&ap->courier, m->from, o->acked, m->mud, o->migration);
    enum ap_event event = event_of_offload(o);
    if (event < AP_EVENTS)
        ap_handle(client, event, m);
}

void ap_receive(struct ap *ap, const struct msg *m)
{
    actor_received(&ap->actor, m);
    switch (m->type) {
    case MSG_ASSOCIATION_REQUEST:
        ap_handle(client_of(ap, m->mud), AP_EV_ASSOCIATE, m);
        break;
    case MSG_REASSOCIATION_REQUEST:
        ap_handle(client_of(ap, m->mud), AP_EV_REASSOCIATE, m);
        break;
    case MSG_DISASSOCIATION:
        ap_handle(client_of(ap, m->mud), AP_EV_DISASSOCIATE, m);
        break;
    case MSG_MOVE_NOTIFY:
        ap_handle(client_of(ap, m->mud), AP_EV_MOVE_NOTIFY, m);
        break;
    case MSG_MOVE_RESPONSE:
        ap_handle(client_of(ap, m->mud), m->status == IAPP_SUCCESSFUL && m->token ? AP_EV_TOKEN : AP_EV_NO_TOKEN, m);
        break;
    case MSG_OFFLOAD:
        receive_offload(ap, m);
        break;
    case MSG_ASSOCIATION_RESPONSE:
    case MSG_REASSOCIATION_RESPONSE:
    case MSG_TYPES:
        break;
    }
}

/* What must reach the other side is asked again; what only a migration wanted fails it. */
static void gave_up(struct courier *courier, const struct msg *m)
{
    struct ap *ap = container_of(courier, struct ap, courier);
    struct ap_client *client = client_of(ap, m->mud);
    uint8_t type = m->offload.type;
    bool of_migration = m->type == MSG_OFFLOAD && (type == OFFLOAD_MIGRATE || type == OFFLOAD_FETCH ||
                                                   type == OFFLOAD_PROBE || type == OFFLOAD_ACTIVATE);
    char text[64];
    msg_text(m, text, sizeof text);
    actor_note(&ap->actor, (int32_t)m->mud, (int32_t)m->offload.migration, "no answer to %s", text);
    if (of_migration) {
        struct msg failed = {.type = MSG_OFFLOAD, .from = ap->actor.self, .mud = m->mud};
        failed.offload = (struct offload){.type = OFFLOAD_FAILED, .migration = m->offload.migration, .status = -110};
        ap_handle(client, AP_EV_FAILED, &failed);
    } else {
        courier_send(courier, m);
    }
}

bool ap_busy(const struct ap *ap)
{
    size_t at = 0;
    for (const struct ap_client *client; (client = map_next(&ap->clients, &at));)
        if (client->state == AP_ATTACHING || client->state == AP_AWAITING_TOKEN || ap_migration_runs(client) ||
            client->retry_pending)
            return true;
    return ap->courier.len > 0;
}

void ap_init(struct ap *ap, struct port *port, const struct rules *rules, uint32_t index, uint32_t edge)
{
    *ap = (struct ap){.actor = {.port = port, .rules = rules, .self = party_ap(index)}, .edge = party_edge(edge)};
    courier_init(&ap->courier, &ap->actor, gave_up);
}

void ap_free(struct ap *ap)
{
    size_t at = 0;
    for (struct ap_client *client; (client = map_next(&ap->clients, &at));) {
        replay_free(&client->log);
        free_granted(client);
        free(client);
    }
    map_free(&ap->clients);
    courier_free(&ap->courier);
}
