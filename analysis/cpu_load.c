#include "cpu_load.h"
#include "json_file.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct row {
    const char *host, *program;
    int64_t used_ns;
    double transfer_ns; /* of it, while something was being transferred */
};

static int by_begin(const void *a_, const void *b_)
{
    const struct cpu_load_span *a = a_, *b = b_;
    return simtime_cmp(a->begin, b->begin);
}

/* Spans that overlap become one. */
static void join(struct cpu_load_spans *s)
{
    size_t joined = 0;
    qsort(s->list, s->count, sizeof *s->list, by_begin);
    for (size_t i = 0; i < s->count; i++) {
        struct cpu_load_span *last = joined ? &s->list[joined - 1] : NULL;
        if (last && !simtime_before(last->end, s->list[i].begin))
            last->end = simtime_max(last->end, s->list[i].end);
        else
            s->list[joined++] = s->list[i];
    }
    s->count = joined;
}

void cpu_load_transfers(const struct run_record *r, struct cpu_load_spans *s)
{
    size_t stages = 0;
    for (size_t i = 0; i < r->migration_count; i++)
        stages += (size_t)r->migrations[i].stage_count;
    *s = (struct cpu_load_spans){.list = mem_alloc_array(stages + 1, sizeof *s->list)};
    for (size_t i = 0; i < r->migration_count; i++)
        for (int k = 0; k < r->migrations[i].stage_count; k++) {
            const struct run_stage *stage = &r->migrations[i].stages[k];
            if (operation_is_transfer(stage->operation))
                s->list[s->count++] = (struct cpu_load_span){stage->begin, stage->end};
        }
    join(s);
}

void cpu_load_spans_free(struct cpu_load_spans *spans)
{
    free(spans->list);
    *spans = (struct cpu_load_spans){0};
}

/* Share of the sample's time in which something was being transferred. */
static double share_in(const struct cpu_load_spans *spans, const struct run_cpu *sample)
{
    int64_t length = sample->end.ns - sample->begin.ns, inside = 0;
    for (size_t i = 0; i < spans->count; i++) {
        struct simtime begin = simtime_max(spans->list[i].begin, sample->begin),
                       end = simtime_min(spans->list[i].end, sample->end);
        inside += simtime_before(begin, end) ? end.ns - begin.ns : 0;
    }
    return length > 0 ? (double)inside / (double)length : 0;
}

static struct row *row_of(struct row *rows, size_t *count, const struct run_cpu *sample)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(rows[i].host, sample->host) == 0 && strcmp(rows[i].program, sample->program) == 0)
            return &rows[i];
    rows[*count] = (struct row){.host = sample->host, .program = sample->program};
    return &rows[(*count)++];
}

static int by_use(const void *a_, const void *b_)
{
    const struct row *a = a_, *b = b_;
    return (a->used_ns < b->used_ns) - (a->used_ns > b->used_ns);
}

static json_object *row_json(const struct row *row, double transfers_ns)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "host", json_text(row->host));
    json_object_object_add(o, "program", json_text(row->program));
    json_object_object_add(o, "seconds", json_rounded((double)row->used_ns / 1e9, 3));
    json_object_object_add(o, "transfer_percent", json_rounded(100 * row->transfer_ns / transfers_ns, 1));
    return o;
}

json_object *cpu_load_json(const struct run_record *r)
{
    struct cpu_load_spans spans;
    if (r->cpu_count == 0)
        return NULL;
    cpu_load_transfers(r, &spans);
    autofree struct row *rows = mem_alloc_array(r->cpu_count, sizeof *rows);
    size_t count = 0;
    double transfers_ns = 0;
    for (size_t i = 0; i < spans.count; i++)
        transfers_ns += (double)simtime_sub(spans.list[i].end, spans.list[i].begin).ns;
    for (size_t i = 0; i < r->cpu_count; i++) {
        struct row *row = row_of(rows, &count, &r->cpu[i]);
        row->used_ns += r->cpu[i].used.ns;
        row->transfer_ns += (double)r->cpu[i].used.ns * share_in(&spans, &r->cpu[i]);
    }
    cpu_load_spans_free(&spans);
    qsort(rows, count, sizeof *rows, by_use);
    json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, row_json(&rows[i], transfers_ns));
    return list;
}
