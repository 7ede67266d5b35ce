#include "controller.h"
#include "link_totals.h"
#include "agent_protocol.h"
#include "interrupt.h"
#include "mem.h"
#include "scenario_move.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    GREET_S = 60,
    PREPARE_S = 600, /* Engines, images, servers */
    END_S = 120,     /* agents take back what they made */
    INTERRUPTED_END_S = 3, /* then they are killed, and the journal does the rest: 5 s in all are promised */
    HEAD_START_MS = 300, /* between "begin" and the run's start, so that all agents have heard it */
    FLUSH_EVERY_MS = 200,
    LAST_PATIENCE_S = 10, /* with a repository that another program holds */
};

static const char *const phase_names[] = {"greeting", "wiring", "preparing", "connecting", "playing", "ending"};

static void enter_phase(struct controller *c, enum phase phase);

void controller_progress(struct controller *c, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->options->progress)
        c->options->progress(c->options->context, text);
}

/* Whatever comes after the first failure is its consequence. */
void controller_failed(struct controller *c, const struct err *e)
{
    if (!c->err.code)
        c->err = *e;
    if (c->phase != ENDING)
        enter_phase(c, ENDING);
}

/* --- events ------------------------------------------------------------------------------------------------------------------------------- */

/* While another program holds the repository nobody is heard, so that what is reported waits on the agents' disks. */
static void look_after_repository(struct controller *c)
{
    bool away = event_keeper_waiting(&c->keeper) > 0;
    if (away == c->away)
        return;
    c->away = away;
    controller_progress(c, away ? "another program holds %s/events.db: events wait at the hosts" : "%s/events.db is free again",
                        c->options->folder);
    machines_pause(&c->machines, away);
}

static void keep(struct controller *c, struct json_object *line)
{
    struct err e = ERR_INIT;
    if (event_keeper_add(&c->keeper, line, &e) < 0)
        controller_failed(c, &e);
    look_after_repository(c);
}

/* The controller's own. */
static void keep_event(struct controller *c, const struct event *event)
{
    struct json_object *line = agent_say_event(event);
    c->facts->events_reported++;
    keep(c, line);
    json_object_put(line);
}

static void flush_repository(struct timer *timer)
{
    struct controller *c = container_of(timer, struct controller, flush);
    struct err e = ERR_INIT;
    if (event_keeper_go_on(&c->keeper, &e) < 0 || logrepo_flush(c->repo, &e) < 0)
        controller_failed(c, &e);
    look_after_repository(c);
    loop_arm_after(c->loop, &c->flush, simtime_ms(FLUSH_EVERY_MS));
}

/* --- agents -------------------------------------------------------------------------------------------------------------------------------- */

static bool all(const struct controller *c, bool (*is)(const struct controlled_agent *))
{
    for (int i = 0; i < c->scenario->host_count; i++)
        if (!is(&c->agents[i]))
            return false;
    return true;
}

static bool is_ready(const struct controlled_agent *a)
{
    return a->ready;
}

static bool is_idle(const struct controlled_agent *a)
{
    return a->idle;
}

static bool is_gone(const struct controlled_agent *a)
{
    return !a->there;
}

static struct simtime run_time(const struct controller *c)
{
    return simtime_sub(loop_now(c->loop), c->origin);
}

static void end_if_done(struct controller *c)
{
    if (c->phase == PLAYING && run_time(c).ns >= c->scenario->duration.ns && all(c, is_idle))
        enter_phase(c, ENDING);
}

/* The run is as late as its latest part. */
static void note_lateness(struct world_real_facts *f, const struct lateness *late)
{
    struct simtime max = simtime_max(f->lateness.max, late->max);
    if (late->p99.ns >= f->lateness.p99.ns)
        f->lateness = *late;
    f->lateness.max = max;
}

static void take_account(struct controller *c, struct json_object *line, const char *name)
{
    struct agent_account a;
    struct err e = ERR_INIT;
    if (agent_read_ended(line, &a, &e) < 0) {
        err_wrap(&e, "agent of %s", name);
        controller_failed(c, &e);
        return;
    }
    struct world_real_facts *f = c->facts;
    note_lateness(f, &(struct lateness){a.timers, a.late_p50, a.late_p99, a.late_max});
    f->memory_ratio = a.memory_ratio > 0 ? a.memory_ratio : f->memory_ratio;
    f->layer_ratio = a.layer_ratio > 0 ? a.layer_ratio : f->layer_ratio;
    f->errors += a.errors;
    f->capture_dropped += a.capture_dropped;
    f->events_reported += a.events;
}

