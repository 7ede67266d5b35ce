/* The switch (T8): new requests are held, both containers probed, the new one told to serve; its answer is the commit. */
#include "ap.h"

#include <errno.h>


void ap_report_stage(struct ap_client *client, enum operation operation, struct simtime begin)
{
    struct report r = report_of_stage(client->ap->actor.self, operation, client->mud, client->migration, begin);
    client->ap->actor.port->operations->report(client->ap->actor.port, &r);
}

static bool gives_up_state(const struct ap_client *client)
{
    return client->ap->actor.rules->strategy->gives_up & STATE_MIGRATES;
}

/* A checksum over it would wait for every page. */
static bool memory_comes_later(const struct ap_client *client)
{
    return strategy_is_lazy(client->ap->actor.rules->strategy);
}

static void probe(struct ap_client *client, struct party edge)
{
    struct offload o = ap_control(client, OFFLOAD_PROBE);
    o.number = o.until = client->sw.last;
    if (party_equal(edge, client->target))
        o.flags = (gives_up_state(client) ? OFFLOAD_ANEW : 0) | (memory_comes_later(client) ? OFFLOAD_BRIEF : 0);
    courier_send_offload(&client->ap->courier, edge, &o);
}

void ap_begin_switch(struct ap_client *client)
{
    struct ap_switch *sw = &client->sw;
    uint32_t next = (uint32_t)(replay_last(&client->log) + 1);
    sw->last = ap_source_still_serves(client) && next > sw->cut ? next : sw->cut;
    sw->hold_begin = actor_now(&client->ap->actor);
    if (ap_replays(client))
        ap_report_stage(client, OP_REPLAY, sw->replay_begin);
    ap_enter_state(client, AP_SWITCHING, AP_EV_REPLAYED);
    probe(client, client->anchor_edge);
    probe(client, client->target);
}

/* A resend of what the source has, or shall have, goes there; what is new waits for the switch. */
void ap_hold_in_switch(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = replay_add(&client->log, &m->offload);
    if (m->offload.number < client->sw.last)
        ap_forward(client, entry);
}

void ap_reply_in_switch(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = ap_take_answer(client, m);
    if (entry)
        ap_compare(client, entry);
}

static void take_probe(struct ap_probe *probe, const struct offload *o)
{
    *probe = (struct ap_probe){true, o->number, o->digest, o->checksum};
}

static bool agree(const struct ap_client *client)
{
    const struct ap_probe *source = &client->sw.source, *target = &client->sw.target;
    bool same = source->chain == target->chain && (source->checksum == target->checksum || memory_comes_later(client));
    return source->next == target->next && (same || gives_up_state(client));
}

/* The source has executed requests that never came this way: they are fetched and replayed before another try. */
static void catch_up_again(struct ap_client *client)
{
    client->sw.source = client->sw.target = (struct ap_probe){0};
    courier_drop(&client->ap->courier, OFFLOAD_PROBE, client->mud, client->migration);
    ap_enter_state(client, AP_CATCHING_UP, AP_EV_PROBED);
    ap_release_held(client);
    ap_fetch(client);
}

void ap_take_probed(struct ap_client *client, const struct msg *m)
{
    struct ap_switch *sw = &client->sw;
    if (m->offload.until != sw->last)
        return; /* of an earlier try */
    courier_settle(&client->ap->courier, m->from, OFFLOAD_PROBE, client->mud, client->migration);
    take_probe(party_equal(m->from, client->anchor_edge) ? &sw->source : &sw->target, &m->offload);
    if (sw->source.known && sw->source.next > sw->last) {
        catch_up_again(client);
        return;
    }
    if (!sw->source.known || !sw->target.known)
        return;
    if (!agree(client)) {
        ap_fail(client, -EBADMSG, "the probes of the two containers differ");
        return;
    }
    ap_enter_state(client, AP_ACTIVATING, AP_EV_PROBED);
    struct offload activate = ap_control(client, OFFLOAD_ACTIVATE);
    courier_send_offload(&client->ap->courier, client->target, &activate);
}

/* What the new container has executed is dropped if answered; what it has not is its to execute now. */
static void hand_log_to_target(struct ap_client *client)
{
    if (client->sw.target.next > 0)
        replay_drop_through(&client->log, client->sw.target.next - 1, true);
    for (size_t i = 0; i < client->log.len; i++)
        if (client->log.entries[i].number >= client->sw.target.next)
            client->log.entries[i].delivered = false;
}

void ap_commit(struct ap_client *client, const struct msg *m)
{
    struct ap *ap = client->ap;
    struct party source = client->anchor_edge;
    (void)m;
    ap_drop_questions(client);
    actor_mark(&ap->actor, client->mud, client->migration, client->target, "migr finished", client->sw.replays);
    ap_report_stage(client, OP_SWITCH, client->sw.hold_begin);
    struct offload stop = ap_control(client, OFFLOAD_STOP);
    ap_set_anchor(client, client->target);
    client->retries = 0;
    hand_log_to_target(client);
    ap_enter_state(client, AP_SERVING, AP_EV_ACTIVATED);
    ap_release_held(client);
    courier_send_offload(&ap->courier, source, &stop);
}

/* The source's probe waits for every request below sw.last. */
static void forward_again(struct ap_client *client)
{
    for (size_t i = 0; i < client->log.len; i++) {
        struct replay_entry *entry = &client->log.entries[i];
        if (entry->number < client->sw.last && !entry->answered)
            ap_forward(client, entry);
    }
}

/* Every control_retry: what was lost is sent again, and a hold that lasts far longer than predicted is ended. */
void ap_switch_tick(struct ap_client *client, const struct msg *m)
{
    struct actor *actor = &client->ap->actor;
    struct simtime held = simtime_sub(actor_now(actor), client->sw.hold_begin);
    struct simtime patience = simtime_max(simtime_scale(ap_hold_limit(client), 4), simtime_scale(actor->rules->timeouts.control_retry, 3));
    (void)m;
    if (held.ns > patience.ns) {
        ap_fail(client, -ETIMEDOUT, "the switch did not end in time");
        return;
    }
    ap_replay_again(client);
    if (client->state == AP_SWITCHING)
        forward_again(client);
    ap_enter_state(client, client->state, AP_EV_TICK);
}
