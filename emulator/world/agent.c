#include "agent.h"
#include "agent_cpu.h"
#include "agent_protocol.h"
#include "agent_registry.h"
#include "agent_report.h"
#include "capture.h"
#include "channel.h"
#include "files.h"
#include "base_layers.h"
#include "image.h"
#include "image_trim.h"
#include "interrupt.h"
#include "mem.h"
#include "real.h"
#include "registry_image.h"
#include "registry_keys.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    IDLE_EVERY_MS = 100,
    CARRIER_PORT = 2222,
    STORE_PORT = 2049, /* NFS, RFC 7530 section 3.1 */
    CONNECT_TIMEOUT_S = 60,
    ENGINE_LOG_BYTES = 8192,
    AGENT_NICE = -15
};

struct agent {
    struct clock clock;
    struct loop *loop;
    struct channel channel;
    struct agent_report report;
    struct json_object *orders_line; /* backs `orders` */
    struct agent_orders orders;
    struct scenario *scenario;
    struct world world;
    struct real *real;
    struct capture *capture;
    struct agent_account account;
    struct agent_cpu cpu;
    struct timer idle_timer;
    bool prepared, began, idle, ending, exiting;
    /* edge servers only */
    int edge; /* index, -1 = none here */
    struct docker_daemon daemon;
    bool daemon_started;
    struct image image;
    struct image_install install;
    struct image_trim trim; /* if this edge server has only a part of the image */
    struct transfer_settings settings;
    struct transfer_server server;
    struct transfer_server store; /* on the carrier's third host, which may be no edge server's */
    struct transfer_peer **peers;
    struct transfer_host *hosts; /* by edge */
    char (*addresses)[16], store_address[16];
    char **spools;
    int connecting;
    struct agent_registry registry;
    struct real_registries pulls_from;
};

char *agent_docker_root(const char *run_folder, int host)
{
    return mem_printf("%s/d%d", run_folder, host);
}

char *agent_event_spool(const char *run_folder, int host)
{
    return mem_printf("%s/e%d", run_folder, host);
}

char *agent_spool(const char *run_folder, int host)
{
    return mem_printf("%s/s%d", run_folder, host);
}

char *agent_carrier_folder(const char *run_folder)
{
    return mem_printf("%s/carrier", run_folder);
}

