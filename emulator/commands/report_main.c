#include "command_line.h"
#include "commands.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static const char HELP[] =
    "usage: roamlab report DIR…\n"
    "\n"
    "Writes DIR/report.html for each result folder: one page with everything in it, for a browser without a network.\n"
    "Expectations, response times, migrations and their messages, where everybody was, links, how to repeat the run.\n";

int report_main(int argc, char **argv)
{
    int status = command_options("report", argc, argv, HELP, NULL);
    if (status >= 0)
        return status;
    if (optind == argc)
        return command_usage("report", "no result folder given");
    for (int i = optind; i < argc; i++) {
        struct err e = ERR_INIT;
        if (report_write(argv[i], &e) < 0) {
            err_print(&e);
            return e.code == ENOENT || e.code == EINVAL ? 2 : 4;
        }
        printf("%s/report.html\n", argv[i]);
    }
    return 0;
}
