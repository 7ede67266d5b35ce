#include "scenario_key.h"

#include "mem.h"
#include "metric.h"
#include "nfs_client.h"
#include "transfer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *scenario_carrier_at(int i)
{
    return carrier_at(i) ? carrier_at(i)->name : NULL;
}

static const char *strategy_name_at(int i)
{
    return strategy_at(i) ? strategy_at(i)->name : NULL;
}

static char *copy_text(json_object *entry, const char *key)
{
    json_object *value = scenario_member(entry, key);
    return value ? mem_copy_string(json_object_get_string(value)) : NULL;
}

static void build_hosts(struct scenario *s, json_object *root)
{
    json_object *map = scenario_member(root, "hosts");
    scenario_number_entries(map);
    s->hosts = mem_alloc_array((size_t)json_object_object_length(map), sizeof *s->hosts);
    json_object_object_foreach(map, name, entry)
    {
        s->hosts[s->host_count++] = (struct scenario_host){.name = mem_copy_string(name),
                                                           .ssh = copy_text(entry, "ssh"),
                                                           .interface = copy_text(entry, "interface"),
                                                           .command = copy_text(entry, "command"),
                                                           .docker = copy_text(entry, "docker"),
                                                           .docker_certs = copy_text(entry, "docker_certs")};
        scenario_fill(&scenario_host_keys, entry, &s->hosts[s->host_count - 1]);
    }
}

static int build_edges(struct scenario *s, json_object *root, struct err *e)
{
    int edge_of_host[SCENARIO_HOSTS_MAX];
    memset(edge_of_host, -1, sizeof edge_of_host);
    json_object *map = scenario_member(root, "edges");
    const struct scenario_place *place = PLACE_NAMED(NULL, "edges");
    scenario_number_entries(map);
    s->edges = mem_alloc_array((size_t)json_object_object_length(map), sizeof *s->edges);
    json_object_object_foreach(map, name, entry)
    {
        const struct scenario_place *here = PLACE_NAMED(place, name);
        struct scenario_edge *edge = &s->edges[s->edge_count];
        edge->name = mem_copy_string(name);
        edge->registry = -1;
        edge->cpus = edge->memory_mb = edge->storage_mb = INFINITY;
        scenario_fill(&scenario_edge_keys, entry, edge);
        int index = s->edge_count++;
        if (scenario_index_by_key(root, "hosts", "host", entry, "host", here, &edge->host, e) < 0 ||
            scenario_index_by_key(root, "registries", "registry", entry, "registry", here, &edge->registry, e) < 0)
            return -EINVAL;
        int other = edge_of_host[edge->host];
        if (other >= 0) {
            scenario_error(PLACE_NAMED(here, "host"), e, "edge server %s is on host %s already",
                           s->edges[other].name, s->hosts[edge->host].name);
            return err_hint(e, "give each edge server a host of its own");
        }
        edge_of_host[edge->host] = index;
    }
    return 0;
}

static int build_logrepo(struct scenario *s, json_object *root, struct err *e)
{
    return scenario_index_by_key(root, "hosts", "host", scenario_member(root, "logrepo"), "host",
                                 PLACE_NAMED(NULL, "logrepo"), &s->logrepo_host, e);
}

static int overlap(struct scenario_migration *m, const struct scenario_place *place, struct err *e)
{
    const struct scenario_place *here = PLACE_NAMED(place, "pipeline");
    if (!m->strategy->overlapped) {
        scenario_error(here, e, "the stages of strategy %s do not overlap", m->strategy->name);
        e->code = EOPNOTSUPP;
        return err_hint(e, "write false, or another strategy, such as p-migr");
    }
    m->strategy = m->strategy->overlapped;
    return 0;
}

static const char *volume_choice_at(int i)
{
    static const char *const choices[] = {"early", "on-arrival"};
    return i < (int)ARRAY_LEN(choices) ? choices[i] : NULL;
}

