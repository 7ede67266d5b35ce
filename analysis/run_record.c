#include "run_record.h"
#include "all_events.h"
#include "mem.h"

#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Grows an array to hold `count`; new elements are zero. */
static void *grown(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return array;
    size_t old = *capacity, next = old ? old * 2 : 8;
    next = next < count ? count : next;
    array = mem_resize(array, next * size);
    memset((char *)array + old * size, 0, (next - old) * size);
    *capacity = next;
    return array;
}

static struct run_mud *mud_at(struct run_record *r, int32_t index)
{
    size_t needed = (size_t)index + 1;
    r->muds = grown(r->muds, &r->mud_capacity, needed, sizeof *r->muds);
    if (r->mud_count < needed)
        r->mud_count = needed;
    return &r->muds[index];
}

static struct run_migration *migration_of(struct run_record *r, const struct event *ev)
{
    size_t *newest = ev->mud >= 0 ? &mud_at(r, ev->mud)->newest_migration : &r->newest_of_nobody;
    for (size_t i = *newest; i; i = r->migrations[i - 1].previous)
        if (r->migrations[i - 1].migration == ev->migration)
            return &r->migrations[i - 1];
    r->migrations =
        grown(r->migrations, &r->migration_capacity, r->migration_count + 1, sizeof *r->migrations);
    struct run_migration *m = &r->migrations[r->migration_count++];
    m->mud = ev->mud;
    m->migration = ev->migration;
    m->begin = ev->begin;
    m->previous = *newest;
    *newest = r->migration_count;
    return m;
}

static void add_request(struct run_record *r, const struct event *ev)
{
    struct run_mud *mud = mud_at(r, ev->mud);
    if (!mud->reporter)
        mud->reporter = mem_copy_string(ev->reporter);
    if (r->summary) {
        run_summary_answer(r, mud, ev->begin, ev->at);
        return;
    }
    mud->requests =
        grown(mud->requests, &mud->request_capacity, mud->request_count + 1, sizeof *mud->requests);
    mud->requests[mud->request_count++] = (struct run_request){ev->begin, ev->at, ev->number};
}

static void add_total(struct run_record *r, const struct event *ev)
{
    struct run_mud *mud = mud_at(r, ev->mud);
    if (!mud->reporter)
        mud->reporter = mem_copy_string(ev->reporter);
    mud->sent += ev->number;
    mud->answered += ev->value;
}

static void add_stage(struct run_record *r, const struct event *ev)
{
    struct run_migration *m = migration_of(r, ev);
    enum operation operation = operation_of(ev->text);
    if (operation == OP_LOAD_LAYER) {
        m->layers++;
        m->loading = simtime_add(m->loading, simtime_sub(ev->at, ev->begin));
        return;
    }
    bool base = operation == OP_LOAD_BASE;
    m->stages = mem_resize(m->stages, (size_t)(m->stage_count + 1) * sizeof *m->stages);
    m->stages[m->stage_count++] = (struct run_stage){
        .name = mem_copy_string(ev->text),
        .operation = operation,
        .begin = ev->begin,
        .end = ev->at,
        .bytes = ev->bytes,
        .status = ev->value,
        .parts = base ? m->layers : 0,
        .busy = base ? m->loading : SIMTIME_ZERO,
    };
}

/* Who reports the end need not know any more when it began. */
static void begin_migration(struct run_record *r, const struct event *ev)
{
    struct run_migration *m = migration_of(r, ev);
    if (m->marked)
        return;
    m->marked = true;
    m->begin = ev->at;
}

/* The source hears of it later. The first one counts, as of the ends. */
static void commit_migration(struct run_record *r, const struct event *ev)
{
    struct run_migration *m = migration_of(r, ev);
    if (m->committed)
        return;
    m->committed = true;
    m->end = ev->at;
    m->replayed = ev->value;
}

/* The first end counts; a second one is for the invariants to name. */
static void end_migration(struct run_record *r, const struct event *ev)
{
    struct run_migration *m = migration_of(r, ev);
    if (m->outcome)
        return;
    const char *blank = strchrnul(ev->peer, ' ');
    m->from = mem_printf("%.*s", (int)(blank - ev->peer), ev->peer);
    m->to = mem_copy_string(*blank ? blank + 1 : "");
    m->outcome = mem_copy_string(ev->text);
    m->strategy = mem_copy_string(ev->sender);
    if (!m->marked && ev->begin.ns)
        m->begin = ev->begin;
    if (!m->committed || strcmp(m->outcome, "finished") != 0)
        m->end = ev->at;
}

static void add_reason(struct run_record *r, const struct event *ev)
{
    static const char *const beginnings[] = {"migration failed: ", "migration in doubt: "};
    for (size_t i = 0; i < ARRAY_LEN(beginnings) && ev->migration >= 0; i++) {
        size_t len = strlen(beginnings[i]);
        struct run_migration *m = strncmp(ev->text, beginnings[i], len) ? NULL : migration_of(r, ev);
        if (m && !m->reason)
            m->reason = mem_printf("%s: %s", ev->reporter, ev->text + len);
    }
}

static void add_link_change(struct run_record *r, const struct event *ev)
{
    r->link_changes =
        grown(r->link_changes, &r->link_change_capacity, r->link_change_count + 1, sizeof *r->link_changes);
    r->link_changes[r->link_change_count++] =
        (struct run_link_change){ev->at, ev->number, mem_copy_string(ev->text)};
}

