#include "metrics.h"
#include "mem.h"
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct metrics_spread spread_of(double *values, size_t count)
{
    statistics_sort(values, count);
    return (struct metrics_spread){
        .mean = statistics_mean(values, count),
        .p50 = statistics_percentile(values, count, 0.50),
        .p95 = statistics_percentile(values, count, 0.95),
        .p99 = statistics_percentile(values, count, 0.99),
        .min = count ? values[0] : NAN,
        .max = count ? values[count - 1] : NAN,
        .count = count,
    };
}

static struct metrics_spread response_spread(const struct run_record *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->mud_count; i++)
        count += r->muds[i].request_count;
    autofree double *response = mem_alloc_array(count, sizeof *response);
    count = 0;
    for (size_t i = 0; i < r->mud_count; i++)
        for (size_t k = 0; k < r->muds[i].request_count; k++) {
            const struct run_request *q = &r->muds[i].requests[k];
            response[count++] = simtime_to_ms(simtime_sub(q->answered, q->sent));
        }
    return spread_of(response, count);
}

static void compute_requests(const struct run_record *r, struct metrics *m)
{
    for (size_t i = 0; i < r->mud_count; i++) {
        m->sent += r->muds[i].sent;
        m->answered += r->muds[i].answered;
        m->abandoned += r->muds[i].abandoned;
    }
    m->lost = m->sent - m->answered - m->abandoned;
    m->response_ms = r->summary ? run_durations_spread(&r->responses) : response_spread(r);
}

static void compute_roaming(const struct run_silences *s, struct metrics_roaming *m)
{
    double told_apart = (double)s->told_apart; /* none: NAN */
    m->told_apart = s->told_apart;
    m->associations = s->associations;
    m->handoff_ms = run_durations_spread(&s->handoffs);
    m->outage_ms = run_durations_spread(&s->outages);
    m->outage_total_s = (double)s->outages.sum_ns / 1e9;
    m->probe_ms = s->probe_ms / told_apart;
    m->authentication_ms = s->authentication_ms / told_apart;
    m->reassociation_ms = s->reassociation_ms / told_apart;
}

/* The median time between two replies; 0 if there were fewer than two. */
static double usual_interval_ms(const struct run_record *r, const struct run_mud *mud)
{
    if (mud->request_count < 2)
        return 0;
    if (r->summary)
        return (double)quantiles_at(&mud->intervals, 0.5) / 1e6;
    size_t count = mud->request_count - 1;
    autofree double *intervals = mem_alloc_array(count, sizeof *intervals);
    for (size_t i = 0; i < count; i++)
        intervals[i] = simtime_to_ms(simtime_sub(mud->requests[i + 1].answered, mud->requests[i].answered));
    statistics_sort(intervals, count);
    return statistics_percentile(intervals, count, 0.5);
}

