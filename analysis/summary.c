#include "summary.h"
#include "buf.h"
#include "json_file.h"
#include "mem.h"
#include "result.h"
#include "table.h"

#include <glob.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { MIGRATIONS_MAX = 20, SENTENCES_MAX = 20 };

static double at(json_object *o, const char *path)
{
    return json_number_at(o, path);
}

/* "6.91 s", "347 ms", or "–" for nothing. */
static void add_time(struct buf *b, double seconds)
{
    if (!isfinite(seconds))
        buf_printf(b, "–");
    else if (seconds < 1)
        buf_printf(b, "%.*f ms", seconds < 0.01 ? 1 : 0, seconds * 1000);
    else
        buf_printf(b, "%.2f s", seconds);
}

/* Repetitions that are all alike (nothing random in the scenario) say nothing about an interval. */
static void add_ci95(struct buf *b, double ci95, double n)
{
    if (ci95 > 0)
        buf_printf(b, " ± %.2f (n %.0f)", ci95, n);
    else if (ci95 == 0)
        buf_printf(b, " (n %.0f, all alike)", n);
    else if (isfinite(n))
        buf_printf(b, " (n %.0f)", n);
}

static void print_head(json_object *r, FILE *out)
{
    int repetitions = (int)at(r, "repetitions");
    if (strcmp(json_text_at(r, "world"), "imported") == 0) {
        fprintf(out, "%s, imported\n\n", json_text_at(r, "scenario.name"));
        return;
    }
    fprintf(out, "%s in the %s world", json_text_at(r, "scenario.name"), json_text_at(r, "world"));
    if (repetitions > 1)
        fprintf(out, ", %d repetitions", repetitions);
    fprintf(out, ", seed %.0f\n\n", at(r, "seed"));
}

/* "  TITLE       line", unless that is empty; frees the line. */
static void print_line(const char *title, struct buf *line, FILE *out)
{
    if (line->len)
        fprintf(out, "  %-11s %s\n", title, buf_text(line));
    buf_free(line);
}

static void print_requests(json_object *r, FILE *out)
{
    struct buf line = BUF_INIT;
    buf_printf(&line, "%.0f sent, %.0f answered, ", at(r, "requests.sent"), at(r, "requests.answered"));
    if (at(r, "requests.abandoned") > 0)
        buf_printf(&line, "%.0f abandoned, ", at(r, "requests.abandoned"));
    buf_printf(&line, "%.0f lost, %.0f duplicated", at(r, "requests.lost"), at(r, "requests.duplicated"));
    print_line("requests", &line, out);
}

static void print_response(json_object *r, FILE *out)
{
    struct buf line = BUF_INIT;
    double mean = at(r, "response_ms.mean");
    if (isfinite(mean)) {
        buf_printf(&line, "mean %.1f ms", mean);
        add_ci95(&line, at(r, "response_ms.ci95"), at(r, "response_ms.n"));
        buf_printf(&line, ", p95 %.1f, p99 %.1f, max %.1f", at(r, "response_ms.p95"), at(r, "response_ms.p99"),
                   at(r, "response_ms.max"));
    }
    print_line("response", &line, out);
}

static const char *plural(double count)
{
    return count == 1 ? "" : "s";
}

static void print_roaming(json_object *r, FILE *out)
{
    struct buf line = BUF_INIT;
    double handoffs = at(r, "roaming.handoffs"), outages = at(r, "roaming.outages");
    if (handoffs > 0) {
        buf_printf(&line, "%.0f handoff%s, mean %.1f ms", handoffs, plural(handoffs), at(r, "roaming.handoff_ms.mean"));
        add_ci95(&line, at(r, "roaming.handoff_ms.ci95"), at(r, "roaming.handoff_ms.n"));
        buf_printf(&line, ", max %.1f", at(r, "roaming.handoff_ms.max"));
    }
    if (outages > 0)
        buf_printf(&line, "%s%.0f outage%s, %.1f s in all", line.len ? "; " : "", outages, plural(outages),
                   at(r, "roaming.outage_s.total"));
    print_line("roaming", &line, out);
}