static void add_carried(struct run_record *r, const struct event *ev)
{
    struct run_carried c = {
        .link = ev->number, .back = ev->direction == EVENT_RECEIVED, .packets = ev->value, .bytes = ev->bytes};
    if (sscanf(ev->text, "dropped %" SCNd64 ", lost %" SCNd64, &c.dropped, &c.lost) != 2)
        return;
    r->carried = grown(r->carried, &r->carried_capacity, r->carried_count + 1, sizeof *r->carried);
    r->carried[r->carried_count++] = c;
}

static void add_cpu(struct run_record *r, const struct event *ev)
{
    r->cpu = grown(r->cpu, &r->cpu_capacity, r->cpu_count + 1, sizeof *r->cpu);
    r->cpu[r->cpu_count++] = (struct run_cpu){.host = mem_copy_string(ev->reporter),
                                              .program = mem_copy_string(ev->text),
                                              .begin = ev->begin,
                                              .end = ev->at,
                                              .used = simtime_ns(ev->value)};
}

static void add_warming(struct run_record *r, const struct event *ev)
{
    r->warmed += ev->number;
    r->warming_bytes += ev->bytes;
}

static void add_silence(struct run_record *r, const struct event *ev)
{
    struct run_silences *s = &r->silences;
    double probe_ms, authentication_ms, reassociation_ms;
    s->associations += ev->kind == EVENT_HANDOFF;
    if (strcmp(ev->text, "first association") == 0)
        return;
    run_durations_add(ev->kind == EVENT_OUTAGE ? &s->outages : &s->handoffs, simtime_sub(ev->at, ev->begin));
    if (sscanf(ev->text, "probe %lf ms, authentication %lf ms, reassociation %lf ms", &probe_ms,
               &authentication_ms, &reassociation_ms) != 3)
        return;
    s->probe_ms += probe_ms;
    s->authentication_ms += authentication_ms;
    s->reassociation_ms += reassociation_ms;
    s->told_apart++;
}

void run_record_add(struct run_record *r, const struct event *ev)
{
    r->end = simtime_max(r->end, ev->at);
    bool of_mud = ev->mud >= 0;
    if (ev->kind == EVENT_REQUEST && of_mud)
        add_request(r, ev);
    else if (ev->kind == EVENT_SENT_TOTAL && of_mud)
        add_total(r, ev);
    else if (ev->kind == EVENT_ABANDONED && of_mud)
        mud_at(r, ev->mud)->abandoned++;
    else if (ev->kind == EVENT_HANDOFF || ev->kind == EVENT_OUTAGE)
        add_silence(r, ev);
    else if (ev->kind == EVENT_STAGE && ev->migration > 0)
        add_stage(r, ev);
    else if (ev->kind == EVENT_NOTE)
        add_reason(r, ev);
    else if (ev->kind == EVENT_MIGRATION)
        end_migration(r, ev);
    else if (ev->kind == EVENT_LINK)
        add_link_change(r, ev);
    else if (ev->kind == EVENT_CARRIED)
        add_carried(r, ev);
    else if (ev->kind == EVENT_CPU)
        add_cpu(r, ev);
    else if (ev->kind == EVENT_WARMED)
        add_warming(r, ev);
    else if (ev->kind == EVENT_MARK && ev->migration > 0 && strcmp(ev->text, "migr begins") == 0)
        begin_migration(r, ev);
    else if (ev->kind == EVENT_MARK && ev->migration > 0)
        commit_migration(r, ev);
}

int run_record_read(const char *folder, struct run_record *record, struct err *e)
{
    struct event_reader *reader = NULL;
    struct event ev;
    uint32_t kinds = EVENT_MASK(EVENT_REQUEST) | EVENT_MASK(EVENT_SENT_TOTAL) | EVENT_MASK(EVENT_STAGE) |
                     EVENT_MASK(EVENT_MARK) | EVENT_MASK(EVENT_NOTE) | EVENT_MASK(EVENT_MIGRATION) | EVENT_MASK(EVENT_LINK) |
                     EVENT_MASK(EVENT_ABANDONED) | EVENT_MASK(EVENT_CARRIED) | EVENT_MASK(EVENT_HANDOFF) | EVENT_MASK(EVENT_OUTAGE) |
                     EVENT_MASK(EVENT_CPU) | EVENT_MASK(EVENT_WARMED);
    int status = all_events_open(folder, kinds, &reader, e);
    if (status < 0)
        return status;
    while ((status = event_reader_next(reader, &ev, e)) > 0)
        run_record_add(record, &ev);
    event_reader_close(reader);
    return status;
}

static void free_migration(struct run_migration *m)
{
    for (int i = 0; i < m->stage_count; i++)
        free(m->stages[i].name);
    free(m->stages);
    free(m->outcome);
    free(m->from);
    free(m->to);
    free(m->strategy);
    free(m->reason);
}

void run_record_free(struct run_record *r)
{
    for (size_t i = 0; i < r->mud_count; i++) {
        free(r->muds[i].reporter);
        free(r->muds[i].requests);
        quantiles_free(&r->muds[i].intervals);
    }
    for (size_t i = 0; i < r->migration_count; i++)
        free_migration(&r->migrations[i]);
    for (size_t i = 0; i < r->link_change_count; i++)
        free(r->link_changes[i].text);
    for (size_t i = 0; i < r->cpu_count; i++) {
        free(r->cpu[i].host);
        free(r->cpu[i].program);
    }
    quantiles_free(&r->responses.quantiles);
    quantiles_free(&r->silences.handoffs.quantiles);
    quantiles_free(&r->silences.outages.quantiles);
    free(r->link_changes);
    free(r->carried);
    free(r->cpu);
    free(r->muds);
    free(r->migrations);
    *r = (struct run_record)RUN_RECORD_INIT;
}
