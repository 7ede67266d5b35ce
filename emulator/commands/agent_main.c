#include "agent.h"
#include "commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char HELP[] = "usage: roamlab agent\n"
                           "\n"
                           "Plays the roles of one host, ordered by lines on standard input, reporting on standard output.\n"
                           "`roamlab run --world real` starts one per host; there is no reason to start one by hand.\n";

int agent_main(int argc, char **argv)
{
    if (argc > 1) {
        bool help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
        fputs(HELP, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    return agent_run();
}
