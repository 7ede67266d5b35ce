#include "bench_migration.h"
#include "buf.h"
#include "files.h"
#include "interrupt.h"
#include "json_file.h"
#include "mem.h"
#include "play.h"
#include "statistics.h"
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 5, RATE_MBIT = 80, RTT_MS = 200 };

struct figures {
    double ready_s[TRIES], freeze_ms[TRIES], gap_ms[TRIES], wire_bytes[TRIES], warming_bytes[TRIES], response_ms[TRIES];
};

/* Kim22: base 909 MB, layer 20 MB, checkpoint 29 MB; a request a second, or every 5 ms where the freeze is looked for. */
static const struct {
    const char *name, *strategy;
    int duration_s;
    bool wan, dense;
} cases[BENCH_MIGRATION_ROWS] = {
    {"P-Migr, 200 ms, 80 Mbit/s", "p-migr", 20, true, false},
    {"C-Migr, 200 ms, 80 Mbit/s", "c-migr", 90, true, false},
    {"P-Migr, no WAN, asked every 5 ms", "p-migr", 20, false, true},
};

static void write_scenario(int i, bool whole, struct buf *text)
{
    buf_printf(
        text,
        "{\"name\":\"bench-migration\",\"duration_s\":%d,\"hosts\":{\"pc1\":{},\"pc2\":{},\"laptop\":{}},"
        "\"edges\":{\"es1\":{\"host\":\"pc1\"},\"es2\":{\"host\":\"pc2\"}},"
        "\"aps\":{\"ap1\":{\"host\":\"pc1\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"pc2\",\"edge\":\"es2\"}},"
        "\"links\":[{\"between\":[\"laptop\",\"pc1\"],\"rtt_ms\":10},{\"between\":[\"laptop\",\"pc2\"],\"rtt_ms\":10},"
        "{\"between\":[\"pc1\",\"pc2\"]",
        whole ? 200 : cases[i].duration_s);
    if (cases[i].wan)
        buf_printf(text, ",\"rtt_ms\":%d,\"rate_mbit\":%d,\"queue_packets\":1000,\"congestion\":\"cubic\"",
                   RTT_MS, RATE_MBIT);
    buf_printf(
        text,
        "}],\"service\":{\"base_mb\":909,\"layer_mb\":20,\"memory_mb\":29,\"work_ms\":%g},\"muds\":{\"m1\":{"
        "\"host\":\"laptop\",\"requests_per_s\":%d,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":%d}]}},",
        cases[i].dense ? 0.5 : 5.0, cases[i].dense ? 200 : 1, whole ? 50 : 8);
    buf_printf(
        text,
        "\"timeouts\":{\"handoff_ms\":%d},\"migration\":{\"strategy\":\"%s\",\"carrier\":\"stream\",\"pipeline\":true}}",
        cases[i].dense ? 0 : 60, cases[i].strategy);
}

static int play_case(struct play *p, int try, const char *base, struct figures *f, struct err *e)
{
    autofree char *folder = mem_printf("%s/%d", base, try);
    json_object *result = NULL;
    int status = play_once(p, (uint64_t)try + 1, folder, &result, e);
    if (status == 0 && strcmp(json_text_at(result, "migrations.0.outcome"), "finished") != 0)
        status = err_set(e, EIO, "the migration did not finish");
    if (status == 0) {
        f->ready_s[try] = json_number_at(result, "migrations.0.ready_s");
        f->freeze_ms[try] = json_number_at(result, "migrations.0.freeze_ms");
        f->gap_ms[try] = json_number_at(result, "migrations.0.longest_gap_ms");
        f->wire_bytes[try] = json_number_at(result, "migrations.0.bytes.wire");
        f->warming_bytes[try] = json_number_at(result, "warming.bytes");
        f->response_ms[try] = json_number_at(result, "response_ms.mean");
    }
    json_object_put(result);
    return status;
}

static double median(double *values, int count)
{
    statistics_sort(values, (size_t)count);
    return statistics_percentile(values, (size_t)count, 0.5);
}

