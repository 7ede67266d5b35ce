#include "controller_machines.h"
#include "agent.h"
#include "controller.h"
#include "driver.h"
#include "files.h"
#include "mem.h"
#include "registry_keys.h"
#include "scenario_move.h"
#include "transfer.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CARRIER_PORT = 2222 /* as in agent.c */ };

/* Short, because sockets' paths are: base 36 of the start time and the process. */
static char *run_name(void)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char name[8];
    uint64_t key = (uint64_t)clock_monotonic().ns / 1000000 * 40503 + (uint64_t)getpid();
    for (size_t i = 0; i < sizeof name - 1; i++, key /= 36)
        name[i] = digits[key % 36];
    name[sizeof name - 1] = '\0';
    return mem_copy_string(name);
}

static const struct scenario *scenario(const struct controller_machines *m)
{
    return m->controller->scenario;
}

static int machine_named(struct controller_machines *m, const char *ssh)
{
    for (int i = 0; i < m->other_count; i++)
        if (!strcmp(m->others[i].link.machine, ssh))
            return i;
    struct controller_machine *machine = &m->others[m->other_count];
    machine->controller = m->controller;
    machine->link.machine = ssh;
    return m->other_count++;
}

void machines_init(struct controller_machines *m, struct controller *c)
{
    size_t hosts = (size_t)c->scenario->host_count;
    *m = (struct controller_machines){.controller = c, .run = run_name(), .log_fd = -1};
    m->is_here = mem_alloc_array(hosts, sizeof *m->is_here);
    m->machine_of = mem_alloc_array(hosts, sizeof *m->machine_of);
    m->addresses = mem_alloc_array(hosts, sizeof *m->addresses);
    m->others = mem_alloc_array(hosts, sizeof *m->others);
    m->carried = mem_alloc_array((size_t)c->scenario->link_count * 2 + 1, sizeof *m->carried);
    for (int i = 0; i < c->scenario->host_count; i++) {
        const struct scenario_host *host = &c->scenario->hosts[i];
        m->is_here[i] = !host->ssh;
        m->machine_of[i] = host->ssh ? machine_named(m, host->ssh) : -1;
        m->any_here |= !host->ssh;
        if (host->ssh && host->command)
            m->others[m->machine_of[i]].link.command = host->command;
    }
}

/* --- what the others say ------------------------------------------------------------------------------------------------ */

static bool all_others(const struct controller_machines *m, bool (*is)(const struct controller_machine *))
{
    for (int i = 0; i < m->other_count; i++)
        if (!is(&m->others[i]))
            return false;
    return true;
}

static bool has_greeted(const struct controller_machine *o)
{
    return o->hello && outpost_link_in_time(&o->link);
}

static bool is_wired(const struct controller_machine *o)
{
    return o->wired;
}

static bool is_gone(const struct controller_machine *o)
{
    return !o->link.open;
}

static void go_on_if_wired(struct controller_machines *m)
{
    if (m->controller->phase == WIRING && (!m->any_here || m->opened) && all_others(m, is_wired))
        controller_go_on(m->controller);
}

static void machine_failed(struct controller_machine *o, const struct err *e)
{
    struct err err = *e;
    err_wrap(&err, "machine %s", o->link.machine);
    controller_failed(o->controller, &err);
}

static int take_hello(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct outpost_hello hello;
    if (outpost_read_hello(line, &hello, e) < 0)
        return -e->code;
    if (strcmp(hello.version, ROAMLAB_VERSION) != 0) {
        err_set(e, EPROTO, "its roamlab is version %.32s, this one is %s", hello.version, ROAMLAB_VERSION);
        err_hint(e, "install the same on both, or run with --push");
        return -EPROTO;
    }
    o->hello = json_object_get(line);
    return 0;
}

static void agents_are_there(struct controller_machines *m, const struct controller_machine *o)
{
    for (int i = 0; i < scenario(m)->host_count; i++)
        if (m->machine_of[i] >= 0 && &m->others[m->machine_of[i]] == o)
            m->controller->agents[i].there = true;
}

static int take_wired(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct controller_machines *m = &o->controller->machines;
    struct world_real_facts facts = {0};
    const char *image;
    if (outpost_read_wired(line, &facts, &image, e) < 0)
        return -e->code;
    const char *ours = m->any_here ? m->here.image.name : m->others[0].image;
    if (ours && strcmp(image, ours) != 0) {
        err_set(e, EPROTO, "its roamlab-service is another one than the others'");
        err_hint(e, "install the same on all machines, or run with --push");
        return -EPROTO;
    }
    if (!m->any_here && !m->others[0].image)
        *o->controller->facts = facts;
    o->image = mem_copy_string(image);
    o->wired = true;
    agents_are_there(m, o);
    return 0;
}

