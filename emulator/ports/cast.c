#include "cast.h"

#include <stdio.h>

void cast_receive(struct cast *cast, const struct msg *m)
{
    uint32_t i = m->to.index;
    if (!layout_party(cast->layout, m->to) || m->mud >= (uint32_t)cast->layout->mud_count)
        return;
    if (m->to.role == PARTY_MUD && cast->muds[i])
        mud_receive(cast->muds[i], m);
    else if (m->to.role == PARTY_AP && cast->aps[i])
        ap_receive(cast->aps[i], m);
    else if (m->to.role == PARTY_EDGE && cast->edges[i])
        edge_receive(cast->edges[i], m);
}

void cast_report(struct cast *cast, const struct report *r, struct simtime now)
{
    const struct layout *l = cast->layout;
    char peer[160];
    struct event e = {.at = now,
                      .kind = r->kind,
                      .direction = r->direction,
                      .reporter = layout_name(l, r->reporter),
                      .peer = layout_name(l, r->peer),
                      .sender = layout_name(l, r->sender),
                      .text = r->text,
                      .mud = r->mud,
                      .number = r->number,
                      .migration = r->migration,
                      .begin = r->begin,
                      .bytes = r->bytes,
                      .value = r->value};
    if (r->direction == EVENT_RECEIVED) {
        layout_address_text(layout_address(r->peer), peer);
        e.peer = peer;
    }
    if (r->kind == EVENT_MIGRATION) {
        snprintf(peer, sizeof peer, "%s %s", e.sender, e.peer);
        e.peer = peer;
        e.sender = cast->strategy_name;
    }
    cast->record(cast, &e);
}