static int add_volume(struct scenario *s, const char *when, const struct scenario_place *place, struct err *e)
{
    struct scenario_migration *m = &s->migration;
    if (s->service.volume_mb <= 0)
        return 0;
    m->volume_when = strcmp(when, "early") == 0 ? VOLUME_EARLY : VOLUME_ON_ARRIVAL;
    if (!m->strategy->migrates)
        return 0;
    if (!strategy_add_volume(m->strategy, m->volume_when, &m->with_volume)) {
        scenario_error(PLACE_NAMED(place, "strategy"), e, "strategy %s takes no snapshot with which a volume could go",
                       m->strategy->name);
        e->code = EOPNOTSUPP;
        return err_hint(e, "choose another one, such as p-migr, or leave out service.volume_mb");
    }
    m->strategy = &m->with_volume;
    return 0;
}

static const char *nfs_choice_at(int i)
{
    const struct nfs_client *client = nfs_client_at(i - 1);
    return i == 0 ? "auto" : client ? client->name : NULL;
}

/* The carrier's third host. */
static int build_nfs_host(struct scenario *s, json_object *root, struct err *e)
{
    json_object *migration = scenario_member(root, "migration");
    const struct scenario_place *place = PLACE_NAMED(NULL, "migration");
    int *host = &s->migration.nfs_host;
    *host = scenario_member(root, "logrepo") ? s->logrepo_host : -1;
    if (scenario_index_by_key(root, "hosts", "host", migration, "nfs_host", place, host, e) < 0)
        return -EINVAL;
    if (!carrier_of(s->migration.carrier)->serve_store) {
        *host = -1;
    } else if (*host < 0) {
        scenario_error(PLACE_NAMED(place, "nfs_host"), e, "carrier %s needs a host that serves the folder", s->migration.carrier);
        return err_hint(e, "name one of hosts, or write logrepo, whose host is taken then");
    }
    return 0;
}

static int build_migration(struct scenario *s, json_object *root, struct err *e)
{
    json_object *object = scenario_member(root, "migration");
    const struct scenario_place *place = PLACE_NAMED(NULL, "migration");
    struct scenario_migration *m = &s->migration;
    const char *strategy, *carrier, *volume, *nfs_client;
    scenario_fill(&scenario_migration_keys, object, m);
    m->registry = -1;
    if (scenario_index_by_key(root, "registries", "registry", object, "registry", place, &m->registry, e) < 0 ||
        scenario_choice(object, "strategy", "p-migr", strategy_name_at, place, &strategy, e) < 0 ||
        scenario_choice(object, "volume", "early", volume_choice_at, place, &volume, e) < 0 ||
        scenario_choice(object, "carrier", "scp", scenario_carrier_at, place, &carrier, e) < 0 ||
        scenario_choice(object, "nfs_client", "auto", nfs_choice_at, place, &nfs_client, e) < 0 ||
        scenario_build_policy(m, object, place, e) < 0)
        return -EINVAL;
    m->strategy = strategy_of(strategy);
    snprintf(m->carrier, sizeof m->carrier, "%s", carrier);
    m->nfs_client = nfs_client_of(nfs_client);
    if (m->pipeline && overlap(m, place, e) < 0)
        return -EINVAL;
    return add_volume(s, volume, place, e);
}

static void build_costs(struct scenario *s, json_object *root)
{
    json_object *map = scenario_member(root, "costs");
    scenario_default_costs(s->costs);
    if (!map)
        return;
    json_object_object_foreach(map, name, entry)
        scenario_fill(&scenario_cost_keys, entry, &s->costs[operation_of(name)]);
}

static void build_carrier_cost(struct scenario *s, json_object *root)
{
    json_object *map = scenario_member(root, "carriers");
    s->carrier_cost.round_trips = NAN;
    scenario_fill(&scenario_carrier_keys, map ? scenario_member(map, s->migration.carrier) : NULL, &s->carrier_cost);
}

static int check_bounds(const struct scenario_expect *expect, const struct scenario_place *here,
                        struct err *e)
{
    if (!expect->has_min && !expect->has_max && !expect->has_paper) {
        scenario_error(here, e, "has neither min nor max nor paper");
        return err_hint(e, "write the least or the greatest good value of %s, or the paper's", expect->metric);
    }
    if (expect->has_min && expect->has_max && expect->min > expect->max)
        return scenario_error(here, e, "min %.16g is above max %.16g", expect->min, expect->max);
    return 0;
}

