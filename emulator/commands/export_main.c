#include "command_line.h"
#include "commands.h"
#include "export_csv.h"
#include "export_pcapng.h"
#include "export_trace.h"
#include "mem.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char HELP[] =
    "usage: roamlab export trace|csv|pcapng [-o OUT] DIR\n"
    "\n"
    "Turns the events of one run into what other programs read. Of repetitions, give DIR/rep-1 and so on.\n"
    "\n"
    "  trace   OUT (default DIR/trace.json): Chrome's trace form, for ui.perfetto.dev; a process for each role, slices for\n"
    "          requests and stages, flows along messages\n"
    "  csv     OUT (default DIR/csv): a folder with one file for each table and view of events.db\n"
    "  pcapng  OUT (default DIR/capture.pcapng): all hosts' packets of a run with --capture in one file, an interface for each host;\n"
    "          tools/wireshark/roamlab.lua shows roamlab's own messages in Wireshark\n"
    "\n"
    "Exit status: 0 good; 2 usage or no such run; 4 it failed.\n";

static const struct {
    const char *name, *file;
    int (*export)(const char *folder, const char *out, struct err *e);
} forms[] = {
    {"trace", "trace.json", export_trace},
    {"csv", "csv", export_csv},
    {"pcapng", "capture.pcapng", export_pcapng},
};

int export_main(int argc, char **argv)
{
    const char *out = NULL;
    int status = command_options("export", argc, argv, HELP, &(struct command_options){.out = &out});
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return command_usage("export", "a form and a result folder are needed");
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (strcmp(argv[optind], forms[i].name) != 0)
            continue;
        struct err e = ERR_INIT;
        autofree char *beside = mem_printf("%s/%s", argv[optind + 1], forms[i].file);
        if (forms[i].export(argv[optind + 1], out ? out : beside, &e) < 0)
            return command_failed(&e, e.code == ENOENT ? 2 : 4);
        puts(out ? out : beside);
        return 0;
    }
    return command_bad_value("export", "the form is trace, csv or pcapng", argv[optind]);
}
