#include "bench_engine.h"
#include "bench_links.h"
#include "bench_log.h"
#include "bench_migration.h"
#include "bench_scale.h"
#include "command_line.h"
#include "commands.h"
#include "mem.h"
#include "privileges.h"
#include "uml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Prints figures beside their targets. 1: all are met, 0: not all, or -errno. */
static int links(bool full, struct err *e)
{
    /* What User Mode Linux boots is this command again. */
    static const char *const arguments[] = {"bench", "links", NULL};
    struct bench_links_result result;
    (void)full;
    if (uml_inside())
        bench_links_inside();
    int status = privileges_check(e);
    if (status == 0)
        status = bench_links(arguments, &result, e);
    return status < 0 ? status : bench_links_print(&result, stdout);
}

static int engine(bool full, struct err *e)
{
    struct bench_engine_row rows[BENCH_ENGINE_ROWS];
    (void)full;
    int status = bench_engine(rows, e);
    return status < 0 ? status : bench_engine_print(rows, stdout);
}

static int log_events(bool full, struct err *e)
{
    double events_per_s;
    (void)full;
    int status = bench_log(BENCH_LOG_EVENTS, &events_per_s, e);
    return status < 0 ? status : bench_log_print(events_per_s, stdout);
}

static const char scale_folder[] = "results/bench-scale";

static int scale(bool full, struct err *e)
{
    struct bench_scale_result result;
    int status = bench_scale(full, &result, e);
    if (status < 0)
        return status;
    int met = bench_scale_print(&result, stdout);
    status = bench_scale_draw(&result, scale_folder, e);
    if (status == 0)
        printf("Figure: %s/scale.svg, .png\n", scale_folder);
    return status < 0 ? status : met;
}

static int migration(bool full, struct err *e)
{
    struct bench_migration_row rows[BENCH_MIGRATION_ROWS];
    int status = privileges_check(e);
    if (status == 0)
        status = bench_migration(full, rows, e);
    return status < 0 ? status : bench_migration_print(rows, stdout);
}

static const struct {
    const char *name, *help;
    int (*run)(bool full, struct err *e);
} benches[] = {
    {"engine", "the event loop with 1 k, 100 k and 1 M pending timers, beside other simulators; some seconds", engine},
    {"scale", "whole scenarios with 1 k to 100 k devices, and a figure; half a minute; --full: 1 M, minutes, 5 GB", scale},
    {"migration", "containers of Kim22's sizes between real hosts, beside limits; 4 minutes; --full: medians of 5, 30 minutes", migration},
    {"log", "events into the repository's stores; a second", log_events},
    {"links", "a plain route, roamlab's own link driver and the kernel's netem, side by side; two minutes", links},
};

static void print_help(void)
{
    fputs("usage: roamlab bench NAME [--full]\n\nMeasures on this machine and prints the figures beside their targets.\n\n", stdout);
    for (size_t i = 0; i < ARRAY_LEN(benches); i++)
        printf("  %-9s %s\n", benches[i].name, benches[i].help);
    fputs("\nExit status: 0 all targets are met; 1 one is not; 2 usage; 3 this host lacks something; 4 it failed.\n",
          stdout);
}

static int status_of(int met, const struct err *e)
{
    if (met >= 0)
        return met ? 0 : 1;
    err_print(e);
    return e->code == EPERM || e->code == EOPNOTSUPP ? 3 : 4;
}

int bench_main(int argc, char **argv)
{
    /* User Mode Linux hands its init more words than it was given. */
    bool full = argc == 3 && strcmp(argv[2], "--full") == 0;
    bool one = argc == 2 || full || (argc > 2 && uml_inside());
    const char *name = one ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help();
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        struct err e = ERR_INIT;
        if (strcmp(name, benches[i].name) == 0)
            return status_of(benches[i].run(full, &e), &e);
    }
    return one ? command_bad_value("bench", "there is no bench of that name", name)
               : command_usage("bench", "the name of a bench is needed");
}
