#include "scenario_key.h"

#include "mem.h"

#include <errno.h>
#include <string.h>

/* Links work both ways, so "there is a path" is "same component" of the hosts that forward; the others hang on them. */
struct paths {
    int parent[SCENARIO_HOSTS_MAX];
    int proven[SCENARIO_HOSTS_MAX]; /* of a host that does not forward: a component that it is known to hang on, or -1 */
};

static int root_of(int *parent, int host)
{
    while (parent[host] != host)
        host = parent[host] = parent[parent[host]];
    return host;
}

static void find_paths(const struct scenario *s, struct paths *p)
{
    for (int i = 0; i < s->host_count; i++) {
        p->parent[i] = i;
        p->proven[i] = -1;
    }
    for (int i = 0; i < s->link_count; i++) {
        const int *ends = s->links[i].between;
        if (s->hosts[ends[0]].forwards && s->hosts[ends[1]].forwards)
            p->parent[root_of(p->parent, ends[0])] = root_of(p->parent, ends[1]);
    }
}

static bool hangs_on(const struct scenario *s, struct paths *p, int host, int root)
{
    for (int i = 0; i < s->link_count && p->proven[host] != root; i++)
        for (int end = 0; end < 2; end++)
            if (s->links[i].between[end] == host && root_of(p->parent, s->links[i].between[!end]) == root)
                p->proven[host] = root;
    return p->proven[host] == root;
}

/* `to` forwards. */
static int check_path(const struct scenario *s, struct paths *p, int from, int to, const struct scenario_place *place,
                      struct err *e)
{
    int root = root_of(p->parent, to);
    if (s->hosts[from].forwards ? root_of(p->parent, from) == root : hangs_on(s, p, from, root))
        return 0;
    scenario_error(place, e, "there is no path between hosts %s and %s", s->hosts[from].name, s->hosts[to].name);
    return err_hint(e, "add a link between them to links");
}

static int check_ap_paths(const struct scenario *s, struct paths *p, struct err *e)
{
    for (int i = 0; i < s->ap_count; i++) {
        const struct scenario_ap *ap = &s->aps[i];
        const struct scenario_place *here = PLACE_NAMED(PLACE_NAMED(NULL, "aps"), ap->name);
        if (check_path(s, p, ap->host, s->edges[ap->edge].host, here, e) < 0)
            return -EINVAL;
    }
    return 0;
}

/* The device reaches every access point that it visits, and they reach each other. */
static int check_visit_paths(const struct scenario *s, struct paths *p, const struct scenario_mud *mud,
                             const struct scenario_place *visits, struct err *e)
{
    int first = -1;
    for (int i = 0; i < mud->visit_count; i++) {
        if (mud->visits[i].ap == VISIT_NOWHERE)
            continue;
        const struct scenario_place *here = PLACE_INDEX(visits, i);
        int host = s->aps[mud->visits[i].ap].host;
        first = first < 0 ? host : first;
        if (check_path(s, p, mud->host, host, here, e) < 0 || check_path(s, p, first, host, here, e) < 0)
            return -EINVAL;
    }
    return 0;
}

double scenario_visit_begin_s(const struct scenario_mud *mud, const struct visit *visit)
{
    return visit->request ? simtime_seconds(mud->visits[0].at) + visit->request / mud->requests_per_s
                          : simtime_seconds(visit->at);
}

static int check_visit_order(const struct scenario *s, const struct scenario_mud *mud,
                             const struct scenario_place *visits, struct err *e)
{
    double before = -1;
    for (int i = 0; i < mud->visit_count; i++) {
        const struct visit *visit = &mud->visits[i];
        const struct scenario_place *here =
            PLACE_NAMED(PLACE_INDEX(visits, i), visit->request ? "at_request" : "at_s");
        double at = scenario_visit_begin_s(mud, visit);
        if (at >= simtime_seconds(s->duration)) {
            scenario_error(here, e, "is at %g s or later, the run ends at %g s", at,
                           simtime_seconds(s->duration));
            return err_hint(e, "make duration_s longer or the visit earlier");
        }
        if (at <= before) {
            scenario_error(here, e, "is at %g s, not after the visit before it (%g s)", at, before);
            return err_hint(e, "visits stand in the order of time");
        }
        before = at;
    }
    return 0;
}

/* Request numbers are 32 bits on the wire and in the event log. */
static int check_request_count(const struct scenario *s, const struct scenario_mud *mud,
                               const struct scenario_place *place, struct err *e)
{
    double requests = mud->requests_per_s * simtime_seconds(s->duration);
    if (requests <= 2e9)
        return 0;
    scenario_error(PLACE_NAMED(place, "requests_per_s"), e,
                   "makes %.3g requests in the run, at most 2e9 have numbers", requests);
    return err_hint(e, "send fewer per second or make duration_s shorter");
}