static void print_migration(json_object *r, FILE *out)
{
    struct buf line = BUF_INIT;
    double mean = at(r, "migration_s.mean");
    if (isfinite(mean)) {
        buf_printf(&line, "mean %.2f s", mean);
        add_ci95(&line, at(r, "migration_s.ci95"), at(r, "migration_s.n"));
        buf_printf(&line, ", %.2f to %.2f", at(r, "migration_s.min"), at(r, "migration_s.max"));
    }
    print_line("migration", &line, out);
}

/* The stages that take most of the time, in their order: "dump 176 ms, send memory 3.41 s, …". Those under a
 * hundredth of the whole are left to result.json and the figure. */
static void add_stages(struct table *t, json_object *m)
{
    json_object *stages = json_at(m, "stages");
    struct buf line = BUF_INIT;
    for (size_t i = 0; stages && i < json_object_array_length(stages); i++) {
        json_object *s = json_object_array_get_idx(stages, i);
        if (!(at(s, "seconds") >= at(m, "total_s") / 100) && !json_at(s, "error"))
            continue;
        buf_printf(&line, "%s%s ", line.len ? ", " : "", json_text_at(s, "name"));
        add_time(&line, at(s, "seconds"));
        if (json_at(s, "error"))
            buf_printf(&line, " (%s)", json_text_at(s, "error"));
    }
    table_add(t, "%s", line.len ? buf_text(&line) : "");
    buf_free(&line);
}

static void add_labelled(struct table *t, const char *label, double seconds)
{
    struct buf cell = BUF_INIT;
    buf_printf(&cell, "%s", label);
    add_time(&cell, seconds);
    table_add(t, "%s", buf_text(&cell));
    buf_free(&cell);
}

static void add_migration(struct table *t, json_object *m)
{
    double repetition = at(m, "repetition");
    const char *outcome = json_text_at(m, "outcome");
    const char *mud = json_text_at(m, "mud");
    if (isfinite(repetition))
        table_add(t, "%s #%.0f", mud[0] ? mud : "?", repetition);
    else
        table_add(t, "%s", mud[0] ? mud : "?");
    table_add(t, "%s → %s", json_text_at(m, "from"), json_text_at(m, "to"));
    table_add(t, "%s", outcome[0] ? outcome : "not ended");
    add_labelled(t, "", at(m, "total_s"));
    add_labelled(t, "frozen ", at(m, "freeze_ms") / 1000);
    add_labelled(t, "gap ", at(m, "longest_gap_ms") / 1000);
    add_stages(t, m);
}

/* Why migrations failed, below the table. */
static void print_reasons(json_object *list, size_t count, FILE *out)
{
    for (size_t i = 0; i < count && i < MIGRATIONS_MAX; i++) {
        json_object *m = json_object_array_get_idx(list, i);
        if (json_at(m, "reason"))
            fprintf(out, "  ✘ %s %s: %s\n", json_text_at(m, "mud"), json_text_at(m, "outcome"), json_text_at(m, "reason"));
    }
}

static void print_migrations(json_object *r, FILE *out)
{
    json_object *list = json_at(r, "migrations");
    size_t count = list ? json_object_array_length(list) : 0;
    struct table t;
    table_init(&t, "lllrrrl");
    for (size_t i = 0; i < count && i < MIGRATIONS_MAX; i++)
        add_migration(&t, json_object_array_get_idx(list, i));
    if (count)
        fputc('\n', out);
    table_print(&t, 2, out);
    print_reasons(list, count, out);
    if (count > MIGRATIONS_MAX)
        fprintf(out, "  and %zu more, see result.json\n", count - MIGRATIONS_MAX);
}

