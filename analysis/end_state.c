#include "end_state.h"
#include "all_clients.h"
#include "held_back.h"
#include "mem.h"

#include <stdarg.h>
#include <stdlib.h>

/* What the rules look at. */
struct end {
    struct trial *trial;
    const struct world_sim *ws;
    struct device_clients at_aps, at_edges;
    const char *name;
    uint32_t index;
    const struct mud *mud;
    bool lost, complete;            /* complete: everything that it sent was answered */
    const struct ap_client *holder; /* the first that decides for it, or NULL */
    int holders;
    const struct edge_client *home; /* the first edge server where it is live, or NULL */
    int homes;
    const struct sim_container *container; /* the first one, or NULL */
    int containers;
    const char *rule; /* that is being checked */
};

static void complain(const struct end *end, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(const struct end *end, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    autofree char *text = mem_vprintf(format, args);
    va_end(args);
    trial_complain(end->trial, "%s: %s: %s", end->rule, end->name, text);
}

static bool keeps_state(const struct end *end)
{
    return !(end->ws->world.rules.strategy->gives_up & STATE_MIGRATES);
}

/* --- the rules --- */

static void is_done(const struct end *end)
{
    if (end->mud->state != MUD_FINISHED && !end->lost)
        complain(end, "it was not done when the run's time was over");
}

/* Where nobody was ever served there is none. */
static void has_one_container(const struct end *end)
{
    if (end->containers > 1 || (end->containers == 0 && end->mud->sent > 0 && !end->lost))
        complain(end, "%d containers are left at the end", end->containers);
}

static void has_one_owner(const struct end *end)
{
    if (end->holders > 1 && !end->lost)
        complain(end, "%d access points decide for it", end->holders);
}

static void is_where_it_is_thought(const struct end *end)
{
    const struct edge_client *home = end->home;
    const struct sim_container *c = end->container;
    if (end->homes > 1)
        complain(end, "%d edge servers say that its container is live", end->homes);
    if (home && (!c || c->edge != home->edge->actor.self.index || c->container != home->container))
        complain(end, "es%u says that container %u is live, which is not there",
                 home->edge->actor.self.index + 1, home->container);
    if (!home && c && !end->lost)
        complain(end, "no edge server says that its container is live");
    if (end->holder && home && !party_equal(end->holder->anchor_edge, home->edge->actor.self))
        complain(end, "ap%u takes es%u for the anchor, but es%u has the container",
                 end->holder->ap->actor.self.index + 1, end->holder->anchor_edge.index + 1,
                 home->edge->actor.self.index + 1);
}

static bool holds_an_answered(const struct replay_log *log)
{
    for (size_t i = 0; i < log->len; i++)
        if (log->entries[i].answered)
            return true;
    return false;
}

static void holds_nothing_back(const struct end *end)
{
    if (end->holder && !end->lost && held_back_any(&end->holder->log))
        complain(end, "ap%u has not forwarded all of its requests", end->holder->ap->actor.self.index + 1);
    if (!end->home)
        return;
    if (end->home->gate_closed)
        complain(end, "the gate of its container is closed");
    if (held_back_any(&end->home->log))
        complain(end, "the edge server has not delivered all of its requests");
    if (end->container && end->container->frozen)
        complain(end, "its container is frozen");
}

static void check_edge_client(const struct end *end, const struct edge_client *client)
{
    uint32_t at = client->edge->actor.self.index + 1;
    if (client->state != EDGE_EMPTY && client->state != EDGE_LIVE)
        complain(end, "es%u is still starting, installing or removing its container", at);
    if (migration_runs(&client->out) || migration_runs(&client->in))
        complain(end, "es%u has not ended migration %u", at,
                 migration_runs(&client->out) ? client->out.id : client->in.id);
    if (client->ordered || client->recovering || client->removal.mud != MUD_NONE ||
        client->pending_migrate.mud != MUD_NONE)
        complain(end, "es%u still waits for something", at);
    if (holds_an_answered(&client->log))
        complain(end, "es%u keeps requests that were answered", at);
    if (client->state == EDGE_EMPTY && (client->log.len || client->commands.len))
        complain(end, "es%u keeps requests without a container", at);
}

static void check_record(const struct end *end, const struct owner_record *r, int edge)
{
    if (r->out)
        complain(end, "es%d's owner record says that migration %u is under way", edge + 1, r->out);
    if (r->end.migration)
        complain(end, "es%d's owner record says that the end of migration %u was not told", edge + 1, r->end.migration);
    for (uint32_t i = 0; i < r->leftover_count; i++)
        complain(end, "es%d's owner record says that migration %u left something behind", edge + 1, r->leftovers[i].migration);
}

static void leaves_nothing(const struct end *end)
{
    struct sim_remains remains = sim_remains(end->ws->sim, end->index);
    if (remains.snapshots || remains.arrivals || remains.operations)
        complain(end, "of migrations %d snapshots and %d files that arrived are left, %d operations under way",
                 remains.snapshots, remains.arrivals, remains.operations);
    for (size_t i = 0; i < end->at_edges.count; i++)
        check_edge_client(end, end->at_edges.list[i]);
    for (int i = 0; i < end->ws->world.layout.edge_count; i++) {
        const struct owner_record *record = sim_owner(end->ws->sim, (uint32_t)i, end->index);
        if (record)
            check_record(end, record, i);
    }
    for (size_t i = 0; i < end->at_aps.count; i++) {
        const struct ap_client *client = end->at_aps.list[i];
        if (client->log.len && (client->state == AP_MOVED || client->state == AP_ABSENT))
            complain(end, "ap%u keeps requests without the token", client->ap->actor.self.index + 1);
    }
}

/* The cache from which resends are answered: a window back, every request that it has executed with the answer that the device had, or
 * would have. */
static bool would_answer_again(const struct sim_container *c, const struct mud *mud, uint32_t window)
{
    uint32_t back = mud->options.window, next = c->state.model.next;
    for (uint32_t n = mud->sent > back ? mud->sent - back : 0; n < mud->sent && n < next; n++)
        if (c->state.replies[n % window] != mud->requests[n % back].digest)
            return false;
    return true;
}

static void has_the_state_that_was_answered(const struct end *end)
{
    const struct statechain_model *model = end->container ? &end->container->state.model : NULL,
                                  *expected = &end->mud->expected;
    if (!model || end->lost)
        return;
    if (model->next < end->mud->oldest || model->next > end->mud->sent)
        complain(end, "its container goes on at %u, but all below %u were answered and %u were sent",
                 model->next, end->mud->oldest, end->mud->sent);
    if (end->home && end->home->next != model->next)
        complain(end, "the edge server thinks that its container goes on at %u, but it does at %u",
                 end->home->next, model->next);
    if (!end->complete || !keeps_state(end))
        return;
    if (model->chain != expected->chain || end->container->volume_differs ||
        statechain_model_checksum(model) != statechain_model_checksum(expected))
        complain(end, "its container's state is not that of the requests which were answered");
    else if (!would_answer_again(end->container, end->mud, end->ws->world.layout.window))
        complain(end, "its container would answer a resend otherwise than it was answered");
}

static const struct {
    const char *name;
    void (*holds)(const struct end *end);
} rules[] = {
    {"done", is_done},
    {"one container", has_one_container},
    {"one owner", has_one_owner},
    {"place", is_where_it_is_thought},
    {"held back", holds_nothing_back},
    {"left behind", leaves_nothing},
    {"state", has_the_state_that_was_answered},
};

/* --- what they look at --- */

static bool decides(const struct ap_client *client)
{
    return client->state != AP_ABSENT && client->state != AP_MOVED && client->state != AP_AWAITING_TOKEN;
}

/* Of an older association than the edge server has heard of by another one: it is refused there. */
static bool is_powerless(const struct end *end, const struct ap_client *client)
{
    const struct edge_client *home = end->home;
    return home && client->sequence < home->sequence && !party_equal(client->ap->actor.self, home->owner);
}

static void find_owner(struct end *end)
{
    for (size_t i = 0; i < end->at_aps.count; i++) {
        const struct ap_client *client = end->at_aps.list[i];
        if (decides(client) && !is_powerless(end, client) && end->holders++ == 0)
            end->holder = client;
    }
}

static void find_container(struct end *end)
{
    for (size_t i = 0; i < end->at_edges.count; i++) {
        const struct edge_client *client = end->at_edges.list[i];
        if (client->state == EDGE_LIVE && end->homes++ == 0)
            end->home = client;
    }
    end->container = sim_containers(end->ws->sim, end->index);
    for (const struct sim_container *c = end->container; c; c = c->next)
        end->containers++;
}

void end_state_judge_live(struct trial *trial, const struct world_sim *ws, const struct event *event)
{
    const struct sim_container *c = sim_containers(ws->sim, (uint32_t)event->mud);
    while (c && c->container != (uint32_t)event->migration)
        c = c->next;
    if (c && !would_answer_again(c, ws->world.cast.muds[event->mud], ws->world.layout.window))
        trial_complain(trial, "state: %s: %.6f s: the container of migration %d is live and would answer a resend otherwise than it is to be answered",
                       ws->world.scenario->muds[event->mud].name, simtime_seconds(event->at), event->migration);
}

static void judge_device(struct end *end)
{
    end->complete = end->mud->oldest == end->mud->sent;
    find_container(end);
    find_owner(end);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        end->rule = rules[i].name;
        rules[i].holds(end);
    }
}

void end_state_judge(struct trial *trial, const struct world_sim *ws, const bool *lost)
{
    struct all_clients *at_aps = all_clients_sort(&ws->world, PARTY_AP), *at_edges = all_clients_sort(&ws->world, PARTY_EDGE);
    for (int i = 0; i < ws->world.layout.mud_count; i++)
        judge_device(&(struct end){.trial = trial,
                                   .ws = ws,
                                   .at_aps = all_clients_of(at_aps, i),
                                   .at_edges = all_clients_of(at_edges, i),
                                   .name = ws->world.scenario->muds[i].name,
                                   .index = (uint32_t)i,
                                   .mud = ws->world.cast.muds[i],
                                   .lost = lost[i]});
    all_clients_free(at_aps);
    all_clients_free(at_edges);
}