/* By the other machine's clock its times count from where the run began there. */
static int64_t our_time(const struct controller_machine *o, int64_t theirs_ns)
{
    struct simtime origin = o->controller->origin;
    struct simtime theirs = simtime_add(clock_offset_theirs(&o->link.clock, origin), simtime_ns(theirs_ns));
    return clock_offset_ours(&o->link.clock, theirs).ns - origin.ns;
}

static struct json_object *in_our_time(const struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct event event;
    if (agent_read_event(line, &event, e) < 0)
        return NULL;
    event.at.ns = our_time(o, event.at.ns);
    if (event.begin.ns)
        event.begin.ns = our_time(o, event.begin.ns);
    return agent_say_event(&event);
}

static int take_line(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct json_object *inner, *event = NULL;
    int host;
    if (outpost_read_from(line, &host, &inner, e) < 0)
        return -e->code;
    if (host < 0 || host >= o->controller->scenario->host_count)
        return err_set(e, EPROTO, "a line of no host");
    const char *word = agent_word(inner);
    if (word && !strcmp(word, "event") && !(event = in_our_time(o, inner, e)))
        return -e->code;
    controller_hear(o->controller, host, event ? event : inner);
    json_object_put(event);
    return 0;
}

static int take_silence(struct controller_machine *o, struct json_object *line, struct err *e)
{
    int host;
    uint64_t events;
    if (outpost_read_silent(line, &host, &events, e) < 0)
        return -e->code;
    if (host >= 0 && host < o->controller->scenario->host_count)
        controller_miss(o->controller, host, events);
    return 0;
}

static int take_carried(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct link_counters counters;
    int link, direction;
    if (outpost_read_carried(line, &link, &direction, &counters, e) < 0)
        return -e->code;
    if (link >= 0 && link < o->controller->scenario->link_count && (direction & ~1) == 0)
        o->controller->machines.carried[link * 2 + direction] = (struct carried){true, counters};
    return 0;
}

static void hear(struct outpost_link *link, const char *word, struct json_object *line)
{
    struct controller_machine *o = container_of(link, struct controller_machine, link);
    struct controller_machines *m = &o->controller->machines;
    struct err e = ERR_INIT;
    int status = 0;
    if (!strcmp(word, "from"))
        status = take_line(o, line, &e);
    else if (!strcmp(word, "silent"))
        status = take_silence(o, line, &e);
    else if (!strcmp(word, "hello"))
        status = take_hello(o, line, &e);
    else if (!strcmp(word, "wired"))
        status = take_wired(o, line, &e);
    else if (!strcmp(word, "carried"))
        status = take_carried(o, line, &e);
    else if (!strcmp(word, "closed"))
        o->closed = true;
    else if (!strcmp(word, "failed"))
        agent_read_failed(line, &e), status = -1;
    else
        status = err_set(&e, EPROTO, "a line that is no report");
    if (status < 0)
        machine_failed(o, &e);
    go_on_if_wired(m);
}

/* The clocks have been compared often enough: the next phase. */
static void time_told(struct outpost_link *link)
{
    struct controller_machines *m = &container_of(link, struct controller_machine, link)->controller->machines;
    if (m->controller->phase == GREETING && all_others(m, has_greeted))
        controller_go_on(m->controller);
}

static void link_gone(struct outpost_link *link)
{
    struct controller_machine *o = container_of(link, struct controller_machine, link);
    struct controller_machines *m = &o->controller->machines;
    struct err e = ERR_INIT;
    if (!o->closed) {
        err_set(&e, EPIPE, o->hello ? "the connection broke, or its roamlab ended" : "roamlab does not answer there");
        err_hint(&e, "ssh's messages are in %s/agents.log; what was made there goes by itself, or with roamlab clean", o->controller->options->folder);
        machine_failed(o, &e);
    }
    for (int i = 0; i < scenario(m)->host_count; i++)
        if (m->machine_of[i] >= 0 && &m->others[m->machine_of[i]] == o)
            m->controller->agents[i].there = false;
    controller_count_heads(m->controller);
}

/* --- what this machine's premises say ------------------------------------------------------------------------------------- */

static void show_progress(struct premises *p, const char *what)
{
    controller_progress(container_of(p, struct controller_machines, here)->controller, "%s", what);
}

static void here_opened(struct premises *p, int status, const struct err *e)
{
    struct controller_machines *m = container_of(p, struct controller_machines, here);
    m->opening = false;
    m->opened = status == 0;
    for (int i = 0; i < scenario(m)->host_count; i++)
        m->controller->agents[i].there |= p->agents[i].here;
    if (status < 0)
        controller_failed(m->controller, e);
    if (m->controller->phase == ENDING) {
        machines_tell(m, "end");
        controller_count_heads(m->controller);
    }
    go_on_if_wired(m);
}

