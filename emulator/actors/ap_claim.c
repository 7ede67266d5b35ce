/* A device whose token is nowhere, because an access point that held it has restarted: the edge servers know where its container is. They
 * are all asked; from then on they refuse whoever speaks of an older association. */
#include "ap.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>

struct ap_claim {
    uint32_t waiting;        /* edges that have not answered */
    uint32_t migration;      /* the highest number any of them knows */
    struct offload *answers; /* owned, by edge; type 0 = none yet */
};

void ap_end_claim(struct ap_client *client)
{
    if (client->claim)
        free(client->claim->answers);
    free(client->claim);
    client->claim = NULL;
}

/* Where there is no path the container has never been. */
static bool reaches(const struct ap *ap, uint32_t edge)
{
    const struct rules *rules = ap->actor.rules;
    return !rules->reach || rules->reach[ap->host * rules->edges + edge];
}

void ap_claim(struct ap_client *client)
{
    uint32_t edges = client->ap->actor.rules->edges;
    ap_end_claim(client);
    struct ap_claim *claim = client->claim = mem_alloc(sizeof *client->claim);
    claim->answers = mem_alloc_array(edges, sizeof *claim->answers);
    client->asked = client->ap->actor.self;
    for (uint32_t i = 0; i < edges; i++) {
        struct offload o = {.type = OFFLOAD_CLAIM, .mud = client->mud, .sequence = client->sequence};
        claim->answers[i].status = -ENOENT;
        if (!reaches(client->ap, i))
            continue;
        claim->waiting++;
        courier_send_offload(&client->ap->courier, party_edge(i), &o);
    }
}

/* Of two that are live, because one took over from the other and neither was stopped, the one that has executed more has served since.
 * One that was lost may have served since what it took over from. */
static bool is_better(const struct offload *a, const struct offload *b)
{
    if (a->status || b->status)
        return a->until > b->until || (a->until == b->until && a->status == 0);
    return a->number > b->number || (a->number == b->number && a->until > b->until);
}

/* The edge where the container is, or was lost; PARTY_NONE: there is none. */
static struct party choose_anchor(const struct ap_client *client)
{
    const struct offload *answers = client->claim->answers, *best = NULL;
    for (uint32_t i = 0; i < client->ap->actor.rules->edges; i++)
        if (answers[i].status != -ENOENT && (!best || is_better(&answers[i], best)))
            best = &answers[i];
    return best ? party_edge((uint32_t)(best - answers)) : (struct party){0};
}

static void disown(struct ap_client *client, struct party who)
{
    struct msg notify = {.type = MSG_MOVE_NOTIFY, .to = who, .mud = client->mud, .sequence = client->sequence};
    client->disowned = who;
    courier_send(&client->ap->courier, &notify);
}

/* Whoever holds an older token learns that it is worth nothing; what else is live is removed. */
static void disown_others(struct ap_client *client, struct party anchor)
{
    struct ap *ap = client->ap;
    const struct offload *answers = client->claim->answers, *chosen = &answers[anchor.index];
    if (chosen->peer.role == PARTY_AP && !party_equal(chosen->peer, ap->actor.self))
        disown(client, chosen->peer);
    for (uint32_t i = 0; i < ap->actor.rules->edges; i++) {
        bool newer = answers[i].until > chosen->until;
        struct offload o = {.type = newer ? OFFLOAD_REMOVE : OFFLOAD_STOP,
                            .mud = client->mud,
                            .sequence = client->sequence,
                            .migration = newer ? answers[i].until : chosen->until};
        if (&answers[i] != chosen && answers[i].status == 0)
            courier_send_offload(&ap->courier, party_edge(i), &o);
    }
}

static void report_claim(struct ap_client *client, struct party anchor)
{
    struct actor *actor = &client->ap->actor;
    struct report r = REPORT_INIT;
    r.kind = EVENT_CLAIM;
    r.reporter = actor->self;
    r.peer = anchor;
    r.text = "the token was lost and is claimed";
    r.mud = (int32_t)client->mud;
    r.number = (int32_t)client->sequence;
    actor->port->operations->report(actor->port, &r);
}

