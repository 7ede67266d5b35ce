#include "command_line.h"
#include "commands.h"
#include "scenario_move.h"

#include <getopt.h>

static const char HELP[] =
    "usage: roamlab check SCENARIO…\n"
    "\n"
    "Reads scenario files and says what is wrong with them, one error each, with its JSON path.\n"
    "Prints nothing when all are good. Exit status: 0 good, 2 not.\n"
    "Keys, units and defaults: scenarios/README.md.\n";

int check_main(int argc, char **argv)
{
    int status = command_options("check", argc, argv, HELP, NULL);
    if (status >= 0)
        return status;
    if (optind == argc)
        return command_usage("check", "no scenario given");
    status = 0;
    for (int i = optind; i < argc; i++) {
        struct err e = ERR_INIT;
        struct scenario *s = scenario_read(argv[i], NULL, 0, &e);
        if (!s || scenario_move(s, s->seed, &e) < 0) {
            err_print(&e);
            status = 2;
        }
        scenario_free(s);
    }
    return status;
}
