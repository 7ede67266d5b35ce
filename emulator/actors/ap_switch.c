/* What the token's holder does to bring the container after the device: asks the anchor to migrate, copies requests
 * while they are forwarded (T6), replays the copies to the new container (T7), holds, probes, and commits (T8). */
#include "ap.h"

#include <errno.h>

bool ap_migration_runs(const struct ap_client *client)
{
    return client->state >= AP_MIGRATING && client->state <= AP_ACTIVATING;
}

static struct offload control(const struct ap_client *client, uint8_t type)
{
    return (struct offload){
        .type = type, .mud = client->mud, .sequence = client->sequence, .migration = client->migration};
}

void ap_begin_migration(struct ap_client *client, enum ap_event event)
{
    client->migration++;
    client->sw = (struct ap_switch){0};
    for (size_t i = 0; i < client->log.len; i++)
        client->log.entries[i].replay_sent = client->log.entries[i].replayed = false;
    ap_enter_state(client, AP_MIGRATING, event);
    struct offload o = control(client, OFFLOAD_MIGRATE);
    o.peer = client->ap->edge;
    courier_send_offload(&client->ap->courier, client->anchor_edge, &o);
}

void ap_call_off(struct ap_client *client, int32_t status)
{
    static const uint8_t asked[] = {OFFLOAD_MIGRATE, OFFLOAD_FETCH, OFFLOAD_PROBE, OFFLOAD_ACTIVATE};
    for (unsigned i = 0; i < sizeof asked; i++)
        courier_drop(&client->ap->courier, asked[i], client->mud, client->migration);
    struct offload o = control(client, OFFLOAD_CANCEL);
    o.status = status;
    courier_send_offload(&client->ap->courier, client->anchor_edge, &o);
}

/* Back to the anchor, which never stopped serving; held requests go there. */
static void return_to_anchor(struct ap_client *client)
{
    const struct rules *rules = client->ap->actor.rules;
    ap_enter_state(client, AP_SERVING, AP_EV_FAILED);
    replay_drop_through(&client->log, UINT32_MAX, true);
    ap_release_held(client);
    client->retry_pending = client->retries < rules->retries;
    if (client->retry_pending)
        actor_set_alarm(&client->ap->actor, &client->alarm, rules->timeouts.migration_retry);
}

static void fail(struct ap_client *client, int32_t status, const char *why)
{
    actor_note(&client->ap->actor, (int32_t)client->mud, (int32_t)client->migration, "migration failed: %s", why);
    ap_call_off(client, status);
    return_to_anchor(client);
}

/* Whoever failed, the source edge hears the verdict; if it has ended the migration itself, it only acknowledges. */
void ap_migration_failed(struct ap_client *client, const struct msg *m)
{
    ap_call_off(client, m->offload.status);
    return_to_anchor(client);
}

void ap_retry_migration(struct ap_client *client, const struct msg *m)
{
    (void)m;
    client->retries++;
    ap_begin_migration(client, AP_EV_TICK);
}

/* --- T6: forward and keep a copy --------------------------------------------------------------------------------------- */

static void catch_up(struct ap_client *client);

/* A copy whose digests from both containers are known must have the same. Returns false after a failure. */
static bool compare(struct ap_client *client, const struct replay_entry *entry)
{
    if (!entry->answered || !entry->replayed || entry->source_digest == entry->target_digest)
        return true;
    actor_note(&client->ap->actor, (int32_t)client->mud, (int32_t)client->migration,
               "request %u: the new container's digest %016llx differs from the old one's %016llx", entry->number,
               (unsigned long long)entry->target_digest, (unsigned long long)entry->source_digest);
    fail(client, -EBADMSG, "a replayed request gave another digest");
    return false;
}

void ap_copy_request(struct ap_client *client, const struct msg *m)
{
    ap_forward(client, replay_add(&client->log, &m->offload));
    if (client->log.len > client->ap->actor.rules->replay_max)
        fail(client, -ENOBUFS, "the replay log passed migration.replay_max");
    else if (client->state == AP_CATCHING_UP)
        catch_up(client);
}

