#include "held_back.h"
#include "mem.h"

bool held_back_any(const struct replay_log *log)
{
    for (size_t i = 0; i < log->len; i++)
        if (!log->entries[i].delivered)
            return true;
    return false;
}

static void look_at_ap(struct held_back *h, const struct msg *m)
{
    const struct ap *ap = h->cast->aps[m->to.index];
    const struct ap_client *client = ap ? map_get(&ap->clients, m->mud) : NULL;
    if (client && client->state == AP_SERVING && held_back_any(&client->log))
        trial_complain(h->trial, "held back: %.6f s: ap%u serves device %u and holds requests of it",
                       simtime_seconds(actor_run_time(&ap->actor)), m->to.index + 1, m->mud + 1);
}

static void look_at_edge(struct held_back *h, const struct msg *m)
{
    const struct edge *edge = h->cast->edges[m->to.index];
    const struct edge_client *client = edge ? map_get(&edge->clients, m->mud) : NULL;
    if (client && client->state == EDGE_LIVE && !client->gate_closed && held_back_any(&client->log))
        trial_complain(h->trial,
                       "held back: %.6f s: the gate of es%u is open for device %u and holds requests of it",
                       simtime_seconds(actor_run_time(&edge->actor)), m->to.index + 1, m->mud + 1);
}

static void arrives(struct sim_watcher *watcher, const struct msg *m)
{
    struct held_back *h = container_of(watcher, struct held_back, watcher);
    if (m->to.role == PARTY_AP)
        look_at_ap(h, m);
    else if (m->to.role == PARTY_EDGE)
        look_at_edge(h, m);
}

static void lost(struct sim_watcher *watcher, const struct msg *m)
{
    (void)watcher, (void)m;
}

void held_back_init(struct held_back *h, struct trial *trial, const struct cast *cast)
{
    *h = (struct held_back){.watcher = {.arrives = arrives, .lost = lost}, .trial = trial, .cast = cast};
}
