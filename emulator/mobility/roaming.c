#include "roaming.h"

#include "mem.h"

#include <math.h>
#include <string.h>

static bool stronger(const struct roaming_options *options, const struct roaming_view *view,
                     const struct heard *a, const struct heard *b, double margin_db)
{
    (void)options, (void)view;
    return a->dbm > b->dbm + margin_db;
}

/* What is left of its signal when this device has joined. */
static double shared_dbm(const struct roaming_options *options, const struct roaming_view *view,
                         const struct heard *heard)
{
    uint32_t stations = view->stations[heard->ap] + (heard->ap != view->current);
    return heard->dbm - options->load_db * stations;
}

static bool less_loaded(const struct roaming_options *options, const struct roaming_view *view,
                        const struct heard *a, const struct heard *b, double margin_db)
{
    return shared_dbm(options, view, a) > shared_dbm(options, view, b) + margin_db;
}

static bool cheaper(const struct roaming_options *options, const struct roaming_view *view,
                    const struct heard *a, const struct heard *b, double margin_db)
{
    bool a_serves = !(a->dbm < options->threshold_dbm), b_serves = !(b->dbm < options->threshold_dbm);
    if (a_serves != b_serves)
        return a_serves;
    if (a_serves && view->cost && view->cost[a->ap] != view->cost[b->ap])
        return view->cost[a->ap] < view->cost[b->ap];
    return stronger(options, view, a, b, margin_db);
}

static const struct roaming_policy policies[] = {
    {.name = "strongest", .help = "the stronger signal", .better = stronger},
    {.name = "load-aware",
     .help = "the stronger signal, less load_db for every station",
     .better = less_loaded,
     .needs_stations = true},
    {.name = "least-cost",
     .help = "of those above the threshold the least expected migration time and delay",
     .better = cheaper,
     .needs_cost = true},
};

const struct roaming_policy *roaming_policy_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (!strcmp(policies[i].name, name))
            return &policies[i];
    return NULL;
}

const struct roaming_policy *roaming_policy_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(policies) ? &policies[i] : NULL;
}

struct roaming_options roaming_defaults(void)
{
    return (struct roaming_options){
        .policy = &policies[0], .threshold_dbm = NAN, .hysteresis_db = 4, .load_db = 1};
}

static const struct heard *best_of(const struct roaming_options *options, const struct roaming_view *view)
{
    const struct heard *best = view->count ? &view->heard[0] : NULL;
    for (uint32_t i = 1; i < view->count; i++)
        if (options->policy->better(options, view, &view->heard[i], best, 0))
            best = &view->heard[i];
    return best;
}

static const struct heard *present_of(const struct roaming_view *view)
{
    for (uint32_t i = 0; i < view->count; i++)
        if (view->heard[i].ap == view->current)
            return &view->heard[i];
    return NULL;
}

uint32_t roaming_decide(const struct roaming_options *options, const struct roaming_view *view,
                        struct simtime now, struct roaming_wish *wish)
{
    const struct heard *best = best_of(options, view), *present = present_of(view);
    bool attractive = present && best != present && !(present->dbm >= options->threshold_dbm) &&
                      options->policy->better(options, view, best, present, options->hysteresis_db);
    if (attractive && wish->ap != best->ap)
        *wish = (struct roaming_wish){best->ap, now};
    if (attractive && simtime_before(simtime_sub(now, wish->since), options->time_to_trigger))
        return view->current;
    wish->ap = VISIT_NOWHERE;
    if (!best)
        return VISIT_NOWHERE;
    return attractive || !present ? best->ap : view->current;
}
