#include "premises.h"
#include "agent.h"
#include "agent_protocol.h"
#include "driver.h"
#include "event_spool.h"
#include "files.h"
#include "interrupt.h"
#include "mem.h"
#include "scenario_move.h"
#include "testdata.h"
#include "world_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int host_count(const struct premises *p)
{
    return p->scenario->host_count;
}

static void finish_opening(struct premises *p, int status, const struct err *e)
{
    struct err interrupted = ERR_INIT;
    if (status == 0 && interrupt_signal()) {
        status = err_set(&interrupted, EINTR, "interrupted");
        e = &interrupted;
    }
    p->opened(p, status, e);
}

static void lead_back(struct premises_agent *a);
static bool may_start_again(const struct premises_agent *a);
static int start_again(struct premises_agent *a);

/* --- agents ----------------------------------------------------------------------------------------------------------------------------- */

static void tell(struct premises_agent *a, struct json_object *line)
{
    channel_send(&a->channel, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
}

static int host_of(const struct premises_agent *a)
{
    return (int)(a - a->premises->agents);
}

static void line_arrives(struct channel *channel, char *text, size_t len)
{
    struct premises_agent *a = container_of(channel, struct premises_agent, channel);
    a->events += agent_line_says(text, "event");
    a->over |= agent_line_says(text, "failed") || agent_line_says(text, "ended");
    if (agent_line_says(text, "ready") && a->turn != PREMISES_FIRST)
        lead_back(a);
    else
        a->premises->line(a->premises, host_of(a), text, len);
}

/* What it said last may still be in the pipe: the channel is read to its end before the agent counts as gone. */
static void agent_silent(struct channel *channel, const struct err *e)
{
    struct premises_agent *a = container_of(channel, struct premises_agent, channel);
    (void)e;
    a->here = false;
    if (!may_start_again(a) || start_again(a) < 0)
        a->premises->silent(a->premises, host_of(a));
}

static void agent_exited(struct process *process, int status)
{
    (void)process, (void)status; /* its channel tells */
}

static void close_pair(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static int start_agent(struct premises *p, int host, struct err *e)
{
    struct premises_agent *a = &p->agents[host];
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    if (pipe2(from, O_CLOEXEC) < 0) {
        int status = err_errno(e, "pipe");
        close_pair(to);
        return status;
    }
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *[]){"/proc/self/exe", "agent", NULL};
    options.net_namespace = testbed_namespace(p->testbed, host);
    options.stdin_fd = to[0];
    options.stdout_fd = from[1];
    options.stderr_fd = p->log_fd;
    options.outlive = true; /* it rolls back by itself when its input ends */
    a->premises = p;
    a->process.ended = agent_exited;
    int status = process_start(p->loop, &a->process, &options, e);
    close(to[0]);
    close(from[1]);
    a->channel.line = line_arrives;
    a->channel.closed = agent_silent;
    if (status == 0) {
        status = channel_open(&a->channel, p->loop, from[0], to[1], e);
    } else {
        close(from[0]);
        close(to[1]);
    }
    if (status == 0)
        status = journal_record_process(p->journal, a->process.pid, e);
    a->here = status == 0;
    return status;
}

/* --- opening ---------------------------------------------------------------------------------------------------------------------------- */

static int record_engines(struct premises *p, struct err *e)
{
    int status = 0;
    for (int i = 0; i < p->scenario->edge_count && status == 0; i++) {
        int host = p->scenario->edges[i].host;
        const struct scenario_host *h = &p->scenario->hosts[host];
        autofree char *root = agent_docker_root(journal_folder(p->journal), host);
        if (p->here[host] && h->docker)
            status = world_real_record_guest(p->journal, &(struct docker_address){h->docker, h->docker_certs, NULL}, e);
        else if (p->here[host])
            status = journal_record(p->journal, "dockerd", root, e);
    }
    return status;
}

static int mount_memory(struct premises *p, const char *path, const char *size, struct err *e)
{
    autofree char *options = mem_printf("mode=0700,size=%s", size);
    int status = journal_record(p->journal, "mount", path, e);
    if (status == 0)
        status = files_make_folder(path, 0700, e);
    return status == 0 && mount("roamlab", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0
               ? err_errno(e, "mount %s", path)
               : status;
}

static int make_memory_folders(struct premises *p, struct err *e)
{
    autofree char *owners = agent_all_owners(journal_folder(p->journal)), *dumps = agent_all_dumps(journal_folder(p->journal));
    int status = mount_memory(p, owners, "64m", e);
    return status < 0 ? status : mount_memory(p, dumps, "25%", e);
}

static int build_testbed(struct premises *p, struct err *e)
{
    struct testbed_plan plan;
    world_plan(p->layout, p->here, p->machines, &plan);
    p->testbed = testbed_build(&plan, link_driver_named(p->facts->link_driver), p->journal, e);
    world_plan_free(&plan);
    return p->testbed ? 0 : -e->code;
}

static int build(struct premises *p, struct err *e)
{
    p->journal = journal_open(NULL, p->run, world_real_kinds, e);
    if (!p->journal || build_testbed(p, e) < 0)
        return -e->code;
    int status = record_engines(p, e);
    if (status == 0)
        status = make_memory_folders(p, e);
    for (int i = 0; i < host_count(p) && status == 0; i++)
        status = p->here[i] ? start_agent(p, i, e) : 0;
    return status;
}

static void build_up(struct premises *p)
{
    struct err e = ERR_INIT;
    int status = interrupt_signal() ? 0 : build(p, &e);
    finish_opening(p, status, &e);
}

static void registry_image_done(struct registry_image *image, int status, const struct err *e)
{
    struct premises *p = container_of(image, struct premises, registry_image);
    if (status < 0)
        finish_opening(p, status, e);
    else
        build_up(p);
}

static void image_done(struct image *image, int status, const struct err *e)
{
    struct premises *p = container_of(image, struct premises, image);
    struct err err = ERR_INIT;
    p->facts->base_ratio = status == 0 ? image->ratio : 0;
    if (status < 0) {
        finish_opening(p, status, e);
    } else if (!p->scenario->registry_count) {
        build_up(p);
    } else {
        p->progress(p, "compressing its layers for registries");
        p->registry_image.done = registry_image_done;
        status = registry_image_prepare(&p->registry_image, p->loop, image->archive, &err);
        if (status < 0)
            finish_opening(p, status, &err);
    }
}

static int make_image(struct premises *p, struct err *e)
{
    autofree char *what =
        mem_printf("preparing the service's image (%.0f MB)", (double)p->layout->base_bytes / 1e6);
    struct image_options options = {.cache = PREMISES_IMAGE_CACHE,
                                    .program = p->program,
                                    .base_bytes = p->layout->base_bytes,
                                    .base_block = testdata_base_block};
    p->progress(p, what);
    p->image.done = image_done;
    return image_prepare(&p->image, p->loop, &options, e);
}

static void anchor_done(struct image *image, int status, const struct err *e)
{
    struct premises *p = container_of(image, struct premises, anchor);
    struct err err = *e;
    if (status == 0)
        status = make_image(p, &err);
    if (status < 0)
        finish_opening(p, status, &err);
}

int premises_open(struct premises *p, struct err *e)
{
    const struct image_options options = {.cache = PREMISES_IMAGE_CACHE, .program = p->program};
    p->agents = mem_alloc_array((size_t)host_count(p), sizeof *p->agents);
    p->anchor.done = anchor_done;
    return scenario_names_engines(p->scenario) ? image_prepare(&p->anchor, p->loop, &options, e) : make_image(p, e);
}

void premises_stop_opening(struct premises *p)
{
    registry_image_free(&p->registry_image);
    image_free(&p->image);
    image_free(&p->anchor);
}

/* --- the run ---------------------------------------------------------------------------------------------------------------------------- */

static void prepare(struct premises_agent *a, const char *text, const char *capture)
{
    const struct premises *p = a->premises;
    autofree char *file = capture ? mem_printf("%s/%s.pcap", capture, p->scenario->hosts[host_of(a)].name) : NULL;
    autofree char *network = mem_printf("/proc/%d/ns/net", getpid());
    struct agent_orders orders = {.scenario = text,
                                  .path = p->scenario->path,
                                  .seed = p->seed,
                                  .host = host_of(a),
                                  .run = journal_run(p->journal),
                                  .folder = journal_folder(p->journal),
                                  .image = p->image.name,
                                  .archive = p->image.archive,
                                  .criu_folder = p->facts->runtime.criu_folder,
                                  .capture = file,
                                  .again = a->turn != PREMISES_FIRST,
                                  .machine_namespace = scenario_names_engines(p->scenario) ? network : NULL,
                                  .anchor = p->anchor.name,
                                  .anchor_archive = p->anchor.archive};
    struct json_object *line = agent_say_prepare(&orders);
    tell(a, line);
    json_object_put(line);
}

void premises_prepare(struct premises *p, const char *capture)
{
    autofree char *text = scenario_text_with_visits(p->scenario);
    p->captures = capture;
    for (int i = 0; i < host_count(p); i++)
        if (p->agents[i].here)
            prepare(&p->agents[i], text, capture);
}

void premises_begin(struct premises *p, struct json_object *line)
{
    p->begin = json_object_get(line);
    premises_tell(p, line);
}

void premises_end(struct premises *p)
{
    struct json_object *line = agent_say("end");
    json_object_put(steal(p->begin));
    premises_tell(p, line);
    json_object_put(line);
}

void premises_tell(struct premises *p, struct json_object *line)
{
    for (int i = 0; p->agents && i < host_count(p); i++)
        if (p->agents[i].here)
            tell(&p->agents[i], line);
}

void premises_pause(struct premises *p, bool paused)
{
    for (int i = 0; p->agents && i < host_count(p); i++)
        if (p->agents[i].here)
            channel_pause(&p->agents[i].channel, paused);
}

uint64_t premises_rest(struct premises *p, int host)
{
    autofree char *path = agent_event_spool(journal_folder(p->journal), host);
    struct event_spool *spool = event_spool_recover(path, p->agents[host].events, NULL);
    const char *text;
    while (spool && (text = event_spool_next(spool))) {
        autofree char *line = mem_copy_string(text);
        p->line(p, host, line, strlen(line));
    }
    uint64_t count = spool ? event_spool_count(spool) : 0;
    event_spool_free(spool);
    return count;
}

/* --- an agent that was killed ------------------------------------------------------------------------------------------- */

static bool may_start_again(const struct premises_agent *a)
{
    const struct premises *p = a->premises;
    for (int i = 0; i < p->scenario->mud_count; i++)
        if (p->scenario->muds[i].host == host_of(a))
            return false;
    return p->begin && !p->captures && !a->over && a->turn == PREMISES_FIRST && !p->scenario->hosts[host_of(a)].docker;
}

/* In the agent's place. */
static void say(struct premises_agent *a, struct json_object *line)
{
    autofree char *text = mem_copy_string(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    json_object_put(line);
    a->premises->line(a->premises, host_of(a), text, strlen(text));
}

/* Its children have gone with it, but for the Engine and what runs below it. */
static int start_again(struct premises_agent *a)
{
    struct premises *p = a->premises;
    struct err e = ERR_INIT;
    autofree char *spool = agent_event_spool(journal_folder(p->journal), host_of(a)),
                  *text = scenario_text_with_visits(p->scenario);
    process_kill(&a->process);
    say(a, agent_say_away(premises_rest(p, host_of(a))));
    files_remove(spool, NULL);
    *a = (struct premises_agent){.premises = p, .turn = PREMISES_PREPARING};
    if (start_agent(p, host_of(a), &e) < 0) {
        err_print(&e);
        return -e.code;
    }
    prepare(a, text, NULL);
    return 0;
}

/* Through what the others have done together. */
static void lead_back(struct premises_agent *a)
{
    struct json_object *line = agent_say("connect");
    if (a->turn == PREMISES_PREPARING) {
        tell(a, line);
    } else if (a->premises->begin) {
        tell(a, a->premises->begin);
        say(a, agent_say("back"));
    }
    a->turn++;
    json_object_put(line);
}

int premises_close(struct premises *p, int status, struct err *e)
{
    struct err left = ERR_INIT;
    for (int i = 0; p->agents && i < host_count(p); i++) {
        channel_close(&p->agents[i].channel);
        process_kill(&p->agents[i].process);
    }
    testbed_free(p->testbed);
    if (journal_close(p->journal, &left) < 0) {
        err_hint(&left, "run `roamlab clean`");
        if (status == 0) {
            *e = left;
            status = -left.code;
        } else {
            err_print(&left);
        }
    }
    premises_stop_opening(p);
    json_object_put(p->begin);
    free(p->agents);
    *p = (struct premises){0};
    return status;
}
