#include "controller_machines.h"
#include "agent.h"
#include "certificate.h"
#include "controller.h"
#include "driver.h"
#include "files.h"
#include "mem.h"
#include "registry_keys.h"
#include "scenario_move.h"
#include "transfer.h"
#include "version.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

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

/* As an index of `others`; -1: this one. */
static int machine_of(struct controller_machines *m, int host)
{
    const struct scenario_host *h = &scenario(m)->hosts[host];
    int first = scenario_first_beside(scenario(m), host);
    if (!h->ssh)
        return -1;
    if (first < host)
        return m->machine_of[first];
    m->others[m->other_count] = (struct controller_machine){.controller = m->controller, .link.machine = h->ssh};
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
        m->machine_of[i] = machine_of(m, i);
        m->any_here |= !host->ssh;
        if (host->ssh && host->command)
            m->others[m->machine_of[i]].link.command = host->command;
    }
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
        machines_listen(link);
        autoclose int log_fd = machines_open_log(&m->others[i], e);
        if (log_fd < 0 || outpost_link_open(link, log_fd, e) < 0)
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
                                          .captures = c->options->capture != NULL,
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
                                .machines = m->other_count ? m->addresses : NULL};
    machines_listen_here(&m->here);
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
    autofree char *paging_keys = agent_paging_keys(folder);
    struct transfer_host *hosts = mem_alloc_array((size_t)l->edge_count, sizeof *hosts);
    char(*addresses)[16] = mem_alloc_array((size_t)l->edge_count, sizeof *addresses);
    for (int i = 0; i < l->edge_count; i++) {
        layout_address_text(layout_host_address(l->edges[i].host), addresses[i]);
        hosts[i] = (struct transfer_host){l->host_names[l->edges[i].host], addresses[i], AGENT_CARRIER_PORT, NULL};
    }
    int status = carrier_of(scenario(m)->migration.carrier)->prepare(folder, hosts, l->edge_count, e);
    if (status == 0 && scenario(m)->registry_count)
        status = registry_keys_make(folder, e);
    if (status == 0 && strategy_is_lazy(scenario(m)->migration.strategy))
        status = certificate_make_own(paging_keys, "roamlab run", NULL, e);
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
    premises_begin(&m->here, line);
    json_object_put(line);
    for (int i = 0; i < m->other_count; i++) {
        struct outpost_link *link = &m->others[i].link;
        clock_offset_watch(&link->clock);
        m->others[i].origin = clock_offset_theirs(&link->clock, origin);
        outpost_link_say(link, agent_say_begin(m->others[i].origin));
    }
}

void machines_end(struct controller_machines *m)
{
    if (m->opening)
        premises_stop_opening(&m->here);
    m->opening = false;
    premises_end(&m->here);
    for (int i = 0; i < m->other_count; i++) {
        struct outpost_link *link = &m->others[i].link;
        clock_offset_rest(&link->clock);
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
    free(m->image);
    free(m->carrier_folder);
    return status;
}
