#include "msg.h"

#include <stdio.h>

static const char *const type_names[MSG_TYPES] = {
    [MSG_ASSOCIATION_REQUEST] = "ASSOCIATION REQUEST",
    [MSG_ASSOCIATION_RESPONSE] = "ASSOCIATION RESPONSE",
    [MSG_REASSOCIATION_REQUEST] = "REASSOCIATION REQUEST",
    [MSG_REASSOCIATION_RESPONSE] = "REASSOCIATION RESPONSE",
    [MSG_DISASSOCIATION] = "DISASSOCIATION",
    [MSG_MOVE_NOTIFY] = "MOVE-notify",
    [MSG_MOVE_RESPONSE] = "MOVE-response",
};

int msg_kind(const struct msg *m)
{
    return m->type == MSG_OFFLOAD ? MSG_OFFLOAD + m->offload.type - OFFLOAD_REQUEST : (int)m->type;
}

const char *msg_kind_name(int kind)
{
    if (kind < 0 || kind >= MSG_KINDS)
        return NULL;
    return kind < MSG_OFFLOAD ? type_names[kind] : offload_type_name((uint8_t)(kind - MSG_OFFLOAD + OFFLOAD_REQUEST));
}

static bool numbered(uint8_t type)
{
    switch (type) {
    case OFFLOAD_REQUEST:
    case OFFLOAD_REPLY:
    case OFFLOAD_REPLAY:
    case OFFLOAD_REPLAYED:
    case OFFLOAD_LOAD:
    case OFFLOAD_LOGGED:
    case OFFLOAD_CUT:
    case OFFLOAD_PROBE:
    case OFFLOAD_PROBED:
        return true;
    default:
        return false;
    }
}

void msg_text(const struct msg *m, char *out, unsigned out_size)
{
    if (m->type != MSG_OFFLOAD)
        snprintf(out, out_size, "%s", type_names[m->type]);
    else if (m->offload.type == OFFLOAD_EDGE_READY && m->offload.peer.role == PARTY_EDGE)
        snprintf(out, out_size, "ES%u-READY", m->offload.peer.index + 1);
    else if (m->offload.type == OFFLOAD_ACK)
        snprintf(out, out_size, "ACK %s", offload_type_name(m->offload.acked));
    else if (numbered(m->offload.type))
        snprintf(out, out_size, "%s %u", offload_type_name(m->offload.type), m->offload.number);
    else
        snprintf(out, out_size, "%s", offload_type_name(m->offload.type));
}