static void here_says(struct premises *p, int host, char *text, size_t len)
{
    struct controller *c = container_of(p, struct controller_machines, here)->controller;
    struct json_object *line = json_tokener_parse(text);
    struct err e = ERR_INIT;
    (void)len;
    if (line && agent_word(line)) {
        controller_hear(c, host, line);
    } else {
        err_set(&e, EPROTO, "agent of %s: a line that is no report", c->agents[host].name);
        controller_failed(c, &e);
    }
    json_object_put(line);
}

static void here_silent(struct premises *p, int host)
{
    struct controller *c = container_of(p, struct controller_machines, here)->controller;
    controller_miss(c, host, c->agents[host].ended ? 0 : premises_rest(p, host));
}

/* --- the phases ------------------------------------------------------------------------------------------------------------ */

int machines_greet(struct controller_machines *m, struct err *e)
{
    autofree char *log = mem_printf("%s/agents.log", m->controller->options->folder);
    m->log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (m->log_fd < 0)
        return err_errno(e, "%s", log);
    for (int i = 0; i < m->other_count; i++) {
        struct outpost_link *link = &m->others[i].link;
        controller_progress(m->controller, "ssh to %s", link->machine);
        link->loop = m->controller->loop;
        link->heard = hear;
        link->in_time = time_told;
        link->gone = link_gone;
        if (outpost_link_open(link, m->log_fd, e) < 0)
            return -e->code;
    }
    if (m->other_count == 0)
        controller_go_on(m->controller);
    return 0;
}

/* Each host's machine, by the interface that the scenario names. */
static int find_addresses(struct controller_machines *m, struct err *e)
{
    struct json_object *own = outpost_say_hello(ROAMLAB_VERSION);
    int status = 0;
    for (int i = 0; i < scenario(m)->host_count && status == 0 && m->other_count; i++) {
        const struct scenario_host *host = &scenario(m)->hosts[i];
        struct outpost_hello hello;
        outpost_read_hello(m->machine_of[i] < 0 ? own : m->others[m->machine_of[i]].hello, &hello, NULL);
        if (outpost_address_of(&hello, host->interface, &m->addresses[i], e) < 0)
            status = err_wrap(e, "hosts.%s: %s", host->name, host->ssh ? host->ssh : "this machine");
    }
    json_object_put(own);
    return status;
}

static void wire_other(struct controller_machines *m, int machine)
{
    const struct controller *c = m->controller;
    autofree bool *there = mem_alloc_array((size_t)scenario(m)->host_count, sizeof *there);
    autofree char *text = scenario_text_with_visits(scenario(m));
    for (int i = 0; i < scenario(m)->host_count; i++)
        there[i] = m->machine_of[i] == machine;
    const struct outpost_orders orders = {.scenario = text,
                                          .path = scenario(m)->path,
                                          .seed = c->seed,
                                          .run = m->run,
                                          .driver = c->options->driver,
                                          .hosts = scenario(m)->host_count,
                                          .here = there,
                                          .machines = m->addresses};
    outpost_link_say(&m->others[machine].link, outpost_say_wire(&orders));
}

static int open_here(struct controller_machines *m, struct err *e)
{
    struct controller *c = m->controller;
    m->here = (struct premises){.scenario = c->scenario,
                                .layout = &c->world.layout,
                                .facts = c->facts,
                                .loop = c->loop,
                                .seed = c->seed,
                                .program = c->options->program,
                                .run = m->run,
                                .log_fd = m->log_fd,
                                .here = m->is_here,
                                .machines = m->other_count ? m->addresses : NULL,
                                .progress = show_progress,
                                .opened = here_opened,
                                .line = here_says,
                                .silent = here_silent};
    m->opening = true;
    int status = premises_open(&m->here, e);
    m->opening = status == 0;
    return status;
}

int machines_wire(struct controller_machines *m, struct err *e)
{
    int status = find_addresses(m, e);
    for (int i = 0; i < m->other_count && status == 0; i++)
        wire_other(m, i);
    return status == 0 && m->any_here ? open_here(m, e) : status;
}

static char *carrier_folder(struct controller_machines *m)
{
    if (m->any_here)
        return agent_carrier_folder(journal_folder(m->here.journal));
    if (!m->carrier_folder) {
        const char *base = getenv("TMPDIR");
        m->carrier_folder = mem_printf("%s/roamlab-%s", base ? base : "/tmp", m->run);
    }
    return mem_copy_string(m->carrier_folder);
}

