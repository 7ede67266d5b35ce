/* What reaches an access point, from devices, other access points and edge servers: which event it is to the device's state, if it is one. */
#include "ap.h"
#include "mem.h"

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
    case OFFLOAD_DELEGATE:
        return AP_EV_DELEGATE;
    case OFFLOAD_OWNED:
        return AP_EV_OWNED;
    case OFFLOAD_ACK:
        return event_of_ack(o);
    default:
        return AP_EVENTS;
    }
}

static void take_load(struct ap *ap, const struct msg *m)
{
    uint32_t edges = ap->actor.rules->policy.placement.edge_count;
    if (m->from.index >= edges)
        return;
    if (!ap->loads)
        ap->loads = mem_alloc_array(edges, sizeof *ap->loads);
    struct placement_load *load = &ap->loads[m->from.index];
    if (m->offload.until > load->told)
        *load = (struct placement_load){m->offload.number, m->offload.until};
}

/* Its verdict would be under way if this access point had decided on it since it restarted. */
static bool knows_nothing_of(const struct ap_client *client, uint32_t migration)
{
    const struct courier *courier = &client->ap->courier;
    bool runs = ap_migration_runs(client) && client->migration == migration;
    return !runs && !courier_carries(courier, OFFLOAD_STOP, client->mud, migration) &&
           !courier_carries(courier, OFFLOAD_CANCEL, client->mud, migration);
}

static void receive_offload(struct ap *ap, const struct msg *m)
{
    const struct offload *o = &m->offload;
    if (o->type == OFFLOAD_LOAD) {
        take_load(ap, m);
        return;
    }
    struct ap_client *client = ap_client_of(ap, m->mud);
    if (o->type == OFFLOAD_REQUEST && m->from.role == PARTY_AP) {
        ap_pass_to_edge(ap, m);
        return;
    }
    if (o->type == OFFLOAD_REPLY && m->from.role == PARTY_EDGE && !party_equal(o->peer, ap->actor.self)) {
        ap_pass_to_forwarder(ap, m);
        return;
    }
    /* IEEE 802.11 class 3 frames from a station that is not associated here are dropped. */
    if (m->from.role == PARTY_MUD && !client->associated) {
        if (o->sequence > client->sequence)
            ap_dismiss(client, m); /* accepted, and forgotten in a restart */
        return;
    }
    if (o->type == OFFLOAD_CUT || o->type == OFFLOAD_FAILED || (o->type == OFFLOAD_EDGE_READY && o->migration))
        courier_acknowledge(&ap->actor, m);
    if ((o->type == OFFLOAD_FAILED || o->type == OFFLOAD_CUT) && knows_nothing_of(client, o->migration))
        ap_disclaim(client, m);
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
        ap_handle(ap_client_of(ap, m->mud), AP_EV_ASSOCIATE, m);
        break;
    case MSG_REASSOCIATION_REQUEST:
        ap_handle(ap_client_of(ap, m->mud), AP_EV_REASSOCIATE, m);
        break;
    case MSG_DISASSOCIATION:
        ap_handle(ap_client_of(ap, m->mud), AP_EV_DISASSOCIATE, m);
        break;
    case MSG_MOVE_NOTIFY:
        ap_handle(ap_client_of(ap, m->mud), AP_EV_MOVE_NOTIFY, m);
        break;
    case MSG_MOVE_RESPONSE:
        if (ap_client_of(ap, m->mud)->state != AP_AWAITING_TOKEN)
            ap_hear_disowned(ap_client_of(ap, m->mud), m);
        ap_handle(ap_client_of(ap, m->mud), m->status == IAPP_SUCCESSFUL && m->token ? AP_EV_TOKEN : AP_EV_NO_TOKEN, m);
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
