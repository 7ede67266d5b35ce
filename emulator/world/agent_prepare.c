/* What an agent's host needs before the run: its registry, the carrier's store, an Engine with the image, the carrier's server. Each
 * starts the next when it is ready; the last one tells the controller. */
#include "users_engine.h"
#include "agent.h"
#include "agent_internal.h"
#include "base_layers.h"
#include "dirty_tracking.h"
#include "files.h"
#include "mem.h"
#include "namespace.h"
#include "registry_image.h"
#include "registry_keys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { STORE_PORT = 2049 /* NFS, RFC 7530 section 3.1 */, CONNECT_TIMEOUT_S = 60, ENGINE_LOG_BYTES = 8192 };

static void record(struct cast *cast, const struct event *event)
{
    agent_report_add(&((struct agent *)cast->recorder)->report, event);
}

static void report_failed(struct agent_report *report, const struct err *e)
{
    struct agent *a = container_of(report, struct agent, report);
    agent_fail(a, e, agent_host_name(a));
}

static int open_report(struct agent *a, struct err *e)
{
    autofree char *path = agent_event_spool(a->orders.folder, a->orders.host);
    a->report.failed = report_failed;
    return agent_report_open(&a->report, a->loop, &a->channel, path, e);
}

static void server_changed(struct transfer_server *server, int status, const struct err *e)
{
    struct agent *a = container_of(server, struct agent, server);
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        agent_tell(a, agent_say("ready"));
}

static void serve_carrier(struct agent *a)
{
    struct err e = ERR_INIT;
    a->server.changed = server_changed;
    if (agent_carrier(a)->serve(&a->server, &a->settings, &a->hosts[a->edge], &e) < 0)
        agent_fail(a, &e, agent_host_name(a));
}

static int base_layers(const struct agent *a)
{
    return a->world.layout.edges[a->edge].base_layers;
}

static void image_trimmed(struct image_trim *trim, int status, const struct err *e)
{
    struct agent *a = container_of(trim, struct agent, trim);
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        serve_carrier(a);
}

static void image_installed(struct image_install *install, int status, uint64_t bytes, const struct err *e)
{
    struct agent *a = container_of(install, struct agent, install);
    int layers = base_layers(a);
    struct err err = *e;
    (void)bytes;
    a->trim.done = image_trimmed;
    if (status == 0 && layers < BASE_LAYERS)
        status = image_trim(&a->trim, a->daemon.api, a->daemon.places.data, a->image.name, layers, &err);
    else if (status == 0)
        serve_carrier(a);
    if (status < 0)
        agent_fail(a, &err, agent_host_name(a));
}

/* The Engine's logs go with its root: the end of the one that the error points to is kept among the agents' messages. */
static void engine_failed(struct agent *a, const struct err *e)
{
    struct err err = *e;
    struct buf log = BUF_INIT;
    autofree char *root = agent_docker_root(a->orders.folder, a->orders.host);
    const char *path = strstr(e->hint, root);
    if (path && files_read(path, ENGINE_LOG_BYTES, &log, NULL) == 0 && log.len)
        fprintf(stderr, "%s: the end of %s:\n%s\n", agent_host_name(a), path, buf_text(&log));
    if (path)
        snprintf(err.hint, sizeof err.hint, "see agents.log in the result folder");
    buf_free(&log);
    agent_fail(a, &err, agent_host_name(a));
}

static void containers_found(void *context, int status, const struct err *e)
{
    struct agent *a = context;
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        serve_carrier(a);
}

static void find_containers(struct agent *a)
{
    struct err e = ERR_INIT;
    int status = real_find(a->real, containers_found, a, &e);
    if (status <= 0)
        containers_found(a, status, &e);
}

static int install(struct agent *a, const char *name, const char *archive,
                   void (*done)(struct image_install *install, int status, uint64_t bytes, const struct err *e), struct err *e)
{
    a->install.done = done;
    a->image.name = (char *)(uintptr_t)name;
    a->image.archive = (char *)(uintptr_t)archive;
    return image_install(&a->install, a->daemon.api, &a->image, e);
}

static void daemon_ready(struct docker_daemon *d, int status, const struct err *e)
{
    struct agent *a = container_of(d, struct agent, daemon);
    struct err err = ERR_INIT;
    if (status < 0)
        engine_failed(a, e);
    else if (a->orders.again)
        find_containers(a);
    else if (base_layers(a) == 0)
        serve_carrier(a);
    else if (install(a, a->orders.image, a->orders.archive, image_installed, &err) < 0)
        agent_fail(a, &err, agent_host_name(a));
}

/* --- an Engine of the user's: it needs the anchor and its image first --------------------------------------------------------------- */

