#include "agent.h"
#include "command_line.h"
#include "commands.h"

#include <getopt.h>
#include <stddef.h>

static const char HELP[] =
    "usage: roamlab agent\n"
    "\n"
    "Plays the roles of one host, ordered by lines on standard input, reporting on standard output.\n"
    "`roamlab run --world real` starts one per host; there is no reason to start one by hand.\n";

int agent_main(int argc, char **argv)
{
    int status = command_options("agent", argc, argv, HELP, NULL);
    if (status >= 0)
        return status;
    return optind == argc ? agent_run() : command_usage("agent", "it takes no arguments");
}
