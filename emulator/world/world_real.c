#include "world_real.h"
#include "agent.h"
#include "controller.h"
#include "daemon.h"
#include "driver.h"
#include "host_probe.h"
#include "interrupt.h"
#include "mem.h"
#include "registry_image.h"
#include "registry_keys.h"
#include "scenario_move.h"
#include "testdata.h"
#include "transfer.h"
#include "world_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define IMAGE_CACHE "/var/lib/roamlab/cache"

enum { CARRIER_PORT = 2222 /* as in agent.c */ };

static int undo_dockerd(const char *argument, struct err *e)
{
    return docker_daemon_clean(argument, false, e);
}

const struct journal_kind world_real_kinds[] = {
    {"dockerd", undo_dockerd},
    {NULL, NULL},
};

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

static void image_done(struct image *image, int status, const struct err *e)
{
    struct controller *c = container_of(image, struct controller, image);
    if (status < 0)
        c->err = *e;
    loop_stop(c->loop);
}

static void registry_image_done(struct registry_image *image, int status, const struct err *e)
{
    struct controller *c = container_of(image, struct controller, registry_image);
    if (status < 0)
        c->err = *e;
    loop_stop(c->loop);
}

static int prepare_registry_image(struct controller *c, struct err *e)
{
    if (!c->scenario->registry_count)
        return 0;
    controller_progress(c, "compressing its layers for registries");
    c->registry_image.done = registry_image_done;
    int status = registry_image_prepare(&c->registry_image, c->loop, c->image.archive, e);
    if (status < 0)
        return status;
    loop_run(c->loop);
    if (interrupt_signal())
        return err_set(e, EINTR, "interrupted");
    if (c->err.code)
        *e = c->err;
    return -c->err.code;
}

static int prepare_image(struct controller *c, struct err *e)
{
    controller_progress(c, "preparing the service's image (%.0f MB)", (double)c->world.layout.base_bytes / 1e6);
    struct image_options options = {.cache = IMAGE_CACHE,
                                    .program = c->options->program,
                                    .base_bytes = c->world.layout.base_bytes,
                                    .base_block = testdata_base_block};
    c->image.done = image_done;
    int status = image_prepare(&c->image, c->loop, &options, e);
    if (status < 0)
        return status;
    loop_run(c->loop);
    c->facts->base_ratio = c->image.ratio;
    if (interrupt_signal())
        return err_set(e, EINTR, "interrupted");
    if (c->err.code)
        *e = c->err;
    return -c->err.code;
}

static int record_engines(struct controller *c, struct err *e)
{
    int status = 0;
    for (int i = 0; i < c->scenario->edge_count && status == 0; i++) {
        autofree char *root = agent_docker_root(journal_folder(c->journal), c->scenario->edges[i].host);
        status = journal_record(c->journal, "dockerd", root, e);
    }
    return status;
}

static int prepare_carrier(struct controller *c, struct err *e)
{
    const struct layout *l = &c->world.layout;
    struct transfer_host *hosts = mem_alloc_array((size_t)l->edge_count, sizeof *hosts);
    char(*addresses)[16] = mem_alloc_array((size_t)l->edge_count, sizeof *addresses);
    autofree char *folder = agent_carrier_folder(journal_folder(c->journal));
    for (int i = 0; i < l->edge_count; i++) {
        layout_address_text(layout_host_address(l->edges[i].host), addresses[i]);
        hosts[i] = (struct transfer_host){l->host_names[l->edges[i].host], addresses[i], CARRIER_PORT, NULL};
    }
    int status = carrier_of(c->scenario->migration.carrier)->prepare(folder, hosts, l->edge_count, e);
    if (status == 0 && c->scenario->registry_count)
        status = registry_keys_make(folder, e);
    free(hosts);
    free(addresses);
    return status;
}

static int build(struct controller *c, const struct link_driver *driver, struct err *e)
{
    struct testbed_plan plan;
    world_plan(&c->world.layout, &plan);
    c->testbed = testbed_build(&plan, driver, c->journal, e);
    world_plan_free(&plan);
    if (!c->testbed)
        return -e->code;
    int status = prepare_carrier(c, e);
    if (status == 0)
        status = record_engines(c, e);
    for (int i = 0; i < c->scenario->host_count && status == 0; i++)
        status = controller_start_agent(c, i, e);
    return status;
}

/* A failure to take something back does not hide what failed before it. */
static int take_down(struct controller *c, int status, struct err *e)
{
    struct err left = ERR_INIT;
    controller_dismiss_agents(c);
    testbed_free(c->testbed);
    if (journal_close(c->journal, &left) < 0) {
        err_hint(&left, "run `roamlab clean`");
        if (status == 0) {
            *e = left;
            status = -left.code;
        } else {
            err_print(&left);
        }
    }
    return status;
}

static void nothing(struct cast *cast, const struct event *event)
{
    (void)cast, (void)event;
}

static int check_faults(const struct scenario *s, struct err *e)
{
    for (int i = 0; s && i < s->fault_count; i++)
        if (s->faults[i].effect != FAULT_FAILS && s->faults[i].effect != FAULT_DISK_FULL) {
            err_set(e, EINVAL, "faults.%d: effect %s is virtual time's", i, fault_effect_name(s->faults[i].effect));
            return err_hint(e, "run it without --world real");
        }
    return 0;
}

int world_real_check(const struct scenario *s, const struct world_real_options *options,
                     struct world_real_facts *facts, struct err *e)
{
    const struct host_probe_subject subject = {s, options->program, options->driver, facts};
    return check_faults(s, e) < 0 ? -EINVAL : host_probe_check(&subject, e);
}

/* Of this run alone. */
static void begin_facts(struct world_real_facts *f)
{
    f->base_ratio = f->layer_ratio = f->memory_ratio = 0;
    f->lateness = (struct lateness){0};
    f->errors = f->capture_dropped = f->events_reported = 0;
}

int world_real_run(struct scenario *s, uint64_t seed, const struct world_real_options *options, struct logrepo *repo,
                   struct world_real_facts *facts, struct err *e)
{
    struct controller c = {.scenario = s,
                           .options = options,
                           .facts = facts,
                           .repo = repo,
                           .seed = seed,
                           .clock = clock_wall(SIMTIME_ZERO)};
    begin_facts(facts);
    int status = options->checked ? 0 : world_real_check(s, options, facts, e);
    if (status == 0)
        status = scenario_move(s, seed, e);
    if (status < 0)
        return status;
    c.loop = loop_new(&c.clock, e);
    if (!c.loop)
        return -e->code;
    world_init(&c.world, s, seed, nothing, NULL);
    status = controller_init(&c, e);
    if (status == 0)
        status = prepare_image(&c, e);
    if (status == 0)
        status = prepare_registry_image(&c, e);
    if (status == 0) {
        autofree char *run = run_name();
        c.journal = journal_open(NULL, run, world_real_kinds, e);
        status = c.journal ? build(&c, link_driver_named(facts->link_driver), e) : -e->code;
        if (status == 0)
            status = controller_conduct(&c, e);
        if (c.journal)
            status = take_down(&c, status, e);
    }
    registry_image_free(&c.registry_image);
    image_free(&c.image);
    controller_free(&c);
    world_free(&c.world);
    loop_free(c.loop);
    return status;
}
