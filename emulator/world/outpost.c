#include "outpost.h"
#include "agent.h"
#include "host_probe.h"
#include "interrupt.h"
#include "mem.h"
#include "outpost_packets.h"
#include "outpost_protocol.h"
#include "premises.h"
#include "scenario_move.h"
#include "variation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The controller asks for the clock several times a second: if it has been silent for so long, it is gone, whatever ssh believes. */
enum { SILENCE_S = 30, END_S = 120, BACKLOG_MAX = 4 << 20 };

struct outpost {
    struct clock clock;
    struct loop *loop;
    struct channel channel;
    const char *program;
    struct json_object *orders_line; /* backs `orders` */
    struct outpost_orders orders;
    struct scenario *scenario;
    struct world world; /* for its layout: the agents have the actors */
    struct world_real_facts facts;
    struct premises premises;
    struct variation variation;
    struct timer patience; /* with the controller, then with the agents' end */
    int agents; /* that are there */
    struct packet_shipment packets;
    bool wiring, wired, ending, paused, shipping;
};

static void say(struct outpost *o, struct json_object *line)
{
    channel_send(&o->channel, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
}

static void end(struct outpost *o);

static void fail(struct outpost *o, const struct err *e)
{
    say(o, agent_say_failed(e));
    end(o);
}

/* --- agents ---------------------------------------------------------------------------------------------------------- */

/* What the network does not take waits on the agents' disks. */
static void agent_says(struct premises *p, int host, char *text, size_t len)
{
    struct outpost *o = container_of(p, struct outpost, premises);
    autofree char *line = outpost_say_from(host, text);
    (void)len;
    channel_send(&o->channel, line);
    if (!o->paused && o->channel.outgoing.len > BACKLOG_MAX) {
        o->paused = true;
        premises_pause(p, true);
    }
}

/* All agents have ended, and with them their captures: sent as fast as the network takes them. */
static void ship_packets(struct outpost *o)
{
    struct json_object *line;
    o->shipping = true;
    loop_arm_after(o->loop, &o->patience, simtime_s(SILENCE_S));
    while (o->channel.outgoing.len < BACKLOG_MAX) {
        if (!o->orders.captures || !o->channel.open || !(line = packet_shipment_next(&o->packets))) {
            loop_stop(o->loop);
            return;
        }
        say(o, line);
    }
}

static void drained(struct channel *channel)
{
    struct outpost *o = container_of(channel, struct outpost, channel);
    if (o->shipping)
        ship_packets(o);
    if (o->paused)
        premises_pause(&o->premises, false);
    o->paused = false;
}

static void agent_gone(struct premises *p, int host)
{
    struct outpost *o = container_of(p, struct outpost, premises);
    say(o, outpost_say_silent(host, premises_rest(p, host)));
    if (--o->agents == 0 && o->ending)
        ship_packets(o);
}

/* --- wire: image, testbed, agents -------------------------------------------------------------------------------------- */

static void show_progress(struct premises *p, const char *what)
{
    (void)p;
    fprintf(stderr, "outpost: %s\n", what);
}

static void opened(struct premises *p, int status, const struct err *e)
{
    struct outpost *o = container_of(p, struct outpost, premises);
    o->wiring = false;
    for (int i = 0; i < o->scenario->host_count; i++)
        o->agents += p->agents[i].here;
    if (status < 0) {
        fail(o, e);
    } else {
        o->wired = true;
        say(o, outpost_say_wired(&o->facts, p->image.name));
    }
}

static void nothing(struct cast *cast, const struct event *event)
{
    (void)cast, (void)event;
}

/* Whatever it is, this machine does not have it. */
static int check(struct outpost *o, struct err *e)
{
    const struct host_probe_subject subject = {o->scenario, o->program, o->orders.driver, &o->facts, o->orders.here};
    int status = host_probe_check(&subject, e);
    if (status == 0 || status == -EINTR)
        return status;
    if (status == -EPERM && geteuid() != 0)
        snprintf(e->hint, sizeof e->hint, "log in as root, or have hosts.NAME.command say: sudo -n roamlab");
    e->code = EOPNOTSUPP;
    return -EOPNOTSUPP;
}

static int open_premises(struct outpost *o, struct err *e)
{
    const struct outpost_orders *orders = &o->orders;
    o->scenario = scenario_parse(orders->path, orders->scenario, strlen(orders->scenario), NULL, 0, e);
    if (!o->scenario)
        return -e->code;
    if (o->scenario->host_count != orders->hosts)
        return err_set(e, EPROTO, "outpost: %d hosts are told of, the scenario has %d", orders->hosts,
                       o->scenario->host_count);
    if (check(o, e) < 0)
        return -e->code;
    world_init(&o->world, o->scenario, orders->seed, nothing, NULL);
    o->premises = (struct premises){.scenario = o->scenario,
                                    .layout = &o->world.layout,
                                    .facts = &o->facts,
                                    .loop = o->loop,
                                    .seed = orders->seed,
                                    .program = o->program,
                                    .run = orders->run,
                                    .log_fd = STDERR_FILENO,
                                    .here = orders->here,
                                    .machines = orders->machines,
                                    .progress = show_progress,
                                    .opened = opened,
                                    .line = agent_says,
                                    .silent = agent_gone};
    o->wiring = true;
    return premises_open(&o->premises, e);
}

static void wire(struct outpost *o, struct json_object *line)
{
    struct err e = ERR_INIT;
    o->orders_line = json_object_get(line);
    if (outpost_read_wire(line, &o->orders, &e) < 0 || open_premises(o, &e) < 0) {
        o->wiring = false;
        fail(o, &e);
    }
}

/* --- the run ----------------------------------------------------------------------------------------------------------- */

static const char *captured_host(void *context, int host)
{
    const struct outpost *o = context;
    return o->orders.here[host] ? o->scenario->hosts[host].name : NULL;
}

static void prepare(struct outpost *o, struct json_object *line)
{
    struct err e = ERR_INIT;
    autofree char *folder = agent_carrier_folder(journal_folder(o->premises.journal));
    o->packets = (struct packet_shipment){.folder = journal_folder(o->premises.journal),
                                          .host_name = captured_host,
                                          .context = o,
                                          .hosts = o->orders.hosts,
                                          .begun = two_clocks_now()};
    if (outpost_read_prepare(line, folder, &e) < 0)
        fail(o, &e);
    else
        premises_prepare(&o->premises, o->orders.captures ? journal_folder(o->premises.journal) : NULL);
}

static int change_link(struct variation *v, int link, int direction, const struct link_params *params,
                       struct err *e)
{
    return testbed_change(container_of(v, struct outpost, variation)->premises.testbed, link, direction,
                          params, e);
}

/* The controller writes it down. */
static void record_change(struct variation *v, const struct event *event)
{
    (void)v, (void)event;
}

static void change_failed(struct variation *v, const struct err *e)
{
    fail(container_of(v, struct outpost, variation), e);
}

static void play(struct outpost *o, struct json_object *line)
{
    struct simtime origin;
    struct err e = ERR_INIT;
    if (agent_read_begin(line, &origin, &e) < 0) {
        fail(o, &e);
        return;
    }
    premises_begin(&o->premises, line);
    o->variation = (struct variation){.apply = change_link, .record = record_change, .failed = change_failed};
    variation_start(&o->variation, o->scenario, o->loop, origin, o->orders.seed);
}

static void report_links(struct outpost *o)
{
    for (int i = 0; i < o->scenario->link_count * 2; i++) {
        struct link_counters counters;
        if (testbed_shapes(o->premises.testbed, i / 2, i % 2) &&
            testbed_count(o->premises.testbed, i / 2, i % 2, &counters, NULL) == 0)
            say(o, outpost_say_carried(i / 2, i % 2, &counters));
    }
}

/* Also when it goes badly: the agents end, then everything is taken back. */
static void end(struct outpost *o)
{
    if (o->ending)
        return;
    o->ending = true;
    if (o->wiring)
        premises_stop_opening(&o->premises);
    o->wiring = false;
    variation_stop(&o->variation);
    if (o->wired)
        report_links(o);
    premises_end(&o->premises);
    loop_arm_after(o->loop, &o->patience, simtime_s(END_S));
    if (o->agents == 0)
        ship_packets(o);
}

static void out_of_patience(struct timer *timer)
{
    struct outpost *o = container_of(timer, struct outpost, patience);
    if (o->ending)
        loop_stop(o->loop);
    else
        end(o);
}

/* --- orders ------------------------------------------------------------------------------------------------------------- */

static void answer_ping(struct outpost *o, struct json_object *line)
{
    struct simtime asked, clock;
    if (outpost_read_time(line, &asked, &clock, NULL) == 0)
        say(o, outpost_say_time("pong", asked, clock_monotonic()));
}

static void obey(struct outpost *o, const char *word, struct json_object *line)
{
    if (!strcmp(word, "ping"))
        answer_ping(o, line);
    else if (!strcmp(word, "end"))
        end(o);
    else if (o->ending)
        return;
    else if (!strcmp(word, "wire") && !o->orders_line)
        wire(o, line);
    else if (!strcmp(word, "prepare") && o->wired)
        prepare(o, line);
    else if (!strcmp(word, "begin") && o->wired)
        play(o, line);
    else if (!strcmp(word, "tell") && o->wired && outpost_read_tell(line))
        premises_tell(&o->premises, outpost_read_tell(line));
}

static void line_arrives(struct channel *channel, char *text, size_t len)
{
    struct outpost *o = container_of(channel, struct outpost, channel);
    (void)len;
    struct json_object *line = json_tokener_parse(text);
    const char *word = line ? agent_word(line) : NULL;
    struct err e = ERR_INIT;
    if (!o->ending)
        loop_arm_after(o->loop, &o->patience, simtime_s(SILENCE_S));
    if (word) {
        obey(o, word, line);
    } else {
        err_set(&e, EPROTO, "outpost: a line that is no order");
        fail(o, &e);
    }
    json_object_put(line);
}

static void controller_gone(struct channel *channel, const struct err *e)
{
    struct outpost *o = container_of(channel, struct outpost, channel);
    (void)e;
    end(o);
    if (o->shipping)
        loop_stop(o->loop);
}

/* The last words are said when everything is taken back. */
static void close_down(struct outpost *o)
{
    struct err e = ERR_INIT;
    bool opened_once = o->premises.scenario != NULL;
    packet_shipment_end(&o->packets);
    if (opened_once && premises_close(&o->premises, 0, &e) < 0)
        say(o, agent_say_failed(&e));
    say(o, agent_say("closed"));
    channel_flush(&o->channel);
    channel_close(&o->channel);
    if (opened_once)
        world_free(&o->world);
    scenario_free(o->scenario);
    outpost_orders_free(&o->orders);
    json_object_put(o->orders_line);
    loop_free(o->loop);
    free(o);
}

int outpost_run(const char *program, const char *version)
{
    struct err e = ERR_INIT;
    struct outpost *o = mem_alloc(sizeof *o);
    prctl(PR_SET_NAME, "roamlab");
    interrupt_catch(); /* a signal to ssh's session is not the end: that of the input is */
    o->program = program;
    o->clock = clock_wall(SIMTIME_ZERO);
    o->loop = loop_new(&o->clock, &e);
    o->patience.fire = out_of_patience;
    o->channel.line = line_arrives;
    o->channel.closed = controller_gone;
    o->channel.drained = drained;
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (!o->loop || channel_open(&o->channel, o->loop, in, out, &e) < 0) {
        err_print(&e);
        free(o);
        return 4;
    }
    say(o, outpost_say_hello(version));
    loop_run(o->loop);
    close_down(o);
    return 0;
}
