#include "command_line.h"
#include "commands.h"
#include "event_reader.h"
#include "interrupt.h"
#include "json_file.h"
#include "live.h"
#include "mem.h"
#include "report.h"
#include "report_data.h"
#include "result.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char HELP[] =
    "usage: roamlab report DIR…\n"
    "       roamlab report --live[=PORT] [--speed X] DIR\n"
    "\n"
    "Writes DIR/report.html for each result folder: one page with everything in it, for a browser without a network.\n"
    "Expectations, response times, migrations and their messages, where everybody was, links, how to repeat the run.\n"
    "\n"
    "  --live[=PORT]   plays the run again in a browser, on 127.0.0.1 (default: a free port), once the page is opened;\n"
    "                  of repetitions, the first. Goes on serving until Ctrl-C\n"
    "  --speed X       with --live: X times as fast as it was\n"
    "\n"
    "Exit status: 0 good; 2 usage, no result, or a port that is taken; 4 it failed.\n";

static int take_option(void *live, int option, char *value)
{
    return option == 'X' ? live_take_speed(live, "report", value) : live_take_port(live, "report", value);
}

static const struct option options[] = {
    {"live", optional_argument, NULL, 'L'},
    {"speed", required_argument, NULL, 'X'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int say_failure(const struct err *e)
{
    err_print(e);
    return e->code == ENOENT || e->code == EINVAL || e->code == EADDRINUSE ? 2 : 4;
}

static int replay_events(struct live *live, struct event_reader *reader, struct err *e)
{
    struct event event;
    int status;
    while ((status = event_reader_next(reader, &event, e)) > 0 && !interrupt_signal())
        live_hear(live, &event);
    return status < 0 ? status : 0;
}

static int replay(struct live *live, const char *folder, struct err *e)
{
    json_object *result = NULL;
    int status = json_file_read(folder, "result.json", &result, e);
    if (status < 0)
        return status;
    bool repeated = result_repetitions(folder, result) > 0;
    autofree char *run = repeated ? mem_printf("%s/rep-1", folder) : mem_copy_string(folder);
    struct event_reader *reader = NULL;
    status = event_reader_open(run, EVENT_MASK_ALL, &reader, e);
    autofree char *document = reader ? event_reader_fact(reader, "document") : NULL;
    autofree char *paths = reader ? event_reader_fact(reader, "paths") : NULL;
    json_object *data = report_data_at_start(result, document, paths);
    if (status == 0)
        status = live_begin(live, data, folder, true, e);
    if (status == 0)
        status = replay_events(live, reader, e);
    if (status == 0)
        live_stay(live, "finished");
    json_object_put(data);
    event_reader_close(reader);
    return status;
}

static int write_reports(char **folders)
{
    for (; *folders; folders++) {
        struct err e = ERR_INIT;
        if (report_write(*folders, &e) < 0)
            return say_failure(&e);
        printf("%s/report.html\n", *folders);
    }
    return 0;
}

int report_main(int argc, char **argv)
{
    struct live live = {0};
    struct err e = ERR_INIT;
    int status = command_take_options("report", argc, argv, HELP, "", options, take_option, &live);
    if (status >= 0)
        return status;
    if (optind == argc)
        return command_usage("report", "no result folder given");
    if (!live.wanted)
        return live.percent ? command_usage("report", "--speed needs --live") : write_reports(argv + optind);
    if (optind + 1 != argc)
        return command_usage("report", "--live shows one result folder");
    status = replay(&live, argv[optind], &e) < 0 ? say_failure(&e) : 0;
    live_free(&live);
    return status;
}
