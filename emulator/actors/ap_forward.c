/* The packet forwarder: requests on their way to the anchor, replies on their way to the device, wherever both have moved. */
#include "ap.h"

enum { HOPS = 8 }; /* forwards that a message may still make; more means that two APs point at each other */

void ap_forward(struct ap_client *client, struct replay_entry *entry)
{
    struct ap *ap = client->ap;
    struct offload o = replay_message(entry, OFFLOAD_REQUEST, client->mud, client->sequence);
    o.hops = HOPS;
    o.flags = 0;
    o.digest = 0;
    o.peer = ap->actor.self;
    o.until = client->token_sequence;
    entry->delivered_again |= entry->delivered;
    entry->delivered = true;
    entry->delivered_at = actor_now(&ap->actor);
    bool through_ap = client->anchor_ap.role != PARTY_NONE && !party_equal(client->anchor_ap, ap->actor.self);
    actor_send_offload(&ap->actor, through_ap ? client->anchor_ap : client->anchor_edge, &o);
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

void ap_hold_request(struct ap_client *client, const struct msg *m)
{
    log_request(client, m);
}

void ap_serve_request(struct ap_client *client, const struct msg *m)
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

/* Karn's rule: what was sent twice, or by another access point before, gives no sample. */
void ap_measure_forwarding(struct ap_client *client, const struct replay_entry *entry, const struct msg *reply)
{
    bool own = party_equal(reply->offload.peer, client->ap->actor.self);
    if (!entry->delivered || entry->delivered_again || !own)
        return;
    struct simtime rtt = simtime_sub(actor_now(&client->ap->actor), entry->delivered_at);
    client->forward_rtt = rtt;
    if (client->forward_rtt_min.ns == 0 || rtt.ns < client->forward_rtt_min.ns)
        client->forward_rtt_min = rtt;
    int64_t mean = client->forward_rtt_mean.ns;
    client->forward_rtt_mean.ns = mean ? mean + (rtt.ns - mean) / 8 : rtt.ns;
}

void ap_serve_reply(struct ap_client *client, const struct msg *m)
{
    const struct replay_entry *entry = replay_find(&client->log, m->offload.number);
    if (entry)
        ap_measure_forwarding(client, entry, m);
    replay_drop(&client->log, m->offload.number);
    ap_relay_to_mud(client, m);
    if (client->ap->actor.rules->policy.when->watches && client->associated && !client->judged)
        ap_follow(client, AP_EV_REPLY);
}

void ap_reply_before_token(struct ap_client *client, const struct msg *m)
{
    replay_drop(&client->log, m->offload.number);
    ap_relay_to_mud(client, m);
}

/* Reply and request that reach an AP without the token go after it, as far as the hop limit allows. */
void ap_send_after_token(struct ap_client *client, const struct msg *m)
{
    struct offload o = m->offload;
    if (client->next_ap.role != PARTY_AP)
        return; /* unknown; the device asks again */
    if (o.hops == 0) {
        actor_note(&client->ap->actor, (int32_t)client->mud, -1, "dropped %s %u: hop limit reached",
                   offload_type_name(o.type), o.number);
        return;
    }
    o.hops--;
    actor_send_offload(&client->ap->actor, client->next_ap, &o);
}

void ap_bye(struct ap_client *client, const struct msg *m)
{
    struct offload o = m->offload;
    actor_send_offload(&client->ap->actor, client->anchor_edge, &o);
}

/* A request that another AP forwards, because this one is wired to the anchor: passed on without a look at any state. */
void ap_pass_to_edge(struct ap *ap, const struct msg *m)
{
    struct offload o = m->offload;
    if (o.hops == 0)
        return;
    o.hops--;
    actor_send_offload(&ap->actor, ap->edge, &o);
}

/* A reply that the edge owes another AP: the one that forwarded the request. */
void ap_pass_to_forwarder(struct ap *ap, const struct msg *m)
{
    struct offload o = m->offload;
    actor_send_offload(&ap->actor, o.peer, &o);
}
