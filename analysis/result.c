#include "result.h"
#include "all_events.h"
#include "cpu_load.h"
#include "invariants.h"
#include "json_file.h"
#include "mem.h"
#include "metrics.h"
#include "result_parts.h"
#include "run_record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All that one pass over the events yields. */
struct result_listener {
    struct run_record record;
    struct invariants *invariants;
    struct metrics metrics;
    struct invariants_broken broken;
    uint64_t duplicated;
};

static struct result_listener *new_listener(const struct scenario *s, bool summary)
{
    struct result_listener *l = mem_alloc(sizeof *l);
    l->record = (struct run_record)RUN_RECORD_INIT;
    l->record.summary = summary;
    l->invariants = invariants_new(s);
    return l;
}

struct result_listener *result_listen(const struct scenario *s)
{
    return new_listener(s, true);
}

void result_hear(struct result_listener *l, const struct event *ev)
{
    run_record_add(&l->record, ev);
    invariants_add(l->invariants, ev);
}

void result_listener_free(struct result_listener *l)
{
    if (!l)
        return;
    metrics_free(&l->metrics);
    run_record_free(&l->record);
    invariants_free(l->invariants);
    invariants_broken_free(&l->broken);
    free(l);
}

static int hear_all(struct result_listener *l, const char *folder, struct err *e)
{
    struct event_reader *reader = NULL;
    struct event ev;
    int status = all_events_open(folder, EVENT_MASK_ALL, &reader, e);
    if (status < 0)
        return status;
    while ((status = event_reader_next(reader, &ev, e)) > 0)
        result_hear(l, &ev);
    event_reader_close(reader);
    return status;
}

static void add(json_object *object, const char *key, json_object *value)
{
    json_object_object_add(object, key, value);
}

static json_object *requests_json(const struct result_listener *a)
{
    json_object *o = json_object_new_object();
    add(o, "sent", json_object_new_int64(a->metrics.sent));
    add(o, "answered", json_object_new_int64(a->metrics.answered));
    add(o, "abandoned", json_object_new_int64(a->metrics.abandoned));
    add(o, "lost", json_object_new_int64(a->metrics.lost));
    add(o, "duplicated", json_object_new_int64((int64_t)a->duplicated));
    return o;
}

/* Never a mean without the number of values that it is of. */
static void add_mean(json_object *o, double mean, int decimals, size_t count)
{
    add(o, "mean", json_rounded(mean, decimals));
    add(o, "n", json_object_new_int64((int64_t)count));
}

static json_object *spread_json(const struct metrics_spread *s)
{
    json_object *o = json_object_new_object();
    add_mean(o, s->mean, 3, s->count);
    add(o, "p50", json_rounded(s->p50, 3));
    add(o, "p95", json_rounded(s->p95, 3));
    add(o, "p99", json_rounded(s->p99, 3));
    add(o, "max", json_rounded(s->max, 3));
    return o;
}

static json_object *roaming_json(const struct metrics_roaming *r)
{
    json_object *o = json_object_new_object(), *outage = json_object_new_object(), *phases = json_object_new_object();
    add(o, "associations", json_object_new_int64((int64_t)r->associations));
    add(o, "handoffs", json_object_new_int64((int64_t)r->handoff_ms.count));
    add(o, "handoff_ms", spread_json(&r->handoff_ms));
    add(phases, "probe", json_rounded(r->probe_ms, 3));
    add(phases, "authentication", json_rounded(r->authentication_ms, 3));
    add(phases, "reassociation", json_rounded(r->reassociation_ms, 3));
    add(phases, "n", json_object_new_int64((int64_t)r->told_apart));
    add(o, "phases_ms", phases);
    add(o, "outages", json_object_new_int64((int64_t)r->outage_ms.count));
    add(outage, "total", json_rounded(r->outage_total_s, 6));
    add_mean(outage, r->outage_ms.mean / 1000, 6, r->outage_ms.count);
    add(outage, "max", json_rounded(r->outage_ms.max / 1000, 6));
    add(o, "outage_s", outage);
    return o;
}

static json_object *migration_s_json(const struct metrics_spread *s)
{
    json_object *o = json_object_new_object();
    add_mean(o, s->mean, 6, s->count);
    add(o, "min", json_rounded(s->min, 6));
    add(o, "max", json_rounded(s->max, 6));
    return o;
}