static struct replay_entry *take_answer(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = replay_find(&client->log, m->offload.number);
    if (entry && !entry->answered) {
        ap_measure_forwarding(client, entry);
        entry->answered = true;
        entry->source_digest = m->offload.digest;
    }
    ap_relay_to_mud(client, m);
    return entry;
}

void ap_copy_reply(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = take_answer(client, m);
    if (!entry || !compare(client, entry))
        return;
    if (client->sw.cut_known && entry->number < client->sw.cut)
        replay_drop(&client->log, entry->number);
    if (client->state == AP_CATCHING_UP)
        catch_up(client);
}

static void fetch(struct ap_client *client)
{
    struct offload o = control(client, OFFLOAD_FETCH);
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
    fetch(client);
}

/* --- T7: replay --------------------------------------------------------------------------------------------------------- */

void ap_take_ready(struct ap_client *client, const struct msg *m)
{
    ap_take_cut(client, m);
    client->sw.replay_begin = client->sw.last_progress = actor_now(&client->ap->actor);
    ap_enter_state(client, AP_CATCHING_UP, AP_EV_READY);
    catch_up(client);
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
        if (!compare(client, entry))
            return;
    }
    catch_up(client);
}

void ap_take_fetched(struct ap_client *client, const struct msg *m)
{
    (void)m;
    client->sw.fetched = true;
    catch_up(client);
}

static void send_replay(struct ap_client *client, struct replay_entry *entry)
{
    struct offload o = replay_message(entry, OFFLOAD_REPLAY, client->mud, client->sequence);
    o.migration = client->migration;
    o.flags = 0;
    entry->replay_sent = true;
    actor_send_offload(&client->ap->actor, client->ap->edge, &o);
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
static void replay_what_is_there(struct ap_client *client)
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

static bool source_still_serves(const struct ap_client *client)
{
    return strategy_has(client->ap->actor.rules->strategy, OP_REPLAY);
}

static struct simtime hold_limit(const struct ap_client *client)
{
    const struct rules *rules = client->ap->actor.rules;
    if (rules->hold_max.ns)
        return rules->hold_max;
    return simtime_add(simtime_scale(client->forward_rtt_min, 2), simtime_scale(rules->work, 10));
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
    return simtime_scale(client->ap->actor.rules->work, backlog(client));
}

/* The last reply is as long on its way as the one before; without one, or from a source that is halted, only the probes are. */
static struct simtime predicted_hold(const struct ap_client *client)
{
    if (!source_still_serves(client))
        return client->forward_rtt_min;
    return simtime_add(replies_outstanding(client) ? client->forward_rtt : client->forward_rtt_min, time_to_replay(client));
}

static void probe(struct ap_client *client, struct party edge)
{
    struct offload o = control(client, OFFLOAD_PROBE);
    o.number = o.until = client->sw.last;
    courier_send_offload(&client->ap->courier, edge, &o);
}

static void report_stage(struct ap_client *client, enum operation operation, struct simtime begin)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_STAGE;
    r.reporter = client->ap->actor.self;
    r.text = operation_name(operation);
    r.mud = (int32_t)client->mud;
    r.migration = (int32_t)client->migration;
    r.begin = begin;
    client->ap->actor.port->operations->report(client->ap->actor.port, &r);
}

static void begin_switch(struct ap_client *client)
{
    struct ap_switch *sw = &client->sw;
    uint32_t next = (uint32_t)(replay_last(&client->log) + 1);
    sw->last = source_still_serves(client) && next > sw->cut ? next : sw->cut;
    sw->hold_begin = actor_now(&client->ap->actor);
    if (source_still_serves(client))
        report_stage(client, OP_REPLAY, sw->replay_begin);
    ap_enter_state(client, AP_SWITCHING, AP_EV_REPLAYED);
    probe(client, client->anchor_edge);
    probe(client, client->ap->edge);
}

/* The way to the anchor is measured with the requests; before the first one the fetch is all that is known. */
static void catch_up(struct ap_client *client)
{
    uint32_t missing;
    if (client->state != AP_CATCHING_UP)
        return;
    if (source_still_serves(client))
        replay_what_is_there(client);
    if (!client->sw.fetched || replay_gap(&client->log, client->sw.cut, &missing))
        return;
    if (simtime_cmp(predicted_hold(client), hold_limit(client)) <= 0)
        begin_switch(client);
}