static void say(struct agent *a, struct json_object *line)
{
    channel_send(&a->channel, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
}

static void end(struct agent *a);

static void fail(struct agent *a, const struct err *e, const char *where)
{
    struct err wrapped = *e;
    if (where)
        err_wrap(&wrapped, "%s", where);
    if (!a->ending)
        say(a, agent_say_failed(&wrapped));
    end(a);
}

static const char *host_name(const struct agent *a)
{
    return a->scenario->hosts[a->orders.host].name;
}

static void record(struct cast *cast, const struct event *event)
{
    agent_report_add(&((struct agent *)cast->recorder)->report, event);
}

static void report_failed(struct agent_report *report, const struct err *e)
{
    struct agent *a = container_of(report, struct agent, report);
    fail(a, e, host_name(a));
}

static int open_report(struct agent *a, struct err *e)
{
    autofree char *path = agent_event_spool(a->orders.folder, a->orders.host);
    a->report.failed = report_failed;
    return agent_report_open(&a->report, a->loop, &a->channel, path, e);
}

static void channel_drained(struct channel *channel)
{
    agent_report_go_on(&container_of(channel, struct agent, channel)->report);
}

/* --- prepare: Engine, image, carrier's server ---------------------------------------------------------------------------------------- */

static void server_changed(struct transfer_server *server, int status, const struct err *e)
{
    struct agent *a = container_of(server, struct agent, server);
    if (status < 0)
        fail(a, e, host_name(a));
    else
        say(a, agent_say("ready"));
}

static const struct carrier *carrier(const struct agent *a)
{
    return carrier_of(a->scenario->migration.carrier);
}

static void serve_carrier(struct agent *a)
{
    struct err e = ERR_INIT;
    a->server.changed = server_changed;
    if (carrier(a)->serve(&a->server, &a->settings, &a->hosts[a->edge], &e) < 0)
        fail(a, &e, host_name(a));
}

static int base_layers(const struct agent *a)
{
    return a->world.layout.edges[a->edge].base_layers;
}

static void image_trimmed(struct image_trim *trim, int status, const struct err *e)
{
    struct agent *a = container_of(trim, struct agent, trim);
    if (status < 0)
        fail(a, e, host_name(a));
    else
        serve_carrier(a);
}

static void image_installed(struct image_install *install, int status, uint64_t bytes, const struct err *e)
{
    struct agent *a = container_of(install, struct agent, install);
    int layers = base_layers(a);
    autofree char *data = mem_printf("%s/data", a->daemon.root);
    struct err err = *e;
    (void)bytes;
    a->trim.done = image_trimmed;
    if (status == 0 && layers < BASE_LAYERS)
        status = image_trim(&a->trim, a->daemon.api, data, a->image.name, layers, &err);
    else if (status == 0)
        serve_carrier(a);
    if (status < 0)
        fail(a, &err, host_name(a));
}

/* The Engine's logs go with its root: the end of the one that the error points to is kept among the agents' messages. */
static void engine_failed(struct agent *a, const struct err *e)
{
    struct err err = *e;
    struct buf log = BUF_INIT;
    autofree char *root = agent_docker_root(a->orders.folder, a->orders.host);
    const char *path = strstr(e->hint, root);
    if (path && files_read(path, ENGINE_LOG_BYTES, &log, NULL) == 0 && log.len)
        fprintf(stderr, "%s: the end of %s:\n%s\n", host_name(a), path, buf_text(&log));
    if (path)
        snprintf(err.hint, sizeof err.hint, "see agents.log in the result folder");
    buf_free(&log);
    fail(a, &err, host_name(a));
}

static void daemon_started(struct docker_daemon *d, int status, const struct err *e)
{
    struct agent *a = container_of(d, struct agent, daemon);
    struct err err = ERR_INIT;
    a->install.done = image_installed;
    a->image.name = (char *)(uintptr_t)a->orders.image;
    a->image.archive = (char *)(uintptr_t)a->orders.archive;
    if (status < 0)
        engine_failed(a, e);
    else if (base_layers(a) == 0)
        serve_carrier(a);
    else if (image_install(&a->install, d->api, &a->image, &err) < 0)
        fail(a, &err, host_name(a));
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
        a->hosts[i] = (struct transfer_host){l->host_names[host], a->addresses[i], CARRIER_PORT, NULL};
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
    struct daemon_options options = {.root = root, .criu_folder = a->orders.criu_folder, .authority = authority};
    a->daemon.done = daemon_started;
    a->daemon.died = daemon_died;
    a->daemon_started = true;
    return docker_daemon_start(&a->daemon, a->loop, &options, e);
}

static void capture_broke(void *context, const struct err *e)
{
    fail(context, e, "capture");
}

static void start_edge(struct agent *a)
{
    struct err e = ERR_INIT;
    if (a->edge < 0)
        say(a, agent_say("ready"));
    else if (start_engine(a, &e) < 0)
        fail(a, &e, host_name(a));
}

static void store_changed(struct transfer_server *store, int status, const struct err *e)
{
    struct agent *a = container_of(store, struct agent, store);
    if (status < 0)
        fail(a, e, host_name(a));
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
    else if (carrier(a)->serve_store(&a->store, &a->settings, &a->settings.store, &e) < 0)
        fail(a, &e, host_name(a));
}

static void registry_changed(struct agent_registry *registry, int status, const struct err *e)
{
    struct agent *a = container_of(registry, struct agent, registry);
    if (status < 0)
        fail(a, e, host_name(a));
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
        fail(a, &e, host_name(a));
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
    struct real_options options = {.host = o->host,
                                   .run = o->run,
                                   .spool = a->edge >= 0 ? a->spools[a->edge] : NULL,
                                   .daemon = a->edge >= 0 ? &a->daemon : NULL,
                                   .image = o->image,
                                   .carrier = carrier(a),
                                   .strategy = a->scenario->migration.strategy,
                                   .peers = a->peers,
                                   .registries = a->scenario->registry_count ? &a->pulls_from : NULL,
                                   .peer_spools = a->spools};
    a->real = real_new(a->loop, &a->world.layout, &a->world.cast, &options, e);
    if (!a->real)
        return -e->code;
    autofree struct port **ports = mem_alloc_array((size_t)a->world.layout.host_count, sizeof *ports);
    ports[o->host] = real_port(a->real);
    world_populate(&a->world, ports);
    return o->capture ? capture_start(&a->capture, a->loop, o->capture, capture_broke, a, e) : 0;
}

static void prepare(struct agent *a, struct json_object *line)
{
    struct err e = ERR_INIT;
    a->orders_line = json_object_get(line);
    if (agent_read_prepare(line, &a->orders, &e) < 0 || prepare_host(a, &e) < 0) {
        fail(a, &e, a->scenario ? host_name(a) : NULL);
        return;
    }
    a->prepared = true;
    a->settings = (struct transfer_settings){.loop = a->loop,
                                             .folder = agent_carrier_folder(a->orders.folder),
                                             .self = host_name(a),
                                             .inbox = a->edge >= 0 ? a->spools[a->edge] : NULL,
                                             .pipeline = a->scenario->migration.pipeline,
                                             .connect_timeout = simtime_s(CONNECT_TIMEOUT_S),
                                             .progress_timeout = a->scenario->timeouts.progress};
    describe_store(a);
    start_host(a);
}

/* --- connect -------------------------------------------------------------------------------------------------------------------------- */

static void connected_one(struct agent *a)
{
    if (--a->connecting == 0)
        say(a, agent_say("ready"));
}

/* Called for every attempt; the early one is awaited, a later one that a send needed is the send's business. */
static void peer_opened(void *context, int status, const struct err *e)
{
    struct agent *a = context;
    if (a->connecting == 0)
        return;
    if (status < 0)
        fail(a, e, host_name(a));
    else
        connected_one(a);
}

static void connect_peers(struct agent *a)
{
    struct err e = ERR_INIT;
    a->connecting = 1;
    real_connect(a->real);
    for (int i = 0; a->edge >= 0 && i < a->world.layout.edge_count; i++) {
        if (i == a->edge)
            continue;
        a->connecting++;
        if (carrier(a)->open(&a->peers[i], &a->settings, &a->hosts[i], peer_opened, a, &e) < 0) {
            fail(a, &e, host_name(a));
            return;
        }
    }
    connected_one(a);
}

/* --- begin, idle, give up ---------------------------------------------------------------------------------------------------------------- */

static void look_if_idle(struct timer *timer)
{
    struct agent *a = container_of(timer, struct agent, idle_timer);
    bool idle = world_idle(&a->world);
    if (idle != a->idle)
        say(a, agent_say_idle(idle));
    a->idle = idle;
    loop_arm_after(a->loop, &a->idle_timer, simtime_ms(IDLE_EVERY_MS));
}

static void begin(struct agent *a, struct json_object *line)
{
    struct simtime origin;
    struct err e = ERR_INIT;
    if (agent_read_begin(line, &origin, &e) < 0) {
        fail(a, &e, host_name(a));
        return;
    }
    a->began = true;
    real_begin(a->real, origin);
    if (a->world.layout.recalls)
        agent_registry_recall(&a->registry, simtime_add(origin, a->world.layout.recall_at));
    world_start(&a->world);
    a->cpu = (struct agent_cpu){
        .loop = a->loop, .port = real_port(a->real), .cast = &a->world.cast, .host = host_name(a)};
    agent_cpu_begin(&a->cpu);
    look_if_idle(&a->idle_timer);
}

/* --- end ----------------------------------------------------------------------------------------------------------------------------------- */

static void leave(struct agent *a)
{
    agent_report_rest(&a->report);
    a->account.events = agent_report_count(&a->report);
    say(a, agent_say_ended(&a->account));
    a->exiting = true;
    loop_stop(a->loop);
}

static void daemon_stopped(struct docker_daemon *d, int status, const struct err *e)
{
    struct agent *a = container_of(d, struct agent, daemon);
    if (status < 0)
        say(a, agent_say_failed(e));
    leave(a);
}

static void settle_account(struct agent *a)
{
    struct lateness late = loop_lateness(a->loop);
    a->account = (struct agent_account){
        .timers = late.count, .late_p50 = late.p50, .late_p99 = late.p99, .late_max = late.max};
    if (a->real) {
        struct real_ratios ratios = real_ratios(a->real);
        a->account.memory_ratio = ratios.memory;
        a->account.layer_ratio = ratios.layer;
        a->account.errors = real_errors(a->real);
    }
}

static void stop_capture(struct agent *a)
{
    struct capture_counts counts = {0};
    struct err e = ERR_INIT;
    if (a->capture && capture_stop(a->capture, &counts, &e) < 0)
        say(a, agent_say_failed(&e));
    a->capture = NULL;
    a->account.capture_dropped = counts.dropped;
}

static void end(struct agent *a)
{
    if (a->ending)
        return;
    a->ending = true;
    loop_cancel(a->loop, &a->idle_timer);
    agent_cpu_end(&a->cpu);
    settle_account(a);
    stop_capture(a);
    image_install_cancel(&a->install);
    image_trim_cancel(&a->trim);
    real_close(a->real);
    for (int i = 0; a->peers && i < a->world.layout.edge_count; i++)
        carrier(a)->close(a->peers[i]);
    if (a->prepared && a->edge >= 0)
        carrier(a)->stop(&a->server);
    if (a->prepared && carrier(a)->serve_store)
        carrier(a)->stop(&a->store);
    agent_registry_stop(&a->registry);
    if (!a->daemon_started) {
        leave(a);
        return;
    }
    a->daemon.done = daemon_stopped;
    docker_daemon_stop(&a->daemon, false);
}

/* --- orders --------------------------------------------------------------------------------------------------------------------------------- */

static void obey(struct agent *a, const char *word, struct json_object *line)
{
    if (!strcmp(word, "end"))
        end(a);
    else if (a->ending)
        return;
    else if (!strcmp(word, "prepare") && !a->prepared)
        prepare(a, line);
    else if (!strcmp(word, "connect") && a->prepared)
        connect_peers(a);
    else if (!strcmp(word, "begin") && a->prepared && !a->began)
        begin(a, line);
    else if (!strcmp(word, "give up") && a->began)
        world_give_up(&a->world);
}

static void line_arrives(struct channel *channel, char *text, size_t len)
{
    struct agent *a = container_of(channel, struct agent, channel);
    (void)len;
    struct json_object *line = json_tokener_parse(text);
    const char *word = line ? agent_word(line) : NULL;
    struct err e = ERR_INIT;
    if (word) {
        obey(a, word, line);
    } else {
        err_set(&e, EPROTO, "agent: a line that is no order");
        fail(a, &e, NULL);
    }
    json_object_put(line);
}

/* The controller is gone: nobody hears the rest, but it is rolled back all the same. */
static void controller_gone(struct channel *channel, const struct err *e)
{
    (void)e;
    end(container_of(channel, struct agent, channel));
}

static void free_agent(struct agent *a)
{
    channel_flush(&a->channel);
    channel_close(&a->channel);
    agent_report_close(&a->report);
    if (a->daemon_started)
        docker_daemon_free(&a->daemon);
    for (int i = 0; a->spools && i < a->world.layout.edge_count; i++) {
        free(a->spools[i]);
        free((char *)(uintptr_t)a->hosts[i].registry);
    }
    free((char *)(uintptr_t)a->pulls_from.repository);
    free(a->spools);
    free(a->peers);
    free(a->hosts);
    free(a->addresses);
    free((char *)(uintptr_t)a->settings.folder);
    if (a->scenario)
        world_free(&a->world);
    real_free(a->real);
    scenario_free(a->scenario);
    json_object_put(a->orders_line);
    loop_free(a->loop);
}

/* Timers and messages come before what computes on this machine; an agent uses little. Its children, the Engine and its containers among
 * them, get the ordinary priority. Without the privilege it goes without: lateness is measured anyway. */
static void go_first(void)
{
    struct sched_param none = {0};
    if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none) == 0)
        setpriority(PRIO_PROCESS, 0, AGENT_NICE);
}

int agent_run(void)
{
    struct err e = ERR_INIT;
    struct agent *a = mem_alloc(sizeof *a);
    prctl(PR_SET_NAME, "roamlab"); /* it was started as /proc/self/exe */
    go_first();
    interrupt_catch(); /* Ctrl-C is the controller's: it tells the agents to end */
    a->clock = clock_wall(SIMTIME_ZERO);
    a->loop = loop_new(&a->clock, &e);
    a->idle_timer.fire = look_if_idle;
    a->channel.line = line_arrives;
    a->channel.closed = controller_gone;
    a->channel.drained = channel_drained;
    a->edge = -1;
    /* Descriptors of their own, so that nothing that prints can disturb the lines. */
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (!a->loop || channel_open(&a->channel, a->loop, in, out, &e) < 0) {
        err_print(&e);
        free(a);
        return 4;
    }
    loop_run(a->loop);
    int status = a->exiting ? 0 : 4;
    free_agent(a);
    free(a);
    return status;
}
