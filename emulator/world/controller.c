#include "controller.h"
#include "link_totals.h"
#include "agent.h"
#include "agent_protocol.h"
#include "event_spool.h"
#include "interrupt.h"
#include "mem.h"
#include "scenario_move.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    PREPARE_S = 600, /* Engines, images, servers */
    END_S = 120,     /* agents take back what they made */
    INTERRUPTED_END_S = 20,
    HEAD_START_MS = 300, /* between "begin" and the run's start, so that all agents have heard it */
    FLUSH_EVERY_MS = 200,
    LAST_PATIENCE_S = 10, /* with a repository that another program holds */
};

static const char *const phase_names[] = {"preparing", "connecting", "playing", "ending"};

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

/* The first failure counts; whatever comes after it is its consequence. */
static void run_failed(struct controller *c, const struct err *e)
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
    for (int i = 0; i < c->scenario->host_count; i++)
        channel_pause(&c->agents[i].channel, away);
}

static void keep(struct controller *c, struct json_object *line)
{
    struct err e = ERR_INIT;
    if (event_keeper_add(&c->keeper, line, &e) < 0)
        run_failed(c, &e);
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

/* What an agent that is gone without a word had written down and not sent. */
static void keep_rest(struct controller *c, int host)
{
    autofree char *path = agent_event_spool(journal_folder(c->journal), host);
    struct event_spool *spool = event_spool_recover(path, c->agents[host].events, NULL);
    const char *text;
    while (spool && (text = event_spool_next(spool))) {
        struct json_object *line = json_tokener_parse(text);
        keep(c, line);
        json_object_put(line);
    }
    c->facts->events_reported += spool ? event_spool_count(spool) : 0;
    event_spool_free(spool);
}

static void flush_repository(struct timer *timer)
{
    struct controller *c = container_of(timer, struct controller, flush);
    struct err e = ERR_INIT;
    if (event_keeper_go_on(&c->keeper, &e) < 0 || logrepo_flush(c->repo, &e) < 0)
        run_failed(c, &e);
    look_after_repository(c);
    loop_arm_after(c->loop, &c->flush, simtime_ms(FLUSH_EVERY_MS));
}

/* --- agents -------------------------------------------------------------------------------------------------------------------------------- */

static void tell(struct controlled_agent *a, struct json_object *line)
{
    channel_send(&a->channel, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
}

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
    return a->gone;
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
        run_failed(c, &e);
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

static void hear(struct controlled_agent *a, const char *word, struct json_object *line)
{
    struct controller *c = a->controller;
    struct err e = ERR_INIT;
    if (!strcmp(word, "event")) {
        a->events++;
        keep(c, line);
    } else if (!strcmp(word, "ready")) {
        a->ready = true;
        if ((c->phase == PREPARING || c->phase == CONNECTING) && all(c, is_ready))
            enter_phase(c, c->phase + 1);
    } else if (!strcmp(word, "idle")) {
        if (agent_read_idle(line, &a->idle, &e) < 0)
            run_failed(c, &e);
        end_if_done(c);
    } else if (!strcmp(word, "ended")) {
        a->ended = true;
        take_account(c, line, a->name);
    } else if (!strcmp(word, "failed")) {
        agent_read_failed(line, &e);
        run_failed(c, &e);
    }
}

static void line_arrives(struct channel *channel, char *text, size_t len)
{
    struct controlled_agent *a = container_of(channel, struct controlled_agent, channel);
    (void)len;
    struct json_object *line = json_tokener_parse(text);
    const char *word = line ? agent_word(line) : NULL;
    struct err e = ERR_INIT;
    if (word) {
        hear(a, word, line);
    } else {
        err_set(&e, EPROTO, "agent of %s: a line that is no report", a->name);
        run_failed(a->controller, &e);
    }
    json_object_put(line);
}

static void stop_when_all_gone(struct controller *c)
{
    if (all(c, is_gone))
        loop_stop(c->loop);
}

/* What it said last may still be in the pipe: the channel is read to its end before the agent counts as gone. */
static void agent_silent(struct channel *channel, const struct err *e)
{
    struct controlled_agent *a = container_of(channel, struct controlled_agent, channel);
    struct err err = ERR_INIT;
    (void)e;
    a->gone = true;
    if (!a->ended) {
        err_set(&err, EPIPE, "host %s: its agent ended unexpectedly", a->name);
        err_hint(&err, "its messages are in %s/agents.log", a->controller->options->folder);
        keep_rest(a->controller, (int)(a - a->controller->agents));
        run_failed(a->controller, &err);
    }
    stop_when_all_gone(a->controller);
}

static void agent_exited(struct process *process, int status)
{
    (void)process, (void)status; /* its channel tells */
}

int controller_start_agent(struct controller *c, int host, struct err *e)
{
    struct controlled_agent *a = &c->agents[host];
    autofree char *log = mem_printf("%s/agents.log", c->options->folder);
    autoclose int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *[]){"/proc/self/exe", "agent", NULL};
    options.net_namespace = testbed_namespace(c->testbed, host);
    options.stdin_fd = to[0];
    options.stdout_fd = from[1];
    options.stderr_fd = log_fd;
    options.outlive = true; /* it rolls back by itself when its input ends */
    a->process.ended = agent_exited;
    int status = process_start(c->loop, &a->process, &options, e);
    close(to[0]);
    close(from[1]);
    a->channel.line = line_arrives;
    a->channel.closed = agent_silent;
    if (status == 0)
        status = channel_open(&a->channel, c->loop, from[0], to[1], e);
    if (status == 0)
        status = journal_record_process(c->journal, a->process.pid, e);
    a->gone = status < 0;
    return status;
}

static void order_to_prepare(struct controller *c, int host)
{
    const struct scenario *s = c->scenario;
    autofree char *capture =
        c->options->capture ? mem_printf("%s/%s.pcap", c->options->capture, s->hosts[host].name) : NULL;
    autofree char *text = scenario_text_with_visits(s);
    struct agent_orders orders = {.scenario = text,
                                  .path = s->path,
                                  .seed = c->seed,
                                  .host = host,
                                  .run = journal_run(c->journal),
                                  .folder = journal_folder(c->journal),
                                  .image = c->image.name,
                                  .archive = c->image.archive,
                                  .criu_folder = c->facts->runtime.criu_folder,
                                  .capture = capture};
    tell(&c->agents[host], agent_say_prepare(&orders));
}

/* --- phases ----------------------------------------------------------------------------------------------------------------------------------- */

static void set_deadline(struct controller *c, int64_t seconds)
{
    loop_arm_after(c->loop, &c->deadline, simtime_s(seconds));
}

static void tell_all(struct controller *c, const char *word)
{
    for (int i = 0; i < c->scenario->host_count; i++)
        tell(&c->agents[i], agent_say(word));
}

static void begin(struct controller *c)
{
    c->origin = simtime_add(loop_now(c->loop), simtime_ms(HEAD_START_MS));
    for (int i = 0; i < c->scenario->host_count; i++)
        tell(&c->agents[i], agent_say_begin(c->origin));
    loop_arm(c->loop, &c->deadline, simtime_add(c->origin, c->scenario->duration));
    variation_start(&c->variation, c->scenario, c->loop, c->origin, c->seed);
}

static int change_link(struct variation *v, int link, int direction, const struct link_params *params, struct err *e)
{
    return testbed_change(container_of(v, struct controller, variation)->testbed, link, direction, params, e);
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
    if (testbed_count(c->testbed, i, direction, counters, NULL) < 0)
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
    link_totals_report(&totals.base, c->scenario, run_time(c));
}

static void change_failed(struct variation *v, const struct err *e)
{
    run_failed(container_of(v, struct controller, variation), e);
}

static void enter_phase(struct controller *c, enum phase phase)
{
    c->phase = phase;
    for (int i = 0; i < c->scenario->host_count; i++)
        c->agents[i].ready = false;
    switch (phase) {
    case PREPARING:
        controller_progress(c, "starting %d hosts, Engines and the service's image", c->scenario->host_count);
        set_deadline(c, PREPARE_S);
        for (int i = 0; i < c->scenario->host_count; i++)
            order_to_prepare(c, i);
        break;
    case CONNECTING:
        controller_progress(c, "connecting");
        set_deadline(c, PREPARE_S);
        tell_all(c, "connect");
        break;
    case PLAYING:
        controller_progress(c, "playing %.0f s", simtime_seconds(c->scenario->duration));
        begin(c);
        break;
    case ENDING:
        variation_stop(&c->variation);
        if (c->testbed && c->origin.ns)
            report_totals(c);
        if (c->testbed)
            controller_progress(c, "taking the testbed down");
        set_deadline(c, interrupt_signal() ? INTERRUPTED_END_S : END_S);
        tell_all(c, "end");
        stop_when_all_gone(c);
        break;
    }
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
    tell_all(c, "give up");
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
    err_hint(&e, "their messages are in %s/agents.log", c->options->folder);
    run_failed(c, &e);
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
    run_failed(c, &e);
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
        c->agents[i] = (struct controlled_agent){.controller = c, .name = c->scenario->hosts[i].name, .gone = true};
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
    enter_phase(c, PREPARING);
    flush_repository(&c->flush);
    loop_run(c->loop);
    logrepo_set_patience(c->repo, simtime_s(LAST_PATIENCE_S));
    flush_repository(&c->flush);
    *e = c->err;
    return -c->err.code;
}

void controller_dismiss_agents(struct controller *c)
{
    for (int i = 0; i < c->scenario->host_count; i++) {
        channel_close(&c->agents[i].channel);
        process_kill(&c->agents[i].process);
    }
}
