#include "bench_scale.h"
#include "buf.h"
#include "event_reader.h"
#include "figure_parts.h"
#include "files.h"
#include "interrupt.h"
#include "json_file.h"
#include "mem.h"
#include "play.h"
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* 100 devices an access point. The first row is busy, the others tell how cost grows with devices. */
static const struct bench_scale_row rows[BENCH_SCALE_ROWS] = {
    {.devices = 1000, .aps = 10, .edges = 5, .requests_per_s = 10, .duration_s = 120},
    {.devices = 1000, .aps = 10, .edges = 5, .requests_per_s = 1 / 60.0, .duration_s = 600},
    {.devices = 10000, .aps = 100, .edges = 10, .requests_per_s = 1 / 60.0, .duration_s = 600},
    {.devices = 100000, .aps = 1000, .edges = 90, .requests_per_s = 1 / 60.0, .duration_s = 600},
    {.devices = 300000, .aps = 3000, .edges = 90, .requests_per_s = 1 / 60.0, .duration_s = 600},
    {.devices = 1000000, .aps = 10000, .edges = 90, .requests_per_s = 1 / 60.0, .duration_s = 600},
};
enum { SHORT_ROWS = 4 };

/* --- the scenario ------------------------------------------------------------------------------------------------- */

static void write_places(const struct bench_scale_row *row, struct buf *text)
{
    buf_printf(text, "\"hosts\":{\"core\":{}");
    for (int i = 0; i < row->edges; i++)
        buf_printf(text, ",\"e%d\":{},\"d%d\":{}", i, i);
    buf_printf(text, "},\"edges\":{");
    for (int i = 0; i < row->edges; i++)
        buf_printf(text, "%s\"es%d\":{\"host\":\"e%d\"}", i ? "," : "", i + 1, i);
    buf_printf(text, "},\"aps\":{");
    for (int i = 0; i < row->aps; i++)
        buf_printf(text, "%s\"ap%d\":{\"host\":\"e%d\",\"edge\":\"es%d\"}", i ? "," : "", i + 1,
                   i % row->edges, i % row->edges + 1);
    buf_printf(text, "},\"links\":[");
    for (int i = 0; i < row->edges; i++)
        buf_printf(text,
                   "%s{\"between\":[\"e%d\",\"core\"],\"rtt_ms\":10,\"rate_mbit\":10000},"
                   "{\"between\":[\"d%d\",\"e%d\"],\"rtt_ms\":4}",
                   i ? "," : "", i, i, i);
}

static void write_device(const struct bench_scale_row *row, const char *kind, int count, int ap,
                         struct buf *text)
{
    buf_printf(text,
               "%s\"%s%d\":{\"host\":\"d%d\",\"count\":%d,\"requests_per_s\":%.17g,\"visits\":"
               "[{\"ap\":\"ap%d\",\"at_s\":%.6f}",
               text->data[text->len - 1] == '{' ? "" : ",", kind, ap, ap % row->edges, count,
               row->requests_per_s, ap + 1, ap / row->requests_per_s / row->aps);
}

/* The devices of an access point come one access point after the other within the first interval between two requests;
 * one of them moves on to the next access point, and its edge server, in the middle of the run. */
static void write_devices(const struct bench_scale_row *row, struct buf *text)
{
    buf_printf(text, "],\"muds\":{");
    for (int ap = 0; ap < row->aps; ap++) {
        write_device(row, "stays", row->devices / row->aps - 1, ap, text);
        buf_printf(text, "]}");
        write_device(row, "moves", 1, ap, text);
        buf_printf(text, ",{\"ap\":\"ap%d\",\"at_s\":%.6f}]}", (ap + 1) % row->aps + 1,
                   row->duration_s * (0.3 + 0.4 * ap / row->aps));
    }
    buf_printf(text, "}}");
}

static struct scenario *make_scenario(const struct bench_scale_row *row, struct err *e)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "{\"name\":\"scale\",\"duration_s\":%g,\"log\":\"aggregate\",", row->duration_s);
    write_places(row, &text);
    write_devices(row, &text);
    struct scenario *s = scenario_parse("bench scale", buf_text(&text), text.len, NULL, 0, e);
    buf_free(&text);
    return s;
}

/* --- one row, in a process of its own ------------------------------------------------------------------------------- */

struct outcome {
    double requests, events;
    bool ok;
    struct err err;
};

static double fact(const char *folder, const char *key)
{
    struct event_reader *reader = NULL;
    if (event_reader_open(folder, EVENT_MASK_ALL, &reader, NULL) < 0)
        return 0;
    autofree char *text = event_reader_fact(reader, key);
    event_reader_close(reader);
    return text ? strtod(text, NULL) : 0;
}

static int run(const struct bench_scale_row *row, const char *folder, struct outcome *out)
{
    struct scenario *s = make_scenario(row, &out->err);
    json_object *result = NULL;
    struct play p;
    if (!s)
        return -out->err.code;
    play_init(&p, s, false);
    int status = play_once(&p, 1, folder, &result, &out->err);
    if (status == 0) {
        out->requests = json_number_at(result, "requests.answered");
        out->events = fact(folder, "timers_fired");
        out->ok = json_number_at(result, "requests.lost") == 0 &&
                  json_number_at(result, "invariants.ok") == 1 &&
                  result_metric(result, "migrations.finished") > 0;
    }
    json_object_put(result);
    play_free(&p);
    scenario_free(s);
    return status;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double wall_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void account(struct bench_scale_row *row, const struct outcome *out, const struct rusage *usage,
                    double wall_s)
{
    row->requests = out->requests;
    row->events = out->events;
    row->ok = out->ok;
    row->seconds = seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime);
    row->wall_s = wall_s;
    row->bytes = (double)usage->ru_maxrss * 1024;
}

