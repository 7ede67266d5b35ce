/* Who decides for a device: association, and the token's way from access point to access point in IAPP. */
#include "ap.h"
#include "mem.h"

#include <stdlib.h>

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
    if (m->sequence > client->sequence)
        client->referrals = 0;
    client->associated = true;
    client->sequence = m->sequence;
    respond(client, m, 0);
}

void ap_set_anchor(struct ap_client *client, struct party edge)
{
    bool own = party_equal(edge, client->ap->edge);
    client->anchor_edge = edge;
    client->anchor_ap = own ? client->ap->actor.self : (struct party){0};
    client->forward_rtt = client->forward_rtt_min = client->forward_rtt_mean = SIMTIME_ZERO;
}

static void start_container(struct ap_client *client, enum ap_event event)
{
    client->token_sequence = client->sequence;
    client->anchor_edge = (struct party){0};
    ap_set_anchor(client, ap_choose_edge(client));
    struct offload o = {.type = OFFLOAD_ATTACH, .mud = client->mud, .sequence = client->sequence};
    courier_send_offload(&client->ap->courier, client->anchor_edge, &o);
    ap_enter_state(client, AP_ATTACHING, event);
}

/* Of an association before, or before a restart: what came of it the edge servers know. Where the placement is always the same, ATTACH
 * finds the container. */
static bool may_have_container(const struct ap *ap, const struct msg *m)
{
    return m->sequence > 1 || (ap->restarted && ap->actor.rules->policy.where->looks_around);
}

void ap_attach(struct ap_client *client, const struct msg *m)
{
    accept_client(client, m);
    if (!may_have_container(client->ap, m)) {
        start_container(client, AP_EV_ASSOCIATE);
        return;
    }
    ap_claim(client);
    ap_enter_state(client, AP_AWAITING_TOKEN, AP_EV_ASSOCIATE);
}

enum { REFERRALS_MAX = 8 };

/* Who would ask itself has held it, and restarted; and who is referred so often asks in a circle. */
static void ask_for_token(struct ap_client *client, struct party who)
{
    if (party_equal(who, client->ap->actor.self) || who.role != PARTY_AP || client->referrals > REFERRALS_MAX) {
        ap_claim(client);
        return;
    }
    client->asked = who;
    struct msg notify = {
        .type = MSG_MOVE_NOTIFY, .to = who, .mud = client->mud, .sequence = client->sequence};
    courier_send(&client->ap->courier, &notify);
}

void ap_reassociate(struct ap_client *client, const struct msg *m)
{
    if (m->sequence <= client->sequence && client->state == AP_MOVED)
        return; /* an old frame: the device has moved on since */
    accept_client(client, m);
    client->successor = (struct party){0};
    ask_for_token(client, client->state == AP_MOVED ? client->next_ap : m->other);
    ap_enter_state(client, AP_AWAITING_TOKEN, AP_EV_REASSOCIATE);
}

/* The device has roamed, whether the token has or not: the policy has not said yet where its container is to be. */
static void leave_undecided(struct ap_client *client)
{
    client->retries = 0;
    client->judged = false;
}

/* The same association again: the answer was lost. A newer one: the device is back before the token left, or came; what others asked
 * for in between is stale. An older one is an old frame. */
void ap_associate_again(struct ap_client *client, const struct msg *m)
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
    if (newer && client->state == AP_SERVING) {
        leave_undecided(client);
        ap_follow(client, AP_EV_REASSOCIATE);
    }
}

void ap_disassociate(struct ap_client *client, const struct msg *m)
{
    if (m->sequence == client->sequence)
        client->associated = false;
}

/* --- the token ------------------------------------------------------------------------------------------------------- */

/* Who does not know where the token went refers to the one who asks: he then asks the edge servers. Whoever asks for an older association than
 * is known here is not referred to anybody: the device has moved on. */
