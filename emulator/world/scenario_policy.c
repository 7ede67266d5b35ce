#include "scenario_key.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *policy_name_at(int i)
{
    return policy_at(i) ? policy_at(i)->name : NULL;
}

static const char *placement_name_at(int i)
{
    return placement_at(i) ? placement_at(i)->name : NULL;
}

/* A bound that nobody gave is nobody's bound. */
static int check_needed(json_object *migration, const char *policy, const struct scenario_place *place,
                        struct err *e)
{
    static const struct {
        const char *policy, *key, *example;
    } rows[] = {
        {"distance", "distance", "{\"unit\": \"hops\", \"max\": 1}"},
        {"latency", "latency_max_ms", "50"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].policy, policy) != 0 || scenario_member(migration, rows[i].key))
            continue;
        scenario_error(PLACE_NAMED(place, rows[i].key), e, "is missing, and policy %s needs it", policy);
        return err_hint(e, "such as %s", rows[i].example);
    }
    return 0;
}

static int build_distance(struct scenario_distance *d, json_object *object,
                          const struct scenario_place *place, struct err *e)
{
    const char *unit;
    scenario_fill(&scenario_distance_keys, object, d);
    if (scenario_choice(object, "unit", policy_unit_at(POLICY_HOPS), policy_unit_at, place, &unit, e) < 0)
        return -EINVAL;
    while (strcmp(policy_unit_at(d->unit), unit) != 0)
        d->unit++;
    return 0;
}

static int check_sum(double sum, const char *names, const struct scenario_place *place, struct err *e)
{
    if (fabs(sum - 1) < 1e-9)
        return 0;
    scenario_error(place, e, "%s sum to %g, must be 1", names, sum);
    return err_hint(e, "write all of them; what is left out keeps its default");
}

static int build_weights(struct scenario_weights *w, json_object *object, const struct scenario_place *place,
                         struct err *e)
{
    scenario_fill(&scenario_weight_keys, object, w);
    if (check_sum(w->location + w->load, "location and load", place, e) < 0 ||
        check_sum(w->links + w->data, "links and data", place, e) < 0)
        return -EINVAL;
    return check_sum(w->cpu + w->memory + w->storage, "cpu, memory and storage", place, e);
}

int scenario_build_policy(struct scenario_migration *m, json_object *migration,
                          const struct scenario_place *place, struct err *e)
{
    const char *policy, *placement;
    if (scenario_choice(migration, "policy", "follow", policy_name_at, place, &policy, e) < 0 ||
        scenario_choice(migration, "placement", "own", placement_name_at, place, &placement, e) < 0 ||
        check_needed(migration, policy, place, e) < 0 ||
        build_distance(&m->distance, scenario_member(migration, "distance"), PLACE_NAMED(place, "distance"),
                       e) < 0)
        return -EINVAL;
    m->policy = policy_of(policy);
    m->placement = placement_of(placement);
    m->mdp.away = NAN;
    scenario_fill(&scenario_mdp_keys, scenario_member(migration, "mdp"), &m->mdp);
    return build_weights(&m->weights, scenario_member(migration, "weights"), PLACE_NAMED(place, "weights"),
                         e);
}