static int measure_in(struct bench_scale_row *row, const char *folder, struct err *e)
{
    struct outcome out = {.err = ERR_INIT};
    struct rusage usage;
    double begin = wall_seconds();
    int ends[2], status;
    if (pipe(ends) < 0)
        return err_errno(e, "pipe");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        status = run(row, folder, &out);
        _exit(write(ends[1], &out, sizeof out) == sizeof out ? -status : EIO);
    }
    close(ends[1]);
    ssize_t len = read(ends[0], &out, sizeof out);
    close(ends[0]);
    if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
        return err_errno(e, "bench scale: a process for %d devices", row->devices);
    if (len != sizeof out)
        return err_set(e, EIO, "bench scale: the process with %d devices died", row->devices);
    account(row, &out, &usage, wall_seconds() - begin);
    *e = out.err;
    return -out.err.code;
}

static int measure(struct bench_scale_row *row, struct err *e)
{
    const char *base = getenv("TMPDIR");
    autofree char *folder = mem_printf("%s/roamlab-scale-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        return err_errno(e, "%s", folder);
    int status = measure_in(row, folder, e);
    files_remove(folder, NULL);
    return status;
}

int bench_scale(bool full, struct bench_scale_result *result, struct err *e)
{
    int count = full ? BENCH_SCALE_ROWS : SHORT_ROWS, status = 0;
    *result = (struct bench_scale_result){.count = 0};
    interrupt_catch();
    while (result->count < count && status == 0) {
        struct bench_scale_row *row = &result->rows[result->count++];
        *row = rows[result->count - 1];
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "roamlab: bench scale: %d devices\n", row->devices);
        status = measure(row, e);
    }
    return status;
}

/* --- the table ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *what;
    int devices;
    double requests_per_s, wall_s, bytes; /* at least; at most */
} targets[] = {
    {"1 000 devices: at least 500 k requests/s", 1000, 500e3, 0, 0},
    {"1 000 000 devices: at least 150 k requests/s, under 5 minutes, under 8 GB", 1000000, 150e3, 300, 8e9},
};

/* The busy row, where there are two of that many devices. */
static const struct bench_scale_row *row_of(const struct bench_scale_result *r, int devices)
{
    for (int i = 0; i < r->count; i++)
        if (r->rows[i].devices == devices)
            return &r->rows[i];
    return NULL;
}

static bool print_targets(const struct bench_scale_result *r, FILE *out)
{
    bool met = true;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        const struct bench_scale_row *row = row_of(r, targets[i].devices);
        bool good = row && row->requests / row->seconds >= targets[i].requests_per_s &&
                    (!targets[i].wall_s || row->wall_s < targets[i].wall_s) &&
                    (!targets[i].bytes || row->bytes < targets[i].bytes);
        fprintf(out, "  %s  %s%s\n", !row ? "–" : good ? "✔" : "✘", targets[i].what, row ? "" : " (--full)");
        met &= good || !row;
    }
    return met;
}

bool bench_scale_print(const struct bench_scale_result *r, FILE *out)
{
    struct table t;
    bool ok = true;
    fputs(
        "Whole scenarios in virtual time, one core; aggregate log; 1 % of the devices migrate once (p-migr)\n\n",
        out);
    table_init(&t, "rrrrrrrr");
    static const char *const heads[] = {"devices",  "per minute", "requests",  "requests/s",
                                        "events/s", "s of core",  "s of wall", "bytes/device"};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, "%s", heads[i]);
    for (int i = 0; i < r->count; i++) {
        const struct bench_scale_row *row = &r->rows[i];
        table_add(&t, "%d", row->devices);
        table_add(&t, "%g", row->requests_per_s * 60);
        table_add(&t, "%.0f", row->requests);
        table_add(&t, "%.0f k", row->requests / row->seconds / 1e3);
        table_add(&t, "%.2f M", row->events / row->seconds / 1e6);
        table_add(&t, "%.2f", row->seconds);
        table_add(&t, "%.2f", row->wall_s);
        table_add(&t, "%.0f", row->bytes / row->devices);
        ok &= row->ok;
    }
    table_print(&t, 2, out);
    fprintf(
        out,
        "\n  EdgeCloudSim: about 8 k tasks/s, measured by ourselves on a machine like the one this was written on\n\n");
    bool met = print_targets(r, out);
    fprintf(out, "\n%s\n",
            !ok   ? "A request was lost, or an invariant is broken."
            : met ? "All targets that were tried are met."
                  : "A target is missed.");
    return ok && met;
}

/* --- the figure ----------------------------------------------------------------------------------------------------- */

int bench_scale_draw(const struct bench_scale_result *r, const char *folder, struct err *e)
{
    struct figure figure = {.name = "scale", .template = figure_template_scale};
    int status = files_make_folder(folder, 0755, e);
    if (status < 0)
        return status;
    buf_printf(&figure.data,
               "# devices  seconds of processor time  megabytes; one request a minute, 10 minutes\n");
    for (int i = 1; i < r->count; i++)
        buf_printf(&figure.data, "%d %.6f %.3f\n", r->rows[i].devices, r->rows[i].seconds,
                   r->rows[i].bytes / 1e6);
    figure_set_text(&figure, "figure_title", "Virtual time: what devices cost");
    figure_set_text(&figure, "figure_note", "one request a minute for 10 minutes, one core; dotted: linear");
    return figure_draw(&figure, folder, e);
}