static void wait_for_return(struct controller *c, struct controlled_agent *a, struct json_object *line)
{
    struct err e = ERR_INIT;
    uint64_t events = 0;
    if (agent_read_away(line, &events, &e) < 0)
        controller_failed(c, &e);
    c->facts->events_reported += events;
    a->idle = false;
    a->away = run_time(c);
    controller_progress(c, "host %s: its agent ended unexpectedly and is started again", a->name);
}

static void welcome_back(struct controller *c, const struct controlled_agent *a)
{
    struct simtime now = run_time(c);
    autofree char *text = mem_printf("its agent ended unexpectedly; it was away for %.0f ms",
                                     simtime_seconds(simtime_sub(now, a->away)) * 1e3);
    struct event event = event_note(now, a->name, text);
    event.begin = a->away;
    keep_event(c, &event);
    controller_progress(c, "host %s: %s", a->name, text);
}

void controller_hear(struct controller *c, int host, struct json_object *line)
{
    struct controlled_agent *a = &c->agents[host];
    const char *word = agent_word(line);
    struct err e = ERR_INIT;
    if (!strcmp(word, "event")) {
        keep(c, line);
    } else if (!strcmp(word, "ready")) {
        a->ready = true;
        if ((c->phase == PREPARING || c->phase == CONNECTING) && all(c, is_ready))
            controller_go_on(c);
    } else if (!strcmp(word, "idle")) {
        if (agent_read_idle(line, &a->idle, &e) < 0)
            controller_failed(c, &e);
        end_if_done(c);
    } else if (!strcmp(word, "away")) {
        wait_for_return(c, a, line);
    } else if (!strcmp(word, "back")) {
        welcome_back(c, a);
    } else if (!strcmp(word, "ended")) {
        a->ended = true;
        take_account(c, line, a->name);
    } else if (!strcmp(word, "failed")) {
        agent_read_failed(line, &e);
        controller_failed(c, &e);
    }
}

void controller_count_heads(struct controller *c)
{
    if (c->phase == ENDING && all(c, is_gone) && machines_gone(&c->machines))
        loop_stop(c->loop);
}

void controller_miss(struct controller *c, int host, uint64_t events)
{
    struct controlled_agent *a = &c->agents[host];
    struct err err = ERR_INIT;
    a->there = false;
    if (!a->ended) {
        c->facts->events_reported += events;
        err_set(&err, EPIPE, "host %s: its agent ended unexpectedly", a->name);
        err_hint(&err, "its messages are in %s/agents%s.log", c->options->folder, c->machines.other_count ? "*" : "");
        controller_failed(c, &err);
    }
    controller_count_heads(c);
}

/* --- phases ----------------------------------------------------------------------------------------------------------------------------------- */

static void set_deadline(struct controller *c, int64_t seconds)
{
    loop_arm_after(c->loop, &c->deadline, simtime_s(seconds));
}

void controller_wait_on(struct controller *c)
{
    if (c->phase == ENDING)
        set_deadline(c, interrupt_signal() ? INTERRUPTED_END_S : END_S);
}

static void begin(struct controller *c)
{
    c->origin = simtime_add(loop_now(c->loop), simtime_ms(HEAD_START_MS));
    machines_begin(&c->machines, c->origin);
    loop_arm(c->loop, &c->deadline, simtime_add(c->origin, c->scenario->duration));
    variation_start(&c->variation, c->scenario, c->loop, c->origin, c->seed);
}

static int change_link(struct variation *v, int link, int direction, const struct link_params *params, struct err *e)
{
    return machines_change_link(&container_of(v, struct controller, variation)->machines, link, direction, params, e);
}

static void record_change(struct variation *v, const struct event *event)
{
    keep_event(container_of(v, struct controller, variation), event);
}

struct real_totals {
    struct link_totals base;
    struct controller *controller;
};

/* What asks for nothing is not shaped, and not counted. */
static bool count_link(struct link_totals *base, int i, int direction, struct link_counters *counters)
{
    struct controller *c = container_of(base, struct real_totals, base)->controller;
    const struct scenario_link *link = &c->scenario->links[i];
    if (link_is_plain(&link->params[direction]) && !link->schedules[direction].count)
        return false;
    if (!machines_count_link(&c->machines, i, direction, counters))
        return false;
    note_lateness(c->facts, &counters->lateness);
    return true;
}

static void record_total(struct link_totals *base, const struct event *event)
{
    keep_event(container_of(base, struct real_totals, base)->controller, event);
}

static void report_totals(struct controller *c)
{
    struct real_totals totals = {.base = {count_link, record_total}, .controller = c};
    link_totals_report(&totals.base, c->scenario, c->ended_at);
}

