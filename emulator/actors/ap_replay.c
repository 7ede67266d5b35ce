/* While the container moves: requests are forwarded and copied (T6), the copies replayed to the new container (T7), until what is left
 * can be done within the hold. */
#include "ap.h"

#include <errno.h>

/* A copy whose digests from both containers are known must have the same. Returns false after a failure. */
bool ap_compare(struct ap_client *client, const struct replay_entry *entry)
{
    if (!entry->answered || !entry->replayed || entry->source_digest == entry->target_digest)
        return true;
    actor_note(&client->ap->actor, (int32_t)client->mud, (int32_t)client->migration,
               "request %u: the new container's digest %016llx differs from the old one's %016llx", entry->number,
               (unsigned long long)entry->target_digest, (unsigned long long)entry->source_digest);
    ap_fail(client, -EBADMSG, "a replayed request gave another digest");
    return false;
}

void ap_copy_request(struct ap_client *client, const struct msg *m)
{
    ap_forward(client, replay_add(&client->log, &m->offload));
    if (client->log.len > client->ap->actor.rules->replay_max)
        ap_fail(client, -ENOBUFS, "the replay log passed migration.replay_max");
    else if (client->state == AP_CATCHING_UP)
        ap_catch_up(client);
}

struct replay_entry *ap_take_answer(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = replay_find(&client->log, m->offload.number);
    if (entry && !entry->answered) {
        ap_measure_forwarding(client, entry, m);
        entry->answered = true;
        entry->source_digest = m->offload.digest;
    }
    ap_relay_to_mud(client, m);
    return entry;
}

void ap_copy_reply(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = ap_take_answer(client, m);
    if (!entry || !ap_compare(client, entry))
        return;
    if (client->sw.cut_known && entry->number < client->sw.cut)
        replay_drop(&client->log, entry->number);
    if (client->state == AP_CATCHING_UP)
        ap_catch_up(client);
}

void ap_fetch(struct ap_client *client)
{
    struct offload o = ap_control(client, OFFLOAD_FETCH);
    o.number = client->sw.cut;
    o.until = UINT32_MAX;
    client->sw.fetched = false;
    courier_send_offload(&client->ap->courier, client->anchor_edge, &o);
}

/* Fetching begins as soon as the cut is known: it has a round trip to make while the snapshot travels. What reaches the source by
 * another way later is found by the source's probe. */
void ap_take_cut(struct ap_client *client, const struct msg *m)
{
    if (client->sw.cut_known)
        return;
    client->sw.cut_known = true;
    client->sw.cut = client->sw.next_replay = m->offload.number;
    if (client->sw.cut > 0)
        replay_drop_through(&client->log, client->sw.cut - 1, true);
    ap_fetch(client);
}

/* --- T7: replay ------------------------------------------------------------------------------------------------ */

void ap_take_ready(struct ap_client *client, const struct msg *m)
{
    ap_take_cut(client, m);
    client->sw.replay_begin = client->sw.last_progress = actor_now(&client->ap->actor);
    ap_enter_state(client, AP_CATCHING_UP, AP_EV_READY);
    ap_catch_up(client);
}

void ap_take_logged(struct ap_client *client, const struct msg *m)
{
    if (m->offload.number < client->sw.cut)
        return;
    struct replay_entry *entry = replay_add(&client->log, &m->offload);
    entry->delivered = true;
    if (m->offload.flags & OFFLOAD_EXECUTED) {
        entry->answered = true;
        entry->source_digest = m->offload.digest;
        if (!ap_compare(client, entry))
            return;
    }
    ap_catch_up(client);
}

void ap_take_fetched(struct ap_client *client, const struct msg *m)
{
    (void)m;
    client->sw.fetched = true;
    ap_catch_up(client);
}

static void send_replay(struct ap_client *client, struct replay_entry *entry)
{
    struct offload o = replay_message(entry, OFFLOAD_REPLAY, client->mud, client->sequence);
    o.migration = client->migration;
    o.flags = 0;
    entry->replay_sent = true;
    actor_send_offload(&client->ap->actor, client->target, &o);
}

/* Copies that the new container has not executed yet. */
static uint32_t backlog(const struct ap_client *client)
{
    uint32_t count = 0;
    for (size_t i = 0; i < client->log.len; i++)
        count += client->log.entries[i].number >= client->sw.cut && !client->log.entries[i].replayed;
    return count;
}

/* In order, without gaps, at most a window at a time: the service holds no more. */
void ap_replay_what_is_there(struct ap_client *client)
{
    struct ap_switch *sw = &client->sw;
    uint32_t window = client->ap->actor.rules->window;
    struct replay_entry *entry;
    while (sw->next_replay - sw->cut < sw->replays + window && (entry = replay_find(&client->log, sw->next_replay)) &&
           entry->delivered) {
        sw->next_replay++;
        send_replay(client, entry);
    }
}