static const struct scenario_host *own_host(const struct agent *a)
{
    return &a->scenario->hosts[a->orders.host];
}

/* This process is in the host's network namespace. */
static void anchor_installed(struct image_install *install, int status, uint64_t bytes, const struct err *e)
{
    struct agent *a = container_of(install, struct agent, install);
    autofree char *name = mem_printf("roamlab-%s-%s", a->orders.run, agent_host_name(a)), *path = namespace_path(name);
    const struct docker_settlement settlement = {a->orders.run, name, a->orders.anchor, path};
    struct err err = *e;
    (void)bytes;
    a->daemon.done = daemon_ready;
    if (status == 0)
        status = docker_users_engine_settle(&a->daemon, &settlement, &err);
    if (status < 0)
        agent_fail(a, &err, agent_host_name(a));
}

static void users_engine_open(struct docker_daemon *d, int status, const struct err *e)
{
    struct agent *a = container_of(d, struct agent, daemon);
    struct err err = *e;
    if (status == 0)
        status = install(a, a->orders.anchor, a->orders.anchor_archive, anchor_installed, &err);
    if (status < 0)
        agent_fail(a, &err, agent_host_name(a));
}

static void daemon_died(struct docker_daemon *d, const struct err *e)
{
    engine_failed(container_of(d, struct agent, daemon), e);
}

/* Carrier registry goes through one of the scenario, if there is one where it goes through. */
static void name_registry(struct agent *a, int edge)
{
    int host = layout_carrier_registry_host(&a->world.layout, (uint32_t)edge);
    if (!agent_registry_on(a->scenario, host))
        return;
    char *address = mem_alloc(16);
    layout_address_text(layout_host_address(host), address);
    a->hosts[edge].registry = address;
}

static void describe_edges(struct agent *a)
{
    const struct layout *l = &a->world.layout;
    size_t count = (size_t)l->edge_count;
    a->hosts = mem_alloc_array(count, sizeof *a->hosts);
    a->addresses = mem_alloc_array(count, sizeof *a->addresses);
    a->peers = mem_alloc_array(count, sizeof *a->peers);
    a->spools = mem_alloc_array(count, sizeof *a->spools);
    a->edge = -1;
    for (int i = 0; i < l->edge_count; i++) {
        int host = l->edges[i].host;
        if (host == a->orders.host)
            a->edge = i;
        layout_address_text(layout_host_address(host), a->addresses[i]);
        a->hosts[i] = (struct transfer_host){l->host_names[host], a->addresses[i], AGENT_CARRIER_PORT, NULL};
        name_registry(a, i);
        a->spools[i] = agent_spool(a->orders.folder, host);
    }
}

static void describe_store(struct agent *a)
{
    int host = a->world.layout.store;
    if (host < 0)
        return;
    layout_address_text(layout_host_address(host), a->store_address);
    a->settings.store = (struct transfer_host){a->world.layout.host_names[host], a->store_address, STORE_PORT, NULL};
}

static int start_engine(struct agent *a, struct err *e)
{
    autofree char *root = agent_docker_root(a->orders.folder, a->orders.host);
    if (mkdir(a->spools[a->edge], 0700) < 0 && errno != EEXIST)
        return err_errno(e, "%s", a->spools[a->edge]);
    autofree char *authority = a->scenario->registry_count ? registry_path(a->settings.folder, "ca", ".pem") : NULL;
    autofree char *keys = agent_paging_keys(a->settings.folder);
    const struct docker_paging paging = {a->addresses[a->edge], keys, a->settings.progress_timeout};
    struct daemon_options options = {.root = root,
                                     .criu_folder = a->orders.criu_folder,
                                     .authority = authority,
                                     .outlive = true,
                                     .dump_namespace = a->orders.machine_namespace,
                                     .paging = strategy_is_lazy(a->scenario->migration.strategy) ? &paging : NULL};
    const struct docker_address address = {own_host(a)->docker, own_host(a)->docker_certs, a->orders.machine_namespace};
    a->daemon.done = address.url ? users_engine_open : daemon_ready;
    a->daemon.died = daemon_died;
    int status = address.url       ? docker_users_engine_open(&a->daemon, a->loop, &options, &address, e)
                 : a->orders.again ? docker_daemon_adopt(&a->daemon, a->loop, &options, e)
                                   : docker_daemon_start(&a->daemon, a->loop, &options, e);
    a->daemon_started = status == 0;
    return status;
}

static void capture_broke(void *context, const struct err *e)
{
    agent_fail(context, e, "capture");
}

