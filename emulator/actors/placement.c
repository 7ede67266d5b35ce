#include "placement.h"
#include "mem.h"
#include "policy.h"

#include <math.h>
#include <string.h>

/* The device's own container frees what it takes where it leaves. */
static double free_at(const struct policy_view *view, uint32_t site, enum placement_resource resource)
{
    const struct placement_rules *rules = &view->rules->placement;
    double others = view->loads ? view->loads[site].containers : 0;
    if (site == view->anchor && others > 0)
        others--;
    return rules->edges[site].capacity[resource] - others * rules->demand[resource];
}

static bool can_take(const struct policy_view *view, uint32_t site)
{
    if (view->sites[site].hops < 0)
        return false;
    for (int r = 0; r < PLACEMENT_RESOURCES; r++)
        if (free_at(view, site, (enum placement_resource)r) < view->rules->placement.demand[r])
            return false;
    return true;
}

/* The largest values over all sites that can take the container. */
struct largest {
    double free_links, free[PLACEMENT_RESOURCES];
};

static struct largest largest_of(const struct policy_view *view)
{
    struct largest most = {0};
    for (uint32_t site = 0; site < view->rules->placement.edge_count; site++) {
        if (!can_take(view, site))
            continue;
        most.free_links = fmax(most.free_links, view->sites[site].free_links);
        for (int r = 0; r < PLACEMENT_RESOURCES; r++)
            most.free[r] = fmax(most.free[r], free_at(view, site, (enum placement_resource)r));
    }
    return most;
}

static double share(double value, double most)
{
    if (isinf(most))
        return isinf(value);
    return most > 0 ? value / most : 0;
}

static double weight(const struct policy_view *view, uint32_t site, const struct largest *most)
{
    const struct placement_rules *rules = &view->rules->placement;
    double location = rules->links * share(view->sites[site].free_links, most->free_links) +
                      rules->data * rules->edges[site].data_share;
    double load = 0;
    for (int r = 0; r < PLACEMENT_RESOURCES; r++)
        load += rules->resources[r] * share(free_at(view, site, (enum placement_resource)r), most->free[r]);
    return rules->location * location + rules->load * load;
}

double placement_weight(const struct policy_view *view, uint32_t site)
{
    struct largest most = largest_of(view);
    return can_take(view, site) ? weight(view, site, &most) : -1;
}

static uint32_t own(const struct policy_view *view)
{
    return view->own;
}

/* Sums of the same shares in another order differ in their last digits. */
static const double EQUAL = 1e-12;

static uint32_t weighted(const struct policy_view *view)
{
    struct largest most = largest_of(view);
    uint32_t best = PLACEMENT_NONE;
    double best_weight = -1;
    const uint32_t first[] = {view->anchor, view->own};
    for (uint32_t i = 0; i < ARRAY_LEN(first) + view->rules->placement.edge_count; i++) {
        uint32_t site = i < ARRAY_LEN(first) ? first[i] : i - (uint32_t)ARRAY_LEN(first);
        if (site == PLACEMENT_NONE || !can_take(view, site))
            continue;
        double w = weight(view, site, &most);
        if (w > best_weight + EQUAL)
            best = site, best_weight = w;
    }
    return best == PLACEMENT_NONE ? view->own : best;
}

static const struct placement placements[] = {
    {"own", "the edge server that the access point is wired to (Kim22)", own, false},
    {"weighted", "the edge server of the greatest weight by location and load (VDNO21)", weighted, true},
};

const struct placement *placement_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(placements); i++)
        if (!strcmp(placements[i].name, name))
            return &placements[i];
    return NULL;
}

const struct placement *placement_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(placements) ? &placements[i] : NULL;
}
