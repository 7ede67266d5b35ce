#include "follow_model.h"
#include "mdp.h"
#include "mem.h"
#include "migration_estimate.h"

#include <math.h>
#include <stdlib.h>

/* What is enough to estimate from, of a kind with many devices and devices with many visits. */
enum { DEVICES_COUNTED = 100, VISITS_COUNTED = 200 };

/* --- what distances mean in this scenario --- */

enum quantity { WAY, MIGRATION, QUEUEING, FROZEN, QUANTITIES };

struct distances {
    int count;
    double *seconds[QUANTITIES]; /* owned: [distance], means */
};

static int hops_to_edge(const struct layout *l, int ap, int edge)
{
    return layout_path(l, l->aps[ap].host, l->edges[edge].host).hops;
}

static void add_way(struct distances *d, const struct scenario *s, const struct layout *l, int edge, int own,
                    const struct layout_path *path)
{
    const struct strategy *strategy = s->migration.strategy;
    struct migration_burden burden = migration_burden(l, strategy, edge, own);
    d->seconds[WAY][path->hops] += simtime_seconds(path->rtt);
    d->seconds[MIGRATION][path->hops] += simtime_seconds(migration_estimate(l, strategy, edge, own));
    d->seconds[QUEUEING][path->hops] += simtime_seconds(burden.queueing);
    d->seconds[FROZEN][path->hops] += simtime_seconds(burden.frozen);
}

static void add_ways(struct distances *d, const struct scenario *s, const struct layout *l, int ap, int *seen)
{
    for (int edge = 0; edge < l->edge_count; edge++) {
        struct layout_path path = layout_path(l, l->aps[ap].host, l->edges[edge].host);
        if (path.hops < 0)
            continue;
        d->count = path.hops >= d->count ? path.hops + 1 : d->count;
        add_way(d, s, l, edge, s->aps[ap].edge, &path);
        seen[path.hops]++;
    }
}

/* One access point a host: the others there are as far from everything. A distance that no way has is like the one below. */
static struct distances measure_distances(const struct scenario *s, const struct layout *l)
{
    struct distances d = {0};
    autofree int *seen = mem_alloc_array((size_t)l->host_count, sizeof *seen);
    autofree bool *host_done = mem_alloc_array((size_t)l->host_count, sizeof *host_done);
    for (int q = 0; q < QUANTITIES; q++)
        d.seconds[q] = mem_alloc_array((size_t)l->host_count, sizeof *d.seconds[q]);
    for (int ap = 0; ap < l->ap_count; ap++) {
        if (!host_done[l->aps[ap].host])
            add_ways(&d, s, l, ap, seen);
        host_done[l->aps[ap].host] = true;
    }
    for (int q = 0; q < QUANTITIES; q++)
        for (int i = 0; i < d.count; i++) {
            double *mean = &d.seconds[q][i];
            *mean = seen[i] ? *mean / seen[i] : i ? mean[-1] : 0;
        }
    return d;
}

/* --- how a kind of device moves --- */

struct movement {
    double *stays_s; /* owned */
    int stays;
    double *handoffs; /* owned: [d * count + d'] */
};

static void count_handoffs(struct movement *m, const struct scenario *s, const struct layout *l, int count,
                           const struct visit *visits, int visit_count)
{
    for (int i = 0; i < visit_count; i++)
        for (int j = i, from = -1; j < visit_count && visits[i].ap != VISIT_NOWHERE; j++) {
            if (visits[j].ap == VISIT_NOWHERE)
                continue;
            int to = hops_to_edge(l, (int)visits[j].ap, s->aps[visits[i].ap].edge);
            if (from >= 0)
                m->handoffs[from * count + to]++;
            from = to;
        }
}

/* An outage is no stay. */
static void count_stays(struct movement *m, const struct scenario *s, const struct scenario_mud *mud,
                        int visit_count)
{
    for (int i = 0; i < visit_count; i++) {
        if (mud->visits[i].ap == VISIT_NOWHERE)
            continue;
        bool last = i + 1 == mud->visit_count;
        double end = last ? simtime_seconds(s->duration) : scenario_visit_begin_s(mud, &mud->visits[i + 1]);
        m->stays_s[m->stays++] = end - scenario_visit_begin_s(mud, &mud->visits[i]);
    }
}

static void add_movement(struct movement *m, const struct scenario *s, const struct layout *l, int count,
                         const struct scenario_mud *mud)
{
    int visits = mud->visit_count < VISITS_COUNTED ? mud->visit_count : VISITS_COUNTED;
    count_stays(m, s, mud, visits);
    count_handoffs(m, s, l, count, mud->visits, visits);
}