static int make_keys(struct controller_machines *m, const char *folder, struct err *e)
{
    const struct layout *l = &m->controller->world.layout;
    struct transfer_host *hosts = mem_alloc_array((size_t)l->edge_count, sizeof *hosts);
    char(*addresses)[16] = mem_alloc_array((size_t)l->edge_count, sizeof *addresses);
    for (int i = 0; i < l->edge_count; i++) {
        layout_address_text(layout_host_address(l->edges[i].host), addresses[i]);
        hosts[i] = (struct transfer_host){l->host_names[l->edges[i].host], addresses[i], CARRIER_PORT, NULL};
    }
    int status = carrier_of(scenario(m)->migration.carrier)->prepare(folder, hosts, l->edge_count, e);
    if (status == 0 && scenario(m)->registry_count)
        status = registry_keys_make(folder, e);
    free(hosts);
    free(addresses);
    return status;
}

int machines_prepare(struct controller_machines *m, struct err *e)
{
    autofree char *folder = carrier_folder(m);
    int status = make_keys(m, folder, e);
    for (int i = 0; i < m->other_count && status == 0; i++) {
        struct json_object *line = outpost_say_prepare(folder, e);
        status = line ? 0 : -e->code;
        if (line)
            outpost_link_say(&m->others[i].link, line);
    }
    if (status == 0 && m->any_here)
        premises_prepare(&m->here, m->controller->options->capture);
    return status;
}

void machines_tell(struct controller_machines *m, const char *word)
{
    struct json_object *line = agent_say(word);
    premises_tell(&m->here, line);
    for (int i = 0; i < m->other_count; i++)
        outpost_link_say(&m->others[i].link, outpost_say_tell(json_object_get(line)));
    json_object_put(line);
}

void machines_begin(struct controller_machines *m, struct simtime origin)
{
    struct json_object *line = agent_say_begin(origin);
    premises_tell(&m->here, line);
    json_object_put(line);
    for (int i = 0; i < m->other_count; i++) {
        struct outpost_link *link = &m->others[i].link;
        clock_offset_watch(&link->clock);
        outpost_link_say(link, agent_say_begin(clock_offset_theirs(&link->clock, origin)));
    }
}

void machines_end(struct controller_machines *m)
{
    struct json_object *line = agent_say("end");
    if (m->opening)
        premises_stop_opening(&m->here);
    m->opening = false;
    premises_tell(&m->here, line);
    json_object_put(line);
    for (int i = 0; i < m->other_count; i++) {
        struct outpost_link *link = &m->others[i].link;
        if (!m->others[i].hello)
            outpost_link_close(link); /* nothing was made there, and who knows who it is */
        else if (link->open)
            outpost_link_say(link, agent_say("end"));
    }
}

void machines_pause(struct controller_machines *m, bool paused)
{
    premises_pause(&m->here, paused);
    for (int i = 0; i < m->other_count; i++)
        channel_pause(&m->others[i].link.channel, paused);
}

int machines_change_link(struct controller_machines *m, int link, int direction, const struct link_params *params, struct err *e)
{
    return m->any_here ? testbed_change(m->here.testbed, link, direction, params, e) : 0;
}

bool machines_count_link(struct controller_machines *m, int link, int direction, struct link_counters *counters)
{
    const struct carried *carried = &m->carried[link * 2 + direction];
    if (carried->known)
        *counters = carried->counters;
    return carried->known || (m->here.testbed && testbed_shapes(m->here.testbed, link, direction) &&
                              testbed_count(m->here.testbed, link, direction, counters, NULL) == 0);
}

bool machines_gone(const struct controller_machines *m)
{
    return !m->opening && all_others(m, is_gone);
}

static void tell_of_clock(struct world_real_facts *f, const struct controller_machine *o)
{
    const struct clock_offset *clock = &o->link.clock;
    if (f->clock_count == WORLD_REAL_CLOCKS_MAX || !clock->count)
        return;
    struct world_real_clock *known = &f->clocks[f->clock_count++];
    snprintf(known->machine, sizeof known->machine, "%s", o->link.machine);
    known->offset = clock->offset;
    known->drift_ppm = clock->drift * 1e6;
    known->uncertainty = clock->worst;
}

int machines_close(struct controller_machines *m, int status, struct err *e)
{
    for (int i = 0; i < m->other_count; i++) {
        struct controller_machine *o = &m->others[i];
        tell_of_clock(m->controller->facts, o);
        outpost_link_close(&o->link);
        json_object_put(o->hello);
        free(o->image);
    }
    if (m->here.scenario)
        status = premises_close(&m->here, status, e);
    if (m->carrier_folder)
        files_remove(m->carrier_folder, NULL);
    if (m->log_fd >= 0)
        close(m->log_fd);
    free(m->is_here);
    free(m->machine_of);
    free(m->addresses);
    free(m->others);
    free(m->carried);
    free(m->run);
    free(m->carrier_folder);
    return status;
}
