#include "world_real.h"
#include "controller.h"
#include "users_engine.h"
#include "host_probe.h"
#include "mem.h"
#include "scenario_move.h"

#include <errno.h>
#include <json-c/json.h>

static int undo_dockerd(const char *argument, struct err *e)
{
    return docker_daemon_clean(argument, false, e);
}

/* An array: the run's name, and where the Engine is. */
int world_real_record_guest(struct journal *journal, const struct docker_address *address, struct err *e)
{
    const char *const texts[] = {journal_run(journal), address->url, address->certificates};
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < ARRAY_LEN(texts) && texts[i]; i++)
        json_object_array_add(list, json_object_new_string(texts[i]));
    int status = journal_record(journal, "guest", json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN), e);
    json_object_put(list);
    return status;
}

static int undo_guest(const char *argument, struct err *e)
{
    struct json_object *list = json_tokener_parse(argument);
    const char *texts[3] = {NULL};
    for (size_t i = 0; i < ARRAY_LEN(texts) && json_object_is_type(list, json_type_array); i++)
        texts[i] = json_object_get_string(json_object_array_get_idx(list, i));
    int status = texts[0] && texts[1] ? docker_users_engine_clean(&(struct docker_address){texts[1], texts[2], NULL}, texts[0], e)
                                      : err_set(e, EINVAL, "guest %s: not a run and an Engine", argument);
    json_object_put(list);
    return status;
}

const struct journal_kind world_real_kinds[] = {
    {"dockerd", undo_dockerd},
    {"guest", undo_guest},
    {"trial", docker_end_processes},
    {NULL, NULL},
};

static void nothing(struct cast *cast, const struct event *event)
{
    (void)cast, (void)event;
}

static int check_faults(const struct scenario *s, struct err *e)
{
    for (int i = 0; s && i < s->fault_count; i++)
        if (!fault_is_real(s->faults[i].effect)) {
            err_set(e, EINVAL, "faults.%d: effect %s is virtual time's", i, fault_effect_name(s->faults[i].effect));
            return err_hint(e, "run it without --world real");
        }
    return 0;
}

static bool plays_here(const struct scenario *s)
{
    for (int i = 0; i < s->host_count; i++)
        if (!s->hosts[i].ssh)
            return true;
    return false;
}

int world_real_check(const struct scenario *s, const struct world_real_options *options,
                     struct world_real_facts *facts, struct err *e)
{
    const struct host_probe_subject subject = {s, options->program, options->driver, facts, NULL};
    if (check_faults(s, e) < 0)
        return -EINVAL;
    return s && !plays_here(s) ? 0 : host_probe_check(&subject, e);
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
        status = controller_conduct(&c, e);
    status = machines_close(&c.machines, status, e);
    controller_free(&c);
    world_free(&c.world);
    loop_free(c.loop);
    return status;
}