static void random_walk(double *row, int count, int distance, double away)
{
    int nearer = distance > 0 ? distance - 1 : 0, farther = distance + 1 < count ? distance + 1 : distance;
    row[nearer] += 1 - away;
    row[farther] += away;
}

/* At distance 0 every handoff leads away. */
static void make_probabilities(double *handoffs, int count, double away)
{
    for (int d = 0; d < count; d++) {
        double *row = handoffs + (ptrdiff_t)d * count, sum = 0;
        for (int to = 0; to < count; to++) {
            row[to] = isnan(away) ? row[to] : 0;
            sum += row[to];
        }
        for (int to = 0; sum > 0 && to < count; to++)
            row[to] /= sum;
        if (sum == 0)
            random_walk(row, count, d, d == 0 ? 1 : isnan(away) ? 0.5 : away);
    }
}

/* --- the plan of a kind --- */

/* How much of a stay a migration takes, and how often it ends in it. */
static void compare_stays(const struct movement *m, double migration_s, double *under_way_s, double *arrives)
{
    for (int i = 0; i < m->stays; i++) {
        *under_way_s += fmin(m->stays_s[i], migration_s) / m->stays;
        *arrives += (m->stays_s[i] > migration_s) / (double)m->stays;
    }
}

static double mean_stay(const struct movement *m)
{
    double sum = 0;
    for (int i = 0; i < m->stays; i++)
        sum += m->stays_s[i];
    return m->stays ? sum / m->stays : 0;
}

static void plan_kind(bool *migrate, const struct scenario *s, const struct distances *d,
                      const struct scenario_mud *mud, struct movement *m)
{
    size_t count = (size_t)d->count;
    autofree double *numbers = mem_alloc_array(5 * count, sizeof *numbers);
    double *stay = numbers, *move = stay + count, *arrives = move + count, *under_way = arrives + count,
           *value = under_way + count;
    for (int i = 0; i < d->count; i++)
        compare_stays(m, d->seconds[MIGRATION][i], &under_way[i], &arrives[i]);
    struct mdp_costs c = {.stay_s = mean_stay(m),
                          .requests_per_s = mud->requests_per_s,
                          .weight = s->migration.mdp.migration_weight,
                          .way_s = d->seconds[WAY],
                          .under_way_s = under_way,
                          .queueing_s = d->seconds[QUEUEING],
                          .frozen_s = d->seconds[FROZEN]};
    mdp_costs(&c, d->count, stay, move);
    make_probabilities(m->handoffs, d->count, s->migration.mdp.away);
    struct mdp_problem problem = {.states = d->count,
                                  .probability = m->handoffs,
                                  .stay = stay,
                                  .move = move,
                                  .arrives = arrives,
                                  .discount = s->migration.mdp.discount};
    mdp_solve(&problem, migrate, value);
}

/* Devices of a kind stand one behind the other. Returns the first of the next kind. */
static int plan_devices(struct follow_model *model, const struct scenario *s, const struct layout *l,
                        const struct distances *d, int first)
{
    struct movement m = {.stays_s = mem_alloc_array(DEVICES_COUNTED * VISITS_COUNTED, sizeof *m.stays_s),
                         .handoffs =
                             mem_alloc_array((size_t)d->count * (size_t)d->count, sizeof *m.handoffs)};
    uint32_t kind = s->muds[first].kind;
    int i = first;
    for (; i < s->mud_count && s->muds[i].kind == kind; i++) {
        model->kind_of_mud[i] = kind;
        if (i - first < DEVICES_COUNTED && (i == first || !s->muds[i].visits_shared))
            add_movement(&m, s, l, d->count, &s->muds[i]);
    }
    plan_kind(model->migrate + (size_t)kind * (size_t)d->count, s, d, &s->muds[first], &m);
    free(m.stays_s);
    free(m.handoffs);
    return i;
}

void follow_model_init(struct follow_model *model, const struct scenario *s, const struct layout *l)
{
    struct distances d = measure_distances(s, l);
    size_t kinds = (size_t)s->muds[s->mud_count - 1].kind + 1;
    model->migrate = mem_alloc_array(kinds * (size_t)d.count, sizeof *model->migrate);
    model->kind_of_mud = mem_alloc_array((size_t)s->mud_count, sizeof *model->kind_of_mud);
    for (int i = 0; i < s->mud_count;)
        i = plan_devices(model, s, l, &d, i);
    model->plan = (struct policy_plan){model->migrate, d.count, model->kind_of_mud};
    for (int q = 0; q < QUANTITIES; q++)
        free(d.seconds[q]);
}

void follow_model_free(struct follow_model *model)
{
    free(model->migrate);
    free(model->kind_of_mud);
}
