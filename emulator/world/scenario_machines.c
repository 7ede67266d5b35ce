/* What the machines that play the hosts must be told, and what does not go with an Engine of the user's. */
#include "base_layers.h"
#include "endpoint.h"
#include "mem.h"
#include "scenario_key.h"

#include <errno.h>
#include <string.h>

/* A host on another machine makes the others' machines known, too. */
static int check_ssh(const struct scenario *s, struct err *e)
{
    bool several = false;
    for (int i = 0; i < s->host_count; i++)
        several |= s->hosts[i].ssh != NULL;
    for (int i = 0; i < s->host_count; i++) {
        const struct scenario_host *host = &s->hosts[i];
        const struct scenario_place *here = PLACE_NAMED(PLACE_NAMED(NULL, "hosts"), host->name);
        if (host->ssh && (!host->ssh[0] || host->ssh[0] == '-'))
            return scenario_error(PLACE_NAMED(here, "ssh"), e, "is no destination for ssh");
        if (host->command && !host->ssh)
            return scenario_error(PLACE_NAMED(here, "command"), e, "is for hosts with ssh");
        if (several && !host->interface) {
            scenario_error(here, e, "has no interface");
            return err_hint(
                e, "where a host has ssh, every host says by which interface its machine is reached");
        }
    }
    return 0;
}

static int edge_of(const struct scenario *s, int host)
{
    for (int i = 0; i < s->edge_count; i++)
        if (s->edges[i].host == host)
            return i;
    return -1;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

int scenario_first_beside(const struct scenario *s, int host)
{
    int first = 0;
    while (!same(s->hosts[first].ssh, s->hosts[host].ssh))
        first++;
    return first;
}

/* Two edge servers would find each other's images at the same Engine. */
static int check_alone(const struct scenario *s, int host, const struct scenario_place *here, struct err *e)
{
    const struct scenario_host *own = &s->hosts[host];
    for (int i = 0; i < host; i++)
        if (same(s->hosts[i].docker, own->docker) && scenario_first_beside(s, i) == scenario_first_beside(s, host)) {
            scenario_error(here, e, "is host %s's Engine, too", s->hosts[i].name);
            return err_hint(
                e,
                "one host an Engine: leave docker out of the others, and each gets an Engine of roamlab's");
        }
    return 0;
}

/* What needs an Engine of ours: its image store is written to, or it is told whom to trust. */
static int check_needs(const struct scenario *s, int host, const struct scenario_place *here, struct err *e)
{
    int edge = edge_of(s, host);
    const char *what = NULL;
    if (edge < 0)
        return scenario_error(here, e, "is for hosts of edge servers");
    if (strategy_has(s->migration.strategy, OP_LOAD_BASE))
        what = "registers the base image's layers one by one";
    else if (s->edges[edge].base_layers > 0 && s->edges[edge].base_layers < BASE_LAYERS)
        what = "begins with a part of the base image";
    else if (s->registry_count)
        what = "pulls from registries that only this run trusts";
    if (!what)
        return 0;
    scenario_error(here, e, "is your own Engine, and the scenario %s", what);
    e->code = EOPNOTSUPP;
    return err_hint(e, "leave docker out: roamlab then starts an Engine of its own");
}

static int check_engines(const struct scenario *s, struct err *e)
{
    for (int i = 0; i < s->host_count; i++) {
        const struct scenario_host *host = &s->hosts[i];
        const struct scenario_place *place = PLACE_NAMED(PLACE_NAMED(NULL, "hosts"), host->name),
                                    *here = PLACE_NAMED(place, "docker");
        if (!host->docker && host->docker_certs)
            return scenario_error(PLACE_NAMED(place, "docker_certs"), e, "is for hosts with docker");
        if (!host->docker)
            continue;
        if (docker_address_check(host->docker, host->docker_certs, e) < 0)
            return scenario_wrap(here, e);
        if (check_alone(s, i, here, e) < 0 || check_needs(s, i, here, e) < 0)
            return -e->code;
    }
    return 0;
}

bool scenario_names_engines(const struct scenario *s)
{
    for (int i = 0; i < s->host_count; i++)
        if (s->hosts[i].docker)
            return true;
    return false;
}

int scenario_check_machines(const struct scenario *s, struct err *e)
{
    return check_ssh(s, e) < 0 ? -EINVAL : check_engines(s, e);
}