static int build_expect(struct scenario *s, json_object *entry, const struct scenario_place *here,
                        struct err *e)
{
    struct scenario_expect *expect = &s->expects[s->expect_count++];
    expect->metric = mem_copy_string(scenario_word(entry, "metric"));
    expect->has_min = scenario_member(entry, "min");
    expect->has_max = scenario_member(entry, "max");
    expect->has_paper = scenario_member(entry, "paper");
    scenario_fill(&scenario_expect_keys, entry, expect);
    if (metric_exists(expect->metric))
        return check_bounds(expect, here, e);
    scenario_error(PLACE_NAMED(here, "metric"), e, "there is no metric %s", expect->metric);
    return scenario_names_hint(metric_at, expect->metric, e);
}

static int build_expects(struct scenario *s, json_object *root, struct err *e)
{
    json_object *list = scenario_member(root, "expect");
    size_t count = list ? json_object_array_length(list) : 0;
    s->expects = mem_alloc_array(count + 1, sizeof *s->expects);
    for (size_t i = 0; i < count; i++)
        if (build_expect(s, json_object_array_get_idx(list, i),
                         PLACE_INDEX(PLACE_NAMED(NULL, "expect"), (int)i), e) < 0)
            return -EINVAL;
    return 0;
}

/* The name becomes a folder's: results/NAME-TIMESTAMP. */
static int build_name(struct scenario *s, json_object *root, struct err *e)
{
    const char *description = scenario_word(root, "description");
    s->name = mem_copy_string(scenario_word(root, "name"));
    s->description = mem_copy_string(description ? description : "");
    if (s->name[0] != '.' && s->name[0] != '-' && !strchr(s->name, ' '))
        return 0;
    scenario_error(PLACE_NAMED(NULL, "name"), e, "cannot name a folder");
    return err_hint(e, "no spaces, and a letter or digit first");
}

/* A phone is no router, though it has a link to every access point. */
static void find_forwarders(struct scenario *s)
{
    for (int i = 0; i < s->host_count; i++)
        s->hosts[i].forwards = true;
    for (int i = 0; i < s->mud_count; i++)
        s->hosts[s->muds[i].host].forwards = false;
    for (int i = 0; i < s->ap_count; i++)
        s->hosts[s->aps[i].host].forwards = true;
    for (int i = 0; i < s->edge_count; i++)
        s->hosts[s->edges[i].host].forwards = true;
    for (int i = 0; i < s->registry_count; i++)
        s->hosts[s->registries[i].host].forwards = true;
}

static int build_log(struct scenario *s, json_object *root, struct err *e)
{
    const char *mode;
    int status = scenario_choice(root, "log", "full", log_mode_name, NULL, &mode, e);
    if (status == 0)
        s->log.mode = log_mode_of(mode);
    return status;
}

int scenario_build(struct scenario *s, json_object *root, struct err *e)
{
    scenario_fill(&scenario_keys, root, s);
    scenario_fill(&scenario_service_keys, scenario_member(root, "service"), &s->service);
    scenario_fill(&scenario_timeout_keys, scenario_member(root, "timeouts"), &s->timeouts);
    build_costs(s, root);
    build_hosts(s, root);
    if (build_name(s, root, e) < 0 || build_log(s, root, e) < 0 ||
        scenario_build_registries(s, root, e) < 0 || build_edges(s, root, e) < 0 ||
        scenario_build_supervision(s, root, e) < 0 ||
        scenario_build_aps(s, root, e) < 0 || build_logrepo(s, root, e) < 0 ||
        scenario_build_links(s, root, e) < 0 || build_migration(s, root, e) < 0 ||
        build_nfs_host(s, root, e) < 0 ||
        scenario_build_radio(s, root, e) < 0 || scenario_build_mobility(s, root, e) < 0 ||
        scenario_build_muds(s, root, e) < 0 || scenario_build_faults(s, root, e) < 0)
        return -EINVAL;
    build_carrier_cost(s, root);
    find_forwarders(s);
    return build_expects(s, root, e) < 0 ? -EINVAL : scenario_build_sweep(s, root, e);
}
