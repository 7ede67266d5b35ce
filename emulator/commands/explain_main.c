#include "command_line.h"
#include "commands.h"
#include "embed.h"
#include "event.h"
#include "mem.h"
#include "metric.h"
#include "scenario_explain.h"
#include "scenario_key.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char HELP[] =
    "usage: roamlab explain NAME…\n"
    "\n"
    "Says what a metric (response_ms.p95, or only p95), a key of scenarios (links.0.rtt_ms, or only rtt_ms) or a kind of\n"
    "event (handoff) means and where it is defined.\n"
    "\n"
    "Exit status: 0 good; 2 usage or an unknown name.\n";

/* Events and metrics are explained by the texts that define them. */
extern const char explain_event_kinds[], explain_scenarios[];
EMBED(explain_event_kinds, "emulator/base/event_kind.h");
EMBED(explain_scenarios, "scenarios/README.md");

/* --- kinds of events: the comment in front of each ---------------------------------------------------------------------- */

/* "    EVENT_SENT_TOTAL,\n" for "sent total". */
static char *enumerator_of(const char *name)
{
    char *line = mem_printf("\n    EVENT_%s,", name);
    for (char *c = line; *c; c++)
        *c = *c == ' ' && c > line + 4 ? '_' : (char)toupper((unsigned char)*c);
    return line;
}

/* Without the marks of the comment and the indentation of its lines. */
static void print_comment(const char *begin, const char *end)
{
    fputs("  ", stdout);
    for (const char *c = begin + 3; c < end; c++) {
        putchar(*c);
        if (*c == '\n') {
            c += strspn(c + 1, " *");
            fputs("  ", stdout);
        }
    }
    puts("\n  kept in events.db, described in emulator/base/event_kind.h");
}

static int explain_event(const char *name, struct scenario_nearest *nearest)
{
    for (int i = 0; i < EVENT_KINDS; i++)
        scenario_nearest_offer(nearest, event_kind_name((enum event_kind)i));
    if (event_kind_of(name) == EVENT_KINDS)
        return 0;
    autofree char *line = enumerator_of(name);
    const char *at = strstr(explain_event_kinds, line), *begin = NULL, *end = NULL;
    for (const char *c = explain_event_kinds; at && (c = strstr(c, "/*")) && c < at; c++)
        begin = c;
    if (!begin || !(end = strstr(begin, " */")))
        return 0;
    printf("%s: a kind of event\n", name);
    print_comment(begin, end);
    return 1;
}

/* --- metrics: a row of the table in scenarios/README.md ------------------------------------------------------------------- */

/* Is `metric` one of the words, which commas separate, between `begin` and `end`? */
static bool lists(const char *begin, const char *end, const char *metric)
{
    size_t len = strlen(metric);
    for (const char *at = begin; (at = strstr(at, metric)) && at < end; at++)
        if (at[-1] == ' ' && (at[len] == ',' || at[len] == ' '))
            return true;
    return false;
}

static void print_row(const char *path, const char *metric)
{
    const char *line = strstr(explain_scenarios, "\n| metric | is |");
    while (line && (line = strstr(line + 1, "\n| "))) {
        const char *end = strstr(line + 3, " | "), *last = end ? strstr(end + 3, " |\n") : NULL;
        if (!last || !lists(line, end + 1, metric))
            continue;
        printf("%s: a metric\n  %.*s: %.*s\n  a number of result.json, told of in scenarios/README.md\n",
               path, (int)(end - line - 3), line + 3, (int)(last - end - 3), end + 3);
        return;
    }
}

/* "hold_ms" for "migrations.N.hold_ms"; several may end alike. */
static int explain_metrics_ending(const char *name)
{
    int found = 0;
    for (int i = 0; metric_at(i); i++) {
        const char *metric = metric_at(i), *dot = strrchr(metric, '.');
        if (!dot || strcmp(dot + 1, name))
            continue;
        print_row(metric, metric);
        found++;
    }
    return found;
}

static int explain_metric(const char *path, struct scenario_nearest *nearest)
{
    for (int i = 0; metric_at(i); i++)
        scenario_nearest_offer(nearest, metric_at(i));
    const char *metric = metric_of(path);
    if (!metric)
        return explain_metrics_ending(path);
    print_row(path, metric);
    return 1;
}

static int explain(const char *name)
{
    struct err e = ERR_INIT;
    struct scenario_nearest nearest = {.word = name, .len = strlen(name)};
    int found = explain_event(name, &nearest);
    found += explain_metric(name, &nearest);
    found += scenario_explain(name, &nearest, stdout);
    if (found)
        return 0;
    err_set(&e, EINVAL, "explain: there is no metric, key or kind of event %s", name);
    scenario_nearest_hint(&nearest, &e, "scenarios/README.md lists keys and metrics");
    return command_failed(&e, 2);
}

int explain_main(int argc, char **argv)
{
    int status = command_options("explain", argc, argv, HELP, NULL);
    if (status >= 0)
        return status;
    if (optind == argc)
        return command_usage("explain", "no name given");
    status = 0;
    for (int i = optind; i < argc && status == 0; i++)
        status = explain(argv[i]);
    return status;
}
