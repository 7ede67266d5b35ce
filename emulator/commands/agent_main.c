#include "agent.h"
#include "command_line.h"
#include "commands.h"
#include "installation.h"
#include "mem.h"
#include "outpost.h"
#include "version.h"

#include <getopt.h>
#include <stddef.h>

static const char HELP[] =
    "usage: roamlab agent [--outpost]\n"
    "\n"
    "Plays the roles of one host, ordered by lines on standard input, reporting on standard output; with --outpost, those of\n"
    "all hosts of a machine. `roamlab run --world real` starts one per host, and by ssh an outpost on every other machine; there is no\n"
    "reason to start one by hand.\n"
    "\n"
    "Exit status: 0 it has ended and taken back what it made; 2 usage; 4 it failed.\n";

int agent_main(int argc, char **argv)
{
    bool outpost = false;
    int status = command_options("agent", argc, argv, HELP, &(struct command_options){.flag = "outpost", .flag_given = &outpost});
    if (status >= 0)
        return status;
    if (optind != argc)
        return command_usage("agent", "it takes no arguments");
    autofree char *program = installation_service();
    return outpost ? outpost_run(program, ROAMLAB_VERSION) : agent_run();
}