/* A moving device may come to any access point, from any other. */
static int check_reach(const struct scenario *s, struct paths *p, const struct scenario_mud *mud,
                       const struct scenario_place *place, struct err *e)
{
    const struct scenario_place *here = PLACE_NAMED(place, "mobility");
    for (int i = 0; i < s->ap_count; i++)
        if (check_path(s, p, mud->host, s->aps[i].host, here, e) < 0 ||
            check_path(s, p, s->aps[0].host, s->aps[i].host, here, e) < 0)
            return -EINVAL;
    return 0;
}

static int check_placed(const struct scenario *s, struct err *e)
{
    for (int i = 0; i < s->ap_count; i++) {
        if (s->aps[i].placed)
            continue;
        scenario_error(PLACE_NAMED(PLACE_NAMED(NULL, "aps"), s->aps[i].name), e, "has no place");
        return err_hint(e, "write x_m and y_m: devices that move hear it by its distance");
    }
    return 0;
}

static int check_muds(const struct scenario *s, struct paths *p, struct err *e)
{
    for (int i = 0; i < s->mud_count; i++) {
        const struct scenario_mud *mud = &s->muds[i];
        if (!scenario_begins_entry(s, i))
            continue;
        autofree char *name = scenario_entry_name(mud);
        const struct scenario_place *here = PLACE_NAMED(PLACE_NAMED(NULL, "muds"), name);
        const struct scenario_place *visits = PLACE_NAMED(here, "visits");
        if (mud->mobility >= 0 && (check_placed(s, e) < 0 || check_reach(s, p, mud, here, e) < 0))
            return -EINVAL;
        if (check_request_count(s, mud, here, e) < 0 || check_visit_order(s, mud, visits, e) < 0 ||
            check_visit_paths(s, p, mud, visits, e) < 0)
            return -EINVAL;
    }
    return 0;
}

static int check_timeouts(const struct scenario_timeouts *t, struct err *e)
{
    const struct {
        const char *lesser, *greater;
        struct simtime low, high;
    } rules[] = {
        {"rto_min_ms", "rto_max_ms", t->rto_min, t->rto_max},
        {"rto_initial_ms", "rto_max_ms", t->rto_initial, t->rto_max},
        {"control_retry_ms", "control_give_up_ms", t->control_retry, t->control_give_up},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!simtime_before(rules[i].high, rules[i].low))
            continue;
        scenario_error(PLACE_NAMED(PLACE_NAMED(NULL, "timeouts"), rules[i].lesser), e,
                       "is %g, more than %s (%g)", simtime_to_ms(rules[i].low), rules[i].greater,
                       simtime_to_ms(rules[i].high));
        return err_hint(e, "it must be the smaller of the two");
    }
    return 0;
}

static int check_places(const struct scenario *s, struct err *e)
{
    bool needed = s->migration.policy == policy_of("distance") && s->migration.distance.unit == POLICY_METRES;
    for (int i = 0; needed && i < s->ap_count; i++)
        if (!s->aps[i].placed) {
            scenario_error(PLACE_NAMED(PLACE_NAMED(PLACE_NAMED(NULL, "aps"), s->aps[i].name), "x_m"), e,
                           "is missing, and migration.distance in metres needs it");
            return err_hint(e, "write x_m and y_m of each access point");
        }
    return 0;
}

/* Edge servers reach the host through which their carrier goes. */
static int check_store_paths(const struct scenario *s, struct paths *p, struct err *e)
{
    const struct scenario_place *here = PLACE_NAMED(PLACE_NAMED(NULL, "migration"), "nfs_host");
    for (int i = 0; s->migration.nfs_host >= 0 && i < s->edge_count; i++)
        if (check_path(s, p, s->edges[i].host, s->migration.nfs_host, here, e) < 0)
            return -EINVAL;
    return 0;
}

int scenario_check_rules(const struct scenario *s, struct err *e)
{
    struct paths paths;
    find_paths(s, &paths);
    if (scenario_check_machines(s, e) < 0 || check_timeouts(&s->timeouts, e) < 0 || check_ap_paths(s, &paths, e) < 0 ||
        check_places(s, e) < 0 || check_store_paths(s, &paths, e) < 0 || scenario_check_registries(s, e) < 0)
        return -EINVAL;
    return check_muds(s, &paths, e);
}