static void answer_notify(struct ap_client *client, struct party to, uint32_t sequence, int32_t status,
                          const struct iapp_context *token)
{
    struct msg answer = {.type = MSG_MOVE_RESPONSE,
                         .to = to,
                         .mud = client->mud,
                         .sequence = sequence,
                         .status = status,
                         .token = token};
    if (status && client->state == AP_MOVED && sequence >= client->sequence)
        answer.other = client->next_ap.role == PARTY_AP ? client->next_ap : to;
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

void ap_free_granted(struct ap_client *client)
{
    if (client->granted)
        iapp_context_free(client->granted);
    free(client->granted);
    client->granted = NULL;
}

static void grant(struct ap_client *client, struct party to, uint32_t sequence)
{
    ap_free_granted(client);
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

void ap_give_token(struct ap_client *client, const struct msg *m)
{
    if (m->sequence <= client->sequence) {
        answer_notify(client, m->from, m->sequence, IAPP_STALE_MOVE, NULL);
        return;
    }
    grant(client, m->from, m->sequence);
    ap_enter_state(client, AP_MOVED, AP_EV_MOVE_NOTIFY);
}

void ap_call_off_and_give_token(struct ap_client *client, const struct msg *m)
{
    if (m->sequence > client->sequence)
        ap_call_off(client, 0);
    ap_give_token(client, m);
}

/* Whoever asks for a token that was given to him, under an older association or the same, may not have got it. If he has had it since, its
 * sequence tells him. True if it was given for the association that he asks for: then nothing else need be answered. */
static bool give_as_before(struct ap_client *client, const struct msg *m)
{
    const struct iapp_context *granted = client->granted;
    if (!granted || !party_equal(m->from, client->granted_to) || m->sequence < granted->sequence)
        return false;
    answer_notify(client, m->from, granted->sequence, IAPP_SUCCESSFUL, granted);
    return m->sequence == granted->sequence;
}

/* The device went on before the token came: it is passed on as soon as it does. */
void ap_remember_successor(struct ap_client *client, const struct msg *m)
{
    bool answered = give_as_before(client, m);
    if (m->sequence <= client->sequence) {
        if (!answered)
            answer_notify(client, m->from, m->sequence, IAPP_STALE_MOVE, NULL);
        return;
    }
    if (client->successor.role != PARTY_NONE && m->sequence < client->successor_sequence)
        return;
    client->associated = false;
    client->successor = m->from;
    client->successor_sequence = m->sequence;
}

/* Whom it was given to may have been left and visited again before it came. If he has had it, nobody knows where it is now, and the
 * second answer refers him to himself. */
void ap_give_token_again(struct ap_client *client, const struct msg *m)
{
    if (!party_equal(m->from, client->next_ap) || !give_as_before(client, m))
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

void ap_adopt_token(struct ap_client *client, const struct msg *m)
{
    const struct iapp_context *token = m->token;
    if (!client->token_sequence && m->sequence < client->sequence && !client->claimed) {
        /* Meant for an earlier association, of which nothing is known: was it used up before a restart? */
        courier_settle_notify(&client->ap->courier, client->asked, client->mud);
        ap_claim(client);
        return;
    }
    courier_settle_notify(&client->ap->courier, client->asked, client->mud);
    ap_free_granted(client);
    client->token_sequence = m->sequence;
    ap_set_anchor(client, token->anchor_edge);
    if (!party_equal(client->anchor_edge, client->ap->edge))
        client->anchor_ap = token->anchor_ap;
    client->migration = token->migration > client->migration ? token->migration : client->migration;
    leave_undecided(client);
    adopt_log(client, token);
    if (client->successor.role != PARTY_NONE) {
        grant(client, client->successor, client->successor_sequence);
        ap_enter_state(client, AP_MOVED, AP_EV_TOKEN);
        return;
    }
    if (!has_anchor(token) && !client->claimed) {
        ap_claim(client);
        return;
    }
    if (!has_anchor(token)) {
        start_container(client, AP_EV_TOKEN);
        return;
    }
    tell_ready(client);
    if (!ap_follow(client, AP_EV_TOKEN))
        ap_enter_state(client, AP_SERVING, AP_EV_TOKEN);
    ap_release_held(client);
}

/* The device has long moved on, and whom we asked is nearer to it. */
void ap_give_up_token(struct ap_client *client, enum ap_event event)
{
    struct party successor = client->successor;
    replay_free(&client->log);
    client->associated = false;
    client->next_ap = client->asked;
    client->successor = (struct party){0};
    ap_enter_state(client, AP_MOVED, event);
    if (successor.role != PARTY_NONE)
        answer_notify(client, successor, client->successor_sequence, IAPP_STALE_MOVE, NULL);
}

/* Whom we asked does not have it: it knows who has, or the device has long moved on. */
void ap_ask_elsewhere(struct ap_client *client, const struct msg *m)
{
    if (!party_equal(m->from, client->asked) || m->status == IAPP_DENIED)
        return; /* the courier asks again */
    courier_settle_notify(&client->ap->courier, m->from, client->mud);
    client->referrals++;
    if (m->other.role == PARTY_AP)
        ask_for_token(client, m->other);
    else
        ap_give_up_token(client, AP_EV_NO_TOKEN);
}

void ap_attached(struct ap_client *client, const struct msg *m)
{
    if (!party_equal(m->from, client->anchor_edge) || m->offload.migration != 0)
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