bool ap_source_still_serves(const struct ap_client *client)
{
    return strategy_source_serves(client->ap->actor.rules->strategy);
}

bool ap_replays(const struct ap_client *client)
{
    return strategy_has(client->ap->actor.rules->strategy, OP_REPLAY);
}

/* The target need not be the own edge. */
static struct simtime way_to_target(const struct ap_client *client)
{
    const struct placement_site *sites = client->ap->sites;
    return sites ? sites[client->target.index].rtt : SIMTIME_ZERO;
}

struct simtime ap_hold_limit(const struct ap_client *client)
{
    const struct rules *rules = client->ap->actor.rules;
    if (rules->hold_max.ns)
        return rules->hold_max;
    struct simtime way = simtime_max(client->forward_rtt_min, way_to_target(client));
    return simtime_add(simtime_scale(way, 2), simtime_scale(rules->work, 10));
}

/* What the snapshot holds has been executed: if its reply was lost, the device asks again, whoever serves it then. */
static bool replies_outstanding(const struct ap_client *client)
{
    for (size_t i = 0; i < client->log.len; i++) {
        const struct replay_entry *entry = &client->log.entries[i];
        if (entry->number >= client->sw.cut && entry->delivered && !entry->answered)
            return true;
    }
    return false;
}

static struct simtime time_to_replay(const struct ap_client *client)
{
    return simtime_scale(client->ap->actor.rules->work, ap_replays(client) ? backlog(client) : 0);
}

/* The last reply is as long on its way as the one before; without one, or from a source that is halted, only the probes are. */
static struct simtime predicted_hold(const struct ap_client *client)
{
    struct simtime to_target = way_to_target(client);
    if (!ap_source_still_serves(client))
        return simtime_max(client->forward_rtt_min, to_target);
    struct simtime to_source = replies_outstanding(client) ? client->forward_rtt : client->forward_rtt_min;
    return simtime_add(simtime_max(to_source, to_target), time_to_replay(client));
}

/* The way to the anchor is measured with the requests; before the first one the fetch is all that is known. */
void ap_catch_up(struct ap_client *client)
{
    uint32_t missing;
    if (client->state != AP_CATCHING_UP)
        return;
    if (ap_replays(client))
        ap_replay_what_is_there(client);
    if (!client->sw.fetched || replay_gap(&client->log, client->sw.cut, &missing))
        return;
    if (simtime_cmp(predicted_hold(client), ap_hold_limit(client)) <= 0)
        ap_begin_switch(client);
}

void ap_replay_again(struct ap_client *client)
{
    for (size_t i = 0; i < client->log.len; i++)
        if (client->log.entries[i].replay_sent && !client->log.entries[i].replayed)
            send_replay(client, &client->log.entries[i]);
}

/* Every control_retry: what was lost on the way to or from the new container or the source edge is asked for again. */
void ap_catch_up_tick(struct ap_client *client, const struct msg *m)
{
    const struct actor *actor = &client->ap->actor;
    uint32_t missing;
    (void)m;
    if (simtime_sub(actor_now(actor), client->sw.last_progress).ns > actor->rules->timeouts.control_give_up.ns) {
        ap_fail(client, -ETIMEDOUT, "nothing was replayed for timeouts.control_give_up_ms");
        return;
    }
    ap_replay_again(client);
    if (client->sw.fetched && replay_gap(&client->log, client->sw.cut, &missing))
        ap_fetch(client);
    ap_enter_state(client, AP_CATCHING_UP, AP_EV_TICK);
    ap_catch_up(client);
}

/* A replay log that is too long for a switch and no shorter after each of three windows than before it will never end. It need not
 * grow: the device waits for answers when its window is full. */
static bool falls_behind(struct ap_client *client)
{
    struct ap_switch *sw = &client->sw;
    if (++sw->replays % client->ap->actor.rules->window)
        return false;
    uint32_t now = backlog(client);
    bool hopeless = sw->last_backlog && now >= sw->last_backlog && time_to_replay(client).ns > ap_hold_limit(client).ns;
    sw->growths = hopeless ? sw->growths + 1 : 0;
    sw->last_backlog = now;
    return sw->growths >= 3;
}

void ap_take_replayed(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = replay_find(&client->log, m->offload.number);
    if (!entry || entry->replayed)
        return;
    client->sw.last_progress = actor_now(&client->ap->actor);
    entry->replayed = true;
    entry->target_digest = m->offload.digest;
    if (!ap_compare(client, entry))
        return;
    if (falls_behind(client))
        ap_fail(client, -EBUSY, "the replay log did not shrink over three windows: requests come faster than they are replayed");
    else if (client->state == AP_SWITCHING)
        ap_replay_what_is_there(client);
    else
        ap_catch_up(client);
}
