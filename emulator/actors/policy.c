#include "policy.h"
#include "mem.h"

#include <math.h>
#include <string.h>

static bool follow(const struct policy_view *view, uint32_t target)
{
    (void)view, (void)target;
    return true;
}

static bool never(const struct policy_view *view, uint32_t target)
{
    (void)view, (void)target;
    return false;
}

static double distance_to(const struct policy_view *view, uint32_t edge)
{
    const struct placement_site *site = &view->sites[edge];
    const struct placement_edge *place = &view->rules->placement.edges[edge];
    switch (view->rules->unit) {
    case POLICY_HOPS:
        return site->hops;
    case POLICY_MS:
        return simtime_to_ms(site->rtt);
    case POLICY_METRES:
        return hypot(place->x_m - view->x_m, place->y_m - view->y_m);
    case POLICY_UNITS:
        break;
    }
    return 0;
}

static bool too_far(const struct policy_view *view, uint32_t target)
{
    double now = distance_to(view, view->anchor);
    return now > view->rules->distance_max && distance_to(view, target) < now;
}

/* Before a request has made the round trip, the links say how long it will take. */
static bool too_slow(const struct policy_view *view, uint32_t target)
{
    struct simtime work = view->rules->work, there = simtime_add(view->sites[target].rtt, work),
                   now = view->round_trip.ns ? view->round_trip
                                             : simtime_add(view->sites[view->anchor].rtt, work);
    return simtime_before(view->rules->latency_max, now) && simtime_before(there, now);
}

static bool mdp_says(const struct policy_view *view, uint32_t target)
{
    (void)target;
    const struct policy_plan *plan = &view->rules->plan;
    int distance = view->sites[view->anchor].hops, last = plan->distances - 1;
    return plan
        ->migrate[(int)plan->kind_of_mud[view->mud] * plan->distances + (distance < last ? distance : last)];
}

static const struct policy policies[] = {
    {.name = "follow",
     .help = "every handoff away from the container migrates it (Kim22)",
     .migrate = follow},
    {.name = "never", .help = "the container stays where it started", .migrate = never},
    {.name = "distance",
     .help = "migrates when the container is farther away than migration.distance says",
     .migrate = too_far,
     .looks_around = true},
    {.name = "latency",
     .help = "migrates when a request's round trip takes longer than migration.latency_max_ms",
     .migrate = too_slow,
     .looks_around = true,
     .watches = true},
    {.name = "mdp",
     .help = "migrates where that costs less in the long run (Taleb13)",
     .migrate = mdp_says,
     .looks_around = true,
     .plans = true},
};

uint32_t policy_decide(const struct policy_view *view)
{
    const struct policy_rules *rules = view->rules;
    uint32_t target = rules->where->choose(view);
    if (view->anchor == PLACEMENT_NONE)
        return target;
    return target != view->anchor && rules->when->migrate(view, target) ? target : view->anchor;
}

const struct policy *policy_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (!strcmp(policies[i].name, name))
            return &policies[i];
    return NULL;
}

const struct policy *policy_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(policies) ? &policies[i] : NULL;
}

const char *policy_unit_at(int i)
{
    static const char *const units[POLICY_UNITS] = {
        [POLICY_HOPS] = "hops", [POLICY_MS] = "ms", [POLICY_METRES] = "m"};
    return i >= 0 && i < POLICY_UNITS ? units[i] : NULL;
}
