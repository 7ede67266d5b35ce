/* What the machines say to the controller: those behind ssh about their hosts, and the premises here about theirs. A machine is heard on nothing
 * but what it plays itself. */
#include "agent_protocol.h"
#include "controller.h"
#include "controller_machines.h"
#include "driver.h"
#include "mem.h"
#include "outpost_packets.h"
#include "version.h"

#include <errno.h>
#include <string.h>

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
    return !o->link.open && !o->link.process.pid;
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
    o->failed = true;
    controller_failed(o->controller, &err);
}

static bool plays(const struct controller_machine *o, int host)
{
    const struct controller_machines *m = &o->controller->machines;
    return host >= 0 && host < o->controller->scenario->host_count && m->machine_of[host] >= 0 &&
           &m->others[m->machine_of[host]] == o;
}

static int refuse_stranger(int host, struct err *e)
{
    return err_set(e, EPROTO, "it speaks for host %d, which it does not play", host);
}

/* Whether its agents are there. */
static void note_agents(struct controller_machine *o, bool there)
{
    for (int i = 0; i < o->controller->scenario->host_count; i++)
        if (plays(o, i))
            o->controller->agents[i].there = there;
}

static bool same_machine(struct json_object *hello, const char *machine)
{
    struct outpost_hello other;
    return hello && outpost_read_hello(hello, &other, NULL) == 0 && other.machine && machine && !strcmp(other.machine, machine);
}

/* Two outposts of one run would get in each other's way on a machine. */
static int check_alone(const struct controller_machine *o, const char *machine, struct err *e)
{
    const struct controller_machines *m = &o->controller->machines;
    struct json_object *own = m->any_here ? outpost_say_hello(ROAMLAB_VERSION) : NULL;
    const char *same = same_machine(own, machine) ? "the one that you sit at" : NULL;
    for (int i = 0; i < m->other_count; i++)
        if (same_machine(m->others[i].hello, machine))
            same = m->others[i].link.machine;
    json_object_put(own);
    if (!same)
        return 0;
    err_set(e, EPROTO, "it is %s, too", same);
    return err_hint(e, "call a machine by one name in all of its hosts; the one that you sit at needs no ssh");
}

static int take_hello(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct outpost_hello hello;
    if (outpost_read_hello(line, &hello, e) < 0)
        return -e->code;
    if (o->hello)
        return err_set(e, EPROTO, "it says hello twice");
    if (strcmp(hello.version, ROAMLAB_VERSION) != 0) {
        err_set(e, EPROTO, "its roamlab is version %.32s, this one is %s", hello.version, ROAMLAB_VERSION);
        err_hint(e, "install the same on both, or run with --push");
        return -EPROTO;
    }
    if (check_alone(o, hello.machine, e) < 0)
        return -e->code;
    o->hello = json_object_get(line);
    return 0;
}

/* The image's name says which service program it was made of. A link between machines is shaped at the end that the driver chooses: with two
 * drivers at both, or at none. */
static int agree(struct controller_machines *m, const char *image, const char *driver, struct err *e)
{
    if (!m->image)
        m->image = mem_copy_string(image);
    if (strcmp(image, m->image) != 0) {
        err_set(e, EPROTO, "its roamlab-service is another one than the others'");
        return err_hint(e, "install the same on all machines, or run with --push");
    }
    if (strcmp(driver, m->controller->facts->link_driver) == 0)
        return 0;
    err_set(e, EPROTO, "it shapes links by %.32s, the others by %s", driver, m->controller->facts->link_driver);
    return err_hint(e, "choose one that works on all machines: --driver userspace");
}

/* A machine's Docker, then "HOST: VERSION" of each Engine of the user's there: these go behind the first machine's. */
static void note_engines(struct world_real_facts *known, const struct world_real_facts *other)
{
    const char *engines = strstr(other->runtime.docker_version, ", ");
    size_t used = strlen(known->runtime.docker_version);
    if (engines)
        snprintf(known->runtime.docker_version + used, sizeof known->runtime.docker_version - used, "%s", engines);
}

static int take_wired(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct controller_machines *m = &o->controller->machines;
    struct world_real_facts facts = {0};
    const char *image;
    if (outpost_read_wired(line, &facts, &image, e) < 0)
        return -e->code;
    if (!o->hello || o->wired || !link_driver_named(facts.link_driver))
        return err_set(e, EPROTO, "it says wired out of turn, or names no link driver");
    if (!m->any_here && !m->image)
        *o->controller->facts = facts;
    else
        note_engines(o->controller->facts, &facts);
    if (agree(m, image, facts.link_driver, e) < 0)
        return -e->code;
    o->wired = true;
    note_agents(o, true);
    return 0;
}

