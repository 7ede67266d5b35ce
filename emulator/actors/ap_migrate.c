/* A migration as its decider sees it: asked of the anchor, called off, failed, tried again. */
#include "ap.h"

#include <errno.h>

bool ap_migration_runs(const struct ap_client *client)
{
    return client->state >= AP_MIGRATING && client->state <= AP_ACTIVATING;
}

struct offload ap_control(const struct ap_client *client, uint8_t type)
{
    return (struct offload){
        .type = type, .mud = client->mud, .sequence = client->sequence, .migration = client->migration};
}

struct party ap_choose_edge(const struct ap_client *client)
{
    const struct ap *ap = client->ap;
    bool anchored = client->anchor_edge.role != PARTY_NONE;
    struct policy_view view = {.rules = &ap->actor.rules->policy,
                               .sites = ap->sites,
                               .loads = ap->loads,
                               .x_m = ap->x_m,
                               .y_m = ap->y_m,
                               .mud = client->mud,
                               .own = ap->edge.index,
                               .anchor = anchored ? client->anchor_edge.index : PLACEMENT_NONE,
                               .round_trip = client->forward_rtt_mean};
    return party_edge(policy_decide(&view));
}

static void ask_to_migrate(struct ap_client *client)
{
    struct offload o = ap_control(client, OFFLOAD_MIGRATE);
    o.until = client->token_sequence;
    o.peer = client->target;
    courier_send_offload(&client->ap->courier, client->anchor_edge, &o);
}

static void begin_migration(struct ap_client *client, enum ap_event event)
{
    client->migration++;
    client->judged = true;
    client->failure = 0;
    client->sw = (struct ap_switch){0};
    for (size_t i = 0; i < client->log.len; i++)
        client->log.entries[i].replay_sent = client->log.entries[i].replayed = false;
    ap_enter_state(client, AP_MIGRATING, event);
    ask_to_migrate(client);
}

/* MIGRATE is repeated now and then: its acknowledgement says that the source is still there. */
void ap_look_after_source(struct ap_client *client, const struct msg *m)
{
    (void)m;
    ask_to_migrate(client);
    ap_enter_state(client, AP_MIGRATING, AP_EV_TICK);
}

bool ap_follow(struct ap_client *client, enum ap_event event)
{
    struct party target = ap_choose_edge(client);
    if (!client->ap->actor.rules->strategy->migrates || party_equal(target, client->anchor_edge))
        return false;
    client->target = target;
    client->delegated = false;
    begin_migration(client, event);
    return true;
}

void ap_drop_questions(struct ap_client *client)
{
    static const uint8_t asked[] = {OFFLOAD_MIGRATE, OFFLOAD_FETCH, OFFLOAD_PROBE, OFFLOAD_ACTIVATE};
    for (unsigned i = 0; i < sizeof asked; i++)
        courier_drop(&client->ap->courier, asked[i], client->mud, client->migration);
}

void ap_remove_at_target(struct ap_client *client, const struct msg *cancel)
{
    struct offload o = {.type = OFFLOAD_REMOVE,
                        .mud = client->mud,
                        .sequence = cancel->offload.sequence,
                        .migration = cancel->offload.migration};
    courier_send_offload(&client->ap->courier, cancel->offload.peer, &o);
}

void ap_call_off(struct ap_client *client, int32_t status)
{
    ap_drop_questions(client);
    struct offload o = ap_control(client, OFFLOAD_CANCEL);
    o.status = status;
    o.peer = client->target;
    courier_send_offload(&client->ap->courier, client->anchor_edge, &o);
}

/* Back to the anchor, which never stopped serving; held requests go there. */
static void return_to_anchor(struct ap_client *client, int32_t status)
{
    const struct rules *rules = client->ap->actor.rules;
    client->failure = status;
    ap_enter_state(client, AP_SERVING, AP_EV_FAILED);
    replay_drop_through(&client->log, UINT32_MAX, true);
    ap_release_held(client);
    client->retry_pending = client->retries < rules->retries;
    if (client->retry_pending)
        actor_set_alarm(&client->ap->actor, &client->alarm, rules->timeouts.migration_retry);
}

void ap_fail(struct ap_client *client, int32_t status, const char *why)
{
    actor_note(&client->ap->actor, (int32_t)client->mud, (int32_t)client->migration, "migration failed: %s", why);
    ap_call_off(client, status);
    return_to_anchor(client, status);
}

/* Whoever failed, the source edge hears the verdict; if it has ended the migration itself, it only acknowledges. */
void ap_migration_failed(struct ap_client *client, const struct msg *m)
{
    ap_call_off(client, m->offload.status);
    return_to_anchor(client, m->offload.status);
}

void ap_retry_migration(struct ap_client *client, const struct msg *m)
{
    (void)m;
    client->retries++;
    if (!client->delegated)
        client->target = ap_choose_edge(client);
    client->retry_pending = false;
    if (!party_equal(client->target, client->anchor_edge))
        begin_migration(client, AP_EV_TICK);
}

void ap_acknowledge(struct ap_client *client, const struct msg *m)
{
    courier_acknowledge(&client->ap->actor, m);
}

/* Asked by the anchor; a former one may ask late. */
void ap_delegate(struct ap_client *client, const struct msg *m)
{
    struct party to = m->offload.peer;
    ap_acknowledge(client, m);
    if ((m->from.role == PARTY_EDGE && !party_equal(m->from, client->anchor_edge)) || party_equal(to, client->anchor_edge))
        return;
    if (!client->ap->actor.rules->strategy->migrates) {
        actor_note(&client->ap->actor, (int32_t)client->mud, -1, "cannot be delegated: strategy none does not migrate");
        return;
    }
    client->target = to;
    client->delegated = true;
    client->retries = 0;
    begin_migration(client, AP_EV_DELEGATE);
}

void ap_delegate_elsewhere(struct ap_client *client, const struct msg *m)
{
    struct offload o = m->offload;
    ap_acknowledge(client, m);
    if (client->next_ap.role == PARTY_AP)
        courier_send_offload(&client->ap->courier, client->next_ap, &o);
}