static void adopt(struct ap_client *client)
{
    struct iapp_context token = {.offloading = true,
                                 .mud = client->mud,
                                 .sequence = client->sequence,
                                 .anchor_edge = choose_anchor(client),
                                 .migration = client->claim->migration};
    struct msg m = {.type = MSG_MOVE_RESPONSE,
                    .from = client->ap->actor.self,
                    .mud = client->mud,
                    .sequence = client->sequence,
                    .token = &token};
    report_claim(client, token.anchor_edge);
    if (token.anchor_edge.role == PARTY_EDGE)
        disown_others(client, token.anchor_edge);
    ap_end_claim(client);
    client->claimed = true;
    ap_adopt_token(client, &m);
    client->claimed = false;
}

void ap_take_owned(struct ap_client *client, const struct msg *m)
{
    struct ap_claim *claim = client->claim;
    if (claim && m->offload.sequence > client->sequence) {
        courier_drop(&client->ap->courier, OFFLOAD_CLAIM, client->mud, 0);
        bool elsewhere =
            m->offload.peer.role == PARTY_AP && !party_equal(m->offload.peer, client->ap->actor.self);
        client->asked = elsewhere ? m->offload.peer : (struct party){0};
        ap_give_up_token(client, AP_EV_OWNED);
        return;
    }
    if (!claim || m->from.index >= client->ap->actor.rules->edges || m->offload.sequence < client->sequence ||
        m->offload.status == -ESTALE || claim->answers[m->from.index].type)
        return;
    courier_settle(&client->ap->courier, m->from, OFFLOAD_CLAIM, client->mud, 0);
    claim->answers[m->from.index] = m->offload;
    claim->migration = m->offload.digest > claim->migration ? (uint32_t)m->offload.digest : claim->migration;
    if (--claim->waiting == 0)
        adopt(client);
}

/* The edge that should have the container has none, or the token is worth nothing; or the container is lost, and then nobody may serve the
 * device. */
void ap_anchor_is_empty(struct ap_client *client, const struct msg *m)
{
    bool is_void = m->offload.status == -ESTALE;
    if (!party_equal(m->from, client->anchor_edge) || m->offload.status == 0 ||
        (is_void && m->offload.number <= client->token_sequence))
        return;
    courier_drop(&client->ap->courier, OFFLOAD_ATTACH, client->mud, 0);
    if (m->offload.status != -ENOENT && !is_void) {
        ap_enter_state(client, AP_SERVING, AP_EV_OWNED);
        return;
    }
    ap_claim(client);
    ap_enter_state(client, AP_AWAITING_TOKEN, AP_EV_OWNED);
}

/* He holds a token of a newer association than he was told of; the device may have come here again since. */
void ap_hear_disowned(struct ap_client *client, const struct msg *m)
{
    bool newer = m->status == IAPP_STALE_MOVE && m->other.role == PARTY_NONE;
    courier_settle_notify(&client->ap->courier, m->from, client->mud);
    if (!party_equal(m->from, client->disowned))
        return;
    client->disowned = (struct party){0};
    if (!newer || client->state < AP_SERVING || client->state > AP_ACTIVATING)
        return;
    if (m->sequence < client->sequence) {
        disown(client, m->from);
        return;
    }
    if (ap_migration_runs(client))
        ap_call_off(client, 0);
    client->asked = m->from;
    ap_give_up_token(client, AP_EV_NO_TOKEN);
}

/* IEEE 802.11: a data frame from a station that is not associated is answered by a disassociation (reason 7). */
void ap_dismiss(struct ap_client *client, const struct msg *m)
{
    struct msg dismissal = {
        .type = MSG_DISASSOCIATION, .to = m->from, .mud = client->mud, .sequence = m->offload.sequence};
    actor_send(&client->ap->actor, &dismissal);
}

/* An edge waits for a verdict on a migration that was forgotten. */
void ap_disclaim(struct ap_client *client, const struct msg *m)
{
    struct offload o = {.type = OFFLOAD_CANCEL,
                        .flags = OFFLOAD_FORGOTTEN,
                        .mud = client->mud,
                        .sequence = m->offload.sequence,
                        .migration = m->offload.migration,
                        .status = -ECONNRESET};
    courier_send_offload(&client->ap->courier, m->from, &o);
}

void ap_silence(struct ap *ap)
{
    size_t at = 0;
    actor_clear_alarm(&ap->actor, &ap->courier.alarm);
    for (struct ap_client *client; (client = map_next(&ap->clients, &at));)
        actor_clear_alarm(&ap->actor, &client->alarm);
}