/* By the other machine's clock its times count from where the run began there. */
static int64_t our_time(const struct controller_machine *o, int64_t theirs_ns)
{
    struct simtime theirs = simtime_add(o->origin, simtime_ns(theirs_ns));
    return clock_offset_ours(&o->link.clock, theirs).ns - o->controller->origin.ns;
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
    if (!plays(o, host))
        return refuse_stranger(host, e);
    const char *word = agent_word(inner);
    if (!word)
        return err_set(e, EPROTO, "agent of %s: a line that is no report", o->controller->agents[host].name);
    if (!strcmp(word, "event") && !(event = in_our_time(o, inner, e)))
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
    if (!plays(o, host))
        return refuse_stranger(host, e);
    controller_miss(o->controller, host, events);
    return 0;
}

/* At the end where the driver shapes. */
static bool shapes(const struct controller_machine *o, int link, int direction)
{
    const struct controller *c = o->controller;
    if (!o->wired || link < 0 || link >= c->scenario->link_count || (direction & ~1) != 0)
        return false;
    bool last = link_driver_named(c->facts->link_driver)->at_arrival ? !direction : direction;
    return plays(o, c->scenario->links[link].between[last]);
}

static int take_carried(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct link_counters counters;
    int link, direction;
    if (outpost_read_carried(line, &link, &direction, &counters, e) < 0)
        return -e->code;
    if (!shapes(o, link, direction))
        return err_set(e, EPROTO, "it has counted link %d, which it does not shape", link);
    o->controller->machines.carried[link * 2 + direction] = (struct carried){true, counters};
    return 0;
}

static int take_packets(struct controller_machine *o, struct json_object *line, struct err *e)
{
    const struct controller *c = o->controller;
    int host;
    if (outpost_read_packets(line, &host, e) < 0)
        return -e->code;
    if (!plays(o, host))
        return refuse_stranger(host, e);
    if (!c->options->capture)
        return err_set(e, EPROTO, "packets that nobody asked for");
    autofree char *path = mem_printf("%s/%s.pcap", c->options->capture, c->scenario->hosts[host].name);
    controller_wait_on(o->controller);
    return outpost_take_packets(line, &o->link.clock, path, e);
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
    else if (!strcmp(word, "packets"))
        status = take_packets(o, line, &e);
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

/* Before it has said who it is, ssh's exit status is all that is known. */
static void explain_silence(const struct outpost_link *link, struct err *e)
{
    switch (link->exit_status) {
    case OUTPOST_LINK_UNREACHED:
        err_set(e, EHOSTUNREACH, "ssh does not get there");
        err_hint(e, OUTPOST_LINK_TRY, link->machine);
        break;
    case OUTPOST_LINK_NO_COMMAND:
    case OUTPOST_LINK_NO_PROGRAM:
        err_set(e, ENOENT, "roamlab cannot be started there");
        err_hint(e, "install it with what it needs, or say in hosts.NAME.command how it is called there; --push copies it");
        break;
    default:
        err_set(e, EPROTO, "what is called there is no roamlab of this version: it ended with exit status %d", link->exit_status);
        err_hint(e, "install the same on both, or run with --push");
    }
}

static void link_gone(struct outpost_link *link)
{
    struct controller_machine *o = container_of(link, struct controller_machine, link);
    struct err e = ERR_INIT;
    if (!o->hello) {
        explain_silence(link, &e);
    } else if (!o->closed) {
        err_set(&e, EPIPE, "the connection broke, or its roamlab ended");
        err_hint(&e, "what was made there goes by itself, or with roamlab clean");
    }
    if (e.code)
        machine_failed(o, &e);
    note_agents(o, false);
    controller_count_heads(o->controller);
}

/* --- what this machine's premises say ------------------------------------------------------------------------------------- */

static void show_progress(struct premises *p, const char *what)
{
    controller_progress(container_of(p, struct controller_machines, here)->controller, "%s", what);
}

static void here_opened(struct premises *p, int status, const struct err *e)
{
    struct controller_machines *m = container_of(p, struct controller_machines, here);
    struct err other = ERR_INIT;
    if (status == 0 && (status = agree(m, p->image.name, p->facts->link_driver, &other)) < 0) {
        err_wrap(&other, "this machine");
        e = &other;
    }
    m->opening = false;
    m->opened = status == 0;
    for (int i = 0; i < m->controller->scenario->host_count; i++)
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

void machines_listen(struct outpost_link *link)
{
    link->heard = hear;
    link->in_time = time_told;
    link->gone = link_gone;
}

void machines_listen_here(struct premises *here)
{
    here->progress = show_progress;
    here->opened = here_opened;
    here->line = here_says;
    here->silent = here_silent;
}

bool machines_gone(const struct controller_machines *m)
{
    return !m->opening && all_others(m, is_gone);
}
