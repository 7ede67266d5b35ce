#include "ap.h"
#include "mem.h"

#include <stdlib.h>

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
    [AP_EV_DELEGATE] = "delegate",
    [AP_EV_OWNED] = "owned",
};

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
            [AP_EV_REPLY] = nothing, /* here and below: of a time before a restart */
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_BYE] = nothing,
            [AP_EV_OWNED] = nothing,
            [AP_EV_ASSOCIATE] = ap_attach,
            [AP_EV_REASSOCIATE] = ap_reassociate,
            [AP_EV_DISASSOCIATE] = nothing,
            [AP_EV_MOVE_NOTIFY] = ap_give_token,
            [AP_EV_DELEGATE] = nothing,
        },
    [AP_ATTACHING] =
        {
            [AP_EV_OWNED] = ap_anchor_is_empty,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_remember_successor,
            [AP_EV_REQUEST] = ap_hold_request,
            [AP_EV_ATTACHED] = ap_attached,
            [AP_EV_BYE] = nothing,
            [AP_EV_DELEGATE] = nothing,
        },
    [AP_AWAITING_TOKEN] =
        {
            [AP_EV_OWNED] = ap_take_owned,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_remember_successor,
            [AP_EV_TOKEN] = ap_adopt_token,
            [AP_EV_NO_TOKEN] = ap_ask_elsewhere,
            [AP_EV_REQUEST] = ap_hold_request,
            [AP_EV_REPLY] = ap_reply_before_token,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_BYE] = nothing,
            [AP_EV_DELEGATE] = nothing,
        },
    [AP_SERVING] =
        {
            [AP_EV_OWNED] = ap_anchor_is_empty,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_give_token,
            [AP_EV_REQUEST] = ap_serve_request,
            [AP_EV_REPLY] = ap_serve_reply,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_TICK] = ap_retry_migration,
            [AP_EV_BYE] = ap_bye,
            [AP_EV_DELEGATE] = ap_delegate,
        },
    [AP_MIGRATING] =
        {
            [AP_EV_OWNED] = nothing,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_call_off_and_give_token,
            [AP_EV_REQUEST] = ap_copy_request,
            [AP_EV_REPLY] = ap_copy_reply,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_CUT] = ap_take_cut,
            [AP_EV_LOGGED] = ap_take_logged,
            [AP_EV_FETCHED] = ap_take_fetched,
            [AP_EV_READY] = ap_take_ready,
            [AP_EV_FAILED] = ap_migration_failed,
            [AP_EV_TICK] = ap_look_after_source,
            [AP_EV_BYE] = ap_bye,
            [AP_EV_DELEGATE] = ap_acknowledge,
        },
    [AP_CATCHING_UP] =
        {
            [AP_EV_OWNED] = nothing,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_call_off_and_give_token,
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
            [AP_EV_BYE] = ap_bye,
            [AP_EV_DELEGATE] = ap_acknowledge,
        },
    [AP_SWITCHING] =
        {
            [AP_EV_OWNED] = nothing,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_call_off_and_give_token,
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
            [AP_EV_BYE] = ap_bye,
            [AP_EV_DELEGATE] = ap_acknowledge,
        },
    [AP_ACTIVATING] =
        {
            [AP_EV_OWNED] = nothing,
            [AP_EV_ASSOCIATE] = ap_associate_again,
            [AP_EV_REASSOCIATE] = ap_associate_again,
            [AP_EV_DISASSOCIATE] = ap_disassociate,
            [AP_EV_MOVE_NOTIFY] = ap_call_off_and_give_token,
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
            [AP_EV_BYE] = ap_bye,
            [AP_EV_DELEGATE] = ap_acknowledge,
        },
    [AP_MOVED] =
        {
            [AP_EV_OWNED] = nothing,
            [AP_EV_ASSOCIATE] = ap_reassociate,
            [AP_EV_REASSOCIATE] = ap_reassociate,
            [AP_EV_DISASSOCIATE] = nothing,
            [AP_EV_MOVE_NOTIFY] = ap_give_token_again,
            [AP_EV_REPLY] = ap_send_after_token,
            [AP_EV_ATTACHED] = nothing,
            [AP_EV_BYE] = nothing,
            [AP_EV_DELEGATE] = ap_delegate_elsewhere,
        },
};

void ap_enter_state(struct ap_client *client, enum ap_state state, enum ap_event event)
{
    struct actor *actor = &client->ap->actor;
    if (client->state != state)
        actor_report_transition(actor, client->mud, state_names[client->state], state_names[state], event_names[event]);
    client->state = state;
    if (state != AP_AWAITING_TOKEN)
        ap_end_claim(client);
    client->retry_pending = false;
    actor_clear_alarm(actor, &client->alarm);
    switch (state) {
    case AP_CATCHING_UP:
    case AP_SWITCHING:
    case AP_ACTIVATING:
        actor_set_alarm(actor, &client->alarm, actor->rules->timeouts.control_retry);
        break;
    case AP_MIGRATING:
        actor_set_alarm(actor, &client->alarm, simtime_scale(actor->rules->timeouts.control_give_up, 2));
        break;
    case AP_ABSENT:
    case AP_ATTACHING:
    case AP_AWAITING_TOKEN:
    case AP_SERVING:
    case AP_MOVED:
    case AP_STATES:
        break;
    }
}

/* Answers that come after their question is settled: of a migration that was called off, of a token that was here before. */
static bool is_stale(const struct ap_client *client, enum ap_event event, const struct msg *m)
{
    if (event == AP_EV_TOKEN && client->claim)
        return true; /* what the edges say is newer */
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

/* --- its devices ------------------------------------------------------------------------------------------------------------ */

static void alarm_rings(struct alarm *alarm)
{
    ap_handle(container_of(alarm, struct ap_client, alarm), AP_EV_TICK, NULL);
}

struct ap_client *ap_client_of(struct ap *ap, uint32_t mud)
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

/* What must reach the other side is asked again; what only a migration wanted fails it. How long a switch may wait for an answer says the
 * hold's limit alone: a container answers a probe behind all that it has to replay. */
static void gave_up(struct courier *courier, const struct msg *m)
{
    struct ap *ap = container_of(courier, struct ap, courier);
    struct ap_client *client = ap_client_of(ap, m->mud);
    uint8_t type = m->offload.type;
    bool of_migration = m->type == MSG_OFFLOAD && (type == OFFLOAD_MIGRATE || type == OFFLOAD_FETCH);
    char text[64];
    msg_text(m, text, sizeof text);
    actor_note(&ap->actor, (int32_t)m->mud, (int32_t)m->offload.migration, "no answer to %s", text);
    if (m->type == MSG_OFFLOAD && type == OFFLOAD_CANCEL && m->offload.peer.role == PARTY_EDGE)
        ap_remove_at_target(client, m);
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
        ap_free_granted(client);
        ap_end_claim(client);
        free(client);
    }
    map_free(&ap->clients);
    free(ap->loads);
    courier_free(&ap->courier);
}