static int measure(int i, bool full, const char *base, struct bench_migration_row *row, struct err *e)
{
    struct buf text = BUF_INIT;
    struct figures f = {0};
    struct play p;
    bool whole = full && i == 0;
    int tries = full ? TRIES : 1, status = 0;
    write_scenario(i, whole, &text);
    struct scenario *s = scenario_parse("bench migration", buf_text(&text), text.len, NULL, 0, e);
    buf_free(&text);
    if (!s)
        return -e->code;
    play_init(&p, s, true);
    status = play_check(&p, e);
    for (int try = 0; try < tries && status == 0; try++)
        status = play_case(&p, try, base, &f, e);
    struct world_real_facts facts = p.facts;
    play_free(&p);
    scenario_free(s);
    if (status < 0)
        return err_wrap(e, "%s", cases[i].name);
    *row = (struct bench_migration_row){.ready_s = median(f.ready_s, tries),
                                        .freeze_ms = median(f.freeze_ms, tries),
                                        .gap_ms = cases[i].dense ? median(f.gap_ms, tries) : -1,
                                        .wire_bytes = median(f.wire_bytes, tries),
                                        .warming_bytes = median(f.warming_bytes, tries),
                                        .response_ms = whole ? median(f.response_ms, tries) : -1,
                                        .base_ratio = facts.base_ratio,
                                        .layer_ratio = facts.layer_ratio,
                                        .memory_ratio = facts.memory_ratio};
    return getloadavg(&row->cpus_busy, 1) == 1 ? 0 : (row->cpus_busy = -1, 0);
}

int bench_migration(bool full, struct bench_migration_row rows[BENCH_MIGRATION_ROWS], struct err *e)
{
    const char *base = getenv("TMPDIR");
    autofree char *folder = mem_printf("%s/roamlab-bench-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        return err_errno(e, "%s", folder);
    int status = 0;
    interrupt_catch();
    for (int i = 0; i < BENCH_MIGRATION_ROWS && status == 0; i++) {
        autofree char *place = mem_printf("%s/%d", folder, i);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "roamlab: bench migration: %s\n", cases[i].name);
        status = measure(i, full, place, &rows[i], e);
    }
    files_remove(folder, NULL);
    return status;
}

/* --- the table ------------------------------------------------------------------------------------------------------------------- */

static bool print_limit(FILE *out, const char *what, double value, double limit, const char *unit)
{
    bool kept = value <= limit;
    if (value < 0)
        fprintf(out, "  –  %s: at most %g %s (--full)\n", what, limit, unit);
    else
        fprintf(out, "  %s  %s: %.3g %s, at most %.3g\n", kept ? "✔" : "✘", what, value, unit, limit);
    return value < 0 || kept;
}

static bool print_limits(const struct bench_migration_row *rows, FILE *out)
{
    double sending_s = rows[1].wire_bytes * 8 / (RATE_MBIT * 1e6);
    bool kept = print_limit(out, "P-Migr ready (the paper, sequential: 6.91)", rows[0].ready_s, 2.2, "s");
    kept &= print_limit(out, "C-Migr ready: its compressed bytes by the rate, and 8 s", rows[1].ready_s,
                        sending_s + 8, "s");
    kept &= print_limit(out, "P-Migr without WAN ready", rows[2].ready_s, 0.6, "s");
    kept &= print_limit(out, "longest time without a reply, asked every 5 ms", rows[2].gap_ms, 160, "ms");
    kept &= print_limit(out, "mean response time of the P-Migr run", rows[0].response_ms, 21, "ms");
    return kept;
}

bool bench_migration_print(const struct bench_migration_row rows[BENCH_MIGRATION_ROWS], FILE *out)
{
    struct table t;
    static const char *const heads[] = {"", "ready s", "freeze ms", "wire MB", "warming MB", "load"};
    fputs(
        "Migrations for real: base 909 MB, layer 20 MB, checkpoint 29 MB; carrier stream, stages overlap\n\n",
        out);
    table_init(&t, "lrrrrr");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, "%s", heads[i]);
    for (int i = 0; i < BENCH_MIGRATION_ROWS; i++) {
        table_add(&t, "%s", cases[i].name);
        table_add(&t, "%.2f", rows[i].ready_s);
        table_add(&t, "%.0f", rows[i].freeze_ms);
        table_add(&t, "%.1f", rows[i].wire_bytes / 1e6);
        table_add(&t, "%.1f", rows[i].warming_bytes / 1e6);
        table_add(&t, "%.1f", rows[i].cpus_busy);
    }
    table_print(&t, 2, out);
    fprintf(out, "\n  test data by zstd -3: base %.2f, layer %.2f, memory %.2f to 1\n\n", rows[0].base_ratio,
            rows[0].layer_ratio, rows[0].memory_ratio);
    bool kept = print_limits(rows, out);
    fprintf(out, "\n%s\n", kept ? "All limits that were tried are kept." : "A limit is missed.");
    return kept;
}