static void start_edge(struct agent *a)
{
    struct err e = ERR_INIT;
    if (a->edge < 0)
        agent_tell(a, agent_say("ready"));
    else if (start_engine(a, &e) < 0)
        agent_fail(a, &e, agent_host_name(a));
}

static void store_changed(struct transfer_server *store, int status, const struct err *e)
{
    struct agent *a = container_of(store, struct agent, store);
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        start_edge(a);
}

/* First the carrier's store, if it is here. */
static void start_roles(struct agent *a)
{
    struct err e = ERR_INIT;
    a->store.changed = store_changed;
    if (a->world.layout.store != a->orders.host)
        start_edge(a);
    else if (agent_carrier(a)->serve_store(&a->store, &a->settings, &a->settings.store, &e) < 0)
        agent_fail(a, &e, agent_host_name(a));
}

static void registry_changed(struct agent_registry *registry, int status, const struct err *e)
{
    struct agent *a = container_of(registry, struct agent, registry);
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        start_roles(a);
}

/* First the registry, if there is one here. */
static void start_host(struct agent *a)
{
    const struct scenario_registry *registry = agent_registry_on(a->scenario, a->orders.host);
    struct err e = ERR_INIT;
    a->pulls_from.settings = &a->settings;
    a->pulls_from.repository = registry_image_repository(a->scenario->service.image, &a->pulls_from.tag);
    if (!registry) {
        start_roles(a);
        return;
    }
    a->registry.changed = registry_changed;
    if (agent_registry_start(&a->registry, &a->settings, a->scenario, registry, a->orders.archive, &e) < 0)
        agent_fail(a, &e, agent_host_name(a));
}

static int make_memory_folders(struct agent *a, struct err *e)
{
    a->owners = agent_owners(a->orders.folder, a->orders.host);
    a->dumps = agent_dumps(a->orders.folder, a->orders.host);
    int status = files_make_folder(a->owners, 0700, e);
    return status < 0 ? status : files_make_folder(a->dumps, 0700, e);
}

static void populate(struct agent *a)
{
    autofree struct port **ports = mem_alloc_array((size_t)a->world.layout.host_count, sizeof *ports);
    ports[a->orders.host] = real_port(a->real);
    world_populate(&a->world, ports);
}

static int prepare_host(struct agent *a, struct err *e)
{
    const struct agent_orders *o = &a->orders;
    a->scenario = scenario_parse(o->path, o->scenario, strlen(o->scenario), NULL, 0, e);
    if (!a->scenario)
        return -e->code;
    world_init(&a->world, a->scenario, o->seed, record, a);
    if (open_report(a, e) < 0)
        return -e->code;
    describe_edges(a);
    if (a->edge >= 0 && make_memory_folders(a, e) < 0)
        return -e->code;
    struct real_options options = {.host = o->host,
                                   .run = o->run,
                                   .spool = a->edge >= 0 ? a->spools[a->edge] : NULL,
                                   .owners = a->owners,
                                   .dumps = a->dumps,
                                   .daemon = a->edge >= 0 ? &a->daemon : NULL,
                                   .image = o->image,
                                   .carrier = agent_carrier(a),
                                   .strategy = a->scenario->migration.strategy,
                                   .tracks_pages = dirty_tracking_try(NULL) == 0,
                                   .peers = a->peers,
                                   .registries = a->scenario->registry_count ? &a->pulls_from : NULL,
                                   .peer_spools = a->spools};
    a->real = real_new(a->loop, &a->world.layout, &a->world.cast, &options, e);
    if (!a->real)
        return -e->code;
    if (!o->again)
        populate(a);
    return o->capture ? capture_start(&a->capture, a->loop, o->capture, capture_broke, a, e) : 0;
}

void agent_prepare(struct agent *a, struct json_object *line)
{
    struct err e = ERR_INIT;
    a->orders_line = json_object_get(line);
    if (agent_read_prepare(line, &a->orders, &e) < 0 || prepare_host(a, &e) < 0) {
        agent_fail(a, &e, a->scenario ? agent_host_name(a) : NULL);
        return;
    }
    a->prepared = true;
    a->settings = (struct transfer_settings){.loop = a->loop,
                                             .folder = agent_carrier_folder(a->orders.folder),
                                             .self = agent_host_name(a),
                                             .inbox = a->edge >= 0 ? a->spools[a->edge] : NULL,
                                             .nfs_client = a->scenario->migration.nfs_client,
                                             .pipeline = a->scenario->migration.pipeline,
                                             .connect_timeout = simtime_s(CONNECT_TIMEOUT_S),
                                             .progress_timeout = a->scenario->timeouts.progress};
    describe_store(a);
    start_host(a);
}