static json_object *stages_json(const struct run_migration *m)
{
    json_object *list = json_object_new_array();
    for (int i = 0; i < m->stage_count; i++) {
        const struct run_stage *s = &m->stages[i];
        json_object *o = json_object_new_object();
        add(o, "name", json_text(s->name));
        add(o, "begin_s", json_rounded(simtime_seconds(s->begin), 6));
        add(o, "seconds", json_rounded(simtime_seconds(simtime_sub(s->end, s->begin)), 6));
        add(o, "bytes", json_object_new_int64(s->bytes));
        if (s->parts) {
            add(o, "parts", json_object_new_int(s->parts));
            add(o, "busy_s", json_rounded(simtime_seconds(s->busy), 6));
        }
        if (s->status != 0)
            add(o, "error", json_text(strerror((int)-s->status)));
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *bytes_json(const struct metrics_migration *m)
{
    json_object *o = json_object_new_object();
    add(o, "wire", json_object_new_int64(m->wire));
    add(o, "memory", json_object_new_int64(m->memory));
    add(o, "layer", json_object_new_int64(m->layer));
    add(o, "volume", json_object_new_int64(m->volume));
    add(o, "image", json_object_new_int64(m->image));
    return o;
}

static const char *name_of_mud(const struct result_listener *a, const struct scenario *s, int32_t mud)
{
    if (s && mud >= 0)
        return s->muds[mud].name;
    return mud >= 0 && (size_t)mud < a->record.mud_count ? a->record.muds[mud].reporter : NULL;
}

static json_object *migration_json(const struct result_listener *a, const struct result_input *input,
                                   const struct metrics_migration *m)
{
    json_object *o = json_object_new_object();
    const struct run_migration *r = m->record;
    add(o, "mud", json_text(name_of_mud(a, input->scenario, r->mud)));
    add(o, "from", json_text(r->from));
    add(o, "to", json_text(r->to));
    add(o, "strategy", json_text(r->strategy && r->strategy[0] ? r->strategy : NULL));
    add(o, "carrier", json_text(input->scenario ? input->scenario->migration.carrier : NULL));
    add(o, "outcome", json_text(r->outcome));
    if (r->reason && strcmp(r->outcome ? r->outcome : "", "finished") != 0)
        add(o, "reason", json_text(r->reason));
    add(o, "begin_s", json_rounded(m->begin_s, 6));
    add(o, "sent_s", json_rounded(m->sent_s, 6));
    add(o, "run_s", json_rounded(m->run_s, 6));
    add(o, "ready_s", json_rounded(m->ready_s, 6));
    add(o, "total_s", json_rounded(m->total_s, 6));
    add(o, "freeze_ms", json_rounded(m->freeze_ms, 3));
    add(o, "hold_ms", json_rounded(m->hold_ms, 3));
    add(o, "longest_gap_ms", json_rounded(m->longest_gap_ms, 3));
    add(o, "replayed", json_object_new_int64(r->replayed));
    add(o, "bytes", bytes_json(m));
    add(o, "stages", stages_json(r));
    return o;
}

static json_object *migrations_json(const struct result_listener *a, const struct result_input *input)
{
    json_object *list = json_object_new_array();
    for (size_t i = 0; i < a->metrics.migration_count; i++)
        json_object_array_add(list, migration_json(a, input, &a->metrics.migrations[i]));
    return list;
}

static json_object *invariants_json(const struct invariants_broken *broken)
{
    json_object *o = json_object_new_object(), *list = json_object_new_array();
    add(o, "ok", json_object_new_boolean(broken->count == 0));
    for (size_t i = 0; i < broken->kept; i++)
        json_object_array_add(list, json_text(broken->sentences[i]));
    if (broken->count > broken->kept) {
        autofree char *more = mem_printf("and %zu more", broken->count - broken->kept);
        json_object_array_add(list, json_text(more));
    }
    add(o, "broken", list);
    return o;
}

/* How well the other machines' clocks were known; times are within that of each other. */
static json_object *clocks_json(const struct result_input *input)
{
    json_object *o = json_object_new_object(), *machines = json_object_new_array();
    struct simtime worst = SIMTIME_ZERO;
    for (int i = 0; i < input->clock_count; i++) {
        const struct world_real_clock *clock = &input->clocks[i];
        json_object *machine = json_object_new_object();
        add(machine, "machine", json_text(clock->machine));
        add(machine, "offset_s", json_rounded(simtime_seconds(clock->offset), 9));
        add(machine, "drift_ppm", json_rounded(clock->drift_ppm, 3));
        add(machine, "uncertainty", json_rounded(simtime_to_ms(clock->uncertainty), 3));
        json_object_array_add(machines, machine);
        worst = simtime_max(worst, clock->uncertainty);
    }
    add(o, "uncertainty", json_rounded(simtime_to_ms(worst), 3));
    add(o, "bound", json_rounded(simtime_to_ms(input->scenario->clock_max), 3));
    add(o, "valid", json_object_new_boolean(!simtime_before(input->scenario->clock_max, worst)));
    add(o, "machines", machines);
    return o;
}

static json_object *drift_json(const struct result_input *input)
{
    json_object *o = json_object_new_object();
    add(o, "p50", json_rounded(simtime_to_ms(input->drift.p50), 3));
    add(o, "p99", json_rounded(simtime_to_ms(input->drift.p99), 3));
    add(o, "max", json_rounded(simtime_to_ms(input->drift.max), 3));
    if (input->scenario)
        add(o, "bound", json_rounded(simtime_to_ms(input->scenario->drift_max), 3));
    add(o, "valid",
        json_object_new_boolean(!input->scenario || !simtime_before(input->scenario->drift_max, input->drift.p99)));
    return o;
}

static json_object *carried_json(const struct run_carried *c)
{
    json_object *o = json_object_new_object();
    add(o, "packets", json_object_new_int64(c->packets));
    add(o, "bytes", json_object_new_int64(c->bytes));
    add(o, "dropped", json_object_new_int64(c->dropped));
    add(o, "lost", json_object_new_int64(c->lost));
    return o;
}

/* All links of the scenario in its order, so that links.N of both is the same one. */
static json_object *links_json(const struct run_record *r, const struct scenario *s)
{
    json_object *list = json_object_new_array();
    for (int i = 0; s && i < s->link_count; i++) {
        json_object *o = json_object_new_object(), *between = json_object_new_array();
        for (int k = 0; k < 2; k++)
            json_object_array_add(between, json_text(s->hosts[s->links[i].between[k]].name));
        add(o, "between", between);
        json_object_array_add(list, o);
    }
    for (size_t i = 0; i < r->carried_count; i++) {
        json_object *o = json_object_array_get_idx(list, (size_t)r->carried[i].link);
        if (o)
            add(o, r->carried[i].back ? "back" : "forward", carried_json(&r->carried[i]));
    }
    return list;
}

static json_object *warming_json(const struct run_record *r)
{
    json_object *o = json_object_new_object();
    add(o, "connections", json_object_new_int64(r->warmed));
    add(o, "bytes", json_object_new_int64(r->warming_bytes));
    return o;
}

static json_object *events_json(const struct result_input *input)
{
    json_object *o = json_object_new_object();
    add(o, "received", json_object_new_uint64(input->events_received));
    add(o, "reported", json_object_new_uint64(input->events_reported));
    return o;
}

/* For a run, unlike for the protocol, a loss is a loss. */
static void add_declared(const struct result_listener *a, struct invariants_broken *broken)
{
    const char *sentence;
    for (size_t i = 0; i < a->record.mud_count; i++)
        if ((sentence = invariants_declared_lost(a->invariants, (int32_t)i)))
            invariants_broken_add(broken, sentence);
}

static void check_events(const struct result_input *input, struct invariants_broken *broken)
{
    autofree char *sentence = mem_printf("the repository received %" PRIu64 " of %" PRIu64 " events", input->events_received, input->events_reported);
    if (input->events_received != input->events_reported)
        invariants_broken_add(broken, sentence);
}

static json_object *result_json(const struct result_listener *a, const struct result_input *input)
{
    json_object *o = result_head(input, 1);
    add(o, "requests", requests_json(a));
    add(o, "response_ms", spread_json(&a->metrics.response_ms));
    add(o, "roaming", roaming_json(&a->metrics.roaming));
    add(o, "migrations", migrations_json(a, input));
    add(o, "migration_s", migration_s_json(&a->metrics.migration_s));
    add(o, "links", links_json(&a->record, input->scenario));
    add(o, "warming", warming_json(&a->record));
    json_object *cpu = cpu_load_json(&a->record);
    if (cpu)
        add(o, "cpu", cpu);
    if (input->events_reported)
        add(o, "events", events_json(input));
    if (input->packet_check)
        add(o, "packet_check", packet_check_json(input->packet_check, input->scenario));
    add(o, "invariants", invariants_json(&a->broken));
    add(o, "drift_ms", drift_json(input));
    if (input->clock_count)
        add(o, "clock_ms", clocks_json(input));
    json_object *expectations = json_object_new_array();
    for (int i = 0; input->scenario && i < input->scenario->expect_count; i++) {
        const struct scenario_expect *x = &input->scenario->expects[i];
        json_object_array_add(expectations, result_expectation(x, result_metric(o, x->metric)));
    }
    add(o, "expectations", expectations);
    return o;
}

int result_of_listener(struct result_listener *l, const char *folder, const struct result_input *input,
                       json_object **result, struct err *e)
{
    invariants_finish(l->invariants, &l->broken);
    l->duplicated = invariants_duplicated(l->invariants);
    add_declared(l, &l->broken);
    check_events(input, &l->broken);
    for (int i = 0; i < input->complaint_count; i++)
        invariants_broken_add(&l->broken, input->complaints[i]);
    metrics_compute(&l->record, &l->metrics);
    json_object *o = result_json(l, input);
    int status = json_file_write(folder, "result.json", o, e);
    if (status < 0 || !result)
        json_object_put(o);
    else
        *result = o;
    return status;
}

int result_of_run(const char *folder, const struct result_input *input, json_object **result, struct err *e)
{
    struct result_listener *l = new_listener(input->scenario, false);
    int status = hear_all(l, folder, e);
    if (status == 0)
        status = result_of_listener(l, folder, input, result, e);
    result_listener_free(l);
    return status;
}