static size_t first_answer_after(const struct run_mud *mud, struct simtime t)
{
    size_t low = 0, high = mud->request_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (simtime_before(t, mud->requests[middle].answered))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct simtime longest_gap(const struct run_record *r, const struct run_mud *mud,
                                  const struct run_migration *m)
{
    struct simtime longest = SIMTIME_ZERO;
    size_t i = first_answer_after(mud, m->begin);
    struct simtime previous = i ? mud->requests[i - 1].answered : m->begin;
    for (; i < mud->request_count && simtime_before(previous, m->end); i++) {
        longest = simtime_max(longest, simtime_sub(mud->requests[i].answered, previous));
        previous = mud->requests[i].answered;
    }
    if (i == mud->request_count && simtime_before(previous, m->end) && mud->answered < mud->sent)
        longest = simtime_max(longest, simtime_sub(r->end, previous));
    return longest;
}

static double longest_gap_ms(const struct run_record *r, const struct run_migration *m)
{
    if (m->mud < 0 || (size_t)m->mud >= r->mud_count || r->muds[m->mud].request_count == 0)
        return NAN;
    const struct run_mud *mud = &r->muds[m->mud];
    struct simtime longest = r->summary ? run_summary_gap(r, m) : longest_gap(r, mud, m);
    double beyond = simtime_to_ms(longest) - usual_interval_ms(r, mud);
    return beyond > 0 ? beyond : 0;
}

static double freeze_ms(const struct run_migration *m)
{
    bool frozen = false, ever = false;
    struct simtime since = SIMTIME_ZERO, longest = SIMTIME_ZERO;
    for (int i = 0; i < m->stage_count; i++) {
        const struct run_stage *s = &m->stages[i];
        if (!frozen && (s->operation == OP_FREEZE || s->operation == OP_HALT)) {
            frozen = ever = true;
            since = s->begin;
        } else if (frozen && s->operation == OP_THAW) {
            frozen = false;
            longest = simtime_max(longest, simtime_sub(s->end, since));
        }
    }
    if (frozen)
        longest = simtime_max(longest, simtime_sub(m->end, since));
    return ever ? simtime_to_ms(longest) : NAN;
}

/* The last stage of that operation that went well, or NULL. */
static const struct run_stage *stage_of(const struct run_migration *m, enum operation operation)
{
    for (int i = m->stage_count; i-- > 0;)
        if (m->stages[i].operation == operation && m->stages[i].status == 0)
            return &m->stages[i];
    return NULL;
}

/* What the first operation produced; if that says nothing, what the second one sent of it. */
static int64_t bytes_of(const struct run_migration *m, enum operation made, enum operation sent)
{
    const struct run_stage *stage = stage_of(m, made);
    if (!stage || stage->bytes == 0)
        stage = stage_of(m, sent);
    return stage ? stage->bytes : 0;
}

static bool uses_the_wire(enum operation operation)
{
    return operation_is_transfer(operation) || operation == OP_PULL;
}

/* When the last transfer ended, or all of it was on the carrier's third host; zero if there was none. */
static struct simtime last_sent(const struct run_migration *m)
{
    struct simtime last = SIMTIME_ZERO, stored = SIMTIME_ZERO;
    for (int i = 0; i < m->stage_count; i++)
        if (operation_is_transfer(m->stages[i].operation) && !operation_is_of_pages(m->stages[i].operation))
            last = simtime_max(last, m->stages[i].end);
        else if (m->stages[i].operation == OP_STORE)
            stored = simtime_max(stored, m->stages[i].end);
    return stored.ns ? stored : last;
}

/* What makes the container at the target run, with all that was brought for it. */
static const struct run_stage *running_stage(const struct run_migration *m)
{
    static const enum operation last[] = {OP_RESTORE, OP_RESTORE_STATE, OP_REPLAY_LOG, OP_START};
    const struct run_stage *stage = NULL;
    for (size_t i = 0; i < ARRAY_LEN(last) && !stage; i++)
        stage = stage_of(m, last[i]);
    return stage;
}

static void compute_migration(const struct run_record *r, const struct run_migration *m,
                              struct metrics_migration *out)
{
    const struct run_stage *running = running_stage(m), *hold = stage_of(m, OP_SWITCH), *volume = stage_of(m, OP_PUT_VOLUME);
    struct simtime sent = last_sent(m), ran = running ? running->end : SIMTIME_ZERO;
    if (volume && running)
        ran = simtime_max(ran, volume->end);
    *out = (struct metrics_migration){
        .record = m,
        .begin_s = simtime_seconds(m->begin),
        .sent_s = sent.ns ? simtime_seconds(simtime_sub(sent, m->begin)) : NAN,
        .run_s = running && sent.ns ? simtime_seconds(simtime_sub(ran, sent)) : NAN,
        .ready_s = running ? simtime_seconds(simtime_sub(running->end, m->begin)) : NAN,
        .total_s = m->outcome ? simtime_seconds(simtime_sub(m->end, m->begin)) : NAN,
        .freeze_ms = freeze_ms(m),
        .hold_ms = hold ? simtime_to_ms(simtime_sub(hold->end, hold->begin)) : NAN,
        .longest_gap_ms = m->outcome ? longest_gap_ms(r, m) : NAN,
        .memory = bytes_of(m, OP_DUMP, OP_SEND_MEMORY) + bytes_of(m, OP_FETCH_PAGES, OP_FETCH_PAGES),
        .layer = bytes_of(m, OP_TAKE_LAYER, OP_SEND_LAYER),
        .volume = bytes_of(m, OP_COPY_VOLUME, OP_COPY_VOLUME) + bytes_of(m, OP_TAKE_VOLUME, OP_TAKE_VOLUME),
        .image = bytes_of(m, OP_SAVE, OP_SEND_IMAGE) + bytes_of(m, OP_PULL, OP_PULL) +
                 bytes_of(m, OP_LOAD_BASE, OP_SEND_BASE),
    };
    for (int i = 0; i < m->stage_count; i++)
        if (uses_the_wire(m->stages[i].operation))
            out->wire += m->stages[i].bytes;
}

static int by_begin(const void *a_, const void *b_)
{
    const struct run_migration *a = ((const struct metrics_migration *)a_)->record;
    const struct run_migration *b = ((const struct metrics_migration *)b_)->record;
    int order = simtime_cmp(a->begin, b->begin);
    if (order == 0)
        order = (a->mud > b->mud) - (a->mud < b->mud);
    return order ? order : (a->migration > b->migration) - (a->migration < b->migration);
}

static void compute_migrations(const struct run_record *r, struct metrics *m)
{
    size_t count = 0;
    m->migration_count = r->migration_count;
    m->migrations = mem_alloc_array(r->migration_count, sizeof *m->migrations);
    autofree double *total = mem_alloc_array(r->migration_count, sizeof *total);
    for (size_t i = 0; i < r->migration_count; i++) {
        compute_migration(r, &r->migrations[i], &m->migrations[i]);
        if (r->migrations[i].outcome && strcmp(r->migrations[i].outcome, "finished") == 0)
            total[count++] = m->migrations[i].total_s;
    }
    qsort(m->migrations, m->migration_count, sizeof *m->migrations, by_begin);
    m->migration_s = spread_of(total, count);
}

void metrics_compute(const struct run_record *record, struct metrics *metrics)
{
    *metrics = (struct metrics){0};
    compute_requests(record, metrics);
    compute_roaming(&record->silences, &metrics->roaming);
    compute_migrations(record, metrics);
}

void metrics_free(struct metrics *metrics)
{
    free(metrics->migrations);
    *metrics = (struct metrics){0};
}
