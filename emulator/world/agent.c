#include "agent.h"
#include "agent_internal.h"
#include "base_layers.h"
#include "interrupt.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { IDLE_EVERY_MS = 100, AGENT_NICE = -15 };

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

char *agent_all_owners(const char *run_folder)
{
    return mem_printf("%s/owners", run_folder);
}

char *agent_owners(const char *run_folder, int host)
{
    return mem_printf("%s/owners/%d", run_folder, host);
}

char *agent_all_dumps(const char *run_folder)
{
    return mem_printf("%s/dumps", run_folder);
}

char *agent_dumps(const char *run_folder, int host)
{
    return mem_printf("%s/dumps/%d", run_folder, host);
}

char *agent_carrier_folder(const char *run_folder)
{
    return mem_printf("%s/carrier", run_folder);
}

char *agent_paging_keys(const char *carrier_folder)
{
    return mem_printf("%s/pages", carrier_folder);
}

void agent_tell(struct agent *a, struct json_object *line)
{
    channel_send(&a->channel, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
}

static void end(struct agent *a);

void agent_fail(struct agent *a, const struct err *e, const char *where)
{
    struct err wrapped = *e;
    if (where)
        err_wrap(&wrapped, "%s", where);
    if (!a->ending)
        agent_tell(a, agent_say_failed(&wrapped));
    end(a);
}

const char *agent_host_name(const struct agent *a)
{
    return a->scenario->hosts[a->orders.host].name;
}

static void channel_drained(struct channel *channel)
{
    agent_report_go_on(&container_of(channel, struct agent, channel)->report);
}

const struct carrier *agent_carrier(const struct agent *a)
{
    return carrier_of(a->scenario->migration.carrier);
}

/* --- connect -------------------------------------------------------------------------------------------------------------------------- */

static void connected_one(struct agent *a)
{
    if (--a->connecting == 0)
        agent_tell(a, agent_say("ready"));
}

/* Called for every attempt; the early one is awaited, a later one that a send needed is the send's business. An agent that goes on waits for
 * none: its peer may be away, too. */
static void peer_opened(void *context, int status, const struct err *e)
{
    struct agent *a = context;
    if (a->began)
        agent_tell_warming(a);
    if (a->connecting == 0 || a->orders.again)
        return;
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        connected_one(a);
}

static void warmed_up(struct docker_warm_up *w, int status, const struct err *e)
{
    struct agent *a = container_of(w, struct agent, warm_up);
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        connected_one(a);
}

/* Beside the carriers' handshakes. An Engine without the image has nothing to start, one that has outlived an agent is warm. */
static void warm_up_engine(struct agent *a)
{
    if (a->edge < 0 || a->orders.again || a->world.layout.edges[a->edge].base_layers < BASE_LAYERS)
        return;
    a->connecting++;
    a->warm_up.done = warmed_up;
    docker_warm_up_start(&a->warm_up, &a->daemon, a->orders.run, a->orders.image);
}

static void tunnels_tried(struct agent_tunnels *t, int status, const struct err *e)
{
    struct agent *a = container_of(t, struct agent, tunnels);
    if (status < 0)
        agent_fail(a, e, agent_host_name(a));
    else
        connected_one(a);
}

static int try_tunnels(struct agent *a, struct err *e)
{
    a->tunnels = (struct agent_tunnels){.loop = a->loop, .scenario = a->scenario, .host = a->orders.host, .done = tunnels_tried};
    int asked = a->orders.again ? 0 : agent_tunnels_try(&a->tunnels, e);
    a->connecting += asked > 0;
    return asked;
}

static void connect_peers(struct agent *a)
{
    struct err e = ERR_INIT;
    a->connecting = 1;
    real_connect(a->real);
    warm_up_engine(a);
    if (try_tunnels(a, &e) < 0) {
        agent_fail(a, &e, agent_host_name(a));
        return;
    }
    for (int i = 0; a->edge >= 0 && i < a->world.layout.edge_count; i++) {
        if (i == a->edge)
            continue;
        a->connecting += !a->orders.again;
        if (agent_carrier(a)->open(&a->peers[i], &a->settings, &a->hosts[i], peer_opened, a, &e) < 0) {
            agent_fail(a, &e, agent_host_name(a));
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
        agent_tell(a, agent_say_idle(idle));
    a->idle = idle;
    loop_arm_after(a->loop, &a->idle_timer, simtime_ms(IDLE_EVERY_MS));
}

/* An agent before this one has begun, and was killed. */
static void go_on(struct agent *a)
{
    world_bring_up(&a->world, a->orders.host, real_port(a->real));
    if (a->edge >= 0)
        real_recover(a->real, a->world.cast.edges[a->edge]);
}

static void start(struct agent *a)
{
    world_report_registries(&a->world, a->orders.host);
    world_start(&a->world);
}

static void begin(struct agent *a, struct json_object *line)
{
    struct simtime origin;
    struct err e = ERR_INIT;
    if (agent_read_begin(line, &origin, &e) < 0) {
        agent_fail(a, &e, agent_host_name(a));
        return;
    }
    a->began = true;
    real_begin(a->real, origin);
    if (a->world.layout.recalls)
        agent_registry_recall(&a->registry, simtime_add(origin, a->world.layout.recall_at));
    if (a->orders.again)
        go_on(a);
    else
        start(a);
    agent_tell_warming(a);
    a->cpu = (struct agent_cpu){
        .loop = a->loop, .port = real_port(a->real), .cast = &a->world.cast, .host = agent_host_name(a)};
    agent_cpu_begin(&a->cpu);
    look_if_idle(&a->idle_timer);
}

/* --- end ----------------------------------------------------------------------------------------------------------------------------------- */

static void leave(struct agent *a)
{
    agent_report_rest(&a->report);
    a->account.events = agent_report_count(&a->report);
    agent_tell(a, agent_say_ended(&a->account));
    a->exiting = true;
    loop_stop(a->loop);
}

static void daemon_stopped(struct docker_daemon *d, int status, const struct err *e)
{
    struct agent *a = container_of(d, struct agent, daemon);
    if (status < 0)
        agent_tell(a, agent_say_failed(e));
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
        agent_tell(a, agent_say_failed(&e));
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
    docker_warm_up_cancel(&a->warm_up);
    agent_tunnels_cancel(&a->tunnels);
    real_close(a->real);
    for (int i = 0; a->peers && i < a->world.layout.edge_count; i++)
        agent_carrier(a)->close(a->peers[i]);
    if (a->prepared && a->edge >= 0)
        agent_carrier(a)->stop(&a->server);
    if (a->prepared && agent_carrier(a)->serve_store)
        agent_carrier(a)->stop(&a->store);
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
        agent_prepare(a, line);
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
        agent_fail(a, &e, NULL);
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
    free(a->owners);
    free(a->dumps);
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