static void replay_again(struct ap_client *client)
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
        fail(client, -ETIMEDOUT, "nothing was replayed for timeouts.control_give_up_ms");
        return;
    }
    replay_again(client);
    if (client->sw.fetched && replay_gap(&client->log, client->sw.cut, &missing))
        fetch(client);
    ap_enter_state(client, AP_CATCHING_UP, AP_EV_TICK);
    catch_up(client);
}

/* A replay log that is too long for a switch and no shorter after each of three windows than before it will never end. It need not
 * grow: the device waits for answers when its window is full. */
static bool falls_behind(struct ap_client *client)
{
    struct ap_switch *sw = &client->sw;
    if (++sw->replays % client->ap->actor.rules->window)
        return false;
    uint32_t now = backlog(client);
    bool hopeless = sw->last_backlog && now >= sw->last_backlog && time_to_replay(client).ns > hold_limit(client).ns;
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
    if (!compare(client, entry))
        return;
    if (falls_behind(client))
        fail(client, -EBUSY, "the replay log did not shrink over three windows: requests come faster than they are replayed");
    else if (client->state == AP_SWITCHING)
        replay_what_is_there(client);
    else
        catch_up(client);
}

/* --- T8: hold, probe, commit ---------------------------------------------------------------------------------------------- */

/* A resend of what the source has, or shall have, goes there; what is new waits for the switch. */
void ap_hold_in_switch(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = replay_add(&client->log, &m->offload);
    if (m->offload.number < client->sw.last)
        ap_forward(client, entry);
}

void ap_reply_in_switch(struct ap_client *client, const struct msg *m)
{
    struct replay_entry *entry = take_answer(client, m);
    if (entry)
        compare(client, entry);
}

static void take_probe(struct ap_probe *probe, const struct offload *o)
{
    *probe = (struct ap_probe){true, o->number, o->digest, o->checksum};
}

/* The source has executed requests that never came this way: they are fetched and replayed before another try. */
static void catch_up_again(struct ap_client *client)
{
    client->sw.source = client->sw.target = (struct ap_probe){0};
    courier_drop(&client->ap->courier, OFFLOAD_PROBE, client->mud, client->migration);
    ap_enter_state(client, AP_CATCHING_UP, AP_EV_PROBED);
    ap_release_held(client);
    fetch(client);
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
    if (sw->source.next != sw->target.next || sw->source.chain != sw->target.chain ||
        sw->source.checksum != sw->target.checksum) {
        fail(client, -EBADMSG, "the probes of the two containers differ");
        return;
    }
    ap_enter_state(client, AP_ACTIVATING, AP_EV_PROBED);
    struct offload activate = control(client, OFFLOAD_ACTIVATE);
    courier_send_offload(&client->ap->courier, client->ap->edge, &activate);
}

static void report_finished(struct ap_client *client, struct party from)
{
    struct report r = REPORT_INIT;
    r.kind = EVENT_MIGRATION;
    r.reporter = client->ap->actor.self;
    r.text = "finished";
    r.sender = from;
    r.peer = client->ap->edge;
    r.mud = (int32_t)client->mud;
    r.migration = (int32_t)client->migration;
    r.value = client->sw.replays;
    client->ap->actor.port->operations->report(client->ap->actor.port, &r);
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
    actor_mark(&ap->actor, client->mud, client->migration, ap->edge, "migr finished");
    report_stage(client, OP_SWITCH, client->sw.hold_begin);
    report_finished(client, source);
    struct offload stop = control(client, OFFLOAD_STOP);
    client->anchor_edge = ap->edge;
    client->anchor_ap = ap->actor.self;
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
    struct simtime patience = simtime_max(simtime_scale(hold_limit(client), 4), simtime_scale(actor->rules->timeouts.control_retry, 3));
    (void)m;
    if (held.ns > patience.ns) {
        fail(client, -ETIMEDOUT, "the switch did not end in time");
        return;
    }
    replay_again(client);
    if (client->state == AP_SWITCHING)
        forward_again(client);
    ap_enter_state(client, client->state, AP_EV_TICK);
}
