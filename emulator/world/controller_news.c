/* What the machines say to the controller: those behind ssh about their hosts, and the premises here about theirs. */
#include "agent_protocol.h"
#include "controller.h"
#include "controller_machines.h"
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
    for (int i = 0; i < m->controller->scenario->host_count; i++)
        if (m->machine_of[i] >= 0 && &m->others[m->machine_of[i]] == o)
            m->controller->agents[i].there = true;
}

/* The image's name says which service program it was made of. */
static int agree_on_image(struct controller_machines *m, const char *image, struct err *e)
{
    if (!m->image)
        m->image = mem_copy_string(image);
    if (strcmp(image, m->image) == 0)
        return 0;
    err_set(e, EPROTO, "its roamlab-service is another one than the others'");
    err_hint(e, "install the same on all machines, or run with --push");
    return -EPROTO;
}

static int take_wired(struct controller_machine *o, struct json_object *line, struct err *e)
{
    struct controller_machines *m = &o->controller->machines;
    struct world_real_facts facts = {0};
    const char *image;
    if (outpost_read_wired(line, &facts, &image, e) < 0)
        return -e->code;
    if (!m->any_here && !m->image)
        *o->controller->facts = facts;
    if (agree_on_image(m, image, e) < 0)
        return -e->code;
    o->wired = true;
    agents_are_there(m, o);
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

static int take_packets(struct controller_machine *o, struct json_object *line, struct err *e)
{
    const struct controller *c = o->controller;
    int host;
    if (outpost_read_packets(line, &host, e) < 0)
        return -e->code;
    if (!c->options->capture || host < 0 || host >= c->scenario->host_count || c->machines.machine_of[host] < 0)
        return err_set(e, EPROTO, "packets of no host");
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

static void link_gone(struct outpost_link *link)
{
    struct controller_machine *o = container_of(link, struct controller_machine, link);
    struct controller_machines *m = &o->controller->machines;
    struct err e = ERR_INIT;
    if (!o->closed) {
        err_set(&e, EPIPE, o->hello ? "the connection broke, or its roamlab ended" : "roamlab does not answer there");
        err_hint(&e, "what was made there goes by itself, or with roamlab clean");
        machine_failed(o, &e);
    }
    for (int i = 0; i < m->controller->scenario->host_count; i++)
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
    struct err other = ERR_INIT;
    if (status == 0 && (status = agree_on_image(m, p->image.name, &other)) < 0) {
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