static void change_failed(struct variation *v, const struct err *e)
{
    controller_failed(container_of(v, struct controller, variation), e);
}

static int begin_phase(struct controller *c, struct err *e)
{
    switch (c->phase) {
    case GREETING:
        set_deadline(c, GREET_S);
        return machines_greet(&c->machines, e);
    case WIRING:
        set_deadline(c, PREPARE_S);
        return machines_wire(&c->machines, e);
    case PREPARING:
        controller_progress(c, "starting %d hosts, Engines and the service's image", c->scenario->host_count);
        set_deadline(c, PREPARE_S);
        return machines_prepare(&c->machines, e);
    case CONNECTING:
        controller_progress(c, "connecting");
        set_deadline(c, PREPARE_S);
        machines_tell(&c->machines, "connect");
        break;
    case PLAYING:
        controller_progress(c, "playing %.0f s", simtime_seconds(c->scenario->duration));
        begin(c);
        break;
    case ENDING:
        variation_stop(&c->variation);
        c->ended_at = c->origin.ns ? run_time(c) : SIMTIME_ZERO;
        controller_progress(c, "taking the testbed down");
        controller_wait_on(c);
        machines_end(&c->machines);
        controller_count_heads(c);
        break;
    }
    return 0;
}

static void enter_phase(struct controller *c, enum phase phase)
{
    struct err e = ERR_INIT;
    c->phase = phase;
    for (int i = 0; i < c->scenario->host_count; i++)
        c->agents[i].ready = false;
    if (begin_phase(c, &e) < 0)
        controller_failed(c, &e);
}

void controller_go_on(struct controller *c)
{
    enter_phase(c, c->phase + 1);
}

static void patience_over(struct controller *c)
{
    if (!c->gave_up) { /* the duration is over; what is unanswered or under way gets its time */
        c->gave_up = true;
        loop_arm_after(c->loop, &c->deadline, c->scenario->timeouts.drain);
        end_if_done(c);
        return;
    }
    for (int i = 0; i < c->scenario->host_count; i++)
        if (!c->agents[i].idle)
            controller_progress(c, "host %s is not done", c->agents[i].name);
    machines_tell(&c->machines, "give up");
    enter_phase(c, ENDING);
}

static void deadline_passed(struct timer *timer)
{
    struct controller *c = container_of(timer, struct controller, deadline);
    struct err e = ERR_INIT;
    if (c->phase == PLAYING) {
        patience_over(c);
        return;
    }
    err_set(&e, ETIMEDOUT, "the hosts did not finish %s in time", phase_names[c->phase]);
    err_hint(&e, "their messages are in %s/agents%s.log", c->options->folder, c->machines.other_count ? "*" : "");
    controller_failed(c, &e);
    if (c->phase == ENDING)
        loop_stop(c->loop);
}

static void signal_came(struct watch *watch, uint32_t events)
{
    struct controller *c = container_of(watch, struct controller, signal);
    struct err e = ERR_INIT;
    (void)events;
    loop_unwatch(c->loop, watch);
    err_set(&e, EINTR, "interrupted");
    controller_failed(c, &e);
    if (c->phase == ENDING)
        set_deadline(c, INTERRUPTED_END_S);
}

int controller_init(struct controller *c, struct err *e)
{
    c->deadline.fire = deadline_passed;
    c->flush.fire = flush_repository;
    event_keeper_init(&c->keeper, c->repo);
    c->variation = (struct variation){.apply = change_link, .record = record_change, .failed = change_failed};
    c->agents = mem_alloc_array((size_t)c->scenario->host_count, sizeof *c->agents);
    for (int i = 0; i < c->scenario->host_count; i++)
        c->agents[i] = (struct controlled_agent){.controller = c, .name = c->scenario->hosts[i].name};
    machines_init(&c->machines, c);
    c->signal = (struct watch){signal_came, interrupt_fd()};
    return loop_watch(c->loop, &c->signal, EPOLLIN, e);
}

void controller_free(struct controller *c)
{
    event_keeper_free(&c->keeper);
    free(c->agents);
}

int controller_conduct(struct controller *c, struct err *e)
{
    flush_repository(&c->flush);
    enter_phase(c, GREETING);
    loop_run(c->loop);
    if (c->ended_at.ns)
        report_totals(c);
    logrepo_set_patience(c->repo, simtime_s(LAST_PATIENCE_S));
    flush_repository(&c->flush);
    if (c->err.code && c->err.code != EINTR)
        machines_quote_logs(&c->machines, &c->err);
    *e = c->err;
    return -c->err.code;
}