static void print_invariants(json_object *r, FILE *out)
{
    json_object *broken = json_at(r, "invariants.broken");
    size_t count = broken ? json_object_array_length(broken) : 0;
    fprintf(out, "\n  invariants  %s\n", at(r, "invariants.ok") == 1 ? "✔ all hold" : "✘ broken");
    for (size_t i = 0; i < count && i < SENTENCES_MAX; i++)
        fprintf(out, "    ✘ %s\n", json_object_get_string(json_object_array_get_idx(broken, i)));
    if (count > SENTENCES_MAX)
        fprintf(out, "    and %zu more, see result.json\n", count - SENTENCES_MAX);
    if (json_at(r, "clock_ms"))
        fprintf(out, "  clocks      %s those of the other machines are known within %.3f ms\n", at(r, "clock_ms.valid") == 1 ? "✔" : "✘",
                at(r, "clock_ms.uncertainty"));
    if (at(r, "drift_ms.valid") == 0)
        fprintf(out,
                "  drift       ✘ p99 %.1f ms, max %.1f ms: this host was too slow, do not use the times\n",
                at(r, "drift_ms.p99"), at(r, "drift_ms.max"));
}

static void print_packet_check(json_object *r, FILE *out)
{
    static const char *const secrets[] = {"names", "contents", "credentials"};
    json_object *check = json_at(r, "packet_check");
    struct buf line = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (at(check, secrets[i]) == 1)
            buf_printf(&line, "%s%s", line.len ? ", " : "", secrets[i]);
    if (check)
        fprintf(out, "  packets     %s %s: %s (%.0f packets)\n", line.len ? "✘" : "✔", json_text_at(check, "carrier"),
                line.len ? buf_text(&line) : "nothing readable", at(check, "packets"));
    if (at(check, "gaps") > 0)
        fprintf(out, "    ✘ %.0f gaps: the captures lack packets\n", at(check, "gaps"));
    buf_free(&line);
}

static void add_bound(struct table *t, json_object *x)
{
    double min = at(x, "bound.min"), max = at(x, "bound.max");
    if (isfinite(min) && isfinite(max) && min == max)
        table_add(t, "must be %g", min);
    else if (isfinite(min) && isfinite(max))
        table_add(t, "between %g and %g", min, max);
    else if (isfinite(min))
        table_add(t, "at least %g", min);
    else if (isfinite(max))
        table_add(t, "at most %g", max);
    else
        table_add(t, "any");
}

static void add_paper(struct table *t, json_object *x)
{
    if (json_at(x, "paper"))
        table_add(t, "paper: %g", at(x, "paper"));
    else
        table_add(t, "%s", "");
}

static void print_events(json_object *r, FILE *out)
{
    if (json_at(r, "events"))
        fprintf(out, "  events      received %.0f of %.0f\n", at(r, "events.received"), at(r, "events.reported"));
}

static void print_expectations(json_object *r, FILE *out)
{
    json_object *list = json_at(r, "expectations");
    size_t count = list ? json_object_array_length(list) : 0;
    struct table t;
    table_init(&t, "llrll");
    for (size_t i = 0; i < count; i++) {
        json_object *x = json_object_array_get_idx(list, i);
        table_add(&t, "%s", at(x, "holds") == 1 ? "✔" : "✘");
        table_add(&t, "%s", json_text_at(x, "metric"));
        isfinite(at(x, "value")) ? table_add(&t, "%g", at(x, "value")) : table_add(&t, "nothing");
        add_bound(&t, x);
        add_paper(&t, x);
    }
    if (count)
        fputs("  expected\n", out);
    table_print(&t, 4, out);
}

void summary_print(json_object *r, const char *folder, FILE *out)
{
    autofree char *figures = mem_printf("%s/figures/*.svg", folder), *report = mem_printf("%s/report.html", folder);
    print_head(r, out);
    print_requests(r, out);
    print_response(r, out);
    print_roaming(r, out);
    print_migration(r, out);
    print_migrations(r, out);
    print_invariants(r, out);
    print_events(r, out);
    print_packet_check(r, out);
    print_expectations(r, out);
    fprintf(out, "\n  result      %s/result.json\n", folder);
    glob_t found = {0};
    if (glob(figures, 0, NULL, &found) == 0)
        fprintf(out, "  figures     %s, *.png\n", figures);
    globfree(&found);
    if (access(report, F_OK) == 0)
        fprintf(out, "  report      %s\n", report);
}
